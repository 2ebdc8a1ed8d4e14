package clodo

import (
	"net/http"

	"github.com/tamylaa/clodo/internal/host"
)

// Serve runs a service: on Workers it hands h the Worker's requests, and natively it
// listens on CLODO_ADDRESS, by default 127.0.0.1:8787, until the process is told to
// end. It is the last thing that main does.
func Serve(h http.Handler) error { return host.Serve(h) }
