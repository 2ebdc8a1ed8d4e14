package api_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// module is one of a version in JSON.
func module(name, code string) j {
	return j{"name": name, "content_type": "application/javascript+module", "content_base64": base64.StdEncoding.EncodeToString([]byte(code))}
}

// alone deploys one version to all traffic.
func alone(version string) j {
	return j{"strategy": "percentage", "versions": []j{{"version_id": version, "percentage": 100}}}
}

// workerResult is what tests read of a Worker.
type workerResult struct {
	ID, Name   string
	DeployedOn *string `json:"deployed_on"`
	Tags       []string
	Logpush    bool
	Subdomain  struct {
		Enabled  bool
		Previews bool `json:"previews_enabled"`
	}
	TailConsumers []struct{ Name string } `json:"tail_consumers"`
	Observability struct {
		Enabled bool
		Rate    float64 `json:"head_sampling_rate"`
		Logs    struct {
			Enabled, Persist bool
			Invocations      bool `json:"invocation_logs"`
		}
	}
}

func TestAWorkerIsThereBeforeItsCode(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var made workerResult
	c.call("POST", "/A/workers/workers", j{"name": "web"}).ok(&made)
	if len(made.ID) != 32 || made.DeployedOn != nil || made.Subdomain.Enabled || made.Observability.Rate != 1 || !made.Observability.Logs.Invocations {
		t.Errorf("a new Worker is %+v", made)
	}
	c.call("POST", "/A/workers/workers", j{"name": "web"}).refused(409, 10040)
	c.call("POST", "/A/workers/workers", j{"name": "Web!"}).refused(400, 10016)
	c.call("POST", "/A/workers/workers", j{"name": "x", "tail_consumers": []j{{"name": "nobody"}}}).refused(404, 10203)
	c.call("POST", "/A/workers/workers", j{"name": "x", "tags": []string{"a,b"}}).refused(400, 100102)
	c.call("POST", "/A/workers/workers", j{"name": "x", "observability": j{"head_sampling_rate": 2}}).refused(400, 100308)
	c.call("POST", "/A/workers/workers", j{"name": "x", "subdomain": true}).refused(400, 10026)
	c.call("GET", "/A/workers/workers/x", nil).refused(404, 10007)
	if _, served := c.stage.worker("web"); served {
		t.Error("a Worker without code is served")
	}
	for _, key := range []string{made.ID, "web"} {
		var got workerResult
		c.call("GET", "/A/workers/workers/"+key, nil).ok(&got)
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("read by %s (-made +read):\n%s", key, diff)
		}
	}
	c.call("GET", "/S/settings", nil).ok(nil)
	c.call("GET", "/S/content/v2", nil).refused(404, 10222)
	c.call("POST", "/S/deployments", alone(made.ID)).refused(404, 10071)
	c.call("DELETE", "/A/workers/workers/"+made.ID, nil).ok(nil)
	c.call("DELETE", "/A/workers/workers/"+made.ID, nil).refused(404, 10007)
	c.call("PUT", "/A/workers/workers/"+made.ID, j{"name": "web"}).refused(404, 10007)
}

func TestAWorkerIsReplacedOrPatched(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("PUT", "/A/workers/subdomain", j{"subdomain": "acme"}).ok(nil)
	c.call("POST", "/A/workers/workers", j{"name": "tail"}).ok(nil)
	all := j{
		"name": "web", "logpush": true, "tags": []string{"a"}, "tail_consumers": []j{{"name": "tail"}},
		"subdomain": j{"enabled": true}, "observability": j{"enabled": true, "logs": j{"enabled": true, "persist": false}},
	}
	var made, got workerResult
	c.call("POST", "/A/workers/workers", all).ok(&made)
	if !made.Logpush || len(made.TailConsumers) != 1 || !made.Subdomain.Previews || made.Observability.Logs.Persist {
		t.Errorf("made %+v", made)
	}
	path := "/A/workers/workers/" + made.ID
	c.call("PATCH", path, j{"tags": []string{"b"}, "observability": j{"logs": j{"persist": nil}}}).ok(&got)
	want := made
	want.Tags, want.Observability.Logs.Persist = []string{"b"}, true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patched (-want +got):\n%s", diff)
	}
	c.call("PATCH", path, j{"name": nil}).refused(400, 10016)
	c.call("PATCH", path, j{"logpush": "yes"}).refused(400, 10026)
	c.call("PATCH", path, []int{1}).refused(400, 10026)
	c.call("PUT", path, j{"name": "shop"}).refused(501, 100153)
	got = workerResult{}
	c.call("PUT", path, j{"name": "web"}).ok(&got)
	if diff := cmp.Diff(workerResult{ID: made.ID, Name: "web", Tags: []string{}, TailConsumers: got.TailConsumers, Observability: got.Observability}, got); diff != "" || len(got.TailConsumers) != 0 || got.Observability.Enabled {
		t.Errorf("what PUT leaves out is as in a new Worker (-want +got):\n%s\n%+v", diff, got)
	}
}

func TestWorkersAreListedInOrder(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/workers/workers", j{"name": "a"}).ok(nil)
	c.deployed(nil)
	c.call("POST", "/A/workers/workers", j{"name": "z"}).ok(nil)
	for query, want := range map[string]string{
		"":                                    "web a z",
		"?order_by=name&order=asc":            "a web z",
		"?order_by=name":                      "z web a",
		"?order_by=name&order=asc&per_page=2": "a web",
		"?order_by=name&order=asc&per_page=2&page=2": "z",
		"?order_by=created_on&order=asc":             "a web z",
	} {
		var listed []workerResult
		c.call("GET", "/A/workers/workers"+query, nil).ok(&listed)
		var names []string
		for _, w := range listed {
			names = append(names, w.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q lists %s, want %s", query, got, want)
		}
	}
	c.call("GET", "/A/workers/workers?order_by=size", nil).refused(400, 10004)
	c.call("GET", "/A/workers/workers?order=up", nil).refused(400, 10004)
}

func TestAWorkerTellsWhatNeedsIt(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("PUT", "/S", upload(meta(j{"migrations": j{"new_tag": "v1", "new_sqlite_classes": []string{"Room"}}}), "index.js", "export class Room {}; export default { fetch() {}, queue() {} }")).ok(nil)
	var q struct {
		ID string `json:"queue_id"`
	}
	c.call("POST", "/A/queues", j{"queue_name": "jobs"}).ok(&q)
	c.call("POST", "/A/queues/"+q.ID+"/consumers", j{"type": "worker", "script_name": "web"}).ok(nil)
	c.call("PUT", "/A/workers/scripts/user", upload(meta(j{"bindings": []j{
		{"name": "WEB", "type": "service", "service": "web"},
		{"name": "WEB2", "type": "service", "service": "web"},
		{"name": "ROOM", "type": "durable_object_namespace", "class_name": "Room", "script_name": "web"},
	}}), "index.js", hello)).ok(nil)
	var user workerResult
	c.call("GET", "/A/workers/workers/user", nil).ok(&user)
	var got struct {
		References struct {
			Workers []struct{ ID, Name string }
			Queues  []struct {
				Name string `json:"queue_name"`
			}
			Objects []struct {
				Name   string `json:"namespace_name"`
				Worker string `json:"worker_id"`
			} `json:"durable_objects"`
		}
	}
	c.call("GET", "/A/workers/workers/web", nil).ok(&got)
	if text := fmt.Sprintf("%+v", got.References); text != fmt.Sprintf("{Workers:[{ID:%s Name:user}] Queues:[{Name:jobs}] Objects:[{Name:web_Room Worker:%s}]}", user.ID, user.ID) {
		t.Errorf("it is needed by %s", text)
	}
}

// versionResult is what tests read of a version.
type versionResult struct {
	ID       string
	Number   int
	Main     string `json:"main_module"`
	Tag      string `json:"migration_tag"`
	Bindings []struct{ Name string }
	Modules  []struct {
		Name    string
		Content string `json:"content_base64"`
	}
}

func TestAVersionInJSONIsServedWhenDeployed(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var w workerResult
	c.call("POST", "/A/workers/workers", j{"name": "web"}).ok(&w)
	path := "/A/workers/workers/" + w.ID + "/versions"
	body := j{
		"main_module": "index.js", "modules": []j{module("index.js", hello), module("lib/a.js", "export {}")}, "compatibility_date": "2026-01-01",
		"limits": j{"cpu_ms": 50}, "annotations": j{"workers/tag": "one"},
		"bindings": []j{{"name": "Z", "type": "plain_text", "text": "1"}, {"name": "KEY", "type": "secret_text", "text": "hidden"}},
	}
	var first, second, read versionResult
	a := c.call("POST", path, body).ok(&first)
	if first.Number != 1 || first.Main != "index.js" || len(first.Bindings) != 2 || first.Bindings[0].Name != "KEY" || strings.Contains(string(a.body), "hidden") {
		t.Errorf("the version is %s", a.body)
	}
	if _, served := c.stage.worker("web"); served {
		t.Error("a version serves before it is deployed")
	}
	c.call("POST", "/S/deployments", alone(first.ID)).ok(nil)
	if s, _ := c.stage.worker("web"); len(s.Versions) != 1 || s.Versions[0].Version.ID != first.ID || len(s.Versions[0].Version.Modules) != 2 {
		t.Errorf("served is %+v", s.Versions)
	}
	c.call("POST", path+"?deploy=true", body).ok(&second)
	if s, _ := c.stage.worker("web"); len(s.Versions) != 1 || s.Versions[0].Version.ID != second.ID || second.Number != 2 {
		t.Errorf("served is %+v", s.Versions)
	}
	c.call("GET", path+"/"+first.ID+"?include=modules", nil).ok(&read)
	if len(read.Modules) != 2 || read.Modules[0].Content != base64.StdEncoding.EncodeToString([]byte(hello)) {
		t.Errorf("its modules are %+v", read.Modules)
	}
	c.call("GET", path+"/"+first.ID, nil).ok(nil)
	var listed []versionResult
	c.call("GET", path+"?per_page=1", nil).ok(&listed)
	if len(listed) != 1 || listed[0].ID != second.ID {
		t.Errorf("listed are %+v", listed)
	}
	c.call("GET", path+"/"+w.ID, nil).refused(404, 10071)
	c.call("GET", path+"/"+first.ID+"?include=all", nil).refused(400, 10004)
	c.call("PATCH", path+"/latest?deploy=true", j{"env": j{"KEY": j{"type": "secret_text", "text": "new"}}}).ok(&read)
	if got := bindingsOf(t, c); !slices.Contains(got, "KEY secret_text new") {
		t.Errorf("bindings are %v", got)
	}
}

func TestAVersionInJSONIsRefusedWhole(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/workers/workers", j{"name": "web"}).ok(nil)
	main := module("index.js", hello)
	for name, with := range map[string]struct {
		change       j
		status, code int
	}{
		"no main module":              {j{"main_module": nil}, 400, 10021},
		"a main module that it lacks": {j{"main_module": "other.js"}, 400, 10021},
		"a module twice":              {j{"modules": []j{main, main}}, 400, 10021},
		"a module outside":            {j{"modules": []j{main, module("../x.js", hello)}}, 400, 10006},
		"a module that is no base64":  {j{"modules": []j{{"name": "index.js", "content_type": "text/plain", "content_base64": "?"}}}, 400, 10026},
		"a module that is a number":   {j{"modules": []j{{"name": "index.js", "content_type": "text/plain", "content_base64": 1}}}, 400, 10026},
		"code that throws":            {j{"modules": []j{module("index.js", "throw 1")}}, 400, 10021},
		"containers":                  {j{"containers": []j{{"class_name": "A"}}}, 501, 100153},
		"a cache":                     {j{"cache_options": j{"enabled": true}}, 501, 100153},
		"a workflow":                  {j{"bindings": []j{{"name": "W", "type": "workflow", "workflow_name": "w"}}}, 501, 100153},
		"a date that is none":         {j{"compatibility_date": "soon"}, 400, 10021},
		"migrations that are none":    {j{"migrations": []int{1}}, 400, 10026},
		"limits that are none":        {j{"limits": j{"cpu_ms": 0}}, 400, 10205},
		"an unknown Worker's class":   {j{"migrations": j{"transferred_classes": []j{{"from": "A", "from_script": "other", "to": "A"}}}}, 400, 10074},
	} {
		body := j{"main_module": "index.js", "modules": []j{main}}
		for field, value := range with.change {
			body[field] = value
		}
		t.Run(name, func(t *testing.T) {
			here := *c
			here.t = t
			here.call("POST", "/A/workers/workers/web/versions", body).refused(with.status, with.code)
		})
	}
	var listed []versionResult
	c.call("GET", "/A/workers/workers/web/versions", nil).ok(&listed)
	if len(listed) != 0 {
		t.Errorf("refused versions were kept: %+v", listed)
	}
}

func TestAssetsOfAVersionInJSONHaveTheirHeaders(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/workers/workers", j{"name": "web"}).ok(nil)
	var session struct{ JWT string }
	c.call("POST", "/S/assets-upload-session", j{"manifest": j{}}).ok(&session)
	c.call("POST", "/A/workers/workers/web/versions?deploy=true", j{
		"main_module": "index.js", "modules": []j{module("index.js", hello), module("_headers", "/*\n  X-Own: 1\n")},
		"assets": j{"jwt": session.JWT, "config": j{"html_handling": "none"}},
	}).ok(nil)
	s, _ := c.stage.worker("web")
	if got := string(s.Versions[0].Version.Assets.Config); got != `{"_headers":"/*\n  X-Own: 1\n","html_handling":"none"}` || len(s.Versions[0].Version.Modules) != 1 {
		t.Errorf("the assets have %s and the Worker %d modules", got, len(s.Versions[0].Version.Modules))
	}
	c.call("POST", "/A/workers/workers/web/versions", j{"modules": []j{module("_headers", "")}, "assets": j{"jwt": session.JWT, "config": "none"}}).refused(400, 10026)
}

func TestAMigrationWaitsForTheDeploymentOfItsVersion(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/workers/workers", j{"name": "web"}).ok(nil)
	const rooms = "export class Room {}; export default {}"
	version := func(tag, class string) (v versionResult) {
		c.call("POST", "/A/workers/workers/web/versions", j{
			"main_module": "index.js", "modules": []j{module("index.js", rooms)},
			"migrations": j{"new_tag": tag, "new_sqlite_classes": []string{class}},
			"bindings":   []j{{"name": "ROOM", "type": "durable_object_namespace", "class_name": class}},
		}).ok(&v)
		return v
	}
	first, rival := version("v1", "Room"), version("v1", "Room")
	var namespaces []struct{ ID string }
	c.call("GET", "/A/workers/durable_objects/namespaces", nil).ok(&namespaces)
	if len(namespaces) != 0 || first.Tag != "" {
		t.Errorf("the migration was done before it was deployed: %+v, tag %q", namespaces, first.Tag)
	}
	c.call("POST", "/S/deployments", j{"strategy": "percentage", "versions": []j{{"version_id": first.ID, "percentage": 50}, {"version_id": rival.ID, "percentage": 50}}}).refused(400, 10210)
	c.call("POST", "/S/deployments", alone(first.ID)).ok(nil)
	c.call("GET", "/A/workers/durable_objects/namespaces", nil).ok(&namespaces)
	s, _ := c.stage.worker("web")
	if len(namespaces) != 1 || len(s.Classes) != 1 || !strings.Contains(string(s.Versions[0].Version.Bindings[0]), namespaces[0].ID) {
		t.Errorf("namespaces %+v, served %+v with %s", namespaces, s.Classes, s.Versions[0].Version.Bindings)
	}
	c.call("POST", "/S/deployments", alone(rival.ID)).refused(412, 10079)
	var read versionResult
	c.call("GET", "/A/workers/workers/web/versions/"+first.ID, nil).ok(&read)
	if read.Tag != "v1" {
		t.Errorf("the tag of the deployed version is %q", read.Tag)
	}
	c.call("POST", "/S/deployments", alone(first.ID)).ok(nil) // again: the migration is not
	if after, _ := c.stage.worker("web"); len(after.Classes) != 1 || after.Classes[0].Key != s.Classes[0].Key {
		t.Errorf("classes are %+v, were %+v", after.Classes, s.Classes)
	}
	c.call("POST", "/A/workers/workers/web/versions?deploy=true", j{"main_module": "index.js", "modules": []j{module("index.js", rooms)}, "migrations": j{}}).ok(&read)
	if read.Tag != "v1" {
		t.Errorf("migrations that are empty make the tag %q", read.Tag)
	}
	c.call("POST", "/A/workers/workers/web/versions?deploy=true", j{
		"main_module": "index.js", "modules": []j{module("index.js", "export default {}")}, "migrations": j{"old_tag": "v1", "new_tag": "v2", "deleted_classes": []string{"Room"}},
	}).ok(nil)
	if after, _ := c.stage.worker("web"); len(after.Classes) != 0 || !slices.Contains(c.stage.gone, s.Classes[0].Key) {
		t.Errorf("classes are %+v, gone %v", after.Classes, c.stage.gone)
	}
}
