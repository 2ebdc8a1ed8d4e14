package clodo

import (
	"net/http"

	"github.com/tamylaa/clodo/internal/host"
)

// Serve runs a service that answers requests and nothing else: on Workers it hands h
// the Worker's requests, and natively it listens on CLODO_ADDRESS, by default
// 127.0.0.1:8787, until the process is told to end. It is the last thing that main
// does. [App.Serve] is for those that have more to do.
func Serve(h http.Handler) error { return host.Serve(h, nil) }
