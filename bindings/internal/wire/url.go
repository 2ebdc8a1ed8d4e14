package wire

import "net/url"

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
