package clodo

import (
	"io"
	"net/http"
)

// LimitBody refuses bodies of more than n bytes: at once with 413 when the request
// says its size, else with an error of the read, which [WriteError] answers with 413.
// Of several limits the smallest counts.
func LimitBody(n int64) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > n {
				WriteError(w, r, &http.MaxBytesError{Limit: n})
				return
			}
			if r.Body != nil && r.Body != http.NoBody { // a request without one is handed on as one
				r.Body = &limitedBody{http.MaxBytesReader(w, r.Body, n)}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// limitedBody tells [Decode] that a body has a limit.
type limitedBody struct{ io.ReadCloser }

func limited(body io.Reader) bool {
	switch b := body.(type) {
	case *limitedBody:
		return true
	case *timedBody:
		return limited(b.ReadCloser)
	}
	return false
}
