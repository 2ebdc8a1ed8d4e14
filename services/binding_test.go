//go:build !js

package services_test

import (
	"net/http"
	"testing"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/services"
)

// Natively a binding is asked in the protocol of the local cloud, with the bindings that
// the context has.
func TestABindingOfTheContextIsCalled(t *testing.T) {
	t.Parallel()
	var got string
	ctx := host.WithBindings(t.Context(), transport(func(r *http.Request) (*http.Response, error) {
		got = r.Header.Get(host.KindHeader) + " " + r.Header.Get(host.BindingHeader) + " " + r.Method + " " + r.URL.RequestURI() + " " + r.URL.Host
		return answer(200, `{"id":"7"}`), nil
	}))
	one, err := services.Call[item](ctx, services.Open("items", services.Options{Binding: "ITEMS"}), services.Request{Path: "/items/7"})
	if err != nil || one.ID != "7" || got != "service ITEMS GET /items/7 items" {
		t.Errorf("%v, %v; asked %s", one, err, got)
	}
}
