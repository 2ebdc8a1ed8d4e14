package project

import (
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
	"slices"
	"strings"
	"time"
)

func (l *loader) portfolio(root, file string) *Portfolio { return nil }
func (p *Portfolio) hosts(s *Service, env *Environment, cust *Customer) []Value[string] {
	var out []Value[string]
	for _, r := range routes(environmentOf(s.layers.wrangler.Root, env.Name, s.Inherit == "all")) {
		out = append(out, Value[string]{V: routeHost(r.Pattern), Pos: r.Pos})
	}
	return out
}
func (r *resolver) clodo(t *Target) {
	r.services(t)
}
func (r *resolver) vars(tree *source.Value) []source.Pair { return tree.Map() }
func (p *Portfolio) references() []diag.Finding           { return nil }

// routeHost is the hostname of a route's pattern, without scheme and path.
func routeHost(pattern string) string {
	pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "https://"), "http://")
	host, _, _ := strings.Cut(pattern, "/")
	return host
}

// services finds out which service bindings point into the portfolio.
func (r *resolver) services(t *Target) {
	t.Health.Timeout = 60 * time.Second
	for i := range t.Worker.Bindings {
		b := &t.Worker.Bindings[i]
		if b.Kind != "service" {
			continue
		}
		for _, s := range r.p.Services {
			if r.p.workerName(s, r.env, r.cust) == b.Service || r.p.workerName(s, r.env, nil) == b.Service {
				b.Portfolio = s.Name
				if s != r.s && !slices.Contains(t.Needs, s.Name) {
					t.Needs = append(t.Needs, s.Name)
				}
			}
		}
	}
}
