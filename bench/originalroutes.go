package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/tamylaa/clodo"
)

// routeAsk is a request in the harness's words: which route has to answer it, none
// without a number, and what it has to find in the path.
type routeAsk struct {
	Method string   `json:"method"`
	Path   string   `json:"path"`
	Route  *int     `json:"route,omitempty"`
	Values []string `json:"values"`
	names  []string // of the values
}

// asks are requests for the routes of a set.
func (s routeSet) asks() []routeAsk {
	var all []routeAsk
	for i, pattern := range s.patterns {
		method, path, _ := strings.Cut(pattern, " ")
		a := routeAsk{Method: method, Path: s.paths[i], Route: &i, Values: []string{}}
		segments := strings.Split(a.Path, "/")
		for k, segment := range strings.Split(path, "/") {
			if wildcard.MatchString(segment) {
				a.names, a.Values = append(a.names, strings.Trim(segment, "{}")), append(a.Values, segments[k])
			}
		}
		all = append(all, a)
	}
	return all
}

// originalRoutes compares a whole request: the route is found, its handler is called, and
// reads all values of the path.
func (l *lab) originalRoutes(ctx context.Context, o *original) error {
	sets := routeSets()
	small, large, github := sets[0], sets[1], sets[2]
	without := func(s routeSet) []routeAsk {
		return slices.DeleteFunc(s.asks(), func(a routeAsk) bool { return len(a.Values) > 0 })
	}
	with := func(s routeSet) []routeAsk {
		return slices.DeleteFunc(s.asks(), func(a routeAsk) bool { return len(a.Values) == 0 })
	}
	nothing := []routeAsk{
		{Method: "GET", Path: "/favicon.ico"},
		{Method: "GET", Path: "/api/v1/resource7/12345/items/abc/more"},
		{Method: "GET", Path: "/api/v1/resource249/12345/other"},
		{Method: "GET", Path: "/api/v2/resource8/12345"},
	}
	for _, c := range []struct {
		set        routeSet
		asks       []routeAsk
		what       string
		middleware bool
	}{
		{small, without(small), "paths without wildcards", false},
		{small, with(small), "paths with wildcards", false},
		{large, without(large), "paths without wildcards", false},
		{large, with(large), "paths with wildcards", false},
		{github, github.asks(), "all of them", false},
		{large, nothing, "404", false},
		{small, with(small), "paths with wildcards, behind a middleware", true},
	} {
		d := duel{
			result: result{what: "router, " + c.set.name + ": " + c.what, unit: "ns"},
			kind:   "routes", with: map[string]any{"routes": c.set.inOriginal(), "asks": c.asks, "middleware": c.middleware},
			calls: len(c.asks), ours: c.set.served(c.asks, c.middleware),
		}
		if err := l.fight(ctx, o, d); err != nil {
			return err
		}
	}
	return nil
}

// inOriginal are the routes as the package writes them: a method and a path with :names.
func (s routeSet) inOriginal() [][2]string {
	var all [][2]string
	for _, pattern := range s.patterns {
		method, path, _ := strings.Cut(pattern, " ")
		all = append(all, [2]string{method, strings.NewReplacer("{", ":", "}", "").Replace(path)})
	}
	return all
}

// served answers the ith of asks with our router, and says whether that was right.
func (s routeSet) served(asks []routeAsk, middleware bool) func(i int) bool {
	app := clodo.NewRouter()
	through := 0
	if middleware {
		app.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { through++; next.ServeHTTP(w, r) })
		})
	}
	var asked *routeAsk
	right := false
	for n, pattern := range s.patterns {
		app.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
			right = asked.Route != nil && *asked.Route == n
			for k, name := range asked.names {
				right = right && r.PathValue(name) == asked.Values[k]
			}
		})
	}
	requests := make([]*http.Request, len(asks))
	for i, a := range asks {
		requests[i] = httptest.NewRequest(a.Method, a.Path, nil)
	}
	w := &statusOnly{header: http.Header{}}
	return func(i int) bool {
		asked, right, through, w.status = &asks[i], false, 0, http.StatusOK
		app.ServeHTTP(w, requests[i])
		if asked.Route == nil {
			return w.status == http.StatusNotFound
		}
		return right && (!middleware || through == 1)
	}
}

// statusOnly is an answer of which the status is kept.
type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }
func (w *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
