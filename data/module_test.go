package data

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

func TestModulesAreRegisteredTogether(t *testing.T) {
	t.Parallel()
	mark := func(name string) clodo.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("X-Seen", name)
				next.ServeHTTP(w, r)
			})
		}
	}
	app, hooks := clodo.NewRouter(), &Hooks{}
	module := func(name string, s *Schema) Module {
		return Module{
			Name: name, Models: []*Schema{s}, Middleware: []clodo.Middleware{mark(name)},
			Hooks: []Hook{{On: "before.create", Run: func(context.Context, *Event) error { return nil }}},
			Routes: func(r *clodo.Router) []*Endpoint {
				r.HandleFunc("GET /"+name, func(http.ResponseWriter, *http.Request) {})
				return []*Endpoint{{schema: s, path: "/" + name}}
			},
		}
	}
	posts, tags := Define(Options[post]{}).Schema(), Define(Options[tagg]{}).Schema()
	all := Register(app, hooks, module("one", posts), module("two", tags), Module{Name: "empty"})
	if diff := cmp.Diff([]string{"one", "two", "empty"}, all.Names); diff != "" || len(all.Models) != 2 || len(all.Endpoints) != 2 {
		t.Errorf("%+v %s", all, diff)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/one", nil))
	if got := strings.Join(w.Header().Values("X-Seen"), " "); w.Code != 200 || got != "one two" {
		t.Errorf("%d, middleware %s", w.Code, got)
	}
	x := hooks.Run(t.Context(), "before.create", &Event{}, RunOptions{})
	if x.Total != 2 || x.Results[0].Name != "one" {
		t.Errorf("%+v", x)
	}
	for name, modules := range map[string][]Module{
		"no name":      {{}},
		"one name":     {{Name: "x"}, {Name: "x"}},
		"one table":    {module("three", posts), module("four", posts)},
		"a bad hook":   {{Name: "x", Hooks: []Hook{{On: "go"}}}},
		"hooks for no": {{Name: "x", Hooks: []Hook{{On: "go", Run: func(context.Context, *Event) error { return nil }}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			h := &Hooks{}
			if name == "hooks for no" {
				h = nil
			}
			Register(clodo.NewRouter(), h, modules...)
		})
	}
}
