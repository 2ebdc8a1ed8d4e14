// Package page shows what a local cloud holds, at the root of its API port: deployed
// Workers, databases with a box for queries, and what else was made. It reads the same
// stores that the REST API does, works without scripts, and changes nothing but what a
// query changes.
package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

//go:embed templates
var templates embed.FS

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
	views  map[string]*template.Template
	guard  *http.CrossOriginProtection
	origin string // of Workers by name: ".localhost:PORT"
}

// New prepares the pages.
func New(o Options) (*Page, error) {
	p := &Page{Options: o, mux: http.NewServeMux(), views: map[string]*template.Template{}, guard: http.NewCrossOriginProtection()}
	u, err := url.Parse(o.Data)
	if err != nil {
		return nil, fmt.Errorf("address of the Workers: %w", err)
	}
	p.origin = ".localhost"
	if _, port, err := net.SplitHostPort(u.Host); err == nil {
		p.origin += ":" + port
	}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		view := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")
		if view == "layout" || view == "records" {
			continue // parts of the others
		}
		t, err := template.New("layout.html").Funcs(p.functions()).ParseFS(templates, "templates/layout.html", "templates/records.html", name)
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", view, err)
		}
		p.views[view] = t
	}
	p.routes()
	return p, nil
}

func (p *Page) routes() {
	p.get("/{$}", "overview", p.overview)
	p.get("/workers/{account}/{script}", "worker", p.worker)
	p.get("/databases/{id}", "database", p.database)
	p.mux.Handle("POST /databases/{id}", p.view("database", p.query))
	p.get("/kv/{id}", "namespace", p.namespace)
	p.get("/r2/{account}/{jurisdiction}/{bucket}", "bucket", p.bucket)
	p.get("/queues/{id}", "queue", p.queue)
	p.get("/requests", "requests", p.requests)
	files := http.FileServerFS(static)
	p.mux.HandleFunc("GET /static/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}

func (p *Page) get(pattern, view string, show func(*http.Request) (content, error)) {
	p.mux.Handle("GET "+pattern, p.view(view, show))
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

// content is what a view is made from.
type content struct {
	Title string
	Data  any
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

// view renders what show finds, all of it or an error: nothing is sent before the
// page is complete.
func (p *Page) view(name string, show func(*http.Request) (content, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, err := show(r)
		if status, message, ok := refused(err); ok {
			http.Error(w, message, status)
			return
		}
		var b bytes.Buffer
		if err == nil {
			err = p.views[name].Execute(&b, struct {
				content
				API string
				At  time.Time
			}{found, p.API, p.Clock.Now()})
		}
		if err != nil {
			p.Log.Error("a page could not be shown", "path", r.URL.Path, "error", err)
			http.Error(w, "the page could not be shown: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = b.WriteTo(w) // the browser may be gone
	})
}

func (p *Page) functions() template.FuncMap {
	return template.FuncMap{
		"address": func(script string) string { return "http://" + script + p.origin + "/" },
		"size":    size,
		"took":    took,
		"time":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"percent": func(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", f), ".00") + " %" },
		"short":   func(id string) string { return id[:min(8, len(id))] },
	}
}

// took is how long an invocation went on, as far as that is known: to a tenth of a
// millisecond where it was measured in front of workerd, to one where workerd tells.
func took(r traffic.Record) string {
	switch {
	case r.Duration >= 0:
		return fmt.Sprintf("%.1f ms", float64(r.Duration)/float64(time.Millisecond))
	case r.Wall < 0:
		return ""
	case r.Wall < time.Millisecond:
		return "< 1 ms"
	}
	return fmt.Sprintf("%d ms", r.Wall.Milliseconds())
}

// count is a number of things.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/unit, 0
	for ; f >= unit && i < 3; i++ {
		f /= unit
	}
	return fmt.Sprintf("%.1f %cB", f, "kMGT"[i])
}
