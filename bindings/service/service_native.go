//go:build !js

package service

import (
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

// RoundTrip sends a request, whose context is that of the request that is being answered.
func (s *Service) RoundTrip(r *http.Request) (*http.Response, error) {
	return host.Send(r.Context(), "service", s.binding, wire.Hosted(r))
}
