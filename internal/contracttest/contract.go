// Package contracttest is what bindings promise in Go, as cases that run natively and on
// Workers: the same results are demanded of both. A test of the local cloud runs them.
package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/tamylaa/clodo/bindings/d1"
)

// Case is one promise: what do gives, as JSON, or the text of its error after "error: ".
type Case struct {
	Name string
	Want string
	do   func(ctx context.Context) (any, error)
	// Alone is what it gives natively where there is no workerd; "" is Want.
	Alone string
}

// Result is what a case gave.
type Result struct{ Name, Got string }

// Kinds are the cases by the binding that they are about.
func Kinds() map[string][]Case {
	return map[string][]Case{
		"ai":        aiCases(),
		"analytics": analyticsCases(),
		"cache":     cacheCases(),
		"d1":        d1Cases(),
		"d1sql":     d1sqlCases(),
		"durable":   durableCases(),
		"email":     emailCases(),
		"kv":        kvCases(),
		"queue":     queueCases(),
		"r2":        r2Cases(),
		"ratelimit": rateLimitCases(),
		"secret":    secretCases(),
		"service":   serviceCases(),
		"vectorize": vectorizeCases(),
		"version":   versionCases(),
	}
}

// Run runs all cases of a kind, in their order.
func Run(ctx context.Context, kind string) []Result {
	var all []Result
	for _, c := range Kinds()[kind] {
		all = append(all, Result{c.Name, c.run(ctx)})
	}
	return all
}

func (c Case) run(ctx context.Context) (got string) {
	defer func() {
		if caught := recover(); caught != nil {
			got = fmt.Sprint("panic: ", caught)
		}
	}()
	v, err := c.do(ctx)
	if err != nil {
		return "error: " + err.Error()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "not JSON: " + err.Error()
	}
	return string(b)
}

// Handler answers GET /KIND with the results of that kind's cases, and GET /locked with
// what a D1 read gives that is made with a lock held, as a careless service does.
func Handler() http.Handler {
	var mu sync.Mutex
	mux := http.NewServeMux()
	mux.HandleFunc("GET /locked", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var n int
		if err := d1.Open("DB").Prepare("SELECT 41 + ?").Bind(1).First(r.Context(), &n); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprint(w, n) // the test may be gone
	})
	mux.HandleFunc("GET /{kind}", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(Run(r.Context(), r.PathValue("kind"))) // the test may be gone
	})
	return mux
}

// Names are the kinds in their order.
func Names() []string {
	var names []string
	for kind := range Kinds() {
		names = append(names, kind)
	}
	slices.Sort(names)
	return names
}

// list is several results of one case.
type list []any
