package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Endpoint is one line of the API: a method, a pattern with {variables} and the
// permission groups of which a token needs one (none: any token will do).
type Endpoint struct {
	Method      string
	Pattern     string
	Permissions []string
	handle      func(*call) (any, error)
	open        bool // authenticates by itself
	body        int64
}

// maxBody bounds the bodies of calls that carry JSON; uploads have their own.
const maxBody = 10 << 20

// call is one request on its way through a handler.
type call struct {
	*API
	ctx      context.Context
	req      *http.Request
	w        http.ResponseWriter
	vars     map[string]string
	query    url.Values
	counted  bool             // against the limit of the token
	who      *store.Directory // as it was when the call began
	token    store.Token
	account  store.Account           // set when the pattern has {account_id}
	zone     store.Zone              // set when the pattern has {zone_id}
	dispatch store.DispatchNamespace // set when it has {dispatch_namespace}
}

// routes finds the endpoint of a request: by method and number of segments, those
// with more literal segments first. Patterns that end in {variable...} match any number
// of further segments, and come last.
type routes struct {
	byShape map[string][]route
	open    []route
}

type route struct {
	Endpoint
	segments []string
}

func newRoutes(endpoints []Endpoint) *routes {
	rs := &routes{byShape: map[string][]route{}}
	for _, e := range endpoints {
		r := route{Endpoint: e, segments: strings.Split(strings.Trim(e.Pattern, "/"), "/")}
		if strings.HasSuffix(e.Pattern, "...}") {
			rs.open = append(rs.open, r)
			continue
		}
		k := shape(e.Method, len(r.segments))
		rs.byShape[k] = append(rs.byShape[k], r)
	}
	for _, group := range rs.byShape {
		slices.SortStableFunc(group, func(a, b route) int { return a.variables() - b.variables() })
	}
	return rs
}

func shape(method string, segments int) string { return fmt.Sprintf("%s %d", method, segments) }

func (r route) variables() (n int) {
	for _, s := range r.segments {
		if strings.HasPrefix(s, "{") {
			n++
		}
	}
	return n
}

func (r route) match(segments []string) (map[string]string, bool) {
	vars := map[string]string{}
	for i, want := range r.segments {
		if name, isVar := strings.CutPrefix(want, "{"); isVar {
			value, err := url.PathUnescape(segments[i])
			if err != nil || value == "" {
				return nil, false
			}
			vars[strings.TrimRight(name, ".}")] = value
		} else if want != segments[i] {
			return nil, false
		}
	}
	return vars, true
}

// find works on the escaped path, so that a KV key may hold a slash.
func (rs *routes) find(method, escapedPath string) (route, map[string]string, bool) {
	segments := strings.Split(strings.Trim(escapedPath, "/"), "/")
	for _, r := range rs.byShape[shape(method, len(segments))] {
		if vars, ok := r.match(segments); ok {
			return r, vars, true
		}
	}
	segments = strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	for _, r := range rs.open {
		if last := len(r.segments) - 1; r.Method == method && len(segments) > last {
			if vars, ok := r.match(append(segments[:last:last], strings.Join(segments[last:], "/"))); ok {
				return r, vars, true
			}
		}
	}
	return route{}, nil, false
}

func (a *API) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set(Header, "1")
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			a.log.Error("the local cloud's API broke", "method", req.Method, "path", req.URL.Path, "panic", p, "stack", string(debug.Stack()))
			a.logged(req, send(w, nil, fmt.Errorf("%s %s broke the local cloud: %v", req.Method, req.URL.Path, p)))
		}
	}()
	result, err := a.answer(w, req)
	var refused *Error
	if err != nil && !errors.As(err, &refused) {
		a.log.Error("the local cloud could not answer", "method", req.Method, "path", req.URL.Path, "error", err)
	}
	a.logged(req, send(w, result, err))
}

func (a *API) logged(req *http.Request, err error) {
	if err != nil {
		a.log.Debug("an answer was not delivered", "method", req.Method, "path", req.URL.Path, "error", err)
	}
}

// missing refuses what the local cloud does not have. It counts as a call of its token
// all the same.
func (c *call) missing() error {
	err := c.identify()
	if refused, ok := errors.AsType[*Error](err); ok && refused.Status == http.StatusTooManyRequests {
		return err
	}
	return refuse(http.StatusNotImplemented, 7003, "The local cloud has no %s %s.", c.req.Method, c.req.URL.Path)
}

func (a *API) answer(w http.ResponseWriter, req *http.Request) (any, error) {
	path, ok := strings.CutPrefix(req.URL.EscapedPath(), Prefix)
	if !ok || (path != "" && path[0] != '/') {
		return nil, refuse(http.StatusNotFound, 7003, "Could not route to %s: the API of this local cloud is below %s.", req.URL.Path, Prefix)
	}
	r, vars, ok := a.routes.find(req.Method, path)
	c := &call{API: a, ctx: req.Context(), req: req, w: w, vars: vars, query: req.URL.Query(), counted: !slices.Contains(uncounted, r.Pattern)}
	if !ok {
		return nil, c.missing()
	}
	if !r.open {
		if err := c.authorize(r.Permissions); err != nil {
			return nil, err
		}
	}
	limit := r.body
	if limit == 0 {
		limit = maxBody
	}
	req.Body = http.MaxBytesReader(w, req.Body, limit)
	return r.handle(c)
}
