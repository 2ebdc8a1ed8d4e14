package cli

import (
	"net/http"
	"time"

	"github.com/tamylaa/clodo/internal/term"
)

// tracer notes every API request on stderr: method, path, status and time. Headers
// and bodies, where tokens and values are, are never looked at.
type tracer struct {
	term *term.Terminal
	next http.RoundTripper
}

var _ http.RoundTripper = tracer{}

// tracedClient is an HTTP client whose requests are noted.
func tracedClient(t *term.Terminal) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 2 * time.Minute
	return &http.Client{Transport: tracer{term: t, next: transport}}
}

// RoundTrip implements http.RoundTripper.
func (t tracer) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := t.next.RoundTrip(r)
	took := time.Since(began).Round(time.Millisecond)
	if err != nil {
		t.term.Note("%s %s: %s (%s)", r.Method, r.URL.Path, err, took)
		return nil, err
	}
	t.term.Note("%s %s: %d (%s)", r.Method, r.URL.Path, res.StatusCode, took)
	return res, nil
}
