package runtime

import (
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/workerd"
)

//go:embed js/dispatch.js
var dispatchJS string

// DispatchNamespace is user Workers that dispatch bindings find by name. The Script of
// a user Worker is ID/NAME.
type DispatchNamespace struct {
	ID      string
	Account string
	Name    string
	// Trusted user Workers share processes with the Workers of the account and see
	// request.cf.
	Trusted bool
}

// The names that a dispatch goes by. A request to a user Worker reaches this program
// from one process, and is handed to another, where the Worker of js/dispatch.js calls
// the one that dispatchHeader says.
const (
	dispatchKind    = "dispatch"
	dispatchService = "dispatch"
	dispatchHeader  = "X-Clodo-Dispatch"
	dispatchFailure = "X-Clodo-Dispatch-Error"
)

// home says which Workers may share a process: those of an account, and apart from
// them those of each dispatch namespace. A Worker with WebAssembly, such as a service in
// Go, has a home of its own, as to compile that takes longer than all the rest, and every
// change of a neighbour would compile it again.
func (w *Worker) home() string {
	if w.compiles() {
		return w.Account + "/" + w.Script
	}
	if namespace, _, user := strings.Cut(w.Script, "/"); user {
		return w.Account + "/" + namespace
	}
	return w.Account
}

// compiles reports whether there is WebAssembly in a version.
func (w *Worker) compiles() bool {
	return slices.ContainsFunc(w.Versions, func(s Share) bool {
		return slices.ContainsFunc(s.Version.Modules, func(m Module) bool {
			kind, err := moduleKind(m)
			return err == nil && kind == workerd.WasmModule
		})
	})
}

// isUser reports whether w is in a dispatch namespace.
func (w *Worker) isUser() bool { return strings.Contains(w.Script, "/") }

// dispatched is what js/bindings/dispatch_namespace.js says about a request.
type dispatched struct {
	Script string
	Scheme string
	Cf     json.RawMessage
}

// dispatch answers a dispatch binding; id is ACCOUNT/NAMESPACE, by its name.
func (r *Runtime) dispatch(w http.ResponseWriter, req *http.Request, id string) {
	var to dispatched
	text, err := url.PathUnescape(req.Header.Get(dispatchHeader))
	if err == nil {
		err = json.Unmarshal([]byte(text), &to)
	}
	if err != nil {
		http.Error(w, "the dispatch binding did not say what it wants: "+err.Error(), http.StatusBadRequest)
		return
	}
	for _, internal := range []string{resourceHeader, keyHeader, dispatchHeader} {
		req.Header.Del(internal)
	}
	req.Header.Set(protoHeader, to.Scheme)
	r.latest(w, req, func(t *table) next {
		namespace := t.namespaces[id]
		worker := t.users[workerKey(namespace.Account, namespace.ID+"/"+strings.ToLower(to.Script))]
		if worker == nil {
			w.Header().Set(dispatchFailure, "Worker%20not%20found.")
			w.WriteHeader(http.StatusNotFound)
			return done
		}
		req.Header.Del(cfHeader)
		if namespace.Trusted && given(to.Cf) {
			req.Header.Set(cfHeader, string(to.Cf))
		}
		req.Header.Set(dispatchHeader, worker.Script)
		g := t.generations[worker]
		proxy, err := g.acquire(req.Context(), dispatchService)
		switch {
		case errors.Is(err, errRetired):
			return outdated
		case err != nil && req.Context().Err() != nil:
			return done
		case err != nil:
			r.unreachable(w, worker, err)
			return done
		}
		return r.pass(w, req, proxy, &exchange{generation: g, ray: req.Header.Get("Cf-Ray"), dispatched: true}, worker, worker.current())
	})
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// users adds the Worker that hands requests of other processes to user Workers.
func (c *configuration) users() {
	var bindings []workerd.Binding
	for _, w := range c.workers {
		if w.isUser() {
			bindings = append(bindings, workerd.Binding{Name: w.Script, Service: &workerd.Designator{Service: frontName(w, w.current())}})
		}
	}
	if len(bindings) == 0 || c.alone {
		return
	}
	c.add(workerd.Service{Name: dispatchService, Worker: &workerd.Worker{
		Modules:           []workerd.Module{{Name: "dispatch.js", Kind: workerd.ESModule, Source: workerd.Source{Text: dispatchJS}}},
		CompatibilityDate: ownDate,
		Bindings:          bindings,
	}})
	c.out.Sockets = append(c.out.Sockets, workerd.Socket{
		Name: dispatchService, Service: workerd.Designator{Service: dispatchService}, CFBlobHeader: cfHeader, ProtoHeader: protoHeader,
	})
}
