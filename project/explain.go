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

// Row is one effective value of a target and where it came from. Origin is a
// "file:line:col", or words such as "default" and "naming rule".
type Row struct {
	Section string `json:"section,omitempty"` // vars, bindings, features, secrets; "" for what stands alone
	Key     string `json:"key"`
	Value   string `json:"value"`
	Origin  string `json:"origin"`
	Note    string `json:"note,omitempty"` // such as what it replaces
}

const hidden = "(hidden)"

// Explain lists every effective value of a target with its origin, in the order in
// which people look for them. It never holds what looks like a secret.
func (p *Portfolio) Explain(t *Target) []Row {
	e := explainer{p: p, t: t, s: p.serviceNamed(t.Service), env: p.environmentNamed(t.Environment), cust: p.customerNamed(t.Customer)}
	e.place()
	e.worker()
	e.bindings()
	for _, n := range t.Needs {
		e.row("", "needs", n, e.needOrigin(n))
	}
	e.features()
	e.secrets()
	e.rules()
	return e.rows
}

type explainer struct {
	p    *Portfolio
	t    *Target
	s    *Service
	env  *Environment
	cust *Customer
	rows []Row
}

func origin(pos diag.Position, otherwise string) string {
	if pos.IsZero() {
		return otherwise
	}
	return pos.String()
}

func (e *explainer) row(section, key, value, from string) {
	e.rows = append(e.rows, Row{Section: section, Key: key, Value: value, Origin: from})
}

func (e *explainer) place() {
	from := "naming rule"
	root := e.s.layers.wrangler.Root
	switch own := root.Get("env", e.t.Environment, "name"); {
	case e.cust != nil:
	case own.Str() != "":
		from = own.Pos.String()
	case e.t.Environment == "":
		from = root.Get("name").At().String()
	}
	e.row("", "worker name", e.t.Worker.Name, from)
	account, at := "the only one that the token sees", "default"
	if e.t.Account != nil {
		account, at = e.t.Account.Name, origin(e.accountPos(), "the only account")
	}
	e.row("", "account", account, at)
	for _, d := range e.t.Domains {
		e.row("", "domain", d.V, d.Pos.String())
	}
	for _, r := range e.t.Worker.Routes {
		e.row("", "route", r.Pattern, r.Pos.String())
	}
}

func (e *explainer) accountPos() diag.Position {
	if e.cust != nil {
		if v := e.cust.tree.Get("account"); v != nil {
			return v.Pos
		}
	}
	return e.p.tree.Get("environments", e.t.Environment, "account").At()
}

func (e *explainer) worker() {
	w := e.t.Worker
	if w.Main.V != "" {
		e.row("", "main", w.Main.V, w.Main.Pos.String())
	}
	if w.Assets != nil && w.Assets.Dir != "" {
		e.row("", "assets", relative(e.p.Root, w.Assets.Dir), w.Assets.Pos.String())
	}
	e.row("", "compatibility date", w.CompatibilityDate.V, origin(w.CompatibilityDate.Pos, "not set"))
	tree := environmentOf(e.s.layers.wrangler.Root, e.t.Environment, e.s.Inherit == "all")
	if len(w.CompatibilityFlags) > 0 {
		e.row("", "compatibility flags", strings.Join(w.CompatibilityFlags, ", "), origin(tree.Get("compatibility_flags").At(), "default of programs in Go"))
	}
	for _, c := range w.Crons {
		e.row("", "cron", c.V, c.Pos.String())
	}
	switch v := tree.Get("workers_dev"); {
	case v != nil:
		e.row("", "workers.dev", v.Text, v.Pos.String())
	case len(w.Routes)+len(e.t.Domains) == 0:
		e.row("", "workers.dev", "true", "default: there is no other address")
	default:
		e.row("", "workers.dev", "false", "default: there is another address")
	}
}

func (e *explainer) bindings() {
	for _, b := range e.t.Worker.Bindings {
		switch b.Kind {
		case "plain_text", "json":
			if strings.HasPrefix(b.Name, feature.Variable) && b.Pos == e.p.featuresPos() {
				e.row("vars", b.Name, "the features below", b.Pos.String())
				continue
			}
			e.row("vars", b.Name, shownVariable(b), origin(b.Pos, "naming rule"))
		default:
			what := b.Kind
			if target := bindingTarget(b); target != "" {
				what += " " + target
			}
			e.row("bindings", b.Name, what, origin(b.Pos, "given by clodo"))
		}
	}
}

// shownVariable is a variable's value, unless its name sounds like a secret.
func shownVariable(b Binding) string {
	if source.Sensitive(b.Name) || source.LooksSecret(b.Text) {
		return hidden
	}
	if b.Kind == "plain_text" {
		return b.Text
	}
	text, err := json.Marshal(withoutSecrets(b.JSON))
	if err != nil {
		return hidden
	}
	return string(text)
}

// withoutSecrets hides the members of a JSON value whose names sound like secrets.
func withoutSecrets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, member := range v {
			if _, text := member.(string); text && source.Sensitive(k) {
				out[k] = hidden
				continue
			}
			out[k] = withoutSecrets(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutSecrets(item)
		}
		return out
	case string:
		if source.LooksSecret(v) {
			return hidden
		}
	}
	return v
}

// bindingTarget is what a binding leads to, in one word.
func bindingTarget(b Binding) string {
	for _, s := range []string{b.Service, b.ClassName, b.ID, b.Resource} {
		if s != "" {
			return s
		}
	}
	return ""
}

func (e *explainer) needOrigin(name string) string {
	for _, n := range e.s.Needs {
		if n.V == name {
			return n.Pos.String()
		}
	}
	for _, b := range e.t.Worker.Bindings {
		if b.Portfolio == name || b.ScriptName != "" && b.ScriptName == e.workerOf(name) {
			return e.servicePos(b).String()
		}
	}
	return "tail consumer"
}

// servicePos is where a service binding names its service.
func (e *explainer) servicePos(b Binding) diag.Position {
	tree := environmentOf(e.s.layers.wrangler.Root, e.t.Environment, e.s.Inherit == "all")
	for _, v := range tree.Get("services").List() {
		if v.Get("binding").Str() == b.Name {
			return v.Get("service").At()
		}
	}
	return b.Pos
}

func (e *explainer) workerOf(service string) string {
	if s := e.p.serviceNamed(service); s != nil {
		return e.p.workerName(s, e.env, e.cust)
	}
	return ""
}

func (e *explainer) features() {
	flags, err := feature.Evaluate(e.p.Flags(e.t.Environment, e.t.Customer), feature.Changes{}, feature.Context{})
	if err != nil {
		return // reported with the references
	}
	for _, f := range e.p.Features {
		fallback := fmt.Sprintf("default %v, %s", f.Default.V, f.Default.Pos)
		d, _ := flags.Detail(f.Name)
		if d.Reason == feature.ReasonDefault {
			e.row("features", f.Name, fmt.Sprint(d.Value), fallback)
			continue
		}
		from := e.p.FlagOrigin(f.Name, e.t.Environment, e.t.Customer, "", d.Reason)
		e.rows = append(e.rows, Row{Section: "features", Key: f.Name, Value: fmt.Sprint(d.Value), Origin: from.String(), Note: fallback})
	}
}

func (e *explainer) secrets() {
	var names []string
	for _, s := range e.t.Secrets {
		how := "set by hand"
		switch {
		case s.SameAs != "":
			how = "same as " + s.SameAs
		case s.Generate != "":
			how = "generated: " + s.Generate
		case s.Source == "prompt":
			how = "asked"
		case s.Source != "":
			how = "from " + s.Source
		}
		e.row("secrets", s.Name, how, s.Pos.String())
		names = append(names, s.Name)
	}
	for _, s := range e.t.Worker.RequiredSecrets {
		if !slices.Contains(names, s.V) {
			e.row("secrets", s.V, "set by hand", s.Pos.String())
		}
	}
}

func (e *explainer) rules() {
	h := e.t.Health
	status := "any status below 500"
	if h.Status != 0 {
		status = fmt.Sprint(h.Status)
	}
	e.row("", "health check", fmt.Sprintf("%s answers %s within %s", h.Path, status, short(h.Timeout)), origin(h.Pos, "default"))
	if e.t.Strategy != "" {
		e.row("", "rollout", e.t.Strategy, origin(e.env.Rollout.Strategy.Pos, "default"))
	}
	if e.t.Protected {
		e.row("", "protected", "true", e.env.Protected.Pos.String())
	}
	if chain := e.p.policyChain(e.t.Policy); len(chain) > 0 {
		e.row("", "policy", strings.Join(chain, " ← "), e.p.tree.Get("environments", e.t.Environment, "policy").At().String())
	}
}

// policyChain is a policy and those that it extends.
func (p *Portfolio) policyChain(name string) []string {
	var chain []string
	for name != "" && !slices.Contains(chain, name) {
		chain = append(chain, name)
		next := ""
		for _, policy := range p.Policies {
			if policy.Name == name {
				next = policy.Extends
			}
		}
		name = next
	}
	return chain
}

// short is a length of time as people write it: 1m rather than 1m0s.
func short(d Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
