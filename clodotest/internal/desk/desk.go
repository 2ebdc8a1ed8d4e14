// Package desk is a service that the tests of clodotest test: what it calls are Workers in
// TypeScript beside it.
package desk

import (
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/durable"
	"github.com/tamylaa/clodo/bindings/kv"
	"github.com/tamylaa/clodo/bindings/service"
)

var (
	guests = kv.Open("GUESTS")
	rooms  = durable.Open("ROOMS")
	keys   = service.Open("KEYS")
	taxi   = service.Open("TAXI")
)

// New is the service.
func New() (*clodo.App, error) {
	app, err := clodo.New(clodo.Options{})
	if err != nil {
		return nil, err
	}
	app.HandleFunc("GET /hotel", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getenv("HOTEL")) })
	app.Route("POST /rooms/{room}", func(w http.ResponseWriter, r *http.Request) error {
		return ask(w, r, rooms.Name(r.PathValue("room")), http.MethodPost, "https://room/", r.Body)
	})
	app.Route("GET /key", func(w http.ResponseWriter, r *http.Request) error {
		return ask(w, r, keys, http.MethodGet, "https://keys/7", nil)
	})
	app.Route("GET /taxi", func(w http.ResponseWriter, r *http.Request) error {
		return ask(w, r, taxi, http.MethodGet, "https://taxi/now", nil)
	})
	app.Route("GET /guest", func(w http.ResponseWriter, r *http.Request) error {
		guest, err := guests.Get(r.Context(), "guest")
		_, _ = w.Write(guest) // the client may be gone
		return err
	})
	return app, nil
}

// ask answers with what somebody else answers.
func ask(w http.ResponseWriter, r *http.Request, to http.RoundTripper, method, url string, body io.Reader) error {
	req, err := http.NewRequestWithContext(r.Context(), method, url, body)
	if err != nil {
		return err
	}
	res, err := to.RoundTrip(req)
	if err != nil {
		return &clodo.Problem{Status: http.StatusBadGateway, Detail: err.Error()}
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}
