//go:build !js

package durable

import (
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

// RoundTrip sends a request to the object.
func (o *Object) RoundTrip(r *http.Request) (*http.Response, error) {
	return host.Send(r.Context(), kind, o.namespace.binding, wire.Hosted(r))
}
