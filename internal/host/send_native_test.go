//go:build !js

package host

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// asked is what a server of bindings sees of a request.
func asked(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	return strings.Join([]string{r.Method, r.URL.RequestURI(), r.Header.Get(KindHeader), r.Header.Get(BindingHeader), r.Header.Get(KeyHeader), string(body)}, " ")
}

func ask(t *testing.T, ctx context.Context) (string, error) { //nolint:revive // t comes first in a helper
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://any/a%2Fb?x=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := Send(ctx, "kv", "CACHE", r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if r.Header.Get(KindHeader) != "" || r.URL.Host != "any" {
		t.Error("the caller's request was changed")
	}
	return string(b), err
}

func TestABindingIsAskedAtTheAddressOfTheProcess(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, asked(r)) }))
	defer server.Close()
	t.Setenv(BindingsVariable, server.URL+"/some/place/")
	t.Setenv(BindingsKeyVariable, "a-key")
	got, err := ask(t, t.Context())
	if want := "POST /some/place/a%2Fb?x=1 kv CACHE a-key body"; got != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestABindingIsAskedAsTheContextSays(t *testing.T) {
	t.Parallel()
	ctx := WithBindings(t.Context(), roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(asked(r)))}, nil
	}))
	got, err := ask(t, ctx)
	if want := "POST /a%2Fb?x=1 kv CACHE  body"; got != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestWithoutBindingsItIsSaidWhoGivesThem(t *testing.T) {
	for value, want := range map[string]string{"": "`clodo dev`", "no address": "CLODO_BINDINGS is no address"} {
		t.Setenv(BindingsVariable, value)
		if _, err := ask(t, t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
