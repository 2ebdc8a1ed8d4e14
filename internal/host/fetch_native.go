//go:build !js

package host

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
)

// maxRedirects is how many a request follows, as on Workers.
const maxRedirects = 20

var errRedirects = errors.New("too many redirects")

// Follow sends a request over the network and follows redirects.
func Follow(r *http.Request) (*http.Response, error) {
	client := http.Client{Transport: network{}, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		return nil
	}}
	return client.Do(r)
}

// RoundTrip sends a request over the network.
func RoundTrip(r *http.Request) (*http.Response, error) { return network{}.RoundTrip(r) }

// CallKind is the kind of a request to a hostname, for the local cloud: the services that it
// has are reached through it. AskCall, as the name of the binding, only asks: the status is
// 204 for an address that is answered there.
const (
	CallKind = "call"
	AskCall  = "ask"
)

// network is the world with the local cloud before it, where there is one.
type network struct{}

func (network) RoundTrip(r *http.Request) (*http.Response, error) {
	if !local(r.Context(), r.URL) {
		return http.DefaultTransport.RoundTrip(r)
	}
	return Send(r.Context(), CallKind, "", r)
}

// local reports whether a local cloud answers at an address. One that cannot be asked
// does not.
func local(ctx context.Context, u *url.URL) bool {
	name := u.Hostname()
	if name == "" || name == "localhost" || net.ParseIP(name) != nil {
		return false
	}
	if _, ok := ctx.Value(bindingsKey{}).(http.RoundTripper); !ok && os.Getenv(BindingsVariable) == "" {
		return false
	}
	res, err := Send(ctx, CallKind, AskCall, &http.Request{Method: http.MethodHead, URL: u})
	if err != nil {
		return false
	}
	_ = res.Body.Close() // empty
	return res.StatusCode == http.StatusNoContent
}
