//go:build !js

package wire

import (
	"net/http"
	"net/url"
)

// Hosted is r with an absolute URL; see [Absolute].
func Hosted(r *http.Request) *http.Request {
	if r.URL.Host != "" {
		return r
	}
	r = r.Clone(r.Context())
	if u, err := url.Parse(Absolute(r.URL)); err == nil { // it was one before
		r.URL = u
	}
	return r
}
