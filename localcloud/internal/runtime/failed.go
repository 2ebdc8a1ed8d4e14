package runtime

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// failed is what Cloudflare itself answers in place of a Worker that did not.
type failed struct {
	status, code int
	title, text  string
}

// threw is for a Worker that threw, or that never would have answered.
var threw = failed{http.StatusInternalServerError, 1101, "Worker threw exception", "The Worker threw a JavaScript exception: its logs have it."}

// exceeded is for a Worker that was stopped for an outcome.
func exceeded(outcome string) failed {
	what := map[string]string{exceededCPU: "CPU time", exceededMemory: "memory"}[outcome]
	return failed{http.StatusServiceUnavailable, 1102, "Worker exceeded resource limits", "Worker exceeded resource limits: too much " + what + "."}
}

// says is the answer to a request: a page for browsers, and a line for all others.
func (f failed) says(accept, ray string) (contentType, body string) {
	if !strings.Contains(accept, "text/html") {
		return "text/plain; charset=UTF-8", fmt.Sprintf("error code: %d", f.code)
	}
	return "text/html; charset=UTF-8", fmt.Sprintf("<!doctype html><title>%s</title><h1>Error %d</h1><p>%s</p><p>Ray ID: %s</p>\n", f.title, f.code, f.text, html.EscapeString(ray))
}

// write answers a request to which there is no answer of workerd.
func (f failed) write(w http.ResponseWriter, req *http.Request) {
	contentType, body := f.says(req.Header.Get("Accept"), w.Header().Get("Cf-Ray"))
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", noStore)
	w.WriteHeader(f.status)
	_, _ = io.WriteString(w, body) // the client went away
}

const noStore = "private, no-store"

// replace makes workerd's answer the one of Cloudflare.
func (f failed) replace(res *http.Response, ray string) {
	contentType, body := f.says(res.Request.Header.Get("Accept"), ray)
	_ = res.Body.Close() // whose connection is of no more use
	res.StatusCode, res.ContentLength = f.status, int64(len(body))
	res.Header = http.Header{"Content-Type": {contentType}, "Cache-Control": {noStore}, "Content-Length": {strconv.Itoa(len(body))}}
	res.Body = io.NopCloser(strings.NewReader(body))
	if res.Request.Method == http.MethodHead {
		res.Body = http.NoBody
	}
}

// hasThrown reports whether an answer is what workerd says for a Worker that threw. A
// Worker cannot answer this itself: it has no say in whether its connection is kept.
func hasThrown(res *http.Response) bool {
	const said = int64(len("Internal Server Error"))
	return res.StatusCode == http.StatusInternalServerError && res.Close && res.ContentLength == said && len(res.Header) == 1
}
