package localcloud

import (
	"net/http"
	"strings"
	"testing"
)

func TestASecretOfTheSecretsStoreIsSetByItsName(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir()})
	key := StoredSecret{Account: c.Info().AccountID, Store: secretStore, Name: "KEY"}
	has := func() bool {
		t.Helper()
		there, err := HasStoredSecret(t.Context(), c.Info(), key)
		fatal(t, err)
		return there
	}
	if has() {
		t.Error("a secret that nobody set is there")
	}
	for _, step := range []struct {
		value   string
		changed bool
	}{{"one", true}, {"one", false}, {"two", true}} {
		changed, err := PutStoredSecret(t.Context(), c.Info(), key, step.value)
		fatal(t, err)
		if changed != step.changed || !has() {
			t.Errorf("set to %s: changed %t, want %t; readable: %t", step.value, changed, step.changed, has())
		}
	}
	r := remote{t, c.Info()}
	for name, test := range map[string]struct{ store, name, body, want string }{
		"no JSON":                  {secretStore, "KEY", `value`, "invalid character"},
		"a value that is no text":  {secretStore, "KEY", `{"value":5}`, `is a number, not a string`},
		"an unknown field":         {secretStore, "KEY", `{"text":"x"}`, "unknown field"},
		"a name with a space":      {secretStore, "a%20b", `{"value":"x"}`, "cannot be called"},
		"a store that is a path":   {"a%2Fb", "KEY", `{"value":"x"}`, "cannot have the id"},
		"a value that is too long": {secretStore, "KEY", `{"value":"` + strings.Repeat("x", 64<<10+1) + `"}`, "more than"},
	} {
		path := "/local/accounts/" + key.Account + "/secrets_store/stores/" + test.store + "/secrets/" + test.name
		if code, answer := r.send(http.MethodPut, path, "", strings.NewReader(test.body)); code != http.StatusBadRequest || !strings.Contains(string(answer), test.want) {
			t.Errorf("%s: %d %s", name, code, answer)
		}
	}
	r.info.APIToken = "clodo_local_stranger"
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		if code, _ := r.send(method, key.path(), "", strings.NewReader(`{"value":"x"}`)); code != http.StatusForbidden {
			t.Errorf("a stranger's %s: %d", method, code)
		}
	}
}
