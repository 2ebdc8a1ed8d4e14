package clodo

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// Log writes a line for every request once it is answered: method, path, pattern,
// status, bytes, duration and request id; at level Error from status 500 on, else
// Info. A nil logger is [slog.Default].
func Log(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := &answer{ResponseWriter: w}
			began := time.Now()
			defer func() {
				// After a panic that nobody caught the server breaks the connection.
				status, caught := a.status, recover()
				if caught != nil {
					status = http.StatusInternalServerError
				} else if status == 0 {
					status = http.StatusOK
				}
				level := slog.LevelInfo
				if status >= http.StatusInternalServerError {
					level = slog.LevelError
				}
				logger(log).Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path, "pattern", r.Pattern,
					"status", status, "bytes", a.bytes, "duration_ms", float64(time.Since(began).Microseconds())/1000, "request_id", RequestIDOf(r.Context()))
				if caught != nil {
					panic(caught)
				}
			}()
			next.ServeHTTP(a, r)
		})
	}
}

func logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.Default()
	}
	return log
}

// Recover answers 500 when a handler panics, and logs the panic with its stack. When
// the answer had begun the connection is broken, so that its client sees that it is
// not whole. [http.ErrAbortHandler] goes on to the server. On Workers the instance of the
// program gets no other request, as after a panic that nobody caught. A nil logger is
// [slog.Default].
func Recover(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := &answer{ResponseWriter: w}
			defer func() {
				caught := recover()
				if caught == nil {
					return
				}
				if caught == http.ErrAbortHandler {
					panic(caught)
				}
				host.Spoil(r.Context())
				logger(log).ErrorContext(r.Context(), "a handler panicked", "method", r.Method, "path", r.URL.Path,
					"panic", caught, "request_id", RequestIDOf(r.Context()), "stack", string(debug.Stack()))
				if a.status != 0 {
					panic(http.ErrAbortHandler)
				}
				writeProblem(w, r, &Problem{Status: http.StatusInternalServerError, Code: "internal_error"})
			}()
			next.ServeHTTP(a, r)
		})
	}
}
