package clodo

import (
	"net/http"
	"slices"
	"strings"
)

// Middleware wraps a handler, as any middleware for net/http does.
type Middleware = func(http.Handler) http.Handler

// Router sends requests to the handler whose pattern fits best. Patterns, precedence
// and conflicts are those of [http.ServeMux]: "GET example.com/users/{id}",
// "/files/{path...}", "/exact/{$}". Beyond it, a Router has groups with a prefix and
// middleware of their own, answers HEAD where there is GET and OPTIONS where there is
// anything, and says in problem+json why it has no answer.
//
// Register everything before the first request: a Router is safe for concurrent
// requests, and not for registering beside them.
type Router struct {
	*routes
	prefix     string // of paths, without a final slash
	middleware []Middleware
	rest       http.Handler // absent, behind the middleware
}

// routes is what a Router and its groups share.
type routes struct {
	mux    *http.ServeMux   // knows the rules: conflicts, redirects, and paths that are not plain
	get    tree             // of patterns without a host, for GET
	any    tree             // the same without a method
	trees  map[string]*tree // the same for the other methods
	leaves map[string]*leaf // all of them, by pattern
	hosts  bool             // some pattern names a host
	long   bool             // some pattern has more wildcards than the trees take
}

// leaf is where a pattern leads.
type leaf struct {
	handler http.Handler
	rest    http.Handler // answers what the pattern's path is asked for by other methods
	pattern string
	names   []string // of the wildcards, in order
	multi   bool     // the last wildcard takes the rest of the path
	slashes int      // in the path
	values  valueSetter
}

// NewRouter makes an empty Router.
func NewRouter() *Router {
	r := &Router{routes: &routes{mux: http.NewServeMux(), trees: map[string]*tree{}, leaves: map[string]*leaf{}}}
	r.Use()
	return r
}

// Use adds middleware to everything that is registered later on this Router and on
// groups that are made from it later. The first one is the outermost.
//
// What a Router answers by itself goes through middleware too: OPTIONS and 405 through
// that of a handler of the path, for the preflight request of a browser the one that it
// asks about, and 404 through that of the Router which serves. A redirect to the clean
// form of a path is the mux's and goes through none.
func (r *Router) Use(middleware ...Middleware) {
	r.middleware = append(slices.Clip(r.middleware), middleware...)
	r.rest = Chain(r.middleware...)(http.HandlerFunc(r.absent))
}

// Group is a Router for the paths below prefix, which may have wildcards. It begins with the middleware
// that r has now; what it is given later is its own.
func (r *Router) Group(prefix string, middleware ...Middleware) *Router {
	if prefix != "" && !strings.HasPrefix(prefix, "/") {
		panic("clodo: the prefix " + quoted(prefix) + " of a group does not begin with a slash")
	}
	g := &Router{routes: r.routes, prefix: r.prefix + strings.TrimSuffix(prefix, "/"), middleware: slices.Clip(r.middleware)}
	g.Use(middleware...)
	return g
}

// Prefix is what stands before the paths that are registered on r: "" on a Router that
// is no group.
func (r *Router) Prefix() string { return r.prefix }

// Handle registers a handler. Like [http.ServeMux.Handle] it panics when the pattern
// is malformed or conflicts with another.
func (r *Router) Handle(pattern string, h http.Handler) {
	if h == nil {
		panic("clodo: no handler for the pattern " + quoted(pattern))
	}
	r.add(prefixed(pattern, r.prefix), &leaf{handler: Chain(r.middleware...)(h), rest: r.rest})
}

// HandleFunc registers a function as [http.ServeMux.HandleFunc] does.
func (r *Router) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	r.Handle(pattern, http.HandlerFunc(h))
}

// Route registers a function that may fail; its error becomes the answer as
// [WriteError] has it.
func (r *Router) Route(pattern string, h func(http.ResponseWriter, *http.Request) error) {
	r.Handle(pattern, HandlerFunc(h))
}

// prefixed puts a prefix before the path of a pattern.
func prefixed(pattern, prefix string) string {
	i := strings.IndexByte(pattern, '/')
	if prefix == "" || i < 0 {
		return pattern // the latter is malformed, and the mux will say so
	}
	return pattern[:i] + prefix + pattern[i:]
}

// add registers a pattern with the mux, whose judgement it is whether it may be, and
// with the trees.
func (rs *routes) add(pattern string, l *leaf) {
	rs.mux.Handle(pattern, l.handler)
	rs.leaves[pattern], l.pattern = l, pattern
	method, rest, ok := strings.Cut(pattern, " ")
	if !ok {
		method, rest = "", pattern
	}
	rest = strings.TrimLeft(rest, " \t")
	host, path := rest[:strings.IndexByte(rest, '/')], rest[strings.IndexByte(rest, '/'):]
	l.slashes, l.multi = strings.Count(path, "/"), strings.HasSuffix(path, "/") || strings.HasSuffix(path, "...}")
	if host != "" {
		rs.hosts = true
		return
	}
	segments := parse(path)
	for _, s := range segments {
		if s.wild && s.text != "" {
			l.names = append(l.names, s.text)
		}
	}
	if len(l.names) > maxValues {
		rs.long = true
		return // the mux has it
	}
	l.values = newValueSetter(path, segments)
	rs.tree(method).add(segments, l)
}

// ServeHTTP answers a request.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var v values
	if l := r.find(req, &v); l != nil {
		req.Pattern = l.pattern
		l.values.set(req, l.names, &v)
		l.handler.ServeHTTP(w, req)
		return
	}
	// The mux also redirects from a path that is not clean to one where nothing is.
	if _, pattern := r.mux.Handler(req); pattern != "" || !clean(req.URL.EscapedPath()) {
		r.mux.ServeHTTP(w, req)
		return
	}
	r.other(req).ServeHTTP(w, req)
}

// other is what answers a request that no pattern fits: absent, behind the middleware of
// a handler that the path has for another method.
func (r *Router) other(req *http.Request) http.Handler {
	if asked := req.Header.Get("Access-Control-Request-Method"); asked != "" {
		if l := r.takes(asked, req); l != nil {
			return l.rest
		}
	}
	for _, m := range methods {
		if l := r.takes(m, req); l != nil {
			return l.rest
		}
	}
	return r.rest
}

// find is the leaf of a request whose path is plain, as nearly all are. A nil does not
// mean that there is none: the mux decides about paths with escapes or redirects.
func (rs *routes) find(req *http.Request, v *values) *leaf {
	if rs.hosts || req.URL.RawPath != "" || req.Method == http.MethodConnect {
		return nil
	}
	return rs.exact(req.Method, req.URL.Path, v)
}

// exact is the leaf of a plain path that the mux would not redirect.
func (rs *routes) exact(method, path string, v *values) *leaf {
	l := rs.match(method, path, v)
	if l == nil || l.multi && (!clean(path) || rs.redirects(method, path)) {
		return nil
	}
	for i := range len(l.names) {
		if v[i] == "." || v[i] == ".." {
			return nil // the mux redirects
		}
	}
	return l
}

// redirects reports that a path which only the rest of a pattern fits has its own
// pattern with a final slash: the mux sends the client there.
func (rs *routes) redirects(method, path string) bool {
	if strings.HasSuffix(path, "/") {
		return false
	}
	var v values
	l := rs.match(method, path+"/", &v)
	return l != nil && (!l.multi || l.slashes == strings.Count(path, "/")+1)
}

// tree is the one of a method, made when it is missing.
func (rs *routes) tree(method string) *tree {
	switch method {
	case "":
		return &rs.any
	case http.MethodGet:
		return &rs.get
	}
	if rs.trees[method] == nil {
		rs.trees[method] = &tree{}
	}
	return rs.trees[method]
}

// match looks in the tree of the method, for HEAD also in that of GET, and then in
// that of patterns without a method: a pattern with one is always the more specific.
func (rs *routes) match(method, path string, v *values) *leaf {
	if method != http.MethodGet {
		if t := rs.trees[method]; t != nil {
			if l := t.match(path, v); l != nil {
				return l
			}
		}
	}
	if method == http.MethodGet || method == http.MethodHead {
		if l := rs.get.match(path, v); l != nil {
			return l
		}
	}
	return rs.any.match(path, v)
}

// Lookup is the pattern that a request for a plain path, without a host, goes to; ok is
// false when there is none, or when the request would be redirected.
func (r *Router) Lookup(method, path string) (pattern string, ok bool) {
	var v values
	if l := r.exact(method, path, &v); l != nil {
		return l.pattern, true
	}
	return "", false
}

// clean reports that the mux takes the path as it is.
func clean(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(path, "//") && !strings.Contains(path, "/./") && !strings.Contains(path, "/../") &&
		!strings.HasSuffix(path, "/.") && !strings.HasSuffix(path, "/..")
}

// takes is the leaf of the path of a request by another method; nil when there is none.
// The trees know it of plain paths; the mux would take most of the time of a 404.
func (rs *routes) takes(method string, req *http.Request) *leaf {
	path := req.URL.Path
	if plain := !rs.hosts && !rs.long && req.URL.RawPath == "" && clean(path); plain {
		var v values
		if l := rs.match(method, path, &v); l != nil {
			return l
		}
		if strings.HasSuffix(path, "/") || rs.match(method, path+"/", &v) == nil {
			return nil
		}
	}
	other := *req
	other.Method = method
	_, pattern := rs.mux.Handler(&other)
	return rs.leaves[pattern]
}

// methods are those that a 405 may name; others have to be asked for by name.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// absent answers a request that no pattern fits: OPTIONS with the methods of its path,
// another method with 405 and them, and anything else with 404.
func (rs *routes) absent(w http.ResponseWriter, req *http.Request) {
	var allowed []string
	for _, m := range methods {
		if rs.takes(m, req) != nil {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		WriteError(w, req, &Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing at " + req.URL.Path + "."})
		return
	}
	if !slices.Contains(allowed, http.MethodOptions) {
		allowed = append(allowed, http.MethodOptions)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	if req.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	WriteError(w, req, &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: req.URL.Path + " takes " + strings.Join(allowed, ", ") + ", not " + req.Method + "."})
}
