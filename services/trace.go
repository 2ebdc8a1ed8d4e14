package services

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"os"

	"github.com/tamylaa/clodo"
)

// propagate gives a request the id and the trace of the request that it is made for,
// unless it has its own.
func propagate(ctx context.Context, h http.Header) {
	if id := clodo.RequestIDOf(ctx); id != "" && h.Get(clodo.RequestIDHeader) == "" {
		h.Set(clodo.RequestIDHeader, id)
	}
	if trace := clodo.TraceParent(ctx); trace != "" && h.Get("Traceparent") == "" {
		h.Set("Traceparent", child(trace))
		if state := clodo.TraceState(ctx); state != "" {
			h.Set("Tracestate", state)
		}
	}
	if name := os.Getenv("CLODO_SERVICE"); name != "" && h.Get("User-Agent") == "" {
		h.Set("User-Agent", "clodo-service/"+name)
	}
}

// child is a new span of the trace of a valid traceparent, VERSION-TRACE-SPAN-FLAGS.
func child(trace string) string {
	var span [8]byte
	_, _ = rand.Read(span[:]) // it never fails
	span[0] |= 1              // a span is not all zero
	return "00" + trace[2:36] + hex.EncodeToString(span[:]) + trace[52:55]
}
