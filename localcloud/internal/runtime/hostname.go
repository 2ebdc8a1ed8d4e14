package runtime

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Which Worker another one reaches by hostname, and how. Where Cloudflare looks at the
// zone by which the calling Worker was itself called, which nobody knows here, the zones
// of all its addresses count.

// codeSameZone is Cloudflare's error for a Worker on workers.dev that calls another one
// there, codeLoop that for Workers that call each other without end.
const (
	codeSameZone = 1042
	codeLoop     = 1019
)

// The bounds of a loop. Cloudflare counts in a header how many more Workers a request may
// come through. A Worker that does not pass headers on escapes that, so the calls under way
// count too: a loop has more of them than what comes from outside explains.
const (
	leftHeader = "Cf-Ew-Via"
	maxWorkers = 16
	maxCalls   = 64 // that wait for an answer, for each request from outside
)

// workerIP is the address that Cloudflare gives for a Worker of another zone.
const workerIP = "2a06:98c0:3600::103"

// addresses are all that find could find something at, when Workers ask.
func (t *table) addresses() addresses {
	names, endings := map[string]bool{}, map[string]bool{".localhost": true}
	for _, all := range []map[string]*Worker{t.workersDev, t.domains} {
		for name := range all {
			names[name] = true
		}
	}
	for name := range t.previews {
		_, subdomain, _ := strings.Cut(name, ".")
		endings["."+subdomain] = true
	}
	for _, r := range t.routes {
		switch {
		case !r.hostWild:
			names[r.host] = true
		case r.zone == "" || len(r.host) > len(r.zone):
			endings[r.host] = true
		default:
			names[r.zone], endings["."+r.zone] = true, true
		}
	}
	return addresses{Names: slices.Sorted(maps.Keys(names)), Endings: slices.Sorted(maps.Keys(endings))}
}

// called is the Worker that another one reaches at an address. Routes of a zone of the
// caller's are passed by, as then Cloudflare asks the origin, which a custom domain is.
func (t *table) called(from caller, host string, u *url.URL) match {
	w := t.worker(from.Account, from.Script)
	name := Hostname(host)
	m := t.lookup(host, u, func(r route) bool {
		return inZone(name, r.zone) && (from.Public || !t.isIn(w, r.zone))
	})
	// The name that a Worker has on this machine alone leads to no origin either.
	itself := w != nil && m.worker == w && strings.HasSuffix(name, ".localhost")
	m.sameZone = !from.Public && (itself || m.dev && t.onlyDev(w, name))
	return m
}

func inZone(name, zone string) bool {
	return zone == "" || name == zone || strings.HasSuffix(name, "."+zone)
}

// isIn reports whether a Worker has an address in a zone.
func (t *table) isIn(w *Worker, zone string) bool {
	if w == nil || zone == "" {
		return false
	}
	for host, of := range t.domains {
		if of == w && inZone(host, zone) {
			return true
		}
	}
	return slices.ContainsFunc(t.routes, func(r route) bool { return r.worker == w && r.zone == zone })
}

// onlyDev reports whether a Worker has an address on the part of workers.dev that name is
// in, and none elsewhere.
func (t *table) onlyDev(w *Worker, name string) bool {
	if w == nil || w.WorkersDev == "" {
		return false
	}
	_, zone, _ := strings.Cut(strings.ToLower(w.WorkersDev), ".")
	return inZone(name, zone) && !t.hasHostname(w)
}

// hasHostname reports whether a Worker has an address in a zone.
func (t *table) hasHostname(w *Worker) bool {
	for _, of := range t.domains {
		if of == w {
			return true
		}
	}
	return slices.ContainsFunc(t.routes, func(r route) bool { return r.worker == w })
}

// called is the Worker that another one reaches at an address, which may be a preview URL.
func (r *Runtime) called(ctx context.Context, t *table, from caller, host string, u *url.URL) (match, error) {
	m, err := r.orPreviewed(ctx, t, t.called(from, host, u), host)
	if m.preview {
		m.sameZone = !from.Public && m.dev && t.onlyDev(t.worker(from.Account, from.Script), Hostname(host))
	}
	return m, err
}

// answers reports whether a call to an address is answered by this cloud.
func (r *Runtime) answers(ctx context.Context, from caller, host string, u *url.URL) bool {
	t := r.table.Load()
	if t == nil {
		return false
	}
	m, _ := r.called(ctx, t, from, host, u) // what is wrong is told by the call itself
	return m.worker != nil
}

type callKey struct{}

// hop is a call on its way to the Worker that it is for.
type hop struct {
	caller
	answered func() // to be called when the answer begins, or is not to come
}

func hopOf(req *http.Request) *hop {
	h, _ := req.Context().Value(callKey{}).(*hop)
	return h
}

// call answers a call by hostname, which is a request to the called Worker like any other.
func (r *Runtime) call(from caller) http.Handler {
	around := r.options.Calls
	if around == nil {
		around = func(h http.Handler) http.Handler { return h }
	}
	inner := around(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.latest(w, req, func(t *table) next {
			found, err := r.called(req.Context(), t, from, req.Host, req.URL)
			switch {
			case err != nil:
				r.unreachable(w, found.worker, err)
				return done
			case found.worker == nil: // since it was asked for
				t.notFound(w, req, found)
				return done
			case found.sameZone:
				refuse(w, http.StatusNotFound, codeSameZone)
				return done
			}
			return r.send(w, req, t, found)
		})
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		left := maxWorkers
		if n, err := strconv.Atoi(req.Header.Get(leftHeader)); err == nil {
			left = min(left, n)
		}
		waiting := r.calls.Add(1)
		answered := sync.OnceFunc(func() { r.calls.Add(-1) })
		defer answered()
		if left <= 1 || waiting > maxCalls*max(1, r.outside.Load()) {
			r.log.Warn("Workers call each other without end", "script", from.Script, "host", req.Host)
			refuse(w, http.StatusServiceUnavailable, codeLoop)
			return
		}
		req.Header.Set(leftHeader, strconv.Itoa(left-1))
		req.RemoteAddr = net.JoinHostPort(workerIP, "0")
		inner.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), callKey{}, &hop{from, answered})))
	})
}

// refuse answers with one of Cloudflare's errors.
func refuse(w http.ResponseWriter, status, code int) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("error code: " + strconv.Itoa(code))) // the client went away
}
