package service

import (
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// RoundTrip sends a request, whose context is that of the request that is being answered.
func (s *Service) RoundTrip(r *http.Request) (*http.Response, error) {
	return wire.Fetch("fetch", s.binding, "fetch", nil, r)
}
