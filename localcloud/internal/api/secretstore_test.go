package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// storedJSON is a secret of the Secrets Store as the API shows it.
type storedJSON struct {
	ID, Name, Comment, Status string
	Scopes                    []string
}

// newSecretStore makes a store and gives its path.
func (c *client) newSecretStore(name string) string {
	c.t.Helper()
	var made struct{ ID, Name string }
	c.call("POST", "/A/secrets_store/stores", j{"name": name}).ok(&made)
	if made.Name != name {
		c.t.Errorf("made %+v", made)
	}
	return "/A/secrets_store/stores/" + made.ID
}

func TestStoresOfSecretsAreMadeListedAndDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	first := c.newSecretStore("keys")
	c.newSecretStore("other")
	c.call("POST", "/A/secrets_store/stores", j{"name": "keys"}).refused(409, 1003)
	c.call("POST", "/A/secrets_store/stores", j{"name": "a/b"}).refused(400, 1001)
	c.call("POST", "/A/secrets_store/stores", []byte("[")).refused(400, 10026)
	var all []struct{ Name string }
	c.call("GET", "/A/secrets_store/stores?direction=desc", nil).ok(&all)
	if diff := cmp.Diff([]struct{ Name string }{{"other"}, {"keys"}}, all); diff != "" {
		t.Error(diff)
	}
	c.call("GET", first, nil).ok(nil)
	c.call("POST", first+"/secrets", []j{{"name": "KEY", "value": "1", "scopes": []string{"workers"}}}).ok(nil)
	c.call("DELETE", first, nil).refused(409, 1005)
	c.call("DELETE", first+"?force=true", nil).ok(nil)
	c.call("DELETE", first, nil).refused(404, 1002)
	c.call("GET", first, nil).refused(404, 1002)
	c.call("GET", first+"/secrets", nil).refused(404, 1002)
	c.call("POST", first+"/secrets", []j{{"name": "KEY", "value": "1", "scopes": []string{"workers"}}}).refused(404, 1002)
}

func TestStoredSecretsAreMadeChangedAndNeverShown(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	store := c.newSecretStore("keys")
	var made []storedJSON
	a := c.call("POST", store+"/secrets", []j{{"name": "KEY", "value": "s3cret", "scopes": []string{"workers"}, "comment": "c"}, {"name": "API", "value": "x", "scopes": []string{"ai_gateway"}}})
	a.ok(&made)
	if len(made) != 2 || made[0].Status != "active" || strings.Contains(string(a.body), "s3cret") {
		t.Errorf("made %s", a.body)
	}
	key := store + "/secrets/" + made[0].ID
	var got storedJSON
	c.call("PATCH", key, j{"value": "other", "comment": "d"}).ok(&got)
	if diff := cmp.Diff(storedJSON{made[0].ID, "KEY", "d", "active", []string{"workers"}}, got); diff != "" {
		t.Error(diff)
	}
	c.call("GET", key, nil).ok(&got)
	c.call("POST", key+"/duplicate", j{"name": "COPY", "scopes": []string{"workers"}}).ok(&got)
	if got.Name != "COPY" {
		t.Errorf("the copy: %+v", got)
	}
	c.call("POST", key+"/duplicate", j{"name": "COPY", "scopes": []string{"workers"}}).refused(409, 1003)
	names := func(query string) string {
		var all []storedJSON
		c.call("GET", store+"/secrets"+query, nil).ok(&all)
		var list []string
		for _, s := range all {
			list = append(list, s.Name)
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{"": "API COPY KEY", "?search=key": "KEY", "?scopes=ai_gateway": "API", "?per_page=1&page=2": "COPY", "?order=created&direction=desc": "COPY API KEY"} {
		if got := names(query); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	var quota struct{ Secrets struct{ Quota, Usage int } }
	c.call("GET", "/A/secrets_store/quota", nil).ok(&quota)
	if quota.Secrets.Usage != 3 || quota.Secrets.Quota != 100 {
		t.Errorf("the quota: %+v", quota)
	}
	if a := c.call("DELETE", key, nil); a.status != 202 || !a.Success {
		t.Errorf("deleted: %d %s", a.status, a.body)
	}
	c.call("DELETE", store+"/secrets", []j{{"id": got.ID}, {"id": "none"}}).refused(404, 1002)
	if got := names(""); got != "API COPY" {
		t.Errorf("what is left: %s", got)
	}
	if a := c.call("DELETE", store+"/secrets", []j{{"id": got.ID}}); a.status != 202 {
		t.Errorf("deleted: %d %s", a.status, a.body)
	}
	for name, body := range map[string]j{
		"a bad name":      {"name": "a b", "value": "1", "scopes": []string{}},
		"no name":         {"value": "1", "scopes": []string{}},
		"no value":        {"name": "a", "scopes": []string{}},
		"an empty value":  {"name": "a", "value": "", "scopes": []string{}},
		"a long value":    {"name": "a", "value": strings.Repeat("x", 65537), "scopes": []string{}},
		"no scopes":       {"name": "a", "value": "1"},
		"a scope unknown": {"name": "a", "value": "1", "scopes": []string{"moon"}},
	} {
		if a := c.call("POST", store+"/secrets", []j{{"name": "GOOD", "value": "1", "scopes": []string{}}, body}); a.status != 400 || a.Errors[0].Code != 1001 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	c.call("PATCH", key, j{"value": "1"}).refused(404, 1002)
	var many []j
	for i := range 100 {
		many = append(many, j{"name": fmt.Sprint("S", i), "value": "1", "scopes": []string{"workers"}})
	}
	c.call("POST", store+"/secrets", many).refused(400, 1004)
	if got := names(""); got != "API" {
		t.Errorf("after refusals: %s", got)
	}
}

func TestAnUploadMakesTheStoreOfItsBinding(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const id = "0123456789abcdef0123456789abcdef"
	c.call("GET", "/A/secrets_store/stores/"+id, nil).refused(404, 1002)
	bind := func(binding j) answer {
		return c.call("PUT", "/S", upload(meta(j{"bindings": []j{binding}}), "index.js", hello))
	}
	bind(j{"type": "secrets_store_secret", "name": "KEY", "store_id": id, "secret_name": "KEY"}).ok(nil)
	c.call("POST", "/A/secrets_store/stores/"+id+"/secrets", []j{{"name": "KEY", "value": "1", "scopes": []string{"workers"}}}).ok(nil)
	bind(j{"type": "secrets_store_secret", "name": "KEY", "store_id": "../x", "secret_name": "KEY"}).refused(400, 10021)
	bind(j{"type": "secrets_store_secret", "name": "KEY", "store_id": id}).refused(400, 10021)
}
