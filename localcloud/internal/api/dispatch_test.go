package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

type dispatchNamespace struct {
	Name    string `json:"namespace_name"`
	Count   int    `json:"script_count"`
	Trusted bool   `json:"trusted_workers"`
}

func TestDispatchNamespacesAreMadeRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const base = "/A/workers/dispatch/namespaces"
	var n dispatchNamespace
	c.call("POST", base, j{"name": "customers"}).ok(&n)
	c.call("POST", base, j{"name": "customers"}).refused(409, 10040)
	c.call("POST", base, j{"name": "a/b"}).refused(400, 10005)
	c.call("POST", base, j{}).refused(400, 10005)
	c.call("GET", base+"/nobody", nil).refused(404, 100119)
	c.call("PUT", base+"/nobody/scripts/x", upload(meta(), "index.js", hello)).refused(404, 100119)
	c.call("PUT", base+"/customers/scripts/ann", upload(meta(j{"tags": []string{"free"}}), "index.js", hello)).ok(nil)
	c.call("PUT", base+"/customers", j{"name": "people"}).ok(&n)
	c.call("PATCH", base+"/people", j{"trusted_workers": true}).ok(&n)
	if diff := cmp.Diff(dispatchNamespace{"people", 1, true}, n); diff != "" {
		t.Errorf("the namespace (-want +got):\n%s", diff)
	}
	served := c.stage.served()
	if len(served.Namespaces) != 1 || served.Namespaces[0].Name != "people" || !served.Namespaces[0].Trusted {
		t.Errorf("the runtime serves the namespaces %+v", served.Namespaces)
	}
	if _, ok := c.stage.worker(served.Namespaces[0].ID + "/ann"); !ok {
		t.Errorf("the user Worker is not served")
	}
	var listed []j
	c.call("GET", "/A/workers/scripts", nil).ok(&listed)
	if len(listed) != 0 {
		t.Errorf("a user Worker is among those of the account: %v", listed)
	}
	bind := func(fields j) *form {
		fields["name"], fields["type"] = "USERS", "dispatch_namespace"
		return upload(meta(j{"bindings": []j{fields}}), "index.js", hello)
	}
	c.call("PUT", "/S", bind(j{"namespace": "people"})).ok(nil)
	c.call("PUT", "/S", bind(j{"namespace": "customers"})).refused(400, 100119)
	c.call("PUT", "/S", bind(j{"namespace": "people", "outbound": j{"worker": j{"service": "web"}}})).refused(501, 100153)
	var all []dispatchNamespace
	c.call("DELETE", base+"/people", nil).ok(nil)
	c.call("GET", base, nil).ok(&all)
	if len(all) != 0 || len(c.stage.served().Workers) != 1 {
		t.Errorf("after the namespace was deleted: %v, %d Workers", all, len(c.stage.served().Workers))
	}
}

func TestUserWorkersAreWorkersOfTheirNamespace(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const base = "/A/workers/dispatch/namespaces/customers"
	const ann = base + "/scripts/ann"
	c.call("POST", "/A/workers/dispatch/namespaces", j{"name": "customers"}).ok(nil)
	c.call("GET", base, nil).ok(nil)
	c.call("PUT", base+"/scripts/Ann", upload(meta(), "index.js", hello)).refused(400, 10016)
	c.call("GET", ann, nil).refused(404, 10092)
	c.call("PUT", ann+"/secrets", j{"name": "A", "type": "secret_text", "text": "x"}).refused(404, 10092)
	c.call("PUT", ann, upload(meta(j{"tags": []string{"free", "eu"}, "bindings": []j{{"name": "V", "type": "plain_text", "text": "v"}}}), "index.js", hello)).ok(nil)
	c.call("PUT", base+"/scripts/bob", upload(meta(j{"tags": []string{"paid"}}), "index.js", hello)).ok(nil)

	var one struct {
		Script struct {
			ID   string
			Tags []string
		}
		Namespace string `json:"dispatch_namespace"`
	}
	c.call("GET", ann, nil).ok(&one)
	if one.Script.ID != "ann" || one.Namespace != "customers" {
		t.Errorf("the Worker is %+v", one)
	}
	var listed []j
	c.call("GET", base+"/scripts?tags=free:yes", nil).ok(&listed)
	if len(listed) != 1 {
		t.Errorf("%d Workers are tagged, want 1", len(listed))
	}
	var bindings []j
	c.call("GET", ann+"/bindings", nil).ok(&bindings)
	c.call("GET", ann+"/settings", nil).ok(nil)
	c.call("PATCH", ann+"/settings", settingsForm(j{"compatibility_date": "2026-02-02"})).ok(nil)
	c.call("PUT", ann+"/secrets", j{"name": "KEY", "type": "secret_text", "text": "s3cret"}).ok(nil)
	c.call("GET", ann+"/secrets/KEY", nil).ok(nil)
	c.call("PATCH", ann+"/secrets-bulk", j{"secrets": j{"MORE": j{"name": "MORE", "type": "secret_text", "text": "x"}}}).ok(nil)
	c.call("DELETE", ann+"/secrets/MORE", nil).ok(nil)
	var secrets []j
	c.call("GET", ann+"/secrets", nil).ok(&secrets)
	c.call("PUT", ann+"/content", upload(j{"main_module": "index.js"}, "index.js", hello+"// changed")).ok(nil)
	c.call("PUT", ann+"/content", upload(j{"main_module": "index.js"}, "index.js", "throw 1")).refused(400, 10021)
	c.call("GET", ann+"/bindings", nil).ok(&bindings)
	if len(secrets) != 1 || len(bindings) != 2 {
		t.Errorf("the Worker has the secrets %v and, after its code changed, the bindings %v", secrets, bindings)
	}
	if got := c.call("GET", ann+"/content", nil); got.status != 200 || len(got.body) == 0 {
		t.Errorf("the content is %d %q", got.status, got.body)
	}
	c.call("POST", ann+"/assets-upload-session", j{"manifest": j{}}).ok(nil)
}

func TestTagsSayWhichUserWorkersAreDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const base = "/A/workers/dispatch/namespaces/customers/scripts"
	c.call("POST", "/A/workers/dispatch/namespaces", j{"name": "customers"}).ok(nil)
	for _, name := range []string{"ann", "bob", "eve", "joe"} {
		c.call("PUT", base+"/"+name, upload(meta(), "index.js", hello)).ok(nil)
	}
	var got []string
	c.call("PUT", base+"/ann/tags", []string{"b", "a", "b"}).ok(&got)
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	c.call("PUT", base+"/ann/tags", []string{"a,b"}).refused(400, 100102)
	c.call("PUT", base+"/ann/tags/free", nil).ok(nil)
	c.call("PUT", base+"/ann/tags/free", nil).ok(nil)
	c.call("DELETE", base+"/ann/tags/b", nil).ok(nil)
	c.call("GET", base+"/ann/tags", nil).ok(&got)
	if diff := cmp.Diff([]string{"a", "free"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, name := range []string{"bob", "eve"} {
		c.call("PUT", base+"/"+name+"/tags/free", nil).ok(nil)
	}
	c.call("DELETE", base, nil).refused(400, 10003)
	for _, step := range []struct {
		query string
		want  string
	}{{"?tags=free:yes&limit=2", `"deleted_count":2,"has_more":true}`}, {"?tags=free:yes", `"deleted_count":1,"has_more":false}`}} {
		body := string(c.call("DELETE", base+step.query, nil).body)
		if len(body) < len(step.want) || body[len(body)-len(step.want):] != step.want {
			t.Errorf("%s: %s, want …%s", step.query, body, step.want)
		}
	}
	c.call("DELETE", base+"/joe", nil).ok(nil)
	if n := len(c.stage.served().Workers); n != 0 {
		t.Errorf("%d Workers are served after all were deleted", n)
	}
}
