package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/internal/source"
)

// featureFlag reads a feature flag of clodo.yaml.
func featureFlag(f source.Pair) *Feature {
	v := f.Value
	out := &Feature{
		Name: f.Key, Type: feature.Type(v.Get("type").Str()), Values: texts(v.Get("values")),
		Default:     Value[any]{V: v.Get("default").Any(), Pos: v.Get("default").At()},
		Description: v.Get("description").Str(), Owner: v.Get("owner").Str(), Runtime: v.Get("runtime").True(),
		Rollout: percentage100(v.Get("rollout")), Domains: scalars(v.Get("domains")), Pos: f.Pos,
	}
	if out.Type == "" {
		out.Type = feature.TypeBoolean
	}
	for _, r := range v.Get("rules").List() {
		rule := feature.Rule{Value: r.Get("value").Any(), Percentage: percentage100(r.Get("percentage"))}
		for _, c := range r.Get("when").List() {
			rule.When = append(rule.When, feature.Condition{
				Attribute: c.Get("attribute").Str(), Equals: c.Get("equals").Str(), In: texts(c.Get("in")), Prefix: c.Get("prefix").Str(),
			})
		}
		out.Rules = append(out.Rules, Value[feature.Rule]{V: rule, Pos: r.Pos})
	}
	for _, name := range v.Get("requires").List() {
		out.Requires = append(out.Requires, text(name))
	}
	for _, name := range v.Get("conflicts").List() {
		out.Conflicts = append(out.Conflicts, text(name))
	}
	return out
}

func percentage100(v *source.Value) *float64 {
	if v == nil || v.Kind != source.Int && v.Kind != source.Float {
		return nil
	}
	return new(number(v))
}

func (p *Portfolio) featureNamed(name string) *Feature {
	i := slices.IndexFunc(p.Features, func(f *Feature) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return p.Features[i]
}

// featuresPos is where clodo.yaml begins with them.
func (p *Portfolio) featuresPos() diag.Position {
	if pair := p.tree.Pair("features"); pair != nil {
		return pair.Pos
	}
	return diag.Position{}
}

// declaration is a flag as services are told about it, without what customers and the
// environment say.
func (f *Feature) declaration() feature.Declaration {
	d := feature.Declaration{Default: f.Default.V, Values: f.Values, Runtime: f.Runtime}
	if f.Type != feature.TypeBoolean {
		d.Type = f.Type
	}
	for _, r := range f.Rules {
		d.Rules = append(d.Rules, r.V)
	}
	if f.Rollout != nil {
		d.Rules = append(d.Rules, feature.Rule{Value: true, Percentage: f.Rollout})
	}
	for _, r := range f.Requires {
		d.Requires = append(d.Requires, r.V)
	}
	for _, c := range f.Conflicts {
		d.Conflicts = append(d.Conflicts, c.V)
	}
	return d
}

// Flags is what deploy tells services about their feature flags in an environment, on
// the shared Workers (customer "") or on those of a dedicated customer.
func (p *Portfolio) Flags(environment, customer string) feature.Document {
	d := feature.Document{Version: 1, Environment: environment, Customer: customer, Flags: map[string]feature.Declaration{}}
	env, cust := p.environmentNamed(environment), p.customerNamed(customer)
	hosts := p.hostsOf(env, cust)
	var here []*Customer
	for _, c := range p.Customers {
		if c == cust || cust == nil && c.Isolation == "shared" && c.RunsIn(environment) {
			here = append(here, c)
		}
	}
	customersMatter := false
	for _, f := range p.Features {
		flag := f.declaration()
		if env != nil {
			if v, ok := env.Features[f.Name]; ok {
				flag.Environment = &feature.Assignment{Value: v.V}
			}
		}
		for _, c := range here {
			if v, ok := c.Features[f.Name]; ok {
				assign(&flag.Customers, c.Name, v.V)
			}
		}
		for host, v := range f.Domains {
			if _, ours := hosts[host]; ours {
				assign(&flag.Domains, host, v.V)
			}
		}
		customersMatter = customersMatter || flag.Runtime || flag.Customers != nil || asksForCustomers(flag)
		d.Flags[f.Name] = flag
	}
	if cust != nil || !customersMatter {
		return d
	}
	for host, c := range hosts {
		if c != "" {
			if d.Hosts == nil {
				d.Hosts = map[string]string{}
			}
			d.Hosts[host] = c
		}
	}
	return d
}

func assign(to *map[string]feature.Assignment, name string, v any) {
	if *to == nil {
		*to = map[string]feature.Assignment{}
	}
	(*to)[name] = feature.Assignment{Value: v}
}

func asksForCustomers(d feature.Declaration) bool {
	return slices.ContainsFunc(d.Rules, func(r feature.Rule) bool {
		return slices.ContainsFunc(r.When, func(c feature.Condition) bool { return c.Attribute == "customer" })
	})
}

// hostsOf are the hostnames of the Workers that a dedicated customer has, or of the
// shared ones, with the shared customer whose each is.
func (p *Portfolio) hostsOf(env *Environment, cust *Customer) map[string]string {
	hosts := map[string]string{}
	if env == nil {
		return hosts
	}
	for _, s := range p.Services {
		for _, h := range p.hosts(s, env, cust) {
			hosts[h.V] = ""
		}
		for _, c := range p.Customers {
			if cust == nil && c.Isolation == "shared" && c.RunsIn(env.Name) {
				for _, v := range c.tree.Get("domains", env.Name, s.Name).List() {
					hosts[v.Str()] = c.Name
				}
			}
		}
	}
	return hosts
}

// FlagOrigin is where a flag got a value that it has for this reason; the zero position
// for what no file says.
func (p *Portfolio) FlagOrigin(name, environment, customer, domain string, why feature.Reason) diag.Position {
	f := p.featureNamed(name)
	if f == nil {
		return diag.Position{}
	}
	switch why {
	case feature.ReasonDomain:
		return f.Domains[domain].Pos
	case feature.ReasonCustomer:
		if c := p.customerNamed(customer); c != nil {
			return c.Features[name].Pos
		}
	case feature.ReasonEnvironment:
		if e := p.environmentNamed(environment); e != nil {
			return e.Features[name].Pos
		}
	case feature.ReasonRule:
		for _, key := range []string{"rules", "rollout"} {
			if v := p.tree.Get("features", name, key); v != nil {
				return v.Pos
			}
		}
	case feature.ReasonRequires, feature.ReasonConflicts:
		return p.tree.Get("features", name, string(why)).At()
	case feature.ReasonDefault:
		return f.Default.Pos
	}
	return diag.Position{}
}

// longestVariable is how much of a document one variable holds, in bytes: Cloudflare
// takes 5 KB.
const longestVariable = 5000

// flags gives a target the variables and the namespace of its feature flags.
func (r *resolver) flags(t *Target) {
	if len(r.p.Features) == 0 || !r.told(t) {
		return
	}
	const why = "clodo gives it to the service, because clodo.yaml declares features"
	document := r.p.Flags(t.Environment, t.Customer)
	text, err := json.Marshal(document)
	if err != nil || document.Check() != nil {
		return // reported with the references
	}
	r.variables(t, feature.Variable, string(text), why)
	first := domain(r.p.hosts(r.s, r.env, r.cust), r.env, r.name).V
	if now, err := feature.Evaluate(document, feature.Changes{}, feature.Context{Domain: first, Customer: t.Customer}); err == nil {
		if on := now.Enabled(); len(on) > 0 {
			r.variables(t, "CLODO_ENABLED", strings.Join(on, ","), why)
		}
	}
	runtime := slices.IndexFunc(r.p.Features, func(f *Feature) bool { return f.Runtime })
	if runtime < 0 {
		return
	}
	i := slices.IndexFunc(t.Worker.Bindings, func(b Binding) bool { return b.Name == feature.ChangesBinding })
	if i >= 0 && t.Worker.Bindings[i].Kind == "kv_namespace" {
		return // the wrangler file says which one
	}
	name := r.p.Name + "-flags"
	if t.Environment != "" {
		name += "-" + t.Environment
	}
	if t.Customer != "" {
		name += "--" + t.Customer
	}
	r.own(t, Binding{Kind: "kv_namespace", Name: feature.ChangesBinding, Resource: name, Pos: r.p.Features[runtime].Pos}, why)
}

// variables gives a target a text that may be too long for one of them: it goes on in
// NAME_2 and so on.
func (r *resolver) variables(t *Target, name, text, why string) {
	for i, part := range split(text, longestVariable) {
		numbered := name
		if i > 0 {
			numbered = fmt.Sprintf("%s_%d", name, i+1)
		}
		r.own(t, Binding{Kind: "plain_text", Name: numbered, Text: part, Pos: r.p.featuresPos()}, why)
	}
}

// own adds a binding whose name belongs to clodo.
func (r *resolver) own(t *Target, b Binding, why string) {
	for _, other := range t.Worker.Bindings {
		if other.Name == b.Name {
			r.fail("C030", other.Pos, fmt.Sprintf("two owners for %s of %s", b.Name, r.s.Name), why, "rename the binding, here and in the code")
			return
		}
	}
	b.Given = true
	t.Worker.Bindings = append(t.Worker.Bindings, b)
}

// split cuts a text into parts of at most n bytes, between characters.
func split(text string, n int) []string {
	var parts []string
	for len(text) > n {
		at := n
		for at > 0 && text[at]&0xC0 == 0x80 {
			at--
		}
		parts = append(parts, text[:at])
		text = text[at:]
	}
	return append(parts, text)
}

// Hostnames are those of an environment, with the dedicated customer whose Workers
// serve each, "" for the shared ones.
func (p *Portfolio) Hostnames(environment string) map[string]string {
	all := map[string]string{}
	env := p.environmentNamed(environment)
	for host := range p.hostsOf(env, nil) {
		all[host] = ""
	}
	for _, c := range p.Customers {
		if c.Isolation != "shared" && c.RunsIn(environment) {
			for host := range p.hostsOf(env, c) {
				all[host] = c.Name
			}
		}
	}
	return all
}
