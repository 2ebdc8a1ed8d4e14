package runtime

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Program answers the bindings of a Worker that is served, for a program on this machine
// that does its work: they work on the same data. It is ErrNotDeployed without the Worker.
func (r *Runtime) Program(account, script string) (*Program, error) {
	t := r.table.Load()
	if t == nil {
		return nil, ErrNotDeployed
	}
	w := t.worker(account, script)
	if w == nil {
		return nil, ErrNotDeployed
	}
	v := w.current()
	p, err := NewProgram(ProgramOptions{
		Account: account, Script: script, Bindings: v.Bindings, Started: v.CreatedOn, Service: r.bound(account),
		Call:     r.callsOf(caller{Account: account, Script: script, Public: slices.Contains(v.CompatibilityFlags, publicFlag)}),
		Resource: func(kind string) (Resource, error) { return r.options.Resources[kind], nil },
	})
	if err != nil {
		return nil, err
	}
	p.borrow = func(w http.ResponseWriter, req *http.Request, b binding) error {
		return r.borrow(w, req, account, script, b)
	}
	return p, nil
}

// bound are the Workers of an account, as service bindings call them: the host of a
// request stays as it is. Their entrypoints are lent.
func (r *Runtime) bound(account string) func(script, entrypoint string) http.Handler {
	return func(script, _ string) http.Handler {
		if t := r.table.Load(); t == nil || t.worker(account, script) == nil {
			return nil
		}
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.latest(w, req, func(t *table) next {
				worker := t.worker(account, script)
				if worker == nil { // it was deleted meanwhile
					http.Error(w, "the Worker is not deployed", http.StatusNotFound)
					return done
				}
				return r.send(w, req, t, match{worker: worker, version: worker.current()})
			})
		})
	}
}

// callsOf is who answers the calls of a program to hostnames.
func (r *Runtime) callsOf(from caller) func(*url.URL) http.Handler {
	return func(u *url.URL) http.Handler {
		if port := u.Port(); port != "" && port != r.options.Port || !r.answers(context.Background(), from, u.Host, u) {
			return nil
		}
		from := from
		from.Scheme = u.Scheme
		return r.call(from)
	}
}

// nearby is who answers calls to NAME.localhost, where Workers are known by their names.
func nearby(service func(script, entrypoint string) http.Handler) func(*url.URL) http.Handler {
	return func(u *url.URL) http.Handler {
		script, ok := strings.CutSuffix(u.Host, ".localhost")
		if !ok || service == nil {
			return nil
		}
		return service(script, "")
	}
}
