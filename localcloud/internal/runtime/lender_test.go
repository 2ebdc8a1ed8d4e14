package runtime

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tamylaa/clodo/internal/host"
)

// lendingOf is what a request of a program is about, as the lender gets it.
func lendingOf(t *testing.T, kind, object, target string) (string, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://bindings", nil)
	r.URL.Path = target
	r.Header.Set(host.KindHeader, kind)
	if object != "" {
		r.Header.Set(host.ObjectHeader, object)
	}
	asked, err := lending(r)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(asked)
	if err != nil {
		t.Fatalf("what was understood has no JSON: %v", err)
	}
	return string(b), nil
}

func TestALentBindingIsAskedForWhatItDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, object, path, want, err string }{
		{name: "an object by its name", kind: "durable", object: `%7B%22name%22:%22l%C3%B6bby%22%7D`, path: "/join", want: `{"operation":"fetch","to":{"name":"löbby"}}`},
		{name: "an entrypoint", kind: "service", path: "/newUniqueId", want: `{"operation":"fetch"}`},
		{name: "an id", kind: "durable", path: "/idFromName", want: `{"operation":"idFromName"}`},
		{name: "a new one", kind: "durable", path: "/newUniqueId", want: `{"operation":"newUniqueId"}`},
		{name: "what a prototype has", kind: "durable", path: "/constructor", err: `durable objects have no operation "constructor"`},
		{name: "no operation", kind: "durable", err: `durable objects have no operation ""`},
		{name: "an object in no JSON", kind: "durable", object: "{", path: "/", err: "which object is meant is not understood"},
		{name: "an object that is not escaped", kind: "durable", object: "%7", path: "/", err: "which object is meant is not understood"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := lendingOf(t, c.kind, c.object, c.path)
			if got != c.want || c.err != "" != (err != nil) || err != nil && err.Error() != c.err {
				t.Errorf("%s, %v; want %s, %s", got, err, c.want, c.err)
			}
		})
	}
}

func FuzzLending(f *testing.F) {
	f.Add("durable", "%7B%22id%22:%22x%22%7D", "/join")
	f.Add("durable", "", "/idFromName")
	f.Add("service", "null", "")
	f.Fuzz(func(t *testing.T, kind, object, path string) {
		_, _ = lendingOf(t, kind, object, path) // it must neither panic nor make what is no JSON
	})
}
