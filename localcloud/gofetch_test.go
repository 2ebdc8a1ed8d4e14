package localcloud

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// world is a server that a service asks.
func world(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // it is always supported
		_, _ = fmt.Fprintf(w, "%s %s ", r.Method, r.Header.Get("X-Asked"))
		part := make([]byte, 4096)
		for {
			n, err := r.Body.Read(part)
			_, _ = w.Write(part[:n])
			_ = control.Flush()
			if err != nil {
				return
			}
		}
	})
	mux.Handle("/moved", http.RedirectHandler("/echo", http.StatusTemporaryRedirect))
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		g := gzip.NewWriter(w)
		_, _ = io.WriteString(g, "unpacked")
		_ = g.Close()
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// fetch has a service in Go send requests over the network.
func (s goService) fetch(t *testing.T) {
	address := world(t)
	ask := func(method, path, query string, body io.Reader) *http.Response {
		t.Helper()
		return s.ask(method, "/fetch?"+url.Values{"url": {address + path}}.Encode()+query, body, "X-Asked", "by go")
	}
	for name, c := range map[string]struct {
		method, path, query string
		want                string
	}{
		"an answer":                  {"GET", "/echo", "", `200 "GET by go " "" ""`},
		"a redirect is followed":     {"GET", "/moved", "", `200 "GET by go " "" ""`},
		"a redirect is an answer":    {"GET", "/moved", "&follow=no", `307 "<a href=\"/echo\">Temporary Redirect</a>.\n\n" "/echo" ""`},
		"what was packed is decoded": {"GET", "/gzip", "", `200 "unpacked" "" ""`},
		"a status":                   {"GET", "/none", "", `404 "404 page not found\n" "" ""`},
	} {
		t.Run(name, func(t *testing.T) {
			res := ask(c.method, c.path, c.query, nil)
			if got := fmt.Sprintf("%d %q %q %q", res.StatusCode, text(t, res), res.Header.Get("X-Location"), res.Header.Get("X-Encoding")); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
		})
	}
	t.Run("bodies stream both ways", func(t *testing.T) {
		sent := make([]byte, 2<<20)
		_, _ = rand.Read(sent)
		read, write := io.Pipe()
		went := make(chan error, 1)
		go func() {
			_, err := write.Write(sent[:1000])
			went <- err
		}()
		res := ask("POST", "/echo", "", read)
		fatal(t, <-went)
		got := make([]byte, len("POST by go ")+1000)
		_, err := io.ReadFull(res.Body, got) // before the rest is sent
		fatal(t, err)
		go func() {
			_, err := write.Write(sent[1000:])
			went <- err
			_ = write.Close()
		}()
		rest, err := io.ReadAll(res.Body)
		fatal(t, err)
		if !bytes.Equal(append(got[len("POST by go "):], rest...), sent) || <-went != nil {
			t.Errorf("%d bytes came back as %d", len(sent), len(rest)+1000)
		}
	})
	t.Run("a service by its hostname, and it by its own", func(t *testing.T) {
		res := s.ask("PUT", "/fetch?url=http://other.localhost/x", strings.NewReader("hello"), "X-Asked", "by go")
		if got := fmt.Sprint(res.StatusCode, " ", text(t, res)); got != "201 hello" {
			t.Errorf("%q", got)
		}
		res = s.askOf("other", "GET", "/ask?url=http://go.localhost/users/7", nil)
		if got := text(t, res); res.StatusCode != 200 || !strings.Contains(got, `{"header":"by other","host":"go.localhost","id":"7"`) {
			t.Errorf("%d %q", res.StatusCode, got)
		}
	})
	t.Run("its time-out ends it", func(t *testing.T) {
		began := time.Now()
		if res := ask("GET", "/slow", "&limit=500ms", nil); res.StatusCode != 504 || time.Since(began) > 10*time.Second {
			t.Errorf("%d after %v", res.StatusCode, time.Since(began))
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		if res := s.ask("GET", "/fetch?url=http://127.0.0.1:1/", nil); res.StatusCode != 502 {
			t.Errorf("%d", res.StatusCode)
		}
	})
}
