package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

func TestAWorkerIsUploadedVersionedAndServed(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("GET", "/A/workers/services/web", nil).refused(404, 10090)
	c.call("GET", "/S/settings", nil).refused(404, 10007)
	c.call("GET", "/S/secrets", nil).refused(404, 10007)
	c.call("GET", "/S/deployments", nil).refused(404, 10007)
	var put struct {
		DeploymentID  string `json:"deployment_id"`
		StartupTimeMS int    `json:"startup_time_ms"`
		Handlers      []string
	}
	c.call("PUT", "/S?excludeScript=true&bindings_inherit=strict", upload(meta(j{"annotations": j{"workers/tag": "one"}}), "index.js", hello)).ok(&put)
	if len(put.DeploymentID) != 32 || put.StartupTimeMS != 7 || !slices.Equal(put.Handlers, []string{"fetch"}) {
		t.Errorf("the upload answered %+v", put)
	}
	w, ok := c.stage.worker("web")
	if !ok || w.WorkersDev != "" || w.Versions[0].Percentage != 100 || w.Versions[0].Version.Tag != "one" {
		t.Fatalf("served is %+v", w)
	}
	first := c.latest()
	if strings.ReplaceAll(first, "-", "") != put.DeploymentID {
		t.Errorf("deployment_id %s is not the version %s", put.DeploymentID, first)
	}

	var second struct {
		ID     string
		Number int
	}
	c.call("POST", "/S/versions?bindings_inherit=strict", upload(meta(), "index.js", hello+"// 2")).ok(&second)
	if w, _ := c.stage.worker("web"); second.Number != 2 || w.Versions[0].Version.ID != first {
		t.Errorf("an uploaded version %+v serves before it is deployed", second)
	}
	half := j{"strategy": "percentage", "versions": []j{{"version_id": first, "percentage": 90}, {"version_id": second.ID, "percentage": 10}}, "annotations": j{"workers/message": "try it"}}
	c.call("POST", "/S/deployments", half).ok(nil)
	w, _ = c.stage.worker("web")
	if len(w.Versions) != 2 || w.Versions[1].Percentage != 10 || w.Versions[1].Version.ID != second.ID {
		t.Errorf("served is %+v", w.Versions)
	}
	var list struct {
		Deployments []struct {
			ID          string
			Annotations map[string]string
		}
	}
	c.call("GET", "/S/deployments", nil).ok(&list)
	if len(list.Deployments) != 2 || list.Deployments[0].Annotations["workers/message"] != "try it" {
		t.Errorf("deployments: %+v", list)
	}
	c.call("GET", "/S/deployments/"+list.Deployments[1].ID, nil).ok(nil)
	c.call("DELETE", "/S/deployments/"+list.Deployments[0].ID, nil).refused(400, 10338)
	c.call("DELETE", "/S/deployments/"+list.Deployments[1].ID, nil).ok(nil)
	c.call("GET", "/S/deployments/"+list.Deployments[1].ID, nil).refused(404, 10336)
	c.call("GET", "/S/versions/"+first, nil).ok(nil)
	c.call("GET", "/S/versions/nonsense", nil).refused(404, 10071)
	c.call("GET", "/S/versions?page=1&per_page=1", nil).ok(nil)
	c.call("GET", "/A/workers/scripts", nil).ok(nil)
	c.call("GET", "/A/workers/services/web", nil).ok(nil)
	c.call("GET", "/A/workers/workers/web", nil).ok(nil)

	c.call("POST", "/S/subdomain", j{"enabled": true}).ok(nil)
	if w, _ := c.stage.worker("web"); w.WorkersDev != "web.shop.workers.dev" {
		t.Errorf("the Worker's address is %q", w.WorkersDev)
	}
	c.call("GET", "/S/subdomain", nil).ok(nil)
	c.call("DELETE", "/S/subdomain", nil).ok(nil)
	c.call("PATCH", "/S/script-settings", j{"observability": j{"enabled": true}, "tags": []string{"a"}}).ok(nil)
	c.call("GET", "/S/script-settings", nil).ok(nil)
	c.call("PATCH", "/S/script-settings", j{"tags": []string{"a,b"}}).refused(400, 100102)
	c.call("DELETE", "/A/workers/services/web?force=true", nil).ok(nil)
	if _, ok := c.stage.worker("web"); ok {
		t.Error("a deleted Worker is served")
	}
	c.call("DELETE", "/S", nil).refused(404, 10007)
}

func TestADeploymentIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	v := c.deployed()
	share := func(id string, p any) j { return j{"version_id": id, "percentage": p} }
	tests := map[string]struct {
		versions []j
		code     int
	}{
		"without a version":         {[]j{}, 10210},
		"with three":                {[]j{share(v, 30), share(v, 30), share(v, 40)}, 10210},
		"with one version twice":    {[]j{share(v, 50), share(v, 50)}, 10210},
		"when it sums to 99":        {[]j{share(v, 99)}, 10210},
		"below zero":                {[]j{share(v, -1), share("x", 101)}, 10210},
		"without a percentage":      {[]j{{"version_id": v}}, 10210},
		"with a version of nobody":  {[]j{share("00000000-0000-4000-8000-000000000000", 100)}, 10071},
		"with a percentage in text": {[]j{share(v, "all")}, 10026},
		"with a number in text":     {[]j{share(v, "100")}, 10026},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status := 400
			if test.code == 10071 {
				status = 404
			}
			c.call("POST", "/S/deployments", j{"strategy": "percentage", "versions": test.versions}).refused(status, test.code)
		})
	}
}

func TestWhatDoesNotStartChangesNothing(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	v := c.deployed()
	a := c.call("PUT", "/S", upload(meta(), "index.js", "throw new Error('boom')")).refused(400, 10021)
	if !strings.Contains(a.Errors[0].Message, "Uncaught Error: boom") || strings.Contains(strings.ToLower(a.Errors[0].Message), "startup") {
		t.Errorf("the refusal says %q", a.Errors[0].Message)
	}
	c.call("POST", "/S/versions", upload(meta(), "index.js", "throw new Error('boom')")).refused(400, 10021)
	c.call("PUT", "/A/workers/scripts/fresh", upload(meta(), "index.js", "throw 1")).refused(400, 10021)
	c.call("GET", "/A/workers/services/fresh", nil).refused(404, 10090)
	c.stage.failNext(&runtime.StartupError{Message: "together they do not run"})
	c.call("PUT", "/S", upload(meta(), "index.js", hello+"//")).refused(400, 10021)
	c.stage.failNext(errors.New("no memory"))
	c.call("PUT", "/S", upload(meta(), "index.js", hello+"//")).refused(500, 10013)
	if got := c.latest(); got != v {
		t.Errorf("a refused version was kept: %s", got)
	}
	if w, _ := c.stage.worker("web"); w.Versions[0].Version.ID != v {
		t.Errorf("served is %+v", w)
	}
}

func TestAnUploadIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	twice := upload(meta(), "index.js", hello, "index.js", hello)
	noMetadata := &form{}
	noMetadata.w = multipart.NewWriter(&noMetadata.buf)
	noMetadata.part("index.js", "index.js", "application/javascript+module", hello)
	bind := func(b ...j) *form { return upload(meta(j{"bindings": b}), "index.js", hello) }
	tests := map[string]struct {
		body         *form
		status, code int
	}{
		"without metadata":                      {noMetadata, 400, 10006},
		"with metadata that is a list":          {upload([]int{1}, "index.js", hello), 400, 10026},
		"without its main module":               {upload(meta(), "other.js", hello), 400, 10021},
		"without any entry":                     {upload(j{}, "index.js", hello), 400, 10021},
		"with two entries":                      {upload(meta(j{"body_part": "index.js"}), "index.js", hello), 400, 10021},
		"with a module twice":                   {twice, 400, 10021},
		"with a date that is none":              {upload(meta(j{"compatibility_date": "2026-02-30"}), "index.js", hello), 400, 10021},
		"with a tag that is too long":           {upload(meta(j{"annotations": j{"workers/tag": strings.Repeat("x", 101)}}), "index.js", hello), 400, 100102},
		"with exports":                          {upload(meta(j{"exports": j{"C": j{"type": "durable-object"}}}), "index.js", hello), 501, 10021},
		"with a binding without a name":         {bind(j{"type": "plain_text", "text": "x"}), 400, 10052},
		"with a binding name twice":             {bind(j{"name": "A", "type": "plain_text", "text": "x"}, j{"name": "A", "type": "plain_text", "text": "y"}), 400, 10053},
		"with a text that is too large":         {bind(j{"name": "A", "type": "plain_text", "text": strings.Repeat("x", 6000)}), 400, 10054},
		"with a limit in no known period":       {bind(j{"name": "L", "type": "ratelimit", "namespace_id": "1", "simple": j{"limit": 5, "period": 30}}), 400, 10021},
		"with a kind that does not run here":    {bind(j{"name": "A", "type": "workflow"}), 501, 100153},
		"with a database that does not exist":   {bind(j{"name": "A", "type": "d1", "id": "00000000-0000-4000-8000-000000000000"}), 400, 10181},
		"with a database without an id":         {bind(j{"name": "A", "type": "d1"}), 400, 10021},
		"with a namespace that does not exist":  {bind(j{"name": "A", "type": "kv_namespace", "namespace_id": strings.Repeat("0", 32)}), 400, 10041},
		"with a service that does not exist":    {bind(j{"name": "A", "type": "service", "service": "nobody"}), 400, 10143},
		"with an object class of nobody":        {bind(j{"name": "A", "type": "durable_object_namespace", "class_name": "C"}), 400, 10061},
		"with an assets binding without assets": {bind(j{"name": "A", "type": "assets"}), 400, 10305},
		"with an inherit without a source":      {bind(j{"name": "A", "type": "inherit"}), 400, 10057},
		"with assets and a false token":         {upload(meta(j{"assets": j{"jwt": "a.b.c"}}), "index.js", hello), 400, 10305},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c.call("PUT", "/S?bindings_inherit=strict", test.body).refused(test.status, test.code)
		})
	}
	c.call("PUT", "/A/workers/scripts/No.Name", upload(meta(), "index.js", hello)).refused(400, 10016)
	c.send("PUT", "/S", "text/html", strings.NewReader("x")).refused(415, 10001)
	c.send("PUT", "/S", "multipart/form-data; boundary=x", strings.NewReader("--x\r\nbroken")).refused(400, 10006)
	c.call("POST", "/S/versions", upload(meta(), "index.js", hello)).refused(404, 10007)
	c.deployed()
	c.call("POST", "/S/versions", upload(meta(j{"migrations": j{"new_tag": "v1"}}), "index.js", hello)).refused(400, 10211)
	c.call("POST", "/S/versions", upload(j{"body_part": "w.js"}, "w.js", "addEventListener('fetch', () => {})")).refused(400, 10216)
}

func TestAServiceWorkerIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	code := "addEventListener('fetch', (e) => e.respondWith(new Response('old')))"
	c.send("PUT", "/S", "application/javascript", strings.NewReader(code)).ok(nil)
	if w, _ := c.stage.worker("web"); w.Versions[0].Version.BodyPart == "" || w.Versions[0].Version.CompatibilityDate != "2021-11-02" {
		t.Errorf("served is %+v", w.Versions[0].Version)
	}
	if a := c.call("GET", "/S", nil); string(a.body) != code {
		t.Errorf("the code came back as %q", a.body)
	}

	// Its parts are found by their names, while modules are by their file names.
	f := upload(j{"body_part": "w.js", "bindings": []j{{"type": "text_blob", "name": "PAGE", "part": "page_html"}}}, "w.js", code)
	f.part("page_html", "./page.html", "text/plain", "<p>")
	c.call("PUT", "/S", f).ok(nil)
	if w, _ := c.stage.worker("web"); w.Versions[0].Version.Modules[1].Name != "page_html" {
		t.Errorf("served is %+v", w.Versions[0].Version)
	}
	c.call("PUT", "/S", upload(j{"body_part": "w.js", "bindings": []j{{"type": "wasm_module", "name": "W"}}}, "w.js", code)).refused(400, 10021)
}

func TestModulesComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	f := upload(meta(), "index.js", "import './lib/a.js';"+hello, "lib/a.js", "export {}")
	f.part("data.bin", "data.bin", "application/octet-stream", "\x00\x01")
	f.part("index.js.map", "index.js.map", "application/source-map", "{}")
	c.call("PUT", "/S", f).ok(nil)
	w, _ := c.stage.worker("web")
	var names []string
	for _, m := range w.Versions[0].Version.Modules {
		names = append(names, m.Name)
	}
	if !slices.Equal(names, []string{"index.js", "lib/a.js", "data.bin"}) {
		t.Errorf("the runtime got %v", names)
	}
	a := c.call("GET", "/S/content/v2", nil)
	_, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	check(t, err)
	got := ""
	for r := multipart.NewReader(bytes.NewReader(a.body), params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		check(t, err)
		b, err := io.ReadAll(p)
		check(t, err)
		got += fmt.Sprintf("%s %d;", p.FormName(), len(b))
	}
	if want := "index.js 79;lib/a.js 9;data.bin 2;index.js.map 2;"; got != want || a.header.Get("cf-entrypoint") != "index.js" {
		t.Errorf("got %q with entrypoint %q, want %q", got, a.header.Get("cf-entrypoint"), want)
	}
}

// bindingsOf are the bindings that are served, as "NAME type text".
func bindingsOf(t *testing.T, c *client) []string {
	t.Helper()
	w, _ := c.stage.worker("web")
	var out []string
	for _, raw := range w.Versions[0].Version.Bindings {
		var b struct{ Name, Type, Text string }
		check(t, json.Unmarshal(raw, &b))
		out = append(out, strings.TrimSpace(b.Name+" "+b.Type+" "+b.Text))
	}
	slices.Sort(out)
	return out
}

func TestSecretsOutliveADeploy(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("PUT", "/S/secrets", j{"name": "KEY", "text": "v1", "type": "secret_text"}).refused(404, 10007)
	first := c.deployed(j{"bindings": []j{{"name": "VAR", "type": "plain_text", "text": "x"}}})
	c.call("PUT", "/S/secrets", j{"name": "KEY", "text": "v1", "type": "secret_text"}).ok(nil)
	c.call("PUT", "/S/secrets", j{"name": "VAR", "text": "v1", "type": "secret_text"}).refused(400, 10053)
	c.deployed(j{"keep_bindings": []string{"secret_text", "secret_key"}})
	if got := bindingsOf(t, c); !slices.Equal(got, []string{"KEY secret_text v1"}) {
		t.Errorf("bindings are %v", got)
	}
	a := c.call("GET", "/S/settings", nil).ok(nil)
	b := c.call("GET", "/S/versions/"+c.latest(), nil).ok(nil)
	if strings.Contains(string(a.body)+string(b.body), `"v1"`) {
		t.Errorf("a secret's value is told: %s", a.body)
	}
	// Going back to a version with other secrets needs a word.
	back := j{"strategy": "percentage", "versions": []j{{"version_id": first, "percentage": 100}}}
	if a := c.call("POST", "/S/deployments", back).refused(400, 10220); !strings.HasSuffix(a.Errors[0].Message, "The following secrets have changed: KEY") {
		t.Errorf("the refusal says %q", a.Errors[0].Message)
	}
	c.call("POST", "/S/deployments?force=true", back).ok(nil)
	// Now the newest version does not serve, and a secret would put it back.
	c.call("PUT", "/S/secrets", j{"name": "KEY", "text": "v2", "type": "secret_text"}).refused(400, 10215)
	c.call("PATCH", "/A/workers/workers/web/versions/latest", j{"env": j{"KEY": j{"type": "secret_text", "text": "v3"}}, "annotations": j{"workers/message": "m"}}).ok(nil)
	c.call("POST", "/S/deployments", j{"strategy": "percentage", "versions": []j{{"version_id": c.latest(), "percentage": 100}}}).ok(nil)
	if got := bindingsOf(t, c); !slices.Equal(got, []string{"KEY secret_text v3"}) {
		t.Errorf("bindings are %v", got)
	}
	c.call("PATCH", "/S/secrets-bulk", j{"secrets": j{"A": j{"name": "A", "text": "1", "type": "secret_text"}, "KEY": nil}}).ok(nil)
	var listed []struct{ Name, Type string }
	c.call("GET", "/S/secrets", nil).ok(&listed)
	if len(listed) != 1 || listed[0].Name != "A" {
		t.Errorf("secrets are %v", listed)
	}
	c.call("GET", "/S/secrets/A", nil).ok(nil)
	c.call("DELETE", "/S/secrets/A", nil).ok(nil)
	c.call("DELETE", "/S/secrets/A", nil).refused(404, 10056)
}

func TestSettingsAreChangedWithoutTheCode(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed(j{"bindings": []j{{"name": "KEY", "type": "secret_text", "text": "s"}, {"name": "VAR", "type": "plain_text", "text": "x"}}})
	// A client that cannot read secrets sends their names and types back.
	c.call("PATCH", "/S/settings", settingsForm(j{"bindings": []j{{"name": "KEY", "type": "secret_text"}, {"name": "NEW", "type": "secret_text", "text": "n"}}})).ok(nil)
	if got := bindingsOf(t, c); !slices.Equal(got, []string{"KEY secret_text s", "NEW secret_text n"}) {
		t.Errorf("bindings are %v", got)
	}
	// Terraform's provider breaks on an answer without a placement.
	if a := c.call("GET", "/S/settings", nil).ok(nil); !strings.Contains(string(a.body), `"placement":{}`) {
		t.Errorf("the settings are %s", a.body)
	}
	c.call("PATCH", "/S/settings", settingsForm(j{"compatibility_date": "2026-03-01"})).ok(nil)
	if w, _ := c.stage.worker("web"); w.Versions[0].Version.CompatibilityDate != "2026-03-01" {
		t.Errorf("the date is %s", w.Versions[0].Version.CompatibilityDate)
	}
	c.call("PATCH", "/S/settings", settingsForm(j{"bindings": []j{{"name": "W", "type": "workflow"}}})).refused(501, 100153)
}

func TestBindingsAreInherited(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	v := c.deployed(j{"bindings": []j{{"name": "OLD", "type": "plain_text", "text": "1"}, {"name": "STAY", "type": "plain_text", "text": "2"}}})
	c.deployed(j{"bindings": []j{{"name": "NEW", "type": "inherit", "old_name": "OLD"}, {"name": "STAY", "type": "inherit"}, {"name": "GONE", "type": "inherit"}}})
	if got := bindingsOf(t, c); !slices.Equal(got, []string{"NEW plain_text 1", "STAY plain_text 2"}) {
		t.Errorf("bindings are %v", got)
	}
	c.deployed(j{"bindings": []j{{"name": "OLD", "type": "inherit", "version_id": v}}, "keep_bindings": []string{"plain_text"}})
	if got := bindingsOf(t, c); !slices.Equal(got, []string{"NEW plain_text 1", "OLD plain_text 1", "STAY plain_text 2"}) {
		t.Errorf("bindings are %v", got)
	}
}

func TestObjectClassesFollowTheirMigrations(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	code := func(classes ...string) string {
		s := hello
		for _, name := range classes {
			s += "\nexport class " + name + " {}"
		}
		return s
	}
	put := func(script, code string, more j) answer {
		t.Helper()
		return c.call("PUT", "/A/workers/scripts/"+script, upload(meta(more), "index.js", code))
	}
	put("web", code(), j{"migrations": j{"new_tag": "v1", "new_sqlite_classes": []string{"Counter"}}}).refused(400, 10064)
	put("web", code("Counter"), j{
		"migrations": j{"new_tag": "v1", "steps": []j{{"new_sqlite_classes": []string{"Counter"}}}},
		"bindings":   []j{{"name": "C", "type": "durable_object_namespace", "class_name": "Counter"}},
	}).ok(nil)
	w, _ := c.stage.worker("web")
	key := w.Classes[0].Key
	if len(w.Classes) != 1 || w.Classes[0].Name != "Counter" || !w.Classes[0].SQLite || len(key) != 32 {
		t.Fatalf("classes are %+v", w.Classes)
	}
	put("web", code("Counter"), j{"migrations": j{"old_tag": "v0", "new_tag": "v2"}}).refused(412, 10079)
	put("web", code("Counter"), j{"migrations": j{"old_tag": "v1", "new_tag": "v2", "new_classes": []string{"Counter"}}}).refused(400, 10074)
	put("web", code("Renamed"), j{"migrations": j{"old_tag": "v1", "new_tag": "v2", "renamed_classes": []j{{"from": "Counter", "to": "Renamed"}}}}).ok(nil)
	w, _ = c.stage.worker("web")
	if w.Classes[0].Name != "Renamed" || w.Classes[0].Key != key {
		t.Errorf("a renamed class is %+v", w.Classes)
	}
	var scripts []struct {
		ID           string
		MigrationTag string `json:"migration_tag"`
	}
	c.call("GET", "/A/workers/scripts", nil).ok(&scripts)
	if scripts[0].MigrationTag != "v2" {
		t.Errorf("scripts: %+v", scripts)
	}
	var namespaces []struct{ ID, Class string }
	c.call("GET", "/A/workers/durable_objects/namespaces", nil).ok(&namespaces)
	if len(namespaces) != 1 || namespaces[0].ID != key {
		t.Errorf("namespaces: %+v", namespaces)
	}
	put("heir", code("Moved"), j{"migrations": j{"new_tag": "v1", "transferred_classes": []j{{"from": "Renamed", "from_script": "web", "to": "Moved"}}}}).ok(nil)
	w, _ = c.stage.worker("web")
	h, _ := c.stage.worker("heir")
	if len(w.Classes) != 0 || len(h.Classes) != 1 || h.Classes[0].Key != key || h.Classes[0].Name != "Moved" {
		t.Errorf("after a transfer: %+v and %+v", w.Classes, h.Classes)
	}
	put("heir", code(), j{"migrations": j{"old_tag": "v1", "new_tag": "v2", "deleted_classes": []string{"Moved"}}}).ok(nil)
	if h, _ := c.stage.worker("heir"); len(h.Classes) != 0 {
		t.Errorf("a deleted class is there: %+v", h.Classes)
	}
	if !slices.Equal(c.stage.gone, []string{key}) {
		t.Errorf("the data of %v was deleted, want that of %s", c.stage.gone, key)
	}
}

func TestADeletedWorkerMustNotBeMissed(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("PUT", "/A/workers/scripts/api", upload(meta(), "index.js", hello)).ok(nil)
	c.deployed(j{"bindings": []j{{"name": "API", "type": "service", "service": "api"}}})
	a := c.call("GET", "/A/workers/scripts/api/references", nil).ok(nil)
	if !strings.Contains(string(a.body), `"web"`) {
		t.Errorf("references: %s", a.body)
	}
	c.call("GET", "/A/workers/tails/by-consumer/api", nil).ok(nil)
	c.call("DELETE", "/A/workers/scripts/api", nil).refused(400, 10142)
	c.call("DELETE", "/A/workers/scripts/api?force=true", nil).ok(nil)
}

func TestCronsAreReplacedAndFired(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	c.call("PUT", "/S/schedules", []j{{"cron": "*/5 * * * *"}, {"cron": "0 9 * * MON-FRI"}}).ok(nil)
	c.call("GET", "/S/schedules", nil).ok(nil)
	w, _ := c.stage.worker("web")
	if !slices.Equal(w.Crons, []string{"*/5 * * * *", "0 9 * * MON-FRI"}) {
		t.Errorf("crons are %v", w.Crons)
	}
	for _, bad := range []string{"* * * *", "61 * * * *", "*/0 * * * *", "* * * * MOO", ""} {
		c.call("PUT", "/S/schedules", []j{{"cron": bad}}).refused(400, 10004)
	}
	fire := "/local/accounts/" + account + "/workers/scripts/web/cron"
	c.call("POST", fire, nil).ok(nil)
	c.call("POST", fire+"?cron=1+1+1+1+1", nil).refused(404, 10004)
	c.as("").call("POST", fire, nil).refused(400, 9106)
	failed := c.call("POST", fire+"?cron=0+9+*+*+MON-FRI", nil).refused(502, 10013)
	if want := `The scheduled handler of Worker "web" did not end well: its outcome is exception, and the Worker's logs have what was thrown`; failed.Errors[0].Message != want {
		t.Errorf("got %q, want %q", failed.Errors[0].Message, want)
	}
	if !slices.Equal(c.stage.fired, []string{"web */5 * * * *", "web 0 9 * * MON-FRI"}) {
		t.Errorf("fired: %v", c.stage.fired)
	}
}

func TestARestartedCloudServesWhatItServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := openClient(t, dir)
	v := before.deployed()
	before.call("POST", "/S/subdomain", j{"enabled": true}).ok(nil)
	// A second API on the same folder stands for the process after a kill: nothing was
	// closed before it opened.
	after := openClient(t, dir)
	w, ok := after.stage.worker("web")
	if !ok || w.Versions[0].Version.ID != v || w.WorkersDev == "" {
		t.Errorf("served after the restart is %+v", w)
	}
}
