//go:build !js

package host

import (
	"errors"
	"net/http"
)

// maxRedirects is how many a request follows, as on Workers.
const maxRedirects = 20

var errRedirects = errors.New("too many redirects")

// Follow sends a request over the network and follows redirects.
func Follow(r *http.Request) (*http.Response, error) {
	client := http.Client{CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		return nil
	}}
	return client.Do(r)
}

// RoundTrip sends a request over the network.
func RoundTrip(r *http.Request) (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) }
