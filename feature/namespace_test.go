//go:build !js

package feature_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/internal/host"
)

// answers is bindings that answer every request alike, and note what was asked.
type answers struct {
	status int
	body   string
	asked  string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = r.Method + " " + r.URL.RequestURI() + " of " + r.Header.Get(host.KindHeader) + " " + r.Header.Get(host.BindingHeader)
	w := httptest.NewRecorder()
	w.WriteHeader(a.status)
	_, _ = w.WriteString(a.body) // a recorder takes everything
	return w.Result(), nil
}

func TestNativelyChangesAreReadFromTheBinding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   bool
	}{
		{"a change", 200, `{"v":1,"flags":{"premium":{"environment":true}}}`, true},
		{"none was ever made", 404, "Not Found", false},
		{"the namespace fails", 500, `{"v":1,"flags":{"premium":{"environment":true}}}`, false},
	} {
		premium := feature.Bool("premium")
		f, err := feature.Open(feature.Options{Document: shop})
		if err != nil {
			t.Fatal(err)
		}
		kv := &answers{status: c.status, body: c.body}
		e := f.Evaluate(host.WithBindings(context.WithoutCancel(t.Context()), kv), feature.Context{Domain: "b.example.com"})
		if got := premium.In(e); got != c.want {
			t.Errorf("%s: the flag is %t", c.name, got)
		}
		if want := "GET /flags?urlencoded=true&cache_ttl=30 of kv CLODO_FLAGS"; kv.asked != want {
			t.Errorf("%s: asked %s, want %s", c.name, kv.asked, want)
		}
	}
}
