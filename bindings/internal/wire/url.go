package wire

import (
	"net/http"
	"net/url"
)

// Absolute is u as a text, with a host: a binding decides where a request goes, and the
// host of its URL is only what the other side sees.
func Absolute(u *url.URL) string {
	if u.Host != "" {
		return u.String()
	}
	whole := *u
	whole.Scheme, whole.Host = "https", "service"
	return whole.String()
}

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
