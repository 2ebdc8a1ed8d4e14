package clodo

import (
	"context"
	"net/http"

	"github.com/tamylaa/clodo/internal/host"
)

// Fetch sends a request and follows up to 20 redirects. It is [http.Client.Do] without
// what that costs on Workers, where an [http.Client] makes a program 1.0 MB larger:
// there it is the runtime's fetch. Bodies are streams both ways; that of the request is
// closed, and that of the answer has to be. When ctx ends, so does the exchange.
//
// A request that is made while another one is answered needs that one's context.
func Fetch(ctx context.Context, r *http.Request) (*http.Response, error) {
	return host.Follow(r.WithContext(ctx))
}

// Transport sends requests as [Fetch] does, but redirects are answers, as the contract
// of [http.RoundTripper] has it. Libraries that want a RoundTripper take it; those that
// want an [http.Client] link that.
type Transport struct{}

// RoundTrip sends a request.
func (Transport) RoundTrip(r *http.Request) (*http.Response, error) { return host.RoundTrip(r) }
