package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

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

// fetch sends what it got to the address in the query, and hands on what comes.
func fetch(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if limit, err := time.ParseDuration(r.URL.Query().Get("limit")); err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL.Query().Get("url"), r.Body)
	if err != nil {
		return err
	}
	req.Header.Set("X-Asked", r.Header.Get("X-Asked"))
	var res *http.Response
	if r.URL.Query().Get("follow") == "no" {
		res, err = clodo.Transport{}.RoundTrip(req)
	} else {
		res, err = clodo.Fetch(ctx, req)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &clodo.Problem{Status: http.StatusGatewayTimeout}
	}
	if err != nil {
		return &clodo.Problem{Status: http.StatusBadGateway, Detail: err.Error()}
	}
	defer res.Body.Close()
	w.Header().Set("X-Location", res.Header.Get("Location"))
	w.Header().Set("X-Encoding", res.Header.Get("Content-Encoding"))
	w.WriteHeader(res.StatusCode)
	_ = http.NewResponseController(w).Flush()
	_, err = io.Copy(w, res.Body)
	return err
}
