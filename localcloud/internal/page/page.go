// Package page shows what a local cloud holds, at the root of its API port: deployed
// Workers, databases with a box for queries, and what else was made. It reads the same
// stores that the REST API does, works without scripts, and changes nothing but what a
// query changes.
package page

import (
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

//go:embed static
var static embed.FS

// policy lets the page load its own files and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Options says what the page shows; all of it is required.
type Options struct {
	Store      *store.Store
	Databases  *d1.Store
	Namespaces *kv.Store
	Buckets    *r2.Store
	Queues     *queue.Broker
	Traffic    *traffic.Store
	Clock      *clock.Clock
	API        string // base URL of the REST API
	Data       string // URL of the port that serves Workers
	Log        *slog.Logger
}

// Page is the handler of all pages.
type Page struct {
	Options
	mux    *http.ServeMux
	guard  *http.CrossOriginProtection
	origin string // of Workers by name: ".localhost:PORT"
}

// New prepares the pages.
func New(o Options) (*Page, error) {
	p := &Page{Options: o, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection()}
	u, err := url.Parse(o.Data)
	if err != nil {
		return nil, fmt.Errorf("address of the Workers: %w", err)
	}
	p.origin = ".localhost"
	if _, port, err := net.SplitHostPort(u.Host); err == nil {
		p.origin += ":" + port
	}
	p.routes()
	return p, nil
}

func (p *Page) routes() {
	p.mux.Handle("GET /{$}", p.view(p.overview))
	p.mux.Handle("GET /workers/{account}/{script}", p.view(p.worker))
	p.mux.Handle("GET /databases/{id}", p.view(p.database))
	p.mux.Handle("POST /databases/{id}", p.view(p.query))
	p.mux.Handle("GET /kv/{id}", p.view(p.namespace))
	p.mux.Handle("GET /r2/{account}/{jurisdiction}/{bucket}", p.view(p.bucket))
	p.mux.Handle("GET /queues/{id}", p.view(p.queue))
	p.mux.Handle("GET /requests", p.view(p.requests))
	files := http.FileServerFS(static)
	p.mux.HandleFunc("GET /static/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}

// Has reports whether a request is for a page: all else on the port is the API's.
func (p *Page) Has(r *http.Request) bool {
	_, pattern := p.mux.Handler(r)
	return pattern != ""
}

// ServeHTTP answers a request that Has. A page of another site can neither read what
// is here nor send a query.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if err := p.guard.Check(r); err != nil {
		http.Error(w, "this query was sent by another site", http.StatusForbidden)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// content is what a page shows.
type content struct {
	title string
	main  interface{ write(*markup.Builder) }
}

// owner is the name of the account in which find does not answer store.ErrNotFound.
func owner(tx *store.Tx, find func(account string) error) (string, error) {
	accounts, err := tx.Accounts()
	if err != nil {
		return "", err
	}
	for _, a := range accounts {
		if err := find(a.ID); !errors.Is(err, store.ErrNotFound) {
			return a.Name, err
		}
	}
	return "", errAbsent
}

// errAbsent is a page about something that does not exist.
var errAbsent = errors.New("there is nothing of that name here")

// refused is the status and message of a request that could not be right, if err is one.
func refused(err error) (int, string, bool) {
	var value *kv.Error
	var object *r2.Error
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errAbsent), errors.Is(err, store.ErrNotFound), errors.Is(err, d1.ErrNotFound):
		return http.StatusNotFound, errAbsent.Error(), true
	case errors.As(err, &value):
		return value.Status, value.Message, true
	case errors.As(err, &object):
		return object.Status, object.Message, true
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the form is larger than %d bytes", large.Limit), true
	}
	return 0, "", false
}

// view shows what is found, all of it or an error.
func (p *Page) view(show func(*http.Request) (content, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, err := show(r)
		if status, message, ok := refused(err); ok {
			http.Error(w, message, status)
			return
		}
		if err != nil {
			p.Log.Error("a page could not be shown", "path", r.URL.Path, "error", err)
			http.Error(w, "the page could not be shown: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		var b markup.Builder
		p.layout(&b, found)
		_, _ = b.WriteTo(w) // the browser may be gone
	})
}
