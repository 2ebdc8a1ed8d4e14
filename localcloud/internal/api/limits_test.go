package api_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/api"
)

func TestABrokenHandlerAnswersAllTheSame(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("PUT", "/S", upload(meta(), "index.js", "panic!")).refused(500, 10013)
	c.deployed() // and the lock of the Worker was let go
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	big := strings.Repeat("x", 5000)
	var many []j
	for i := range 129 {
		many = append(many, j{"name": fmt.Sprintf("V%d", i), "type": "plain_text", "text": "x"})
	}
	tests := map[string]struct {
		answer func() answer
		status int
		code   int
	}{
		"metadata of more than a MiB": {func() answer {
			return c.call("PUT", "/S", upload(meta(j{"main_module": strings.Repeat(big, 210)}), "index.js", hello))
		}, 400, 10027},
		"modules of more than 64 MiB": {func() answer {
			f := upload(meta(), "index.js", hello)
			f.part("data.bin", "data.bin", "application/octet-stream", strings.Repeat("\x00", 64<<20))
			return c.call("PUT", "/S", f)
		}, 400, 10027},
		"more than 128 variables": {func() answer { return c.call("PUT", "/S", upload(meta(j{"bindings": many}), "index.js", hello)) }, 400, 10055},
		"a binding name of 257 letters": {func() answer {
			return c.call("PUT", "/S", upload(meta(j{"bindings": []j{{"name": strings.Repeat("A", 257), "type": "plain_text", "text": "x"}}}), "index.js", hello))
		}, 400, 10100},
		"a binding name with a space": {func() answer {
			return c.call("PUT", "/S", upload(meta(j{"bindings": []j{{"name": "A B", "type": "plain_text", "text": "x"}}}), "index.js", hello))
		}, 400, 10021},
		"nine tags": {func() answer {
			return c.call("PUT", "/S", upload(meta(j{"tags": make([]string, 9)}), "index.js", hello))
		}, 400, 100103},
		"a JSON body of more than 10 MiB": {func() answer {
			return c.send("POST", "/A/d1/database", "application/json", io.LimitReader(zeros{}, 11<<20))
		}, 413, 10027},
		"a body that is no JSON":        {func() answer { return c.send("POST", "/zones", "application/json", strings.NewReader("{")) }, 400, 10026},
		"a module name of 1025 letters": {func() answer { return c.call("PUT", "/S", upload(meta(), strings.Repeat("m", 1025), hello)) }, 400, 10006},
		"assets without base64": {func() answer {
			var s struct{ JWT string }
			c.call("POST", "/S/assets-upload-session", j{"manifest": j{"/a": j{"hash": strings.Repeat("a", 32), "size": 1}}}).ok(&s)
			return c.as(s.JWT).call("POST", "/A/workers/assets/upload", []byte("x"))
		}, 400, 10004},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test.answer().refused(test.status, test.code) })
	}
}

// With limits lowered to one or two, the next is one too many.
func TestThereIsOnlySoMuchOfEverything(t *testing.T) {
	t.Parallel()
	c := openClient(t, t.TempDir(), func(o *api.Options) {
		o.Limits = api.Limits{Scripts: 2, Crons: 2, RoutesPerZone: 2, DomainsPerZone: 1, WorkerSize: 1000, Variables: 2, VariableSize: 10, Databases: 1, Namespaces: 1}
	})
	text := func(name, value string) j { return j{"name": name, "type": "plain_text", "text": value} }
	c.deployed(j{"bindings": []j{text("A", "0123456789"), text("B", "x")}})
	c.call("PUT", "/A/workers/scripts/api", upload(meta(), "index.js", hello)).ok(nil)
	c.deployed() // what is there already can be changed
	c.call("PUT", "/S/schedules", []j{{"cron": "* * * * *"}}).ok(nil)
	c.call("PUT", "/S/schedules", []j{{"cron": "* * * * *"}, {"cron": "0 * * * *"}}).ok(nil)
	c.call("PUT", "/S/routes", []j{{"pattern": "shop.example/a"}, {"pattern": "shop.example/b"}}).ok(nil)
	c.call("PUT", "/S/routes", []j{{"pattern": "shop.example/a"}, {"pattern": "shop.example/b"}}).ok(nil)
	c.call("PUT", "/A/workers/domains", j{"hostname": "www.shop.example", "service": "web", "zone_id": zoneID}).ok(nil)
	c.call("PUT", "/A/workers/domains", j{"hostname": "www.shop.example", "service": "web", "zone_id": zoneID}).ok(nil)
	c.call("POST", "/A/d1/database", j{"name": "one"}).ok(nil)
	c.call("POST", "/A/storage/kv/namespaces", j{"title": "one"}).ok(nil)
	for name, test := range map[string]struct {
		method, path string
		body         any
		code         int
	}{
		"a Worker too many":       {"PUT", "/A/workers/scripts/third", upload(meta(), "index.js", hello), 10037},
		"a cron too many":         {"PUT", "/A/workers/scripts/api/schedules", []j{{"cron": "1 * * * *"}}, 10072},
		"a route too many":        {"POST", "/Z/workers/routes", j{"pattern": "shop.example/c"}, 10073},
		"routes too many at once": {"PUT", "/S/routes", []j{{"pattern": "shop.example/a"}, {"pattern": "shop.example/b"}, {"pattern": "shop.example/c"}}, 10073},
		"a domain too many":       {"PUT", "/A/workers/domains", j{"hostname": "api.shop.example", "service": "web", "zone_id": zoneID}, 100122},
		"a large Worker":          {"PUT", "/S", upload(meta(), "index.js", hello+"//"+strings.Repeat("x", 1000)), 10027},
		"a variable too many":     {"PUT", "/S", upload(meta(j{"bindings": []j{text("A", ""), text("B", ""), text("C", "")}}), "index.js", hello), 10055},
		"a long variable":         {"PUT", "/S", upload(meta(j{"bindings": []j{text("A", "0123456789x")}}), "index.js", hello), 10054},
		"a database too many":     {"POST", "/A/d1/database", j{"name": "two"}, 7406},
		"a namespace too many":    {"POST", "/A/storage/kv/namespaces", j{"title": "two"}, 10015},
	} {
		if got := c.call(test.method, test.path, test.body); got.status != 400 || got.Errors[0].Code != test.code {
			t.Errorf("%s: %d %s, want code %d", name, got.status, got.body, test.code)
		}
	}
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte{' '}, len(b))), nil }

func TestChangesOfOneWorkerHappenOneAfterTheOther(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			script := "/S"
			if i%3 == 0 {
				script = fmt.Sprintf("/A/workers/scripts/w%d", i)
			}
			c.call("PUT", script, upload(meta(), "index.js", hello+fmt.Sprint("//", i))).ok(nil)
		})
	}
	wg.Wait()
	var found struct{ Items []struct{ Number int } }
	c.call("GET", "/S/versions?deployable=true", nil).ok(&found)
	for i, v := range found.Items {
		if want := len(found.Items) - i; v.Number != want {
			t.Errorf("version %d from the end has number %d, want %d", i, v.Number, want)
		}
	}
	if len(found.Items) != 9 {
		t.Errorf("%d versions, want 9", len(found.Items))
	}
	if n := len(c.stage.served().Workers); n != 5 {
		t.Errorf("%d Workers are served, want 5", n)
	}
}

func TestObjectsOfAnotherWorkerAreBound(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("PUT", "/A/workers/scripts/home", upload(meta(j{"migrations": j{"new_tag": "v1", "new_sqlite_classes": []string{"Counter"}}}), "index.js", hello+"\nexport class Counter {}")).ok(nil)
	var namespaces []struct{ ID string }
	c.call("GET", "/A/workers/durable_objects/namespaces", nil).ok(&namespaces)
	bind := func(more j) answer {
		b := j{"name": "C", "type": "durable_object_namespace"}
		for k, v := range more {
			b[k] = v
		}
		return c.call("PUT", "/S", upload(meta(j{"bindings": []j{b}}), "index.js", hello))
	}
	bind(j{"class_name": "Counter", "script_name": "home"}).ok(nil)
	bind(j{"namespace_id": namespaces[0].ID}).ok(nil)
	var settings struct {
		Bindings []struct {
			ClassName   string `json:"class_name"`
			ScriptName  string `json:"script_name"`
			NamespaceID string `json:"namespace_id"`
		}
	}
	c.call("GET", "/S/settings", nil).ok(&settings)
	if b := settings.Bindings[0]; b.ClassName != "Counter" || b.ScriptName != "home" || b.NamespaceID != namespaces[0].ID {
		t.Errorf("the binding is %+v", b)
	}
	bind(j{"class_name": "Counter", "script_name": "nobody"}).refused(400, 10061)
	bind(j{"class_name": "Nobody", "script_name": "home"}).refused(400, 10061)
	bind(j{"namespace_id": strings.Repeat("0", 32)}).refused(400, 10066)
	bind(nil).refused(400, 10062)
	c.call("DELETE", "/A/workers/scripts/home", nil).refused(400, 10142)
}

func TestAVersionFromBeforeAMigrationCannotServe(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	before := c.deployed()
	c.call("PUT", "/S", upload(meta(j{"migrations": j{"new_tag": "v1", "new_sqlite_classes": []string{"Counter"}}}), "index.js", hello+"\nexport class Counter {}")).ok(nil)
	c.call("POST", "/S/deployments", j{"strategy": "percentage", "versions": []j{{"version_id": before, "percentage": 100}}}).refused(400, 10210)
	c.call("POST", "/S/deployments", j{"strategy": "all", "versions": []j{}}).refused(400, 10210)
}

func TestWhatBelongsToADomainIsReadOnly(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	c.call("PUT", "/A/workers/domains", j{"hostname": "www.shop.example", "service": "web"}).ok(nil)
	var records []struct{ ID string }
	c.call("GET", "/Z/dns_records?name=www.shop.example", nil).ok(&records)
	if len(records) != 1 {
		t.Fatalf("records: %v", records)
	}
	c.call("PATCH", "/Z/dns_records/"+records[0].ID, j{"content": "192.0.2.1"}).refused(400, 1043)
	c.call("DELETE", "/Z/dns_records/"+records[0].ID, nil).refused(400, 1043)
	var w struct {
		ID         string
		References struct{ Domains []struct{ Hostname string } }
	}
	c.call("GET", "/A/workers/workers/web", nil).ok(&w)
	if len(w.References.Domains) != 1 {
		t.Errorf("the Worker has the domains %+v", w.References)
	}
	c.call("GET", "/A/workers/workers/"+w.ID, nil).ok(nil)
	c.call("GET", "/A/workers/workers/nobody", nil).refused(404, 10007)
	c.call("DELETE", "/S", nil).ok(nil)
	c.call("GET", "/Z/dns_records?name=www.shop.example", nil).ok(&records)
	if len(records) != 0 {
		t.Errorf("the deleted Worker's records are there: %v", records)
	}
}

func TestScriptsAreFoundByTheirTags(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for name, tags := range map[string][]string{"a": {"blue", "old"}, "b": {"blue"}, "c": nil} {
		c.call("PUT", "/A/workers/scripts/"+name, upload(meta(j{"tags": tags}), "index.js", hello)).ok(nil)
	}
	for filter, want := range map[string]string{"": "abc", "?tags=blue:yes": "ab", "?tags=blue:yes,old:no": "b", "?tags=blue:no": "c"} {
		var found []struct{ ID string }
		c.call("GET", "/A/workers/scripts"+filter, nil).ok(&found)
		got := ""
		for _, s := range found {
			got += s.ID
		}
		if got != want {
			t.Errorf("scripts%s: %q, want %q", filter, got, want)
		}
	}
}
