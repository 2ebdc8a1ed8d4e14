package runtime

import "net/http"

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
		Account: account, Script: script, Bindings: v.Bindings, Started: v.CreatedOn, Service: r.byName,
		Resource: func(kind string) (Resource, error) { return r.options.Resources[kind], nil },
	})
	if err != nil {
		return nil, err
	}
	p.cache = r.programCache(workerKey(account, script))
	return p, nil
}

// programCache is the cache of a Worker as a program. It outlives the Worker's versions.
func (r *Runtime) programCache(key string) *programCache {
	c, _ := r.caches.LoadOrStore(key, &programCache{})
	return c.(*programCache)
}

// byName sends requests to a Worker as SCRIPT.localhost, which is the host that it sees.
func (r *Runtime) byName(script string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Host = script + ".localhost"
		r.serve(w, req)
	})
}
