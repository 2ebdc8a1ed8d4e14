// Package service is the binding to another Worker, which is called without a network.
//
//	var auth = service.Open("AUTH")
//
//	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://auth/session", nil)
//	res, err := auth.RoundTrip(req)
//
// The host of the URL is what the other Worker sees, and decides nothing else. Redirects
// are answers. Package services of this module has more: time-outs, retries, and clients
// with types.
package service

import "github.com/tamylaa/clodo/bindings/internal/wire"

// Error is why a call could not be made.
type Error = wire.Error

// Service is another Worker. It is an [http.RoundTripper].
type Service struct{ binding string }

// Open is the Worker that the binding of that name is for. Whether there is one shows when
// it is used.
func Open(binding string) *Service { return &Service{binding} }
