package project

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/source"
)

// clodo lays what clodo.yaml says over a target that was made of its wrangler file.
func (r *resolver) clodo(t *Target) {
	t.Domains = r.p.domains(r.s, r.env, r.cust)
	t.Policy = r.env.Policy
	t.Health = HealthCheck{Path: "/", Timeout: 60 * time.Second}
	part := r.s.layers.service
	if h := part.Get("checks", "health"); h != nil {
		t.Health = HealthCheck{Path: h.Get("path").Str(), Timeout: duration(h.Get("timeout").Str(), 60*time.Second), Pos: h.Pos}
		if s := h.Get("status"); s != nil {
			t.Health.Status = int(s.Int)
		}
	}
	if s := part.Get("checks", "smoke"); s != nil {
		t.Smoke = SmokeTest{Run: s.Get("run").Str(), Timeout: duration(s.Get("timeout").Str(), time.Minute), Pos: s.Pos}
	}
	for _, s := range part.Get("secrets").Map() {
		t.Secrets = append(t.Secrets, SecretSpec{
			Name: s.Key, SameAs: s.Value.Get("same_as").Str(), Generate: s.Value.Get("generate").Str(),
			Source: s.Value.Get("source").Str(), Rotate: s.Value.Get("rotate").Str(), Forbid: texts(s.Value.Get("forbid")), Pos: s.Pos,
		})
	}
	t.Database = part.Get("database", "binding").Str()
	for i := range t.Worker.Bindings {
		r.ownResource(&t.Worker.Bindings[i], t.Database)
	}
	r.links(t)
	for _, n := range r.s.Needs {
		t.need(n.V)
	}
}

func (t *Target) need(service string) {
	if service != t.Service && !slices.Contains(t.Needs, service) {
		t.Needs = append(t.Needs, service)
	}
}

// duration reads "90d", "5m" or "800ms"; the schema has checked the form.
func duration(s string, otherwise time.Duration) time.Duration {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n < 36500 {
			return time.Duration(n) * 24 * time.Hour
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return d
	}
	return otherwise
}

// domains are the hostnames of a target from clodo.yaml. Shared customers bring
// theirs to the shared target.
func (p *Portfolio) domains(s *Service, env *Environment, cust *Customer) []Value[string] {
	var out []Value[string]
	add := func(list *source.Value) {
		for _, v := range list.List() {
			out = append(out, text(v))
		}
	}
	if cust != nil {
		add(cust.tree.Get("domains", env.Name, s.Name))
		return out
	}
	add(s.layers.service.Get("domains", env.Name))
	for _, c := range p.Customers {
		if c.Isolation == "shared" && c.RunsIn(env.Name) {
			add(c.tree.Get("domains", env.Name, s.Name))
		}
	}
	return out
}

// hosts are all hostnames of a target: clodo.yaml's, and those of wrangler's routes.
func (p *Portfolio) hosts(s *Service, env *Environment, cust *Customer) []Value[string] {
	out := p.domains(s, env, cust)
	for _, r := range routes(environmentOf(s.layers.wrangler.Root, env.Name, s.Inherit == "all")) {
		out = append(out, Value[string]{V: routeHost(r.Pattern), Pos: r.Pos})
	}
	return out
}

// routeHost is the hostname of a route's pattern, without scheme and path.
func routeHost(pattern string) string {
	pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "https://"), "http://")
	host, _, _ := strings.Cut(pattern, "/")
	return host
}

// ownResource gives a binding a resource of its own where sharing one would mix
// data: the database that clodo owns is one for each target, and a dedicated
// customer shares nothing. What the environment itself pins stays.
func (r *resolver) ownResource(b *Binding, owned string) {
	apart := false
	for _, k := range bindingKinds() {
		apart = apart || k.kind == b.Kind && k.apart
	}
	base := defaultResource(r.s.layers.wrangler.Root.Get("name").Str(), b.Name)
	switch {
	case !apart:
		return
	case r.cust != nil:
	case b.Kind != "d1" || b.Name != owned || r.env.Name == "" || r.pinnedHere(b.Name):
		return
	}
	if b.Resource == "" || b.Resource == defaultResource(r.name, b.Name) {
		b.Resource = base
	}
	if r.env.Name != "" && !(r.cust != nil && r.pinnedHere(b.Name)) {
		b.Resource += "-" + r.env.Name
	}
	if r.cust != nil {
		b.Resource += "--" + r.cust.Name
	}
	b.ID = ""
}

// pinnedHere reports whether the environment's own section of the wrangler file
// declares the binding.
func (r *resolver) pinnedHere(binding string) bool {
	section := r.s.layers.wrangler.Root.Get("env", r.env.Name)
	for _, k := range bindingKinds() {
		for _, v := range section.Get(k.at...).List() {
			if nameOf(v) == binding {
				return true
			}
		}
	}
	return false
}

// links finds out which Workers of the portfolio this one is bound to, and with
// inherit: all makes them those of the same environment and customer.
func (r *resolver) links(t *Target) {
	for i := range t.Worker.Bindings {
		b := &t.Worker.Bindings[i]
		switch {
		case b.Kind == "service":
			if s := r.link(&b.Service); s != nil {
				b.Portfolio = s.Name
				t.need(s.Name)
			}
		case b.ScriptName != "":
			if s := r.link(&b.ScriptName); s != nil {
				b.Portfolio = s.Name
				t.need(s.Name)
			}
		}
	}
	for _, c := range t.Worker.TailConsumers {
		name, _ := c["service"].(string)
		if s := r.link(&name); s != nil {
			c["service"] = name
			t.need(s.Name)
		}
	}
}

// link is the service whose Worker of this environment and customer is script. With
// inherit: all script may also be its name without them, and is rewritten.
func (r *resolver) link(script *string) *Service {
	for _, s := range r.p.Services {
		here := r.p.workerName(s, r.env, r.cust)
		if *script == here {
			return s
		}
		rewritten := *script == s.layers.wrangler.Root.Get("name").Str() || *script == r.p.workerName(s, r.env, nil)
		if r.s.Inherit == "all" && rewritten {
			*script = here
			return s
		}
	}
	return nil
}

// vars lays the variables of clodo.yaml over wrangler's: service, environment,
// customer.
func (r *resolver) vars(wrangler *source.Value) []source.Pair {
	all := wrangler
	for _, layer := range []*source.Value{r.s.layers.service.Get("vars"), r.envTree().Get("vars"), r.custVars()} {
		all = overlay(all, layer)
	}
	var out []source.Pair
	for _, p := range all.Map() {
		if p.Value.Kind == source.Null && p.Value.Pos.File != r.s.File {
			continue
		}
		if p.Value.Kind == source.String && p.Value.Pos.File != r.s.File {
			v, ok := r.fill(p)
			if !ok {
				continue
			}
			p.Value = v
		}
		out = append(out, p)
	}
	return out
}

func (r *resolver) envTree() *source.Value {
	if r.p.tree == nil {
		return nil
	}
	return r.p.tree.Get("environments", r.env.Name)
}

func (r *resolver) custVars() *source.Value {
	if r.cust == nil {
		return nil
	}
	return r.cust.tree.Get("vars", r.s.Name)
}

// fill puts hostnames into {domain:SERVICE}. A variable whose service has no
// hostname here is left out with a warning: half an address helps nobody.
func (r *resolver) fill(p source.Pair) (*source.Value, bool) {
	missing := ""
	filled := placeholder.ReplaceAllStringFunc(p.Value.Text, func(m string) string {
		name := placeholder.FindStringSubmatch(m)[1]
		s := r.p.serviceNamed(name)
		if s == nil {
			return m // reported with the references
		}
		if hosts := r.p.hosts(s, r.env, r.cust); len(hosts) > 0 {
			return hosts[0].V
		}
		if r.env.Local {
			return r.p.workerName(s, r.env, r.cust) + ".localhost"
		}
		missing = name
		return m
	})
	if missing != "" {
		id := TargetID{Service: r.s.Name, Environment: r.env.Name}
		if r.cust != nil {
			id.Customer = r.cust.Name
		}
		r.warn("C025", p.Value.Pos, fmt.Sprintf("%s runs without the variable %s", id, p.Key),
			fmt.Sprintf("%s has no hostname there, so {domain:%s} stands for nothing", missing, missing),
			fmt.Sprintf("give %s a hostname there, or set %s itself for that environment or customer", missing, p.Key))
		return nil, false
	}
	v := *p.Value
	v.Text = filled
	return &v, true
}
