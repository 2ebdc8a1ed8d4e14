package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/tamylaa/clodo"
)

// githubRoutes are the 203 routes of GitHub's API, version 3, that routers are
// commonly compared on.
//
//go:embed testdata/router/github.txt
var githubRoutes string

// routeTime is how long one router is asked in one round.
const routeTime = 200 * time.Millisecond

// routeSet is patterns and, for each, a request that it fits.
type routeSet struct {
	name     string
	patterns []string // METHOD PATH
	paths    []string
}

func routeSets() []routeSet {
	github := routeSet{name: "GitHub's 203 routes", patterns: strings.Split(strings.TrimSpace(githubRoutes), "\n")}
	for _, p := range github.patterns {
		_, path, _ := strings.Cut(p, " ")
		github.paths = append(github.paths, wildcard.ReplaceAllString(path, "value"))
	}
	return []routeSet{manyRoutes(50), manyRoutes(1000), github}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// manyRoutes are n routes as a service with many resources has them: three of four
// with wildcards.
func manyRoutes(n int) routeSet {
	s := routeSet{name: fmt.Sprintf("%d routes", n)}
	for i := range n {
		ends := [...]struct{ pattern, path string }{
			{"", ""}, {"/{id}", "/12345"}, {"/{id}/items/{item}", "/12345/items/abc"}, {"/{id}/detail", "/12345/detail"},
		}
		resource := fmt.Sprintf("/api/v1/resource%d", i/len(ends))
		end := ends[i%len(ends)]
		s.patterns = append(s.patterns, "GET "+resource+end.pattern)
		s.paths = append(s.paths, resource+end.path)
	}
	return s
}

// router compares clodo.Router with httprouter in matching alone, and with
// http.ServeMux in a whole request whose handler reads a value of the path.
func (l *lab) router(ctx context.Context) error {
	for _, set := range routeSets() {
		app, mux, peer := clodo.NewRouter(), http.NewServeMux(), httprouter.New()
		methods := make([]string, len(set.patterns))
		requests := make([]*http.Request, len(set.patterns))
		hits := 0
		read := func(_ http.ResponseWriter, r *http.Request) {
			if r.PathValue("id") != "none" {
				hits++
			}
		}
		for i, pattern := range set.patterns {
			method, path, _ := strings.Cut(pattern, " ")
			methods[i], requests[i] = method, httptest.NewRequest(method, set.paths[i], nil)
			app.HandleFunc(pattern, read)
			mux.HandleFunc(pattern, read)
			peer.Handle(method, strings.NewReplacer("{", ":", "}", "").Replace(path), func(http.ResponseWriter, *http.Request, httprouter.Params) {})
		}
		match := func(i int) bool { _, ok := app.Lookup(methods[i], set.paths[i]); return ok }
		matchPeer := func(i int) bool { h, _, _ := peer.Lookup(methods[i], set.paths[i]); return h != nil }
		serve := func(h http.Handler) func(int) bool {
			return func(i int) bool { h.ServeHTTP(nil, requests[i]); return hits > 0 }
		}
		for _, c := range []struct {
			what, peer   string
			ours, theirs func(int) bool
			allocations  float64
		}{
			{"matching alone", "httprouter", match, matchPeer, 0},
			{"a request that reads r.PathValue", "http.ServeMux", serve(app), serve(mux), 1},
		} {
			row := result{what: "router, " + set.name + ": " + c.what, unit: "ns", peer: c.peer, goal: 1}
			for range l.rounds {
				ours, err := perCall(ctx, len(set.paths), c.ours)
				if err != nil {
					return fmt.Errorf("%s: %w", row.what, err)
				}
				theirs, err := perCall(ctx, len(set.paths), c.theirs)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", row.what, c.peer, err)
				}
				row.ours, row.theirs = append(row.ours, ours), append(row.theirs, theirs)
			}
			l.add(row)
			i := 0
			most := testing.AllocsPerRun(len(set.paths), func() { c.ours(i % len(set.paths)); i++ })
			l.add(result{what: row.what + ", allocations", ours: series{most}, goal: c.allocations, noteOfGoal: fmt.Sprintf("≤ %v", c.allocations)})
		}
	}
	return nil
}

// perCall is how many nanoseconds a call takes, over all i from 0 to n. A call that is
// false is wrong.
func perCall(ctx context.Context, n int, call func(i int) bool) (float64, error) {
	calls := 0
	began := time.Now()
	for time.Since(began) < routeTime {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		for range 10 {
			for i := range n {
				if !call(i) {
					return 0, fmt.Errorf("call %d had a wrong result", i)
				}
			}
			calls += n
		}
	}
	return float64(time.Since(began).Nanoseconds()) / float64(calls), nil
}
