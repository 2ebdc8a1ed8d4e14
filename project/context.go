package project

import (
	"strings"
)

// told reports that clodo tells the service what it is, in bindings: a program in Go,
// and a service that takes what clodo adds. Others stay as wrangler would upload them.
func (r *resolver) told(t *Target) bool {
	return t.Worker.Main.V != "" && (r.s.Inherit == "all" || strings.HasSuffix(strings.ToLower(t.Worker.Main.V), ".go"))
}

// context gives a target the variables and the version metadata that package clodo, and
// the generated file of a TypeScript service, know a service by.
func (r *resolver) context(t *Target) {
	if !r.told(t) {
		return
	}
	const why = "clodo tells services what they are by it"
	variable := func(name string, v Value[string]) {
		if v.V != "" {
			r.own(t, Binding{Kind: "plain_text", Name: name, Text: v.V, Pos: v.Pos}, why)
		}
	}
	variable("CLODO_SERVICE", Value[string]{V: r.s.Name, Pos: r.s.Pos})
	variable("CLODO_ENVIRONMENT", Value[string]{V: r.env.Name, Pos: r.env.Pos})
	if r.cust != nil {
		variable("CLODO_CUSTOMER", Value[string]{V: r.cust.Name, Pos: r.cust.Pos})
	}
	variable("CLODO_DOMAIN", r.domain())
	r.own(t, Binding{Kind: "version_metadata", Name: "CLODO_VERSION"}, why)
}

// domain is the target's first hostname; in a local environment without any it is the
// one that the local cloud gives.
func (r *resolver) domain() Value[string] {
	for _, host := range r.p.hosts(r.s, r.env, r.cust) {
		if !strings.Contains(host.V, "*") {
			return host
		}
	}
	if r.env.Local {
		return Value[string]{V: r.name + localDomain, Pos: r.env.Pos}
	}
	return Value[string]{}
}
