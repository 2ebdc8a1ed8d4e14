package services

import (
	"net/http"

	"github.com/tamylaa/clodo/internal/host"
)

// toBinding carries requests to a service binding.
type toBinding struct{ binding string }

func (t toBinding) RoundTrip(r *http.Request) (*http.Response, error) {
	return host.Fetch("fetch", t.binding, "fetch", nil, host.ManualRedirects, r)
}

// toURL carries requests over the network.
type toURL struct{}

func (toURL) RoundTrip(r *http.Request) (*http.Response, error) { return host.RoundTrip(r) }
