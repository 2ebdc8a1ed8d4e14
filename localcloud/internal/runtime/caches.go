package runtime

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/cache"
)

// cache is the way to the caches of a Worker. workerd does not tell by which address the
// Worker was called, so that it has them at each of its addresses: also at those on
// workers.dev, where Cloudflare's keep nothing.
func (c *configuration) cache(w *Worker) string {
	s := c.backend.service(cacheKind + ":" + w.key())
	s.External.ProtoHeader = protoHeader
	c.add(s)
	return s.Name
}

// cache answers what a Worker, by its key, asks its caches.
func (r *Runtime) cache(w http.ResponseWriter, req *http.Request, id string) {
	req.URL.Scheme, req.URL.Host = req.Header.Get(protoHeader), req.Host
	for _, internal := range []string{resourceHeader, keyHeader, protoHeader} {
		req.Header.Del(internal)
	}
	answer := r.options.Resources[cacheKind]
	account, script, _ := strings.Cut(id, "/")
	scope, isolated := r.cacheScope(account, script)
	switch {
	case answer == nil || isolated && req.Header.Get(cache.NameHeader) == "":
		noCache(w, req)
		return
	case req.Method == http.MethodPut:
		r.hintAtCaches(account, script)
	}
	answer(w, req, scope)
}

// cacheScope says who has the same caches as a Worker: the Workers of its account, or of
// its dispatch namespace. A user Worker that is not trusted is isolated: it has caches of its
// own, and no default one.
func (r *Runtime) cacheScope(account, script string) (scope string, isolated bool) {
	id, _, user := strings.Cut(script, "/")
	if !user {
		return account, false
	}
	if t := r.table.Load(); t != nil && t.trusts(account, id) {
		return account + "/" + id, false
	}
	return account + "/" + script, true
}

// trusts reports whether the user Workers of a dispatch namespace are trusted.
func (t *table) trusts(account, id string) bool {
	for _, n := range t.namespaces {
		if n.Account == account && n.ID == id {
			return n.Trusted
		}
	}
	return false
}

// hintAtCaches says once for each Worker without a hostname in a zone that its caches would
// be without effect at Cloudflare.
func (r *Runtime) hintAtCaches(account, script string) {
	t := r.table.Load()
	if t == nil || strings.Contains(script, "/") {
		return
	}
	w := t.worker(account, script)
	if w == nil || t.hasHostname(w) {
		return
	}
	if _, said := r.cached.LoadOrStore(w.key(), true); !said {
		r.log.Warn("this Worker uses the Cache API and has no custom domain or route: on workers.dev Cloudflare keeps nothing", "script", script)
	}
}

// noCache answers as caches that are switched off: everything may be put, and nothing is
// ever found.
func noCache(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		w.WriteHeader(http.StatusNoContent)
	case "PURGE":
		w.WriteHeader(http.StatusNotFound)
	default:
		cache.Miss(w)
	}
}

// cache asks the caches of the account, by name, "" being the default one.
func (p *Program) cache(w http.ResponseWriter, r *http.Request, name string) error {
	answer, err := p.options.Resource(cacheKind)
	if err != nil {
		return err
	}
	if answer == nil {
		return errors.New("there is no Cache API here")
	}
	out, err := onward(r)
	if err != nil {
		return err
	}
	out.Header.Del(cache.NameHeader)
	if name != "" {
		out.Header.Set(cache.NameHeader, url.PathEscape(name))
	}
	answer(w, out, p.options.Account)
	return nil
}
