package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/host"
)

// relay asks another service, whose binding the query names, for /echo with the body
// that it got, and hands its answer on.
func relay(w http.ResponseWriter, r *http.Request) error {
	args, err := json.Marshal(map[string]any{"method": "POST", "url": "http://other/echo", "headers": [][2]string{{"x-asked", "by go"}}})
	if err != nil {
		return err
	}
	a, err := host.Call(r.Context(), "fetch", r.URL.Query().Get("binding"), r.URL.Query().Get("op"), args, r.Body)
	var refused *host.Error
	if errors.As(err, &refused) {
		return &clodo.Problem{Status: http.StatusBadGateway, Code: "refused", Detail: refused.Error()}
	}
	if err != nil {
		return err
	}
	defer a.Body.Close()
	w.Header().Set("X-Head", string(a.Data))
	_, err = io.Copy(w, a.Body)
	return err
}

// variables answers with the plain-text bindings that the query names.
func variables(w http.ResponseWriter, r *http.Request) {
	for _, name := range r.URL.Query()["name"] {
		fmt.Fprintf(w, "%s=%s\n", name, os.Getenv(name))
	}
}
