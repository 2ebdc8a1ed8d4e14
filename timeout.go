package clodo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Timeout ends the context of a request after d. A handler that returns the context's
// error is answered with 504; one that does not look at its context goes on. It also
// bounds the client: reading a body that is not there after d fails, which [WriteError]
// answers with 408. Natively writing to a client that takes nothing until d and 5 seconds
// are over fails, too. Do not put it before event streams and WebSockets.
func Timeout(d time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), d)
			defer cancel()
			r = r.WithContext(ctx)
			connection := http.NewResponseController(w)
			end := time.Now().Add(d)
			// The first cannot be set on Workers, neither on a recorder in a test.
			if connection.SetWriteDeadline(end.Add(5*time.Second)) == nil {
				defer func() { _ = connection.SetWriteDeadline(time.Time{}) }() // it would stay for the next request
			}
			if r.Body != nil && r.Body != http.NoBody && connection.SetReadDeadline(end) == nil {
				r.Body = &timedBody{r.Body}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// timedBody says who was slow. (At the end of the body the server takes the deadline
// away, to see whether the client leaves.)
type timedBody struct{ io.ReadCloser }

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &Problem{
			Status: http.StatusRequestTimeout, Code: "slow_client", Detail: "The body did not arrive in time.",
			Header: http.Header{"Connection": {"close"}}, Err: err,
		}
	}
	return n, err
}
