package clodotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// URL is the address of a path of the service, such as /users?name=Ada.
func (a *App) URL(path string) string { return "http://" + a.host + path }

// Request makes a request for the service. body is nothing (nil), text, bytes or a
// reader, or else a value that is sent as JSON. header are names and values in turn.
func (a *App) Request(method, path string, body any, header ...string) *http.Request {
	a.t.Helper()
	content, kind, err := content(body)
	if err != nil {
		a.t.Fatalf("clodotest: the body of %s %s: %v", method, path, err)
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.URL(path), content)
	if err != nil {
		a.t.Fatalf("clodotest: %v", err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if len(header)%2 != 0 {
		a.t.Fatalf("clodotest: the header %q of %s %s has no value", header[len(header)-1], method, path)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func content(body any) (r io.Reader, kind string, err error) {
	switch b := body.(type) {
	case nil:
		return http.NoBody, "", nil
	case string:
		return strings.NewReader(b), "", nil
	case []byte:
		return bytes.NewReader(b), "", nil
	case io.Reader:
		return b, "", nil
	}
	b, err := json.Marshal(body)
	return bytes.NewReader(b), "application/json", err
}

// Do sends a request. Redirects are answers like others. The answer's body is closed when
// the test ends, if it has not been before.
func (a *App) Do(r *http.Request) *http.Response {
	a.t.Helper()
	res, err := a.send.RoundTrip(r)
	if err != nil {
		a.t.Fatalf("clodotest: %s %s: %v", r.Method, r.URL.Path, err)
	}
	a.t.Cleanup(func() { _ = res.Body.Close() }) // nobody reads it any more
	return res
}

// Get sends a GET. header are names and values in turn, as for all of these methods.
func (a *App) Get(path string, header ...string) *http.Response {
	a.t.Helper()
	return a.Do(a.Request(http.MethodGet, path, nil, header...))
}

// Post sends a POST; see [App.Request] for the body.
func (a *App) Post(path string, body any, header ...string) *http.Response {
	a.t.Helper()
	return a.Do(a.Request(http.MethodPost, path, body, header...))
}

// Put sends a PUT.
func (a *App) Put(path string, body any, header ...string) *http.Response {
	a.t.Helper()
	return a.Do(a.Request(http.MethodPut, path, body, header...))
}

// Patch sends a PATCH.
func (a *App) Patch(path string, body any, header ...string) *http.Response {
	a.t.Helper()
	return a.Do(a.Request(http.MethodPatch, path, body, header...))
}

// Delete sends a DELETE.
func (a *App) Delete(path string, header ...string) *http.Response {
	a.t.Helper()
	return a.Do(a.Request(http.MethodDelete, path, nil, header...))
}

// Client is an HTTP client whose requests all go to the service, whatever their host is,
// which sees its own. It follows redirects and has no cookies, as any client without a jar.
func (a *App) Client() *http.Client { return &http.Client{Transport: toHost{a.send, a.host}} }

// toHost sends every request for one host.
type toHost struct {
	to   http.RoundTripper
	host string
}

// RoundTrip sends a request.
func (t toHost) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Host, out.Host = t.host, t.host
	res, err := t.to.RoundTrip(out)
	if err == nil {
		res.Request = r
	}
	return res, err
}

// Body reads an answer's body.
func Body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("clodotest: reading the answer: %v", err)
	}
	_ = res.Body.Close() // it was read
	return string(b)
}

// Status fails the test at once when the answer has another status, showing its body.
func Status(t testing.TB, res *http.Response, want int) {
	t.Helper()
	if res.StatusCode != want {
		asked := ""
		if res.Request != nil {
			asked = fmt.Sprintf("%s %s: ", res.Request.Method, res.Request.URL.RequestURI())
		}
		t.Fatalf("%sstatus %d, want %d: %s", asked, res.StatusCode, want, Body(t, res))
	}
}

// JSON reads a successful answer's body as a T. Another status than 2xx, or what is no T,
// fails the test.
func JSON[T any](t testing.TB, res *http.Response) T {
	t.Helper()
	var v T
	body := Body(t, res)
	if res.StatusCode/100 != 2 {
		t.Fatalf("status %d: %s", res.StatusCode, body)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("the answer is no %T: %v\n%s", v, err, body)
	}
	return v
}
