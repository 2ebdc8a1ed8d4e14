package clodo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tamylaa/clodo"
)

func TestFetchFollowsRedirectsAndTheTransportDoesNot(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("/moved", http.RedirectHandler("/here", http.StatusTemporaryRedirect))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusTemporaryRedirect))
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	server := httptest.NewServer(mux)
	defer server.Close()
	ask := func(send func(*http.Request) (*http.Response, error), path string) (int, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := send(r)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, string(b), err
	}
	fetch := func(r *http.Request) (*http.Response, error) { return clodo.Fetch(t.Context(), r) }
	if status, body, err := ask(fetch, "/moved"); status != 200 || body != "body" || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}
	if status, _, err := ask(clodo.Transport{}.RoundTrip, "/moved"); status != 307 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	if _, _, err := ask(fetch, "/round"); err == nil {
		t.Error("it followed redirects without an end")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ask(func(r *http.Request) (*http.Response, error) { return clodo.Fetch(ended, r) }, "/here"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
