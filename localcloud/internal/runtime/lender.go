package runtime

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/workerd"
)

//go:embed js/lender.js
var lenderJS string

// The names that a lent binding goes by: the Worker of js/lender.js stands in the process
// of the Worker whose bindings it lends, and lentHeader says which one is meant.
const (
	lenderService = "lender"
	lentHeader    = "X-Clodo-Lent"
)

// isLent reports whether a binding is of use inside of workerd only: a program outside
// borrows it.
func (b binding) isLent() bool {
	return b.Type == "durable_object_namespace" || b.Type == "service" && b.Entrypoint != ""
}

// lentName is what the lender calls a binding of a version.
func lentName(w *Worker, v *Version, name string) string { return codeName(w, v) + " " + name }

// lender adds the Worker that lends bindings to programs, if there are some to lend.
func (c *configuration) lender() error {
	var lent []workerd.Binding
	for _, w := range c.workers {
		if w.isUser() {
			continue // no program does the work of one
		}
		for _, s := range w.Versions {
			bindings, err := decodeBindings(s.Version)
			if err != nil {
				return err
			}
			for _, b := range bindings {
				if !b.isLent() {
					continue
				}
				one, err := c.one(w, s.Version, b)
				if err != nil {
					return err
				}
				one.Name = lentName(w, s.Version, b.Name)
				lent = append(lent, one)
			}
		}
	}
	if len(lent) == 0 {
		return nil
	}
	c.add(workerd.Service{Name: lenderService, Worker: &workerd.Worker{
		Modules:           []workerd.Module{{Name: "lender.js", Kind: workerd.ESModule, Source: workerd.Source{Text: lenderJS}}},
		CompatibilityDate: ownDate,
		Bindings:          lent,
	}})
	c.out.Sockets = append(c.out.Sockets, workerd.Socket{
		Name: lenderService, Service: workerd.Designator{Service: lenderService}, CFBlobHeader: cfHeader, ProtoHeader: protoHeader,
	})
	return nil
}

// borrow has workerd do what a program asks a lent binding for. The host of the request
// stays as it is.
func (r *Runtime) borrow(w http.ResponseWriter, req *http.Request, account, script string, b binding) error {
	asked, err := lending(req)
	if err != nil {
		return err
	}
	if req, err = onward(req); err != nil {
		return err
	}
	req.Header.Del(cfHeader)
	req.Header.Set(protoHeader, "https")
	if req.URL.Scheme == "http" {
		req.Header.Set(protoHeader, "http")
	}
	r.latest(w, req, func(t *table) next {
		worker := t.worker(account, script)
		if worker == nil { // it was deleted meanwhile
			host.Refuse(w, ErrNotDeployed)
			return done
		}
		v := worker.current()
		asked["binding"] = lentName(worker, v, b.Name)
		text, err := json.Marshal(asked)
		if err != nil {
			host.Refuse(w, err)
			return done
		}
		req.Header.Set(lentHeader, url.PathEscape(string(text)))
		g := t.generations[worker]
		proxy, err := g.acquire(req.Context(), lenderService)
		switch {
		case errors.Is(err, errRetired):
			return outdated
		case err != nil && req.Context().Err() != nil:
			return done
		case err != nil:
			r.log.Error("a Worker cannot be reached", "script", script, "error", err)
			host.Refuse(w, errUnanswered)
			return done
		}
		called := t.worker(account, b.Service+b.ScriptName) // one of the two
		if called == nil {
			called = worker
		}
		return r.pass(w, req, proxy, &exchange{generation: g, dispatched: true, lent: true}, called, called.current())
	})
	return nil
}

// errUnanswered is what a program is told of a process that did not answer.
var errUnanswered = errors.New("the Worker's process ended, or did not answer")

// lending is what a request to a lent binding is about: a fetch, of an object where it is
// for one, or an operation whose name is its path.
func lending(req *http.Request) (map[string]any, error) {
	if object := req.Header.Get(host.ObjectHeader); object != "" {
		text, err := url.PathUnescape(object)
		if err != nil || !json.Valid([]byte(text)) {
			return nil, errors.New("which object is meant is not understood")
		}
		return map[string]any{"operation": "fetch", "to": json.RawMessage(text)}, nil
	}
	if req.Header.Get(host.KindHeader) == "service" {
		return map[string]any{"operation": "fetch"}, nil
	}
	operation := strings.TrimPrefix(req.URL.Path, "/")
	if !slices.Contains([]string{"idFromName", "newUniqueId"}, operation) {
		return nil, fmt.Errorf("durable objects have no operation %q", operation)
	}
	return map[string]any{"operation": operation}, nil
}
