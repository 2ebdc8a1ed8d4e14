//go:build !js

package durable

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

// RoundTrip sends a request to the object.
func (o *Object) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := json.Marshal(o.to)
	if err != nil {
		return nil, err
	}
	out := wire.Hosted(r).Clone(r.Context())
	if out.Header == nil {
		out.Header = http.Header{}
	}
	out.Header.Set(host.ObjectHeader, url.PathEscape(string(to)))
	return host.Send(r.Context(), kind, o.namespace.binding, out)
}
