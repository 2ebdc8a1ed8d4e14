package project

import (
	"encoding/json"
	"slices"
	"strings"
)

// told reports that clodo tells the service what it is, in bindings: a program in Go,
// and a service that takes what clodo adds. Others stay as wrangler would upload them.
func (r *resolver) told(t *Target) bool {
	return t.Worker.Main.V != "" && (r.s.Inherit == "all" || t.Worker.inGo())
}

// inGo reports that the Worker is a program in Go.
func (w *Worker) inGo() bool { return strings.HasSuffix(strings.ToLower(w.Main.V), ".go") }

// signalFlag has the runtime tell a Worker that the client of a request has left, by which
// a request's context ends in a program in Go.
const signalFlag = "enable_request_signal"

// signals gives a program in Go what the context of its requests needs, unless its file
// decides otherwise.
func (w *Worker) signals() {
	if w.inGo() && !slices.Contains(w.CompatibilityFlags, signalFlag) && !slices.Contains(w.CompatibilityFlags, "disable_request_signal") {
		w.CompatibilityFlags = append(w.CompatibilityFlags, signalFlag)
	}
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
	variable("CLODO_DOMAIN", domain(r.p.hosts(r.s, r.env, r.cust), r.env, r.name))
	variable("CLODO_SERVICES", Value[string]{V: r.services(t), Pos: r.s.Pos})
	r.own(t, Binding{Kind: "version_metadata", Name: "CLODO_VERSION"}, why)
}

// domain is the first of a target's hostnames; in a local environment without any it is
// the one that the local cloud gives.
func domain(hosts []Value[string], env *Environment, worker string) Value[string] {
	for _, host := range hosts {
		if !strings.Contains(host.V, "*") {
			return host
		}
	}
	if env.Local {
		return Value[string]{V: worker + localDomain, Pos: env.Pos}
	}
	return Value[string]{}
}

// peer is where another service is, as package services reads it.
type peer struct {
	Binding string `json:"binding,omitempty"`
	URL     string `json:"url,omitempty"`
}

// services says where the services are that a target needs: behind its service bindings,
// else at their hostnames, which in a local environment are those that the local cloud
// gives: who answers at the others is not on this machine. One without is left out.
func (r *resolver) services(t *Target) string {
	peers := map[string]peer{}
	for _, b := range t.Worker.Bindings {
		if b.Kind == "service" && b.Portfolio != "" && b.Entrypoint == "" && peers[b.Portfolio].Binding == "" {
			peers[b.Portfolio] = peer{Binding: b.Name}
		}
	}
	for _, name := range t.Needs {
		s := r.p.serviceNamed(name)
		if s == nil || peers[name].Binding != "" {
			continue
		}
		if r.env.Local {
			peers[name] = peer{URL: "http://" + r.p.workerName(s, r.env, r.cust) + localDomain}
			continue
		}
		if host := domain(r.p.hosts(s, r.env, r.cust), r.env, ""); host.V != "" {
			peers[name] = peer{URL: "https://" + host.V}
		}
	}
	if len(peers) == 0 {
		return ""
	}
	b, err := json.Marshal(peers)
	if err != nil {
		return "" // texts are always JSON
	}
	return string(b)
}
