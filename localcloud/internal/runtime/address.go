package runtime

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// table is who answers for which address. It never changes: an Apply makes a new one.
type table struct {
	generations map[*Worker]*generation
	workersDev  map[string]*Worker           // by hostname
	previews    map[string]*Worker           // by hostname, without the name of a version
	domains     map[string]*Worker           // by hostname
	scripts     map[string]*Worker           // by name, for SCRIPT.localhost
	routes      []route                      // the most specific first
	users       map[string]*Worker           // user Workers, by workerKey
	namespaces  map[string]DispatchNamespace // by ACCOUNT/NAME
	replaced    chan struct{}                // closed when there is a newer table
}

// match is what a request's address means.
type match struct {
	worker   *Worker
	version  *Version // when the address names one
	preview  bool     // that version is not deployed
	excluded string   // the pattern that keeps Workers away
	dev      bool     // on workers.dev
	sameZone bool     // Cloudflare refuses the call
}

func newTable(s State, workers map[string]*Worker, generations map[*Worker]*generation) *table {
	t := &table{generations: generations, workersDev: map[string]*Worker{}, previews: map[string]*Worker{}, domains: map[string]*Worker{}, scripts: map[string]*Worker{}, users: map[string]*Worker{}, namespaces: map[string]DispatchNamespace{}, replaced: make(chan struct{})}
	for _, n := range s.Namespaces {
		t.namespaces[n.Account+"/"+n.Name] = n
	}
	for _, one := range s.Workers {
		w := workers[workerKey(one.Account, one.Script)]
		if w.isUser() {
			t.users[workerKey(w.Account, w.Script)] = w
			continue
		}
		if w.WorkersDev != "" {
			t.workersDev[strings.ToLower(w.WorkersDev)] = w
		}
		if w.Previews != "" {
			t.previews[strings.ToLower(w.Previews)] = w
		}
		if name := strings.ToLower(w.Script); t.scripts[name] == nil {
			t.scripts[name] = w // of two accounts the first one's
		}
	}
	for _, d := range s.Domains {
		if w := workers[workerKey(d.Account, d.Script)]; w != nil {
			t.domains[strings.ToLower(d.Hostname)] = w
		}
	}
	for _, r := range s.Routes {
		t.routes = append(t.routes, newRoute(r, workers[workerKey(r.Account, r.Script)]))
	}
	slices.SortStableFunc(t.routes, compareRoutes)
	return t
}

func workerKey(account, script string) string { return account + "/" + script }

func (w *Worker) key() string { return workerKey(w.Account, w.Script) }

// Hostname is a Host header without its port, in lower case.
func Hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// find looks a request up in Cloudflare's order: routes stand before custom domains.
func (t *table) find(host string, u *url.URL) match {
	return t.lookup(host, u, func(route) bool { return true })
}

// lookup is find among the routes that count.
func (t *table) lookup(host string, u *url.URL, counts func(route) bool) match {
	name := Hostname(host)
	if script, ok := strings.CutSuffix(name, ".localhost"); ok {
		return byName(t.scripts, t.scripts, script)
	}
	var m match
	for _, r := range t.routes {
		if !r.matches(name, u) || !counts(r) {
			continue
		}
		if r.worker != nil {
			return match{worker: r.worker}
		}
		m.excluded = r.pattern // hides the less specific ones
		break
	}
	if w := t.domains[name]; w != nil {
		return match{worker: w}
	}
	if found := byName(t.workersDev, t.previews, name); found.worker != nil {
		found.dev = true
		return found
	}
	return m
}

// byName is the Worker of a name, or of a preview name: 8 digits of the id of a version
// that is deployed and a hyphen before the name.
func byName(names, previews map[string]*Worker, name string) match {
	if w := names[name]; w != nil {
		return match{worker: w}
	}
	prefix, rest, ok := strings.Cut(name, "-")
	if w := previews[rest]; ok && len(prefix) == 8 && w != nil {
		for _, s := range w.Versions {
			if strings.HasPrefix(strings.ToLower(s.Version.ID), prefix) {
				return match{worker: w, version: s.Version}
			}
		}
	}
	return match{}
}

// route is a pattern taken apart.
type route struct {
	pattern  string
	zone     string
	worker   *Worker // nil excludes
	host     string  // without the wildcard
	hostWild bool
	path     string // with the "/", without the wildcard
	pathWild bool
}

func newRoute(r Route, w *Worker) route {
	if r.Script == "" {
		w = nil
	}
	out := route{pattern: r.Pattern, zone: strings.ToLower(r.Zone), worker: w}
	_, rest, found := strings.Cut(r.Pattern, "://")
	if !found {
		rest = r.Pattern
	}
	host, path, _ := strings.Cut(rest, "/")
	out.host, out.hostWild = strings.CutPrefix(strings.ToLower(host), "*")
	out.path, out.pathWild = strings.CutSuffix("/"+path, "*")
	return out
}

// matches compares with the whole address, query included: a pattern without a
// wildcard at its end does not match an address with a query.
func (r route) matches(host string, u *url.URL) bool {
	if r.hostWild && !strings.HasSuffix(host, r.host) || !r.hostWild && host != r.host {
		return false
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		path += "?" + u.RawQuery
	}
	if r.pathWild {
		return strings.HasPrefix(path, r.path)
	}
	return path == r.path
}

// compareRoutes orders by how specific routes are: an exact host before a wildcard,
// a longer one before a shorter; then the same for the path. "/images*" and
// "/images/*" count as equally long, and the former wins: a known peculiarity of
// Cloudflare's.
func compareRoutes(a, b route) int {
	return cmp.Or(
		compareBool(a.hostWild, b.hostWild), cmp.Compare(len(b.host), len(a.host)),
		compareBool(a.pathWild, b.pathWild), cmp.Compare(len(strings.TrimSuffix(b.path, "/")), len(strings.TrimSuffix(a.path, "/"))),
		cmp.Compare(len(a.path), len(b.path)))
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// hosts are the names that are answered, for the page that says that one is not.
func (t *table) hosts() []string {
	known := map[string]bool{}
	for name := range t.scripts {
		known[name+".localhost"] = true
	}
	for _, names := range []map[string]*Worker{t.workersDev, t.domains} {
		for name := range names {
			known[name] = true
		}
	}
	for _, r := range t.routes {
		known[r.pattern] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// notFound says that no Worker answers for an address, and which ones there are.
func (t *table) notFound(w http.ResponseWriter, req *http.Request, m match) {
	host := Hostname(req.Host)
	message := fmt.Sprintf("no Worker answers for %q", host+req.URL.Path)
	if m.excluded != "" {
		message = fmt.Sprintf("the route %q keeps Workers away from %q, and the local cloud has no origin behind it", m.excluded, host+req.URL.Path)
	}
	hosts := append([]string{}, t.hosts()...) // [] in JSON when there is none
	w.Header().Set("Cf-Ray", newRay(mark("")))
	if strings.Contains(req.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, "<!doctype html><title>Nothing is here yet</title><h1>There is nothing here yet</h1><p>%s.</p><p>Known addresses:</p><ul>", html.EscapeString(message))
		for _, h := range hosts {
			_, _ = fmt.Fprintf(w, "<li>%s</li>", html.EscapeString(h))
		}
		_, _ = fmt.Fprint(w, "</ul>\n") // the client went away
		return
	}
	body, err := json.Marshal(map[string]any{
		"success": false, "errors": []any{map[string]any{"code": 1042, "message": message}}, "messages": []any{}, "result": nil, "known_addresses": hosts,
	})
	if err != nil {
		panic(err) // only strings go in
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(append(body, '\n')) // the client went away
}
