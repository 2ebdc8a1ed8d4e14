package runtime

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
)

// codeExceeded is Cloudflare's error for a Worker that it stopped.
const codeExceeded = 1102

// exceeded answers for a Worker that was stopped, as Cloudflare does: with a page for
// browsers, and a line for all others.
func exceeded(w http.ResponseWriter, req *http.Request, outcome string) {
	what := map[string]string{exceededCPU: "CPU time", exceededMemory: "memory"}[outcome]
	w.Header().Set("Cache-Control", "private, no-store")
	if !strings.Contains(req.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, "error code: %d", codeExceeded) // the client went away
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, fmt.Sprintf("<!doctype html><title>Worker exceeded resource limits</title><h1>Error %d</h1><p>Worker exceeded resource limits: too much %s.</p><p>Ray ID: %s</p>\n",
		codeExceeded, what, html.EscapeString(w.Header().Get("Cf-Ray"))))
}
