package clodo

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
)

// RequestIDHeader carries a request's id, both ways.
const RequestIDHeader = "X-Request-Id"

// maxRequestID bounds an id that a client sends; a longer one is replaced.
const maxRequestID = 128

// maxTraceState is what W3C Trace Context wants to be passed on at least.
const maxTraceState = 512

// contextKey is the type of this package's keys in a context.
type contextKey int

const (
	requestIDKey contextKey = iota
	traceKey
	traceStateKey
	identityKey
)

// RequestID gives every request an id that its answer and its logs carry: the client's
// own, when it is plain text of a sensible length, else Cloudflare's ray, else a new
// one. It also keeps the request's W3C traceparent and tracestate.
func RequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(RequestIDHeader)
		if !plain(id) {
			if id = r.Header.Get("Cf-Ray"); !plain(id) {
				id = rand.Text()
			}
		}
		w.Header().Set(RequestIDHeader, id)
		ctx := context.WithValue(r.Context(), requestIDKey, id)
		if trace := r.Header.Get("Traceparent"); isTraceParent(trace) {
			ctx = context.WithValue(ctx, traceKey, trace)
			if state := strings.Join(r.Header.Values("Tracestate"), ","); state != "" && len(state) <= maxTraceState {
				ctx = context.WithValue(ctx, traceStateKey, state)
			}
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// RequestIDOf is the id that [RequestID] gave the request of ctx; "" without one.
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// TraceParent is the traceparent that came with the request of ctx, for the requests
// that are made on its behalf; "" without one.
func TraceParent(ctx context.Context) string {
	trace, _ := ctx.Value(traceKey).(string)
	return trace
}

// TraceState is the tracestate that came with [TraceParent], to be passed on as it is; ""
// without one.
func TraceState(ctx context.Context) string {
	state, _ := ctx.Value(traceStateKey).(string)
	return state
}

// plain reports a text that can stand in a header and in a line of a log.
func plain(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// isTraceParent knows version 00 of W3C Trace Context, and what later ones keep of it:
// VERSION-TRACE-PARENT-FLAGS in lower-case hex, neither of the two ids all zero.
func isTraceParent(s string) bool {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' || len(s) > 55 && (s[55] != '-' || s[:2] == "00") || s[:2] == "ff" {
		return false
	}
	for _, part := range []string{s[:2], s[3:35], s[36:52], s[53:55]} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != "" && plain(s)
}
