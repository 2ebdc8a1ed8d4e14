//go:build !js

package services

import (
	"net/http"

	"github.com/tamylaa/clodo/internal/host"
)

// toBinding carries requests to a service binding.
type toBinding struct{ binding string }

func (t toBinding) RoundTrip(r *http.Request) (*http.Response, error) {
	return host.Send(r.Context(), "service", t.binding, r)
}

// toURL carries requests over the network.
type toURL struct{}

func (toURL) RoundTrip(r *http.Request) (*http.Response, error) {
	return http.DefaultTransport.RoundTrip(r)
}
