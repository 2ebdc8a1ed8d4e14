package localcloud

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// handlers are what is served now.
type handlers struct{ api, data http.Handler }

// gate lets requests through until it is held; then they wait.
type gate struct {
	mu  sync.RWMutex
	cut context.Context // ends those that do not come to an end by themselves
	end context.CancelFunc
}

// grace is how long requests may go on when the gate is to be held.
const grace = 5 * time.Second

// savePath is the one path that is served while the gate is held: it holds it.
const savePath = "/local/save"

func (g *gate) renew() { g.cut, g.end = context.WithCancel(context.Background()) }

// around serves what current gives.
func (g *gate) around(current func() http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == savePath {
			g.mu.RLock()
			h := current()
			g.mu.RUnlock()
			serveOr503(h, w, r)
			return
		}
		g.mu.RLock()
		defer g.mu.RUnlock()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(g.cut, cancel)()
		serveOr503(current(), w, r.WithContext(ctx))
	})
}

func serveOr503(h http.Handler, w http.ResponseWriter, r *http.Request) {
	if h == nil { // it was saved and could not be opened again: it is ending
		http.Error(w, "the local cloud is ending", http.StatusServiceUnavailable)
		return
	}
	h.ServeHTTP(w, r)
}

// hold waits for the requests that are being answered, ends those that go on too
// long, and lets none through until release. One at a time may hold it.
func (g *gate) hold() (release func()) {
	end := g.end
	timer := time.AfterFunc(grace, end)
	g.mu.Lock()
	timer.Stop()
	return func() {
		end()
		g.renew()
		g.mu.Unlock()
	}
}
