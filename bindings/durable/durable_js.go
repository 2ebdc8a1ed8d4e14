package durable

import (
	"encoding/json"
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// RoundTrip sends a request to the object.
func (o *Object) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := json.Marshal(o.to)
	if err != nil {
		return nil, err
	}
	return wire.Fetch(kind, o.namespace.binding, "fetch", to, r)
}
