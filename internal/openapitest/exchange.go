package openapitest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Middleware checks each exchange that passes through to next and reports what is wrong
// as errors of the test, which goes on.
func (c *Checker) Middleware(t testing.TB, next http.Handler) http.Handler {
	return c.watch(t, next, true)
}

// ResponseMiddleware is Middleware that checks what next answers only: for clients that
// are not ours, such as wrangler, whose requests are as they are.
func (c *Checker) ResponseMiddleware(t testing.TB, next http.Handler) http.Handler {
	return c.watch(t, next, false)
}

func (c *Checker) watch(t testing.TB, next http.Handler, requests bool) http.Handler {
	report := reporter(t)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			report(fmt.Errorf("request %s %s: read its body: %w", req.Method, req.URL.Path, err))
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		if requests {
			report(c.Request(req, body))
		}
		tee := &teeWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(tee, req)
		// A handler that took the connection over answers in another protocol, and 501
		// is the honest answer of a server that does not have the route.
		if !tee.hijacked && tee.status != http.StatusNotImplemented {
			report(c.Response(req, tee.status, w.Header(), tee.body.Bytes()))
		}
	})
}

// Transport checks each exchange that passes through to base and reports what is wrong
// as errors of the test, which goes on.
func (c *Checker) Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	return &transport{c, reporter(t), base}
}

type transport struct {
	checker *Checker
	report  func(error)
	base    http.RoundTripper
}

func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	tr.report(tr.checker.Request(req, body))
	resp, err := tr.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	tr.report(tr.checker.Response(req, resp.StatusCode, resp.Header, answer))
	return resp, nil
}

// reporter makes errors of the test out of violations, from any goroutine, until the
// test has ended: a server may outlive it by a moment.
func reporter(t testing.TB) func(error) {
	var mu sync.Mutex
	ended := false
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
	})
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && !ended {
			t.Errorf("against Cloudflare's OpenAPI document: %v", err)
		}
	}
}

// teeWriter keeps a copy of what is written.
type teeWriter struct {
	http.ResponseWriter
	status   int
	wrote    bool
	hijacked bool
	body     bytes.Buffer
}

func (w *teeWriter) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.wrote, w.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *teeWriter) Write(b []byte) (int, error) {
	w.wrote = true
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

// Hijack is for handlers that take the connection over.
func (w *teeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.hijacked = true
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Flush is for handlers that answer piece by piece.
func (w *teeWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
