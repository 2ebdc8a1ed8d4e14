package operator

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/project"
)

// FlagScope says whose feature flags are meant: those of an environment, there those of
// customers, or of a hostname.
type FlagScope struct {
	Environment string   // "" means: decide, as project.Selector does
	Customers   []string // empty: everybody
	Domain      string
	Local       bool
}

// FlagList is what feature flags are.
type FlagList struct {
	Environment string     `json:"env"`
	Flags       []FlagInfo `json:"flags"`
	Values      []FlagFor  `json:"values"`
	// Changed says what is known of changes at run time: "read", "none" when no flag has
	// `runtime: true`, "declared" when they were not asked for, or that some Workers have
	// no namespace yet.
	Changed string `json:"runtime"`
}

// FlagInfo is a flag as clodo.yaml declares it.
type FlagInfo struct {
	Name        string       `json:"name"`
	Type        feature.Type `json:"type"`
	Values      []string     `json:"values,omitempty"`
	Default     any          `json:"default"`
	Description string       `json:"description,omitempty"`
	Owner       string       `json:"owner,omitempty"`
	Runtime     bool         `json:"runtime"`
	Requires    []string     `json:"requires,omitempty"`
	Conflicts   []string     `json:"conflicts,omitempty"`
	Declared    string       `json:"declared"` // file:line:col
}

// FlagFor is what a flag is for somebody; without customer and domain, for everybody of
// whom nothing else is said.
type FlagFor struct {
	Flag     string `json:"flag"`
	Customer string `json:"customer,omitempty"`
	Domain   string `json:"domain,omitempty"`
	// Value is for nobody in particular: without a subject and attributes.
	Value any `json:"value"`
	// Steps are what decides, in order; more than one where subject or attributes do.
	Steps []FlagStep `json:"steps"`
	// Needs are flags that decide too, and differ between subjects or attributes.
	Needs []string `json:"needs,omitempty"`
}

// FlagStep is one thing that decides a flag, and where it comes from: a "file:line:col",
// or "runtime".
type FlagStep struct {
	Value      any                 `json:"value"`
	When       []feature.Condition `json:"when,omitempty"`
	Percentage float64             `json:"percentage"`
	Reason     feature.Reason      `json:"reason"`
	From       string              `json:"from"`
}

// flagGroup is the Workers that share a document and a namespace: the shared ones, or
// those of a dedicated customer.
type flagGroup struct {
	customer  string // "" for the shared ones
	document  feature.Document
	changes   feature.Changes
	namespace *flagNamespace // nil: not asked for, or no Worker has one
}

// flagNamespace is where the changes of a group are.
type flagNamespace struct {
	account string // as ports know it
	binding project.Binding
	id      string // "" while it does not exist
}

// Flags is what every flag is in an environment. With declared it asks nobody, and
// tells what clodo.yaml says.
func (o *Operator) Flags(ctx context.Context, scope FlagScope, declared bool) (*FlagList, error) {
	env, groups, err := o.flagGroups(ctx, scope)
	if err != nil {
		return nil, err
	}
	list := &FlagList{Environment: env, Changed: "none"}
	runtime := false
	for _, f := range o.portfolio.Features {
		list.Flags = append(list.Flags, flagInfo(f))
		runtime = runtime || f.Runtime
	}
	switch {
	case declared:
		list.Changed = "declared"
	case runtime:
		list.Changed = "read"
		var missing []string
		for _, g := range groups {
			if err := o.readChanges(ctx, g); err != nil {
				return nil, err
			}
			if g.namespace == nil || g.namespace.id == "" {
				missing = append(missing, g.whose())
			}
		}
		if len(missing) > 0 {
			list.Changed = "nothing can be changed yet for " + strings.Join(missing, ", ") + ": deploy makes the namespace"
		}
	}
	var everybody []FlagFor
	for _, g := range groups {
		for _, in := range g.contexts(scope) {
			row, err := o.flagsFor(env, g, in)
			if err != nil {
				return nil, err
			}
			if in.Customer == "" && in.Domain == "" && g.customer == "" && everybody == nil {
				everybody = row
			}
			for i, f := range row {
				if everybody != nil && (f.Customer != "" || f.Domain != "") && len(scope.Customers) == 0 && scope.Domain == "" && sameSteps(f.Steps, everybody[i].Steps) {
					continue // as for everybody
				}
				list.Values = append(list.Values, f)
			}
		}
	}
	order := map[string]int{}
	for i, f := range list.Flags {
		order[f.Name] = i
	}
	slices.SortStableFunc(list.Values, func(a, b FlagFor) int { return cmp.Compare(order[a.Flag], order[b.Flag]) })
	return list, nil
}

func sameSteps(a, b []FlagStep) bool {
	return slices.EqualFunc(a, b, func(a, b FlagStep) bool {
		return a.Value == b.Value && a.Percentage == b.Percentage && a.Reason == b.Reason && a.From == b.From
	})
}

func flagInfo(f *project.Feature) FlagInfo {
	info := FlagInfo{
		Name: f.Name, Type: f.Type, Values: f.Values, Default: f.Default.V, Description: f.Description, Owner: f.Owner,
		Runtime: f.Runtime, Declared: f.Pos.String(),
	}
	for _, r := range f.Requires {
		info.Requires = append(info.Requires, r.V)
	}
	for _, c := range f.Conflicts {
		info.Conflicts = append(info.Conflicts, c.V)
	}
	return info
}

// flagGroups are the groups that scope means, and the environment.
func (o *Operator) flagGroups(ctx context.Context, scope FlagScope) (string, []*flagGroup, error) {
	if err := o.loaded(ctx); err != nil {
		return "", nil, err
	}
	p := o.portfolio
	if len(p.Features) == 0 {
		return "", nil, &diag.Error{Finding: diag.Finding{
			Code: "C020", Severity: diag.SeverityError, Message: "there are no feature flags here", Why: "clodo.yaml declares none",
			Fix: "declare one, such as: features: { premium: { default: false, runtime: true } }",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	targets, err := o.Targets(ctx, project.Selector{Environment: scope.Environment, Customers: []string{"*"}, Local: scope.Local})
	if err != nil {
		return "", nil, err
	}
	env := targets[0].Environment
	wanted, err := flagOwners(p, env, scope)
	if err != nil {
		return "", nil, err
	}
	var groups []*flagGroup
	for _, t := range targets {
		if wanted != nil && !slices.Contains(wanted, t.Customer) {
			continue
		}
		i := slices.IndexFunc(groups, func(g *flagGroup) bool { return g.customer == t.Customer })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &flagGroup{customer: t.Customer, document: p.Flags(env, t.Customer)})
		}
		for _, b := range t.Worker.Bindings {
			if b.Name == feature.ChangesBinding && groups[i].namespace == nil {
				groups[i].namespace = &flagNamespace{account: deploy.AccountName(*t), binding: b}
			}
		}
	}
	return env, groups, nil
}

// flagOwners are the customers, "" for the shared Workers, whose Workers scope means;
// nil is all.
func flagOwners(p *project.Portfolio, env string, scope FlagScope) ([]string, error) {
	if slices.Contains(scope.Customers, "*") {
		return nil, nil
	}
	var owners []string
	for _, name := range scope.Customers {
		i := slices.IndexFunc(p.Customers, func(c *project.Customer) bool { return c.Name == name && c.RunsIn(env) })
		if i < 0 {
			return nil, noSuch("customer", name, customersIn(p, env))
		}
		if p.Customers[i].Isolation == "shared" {
			name = ""
		}
		owners = append(owners, name)
	}
	if scope.Domain == "" {
		return owners, nil
	}
	hosts := p.Hostnames(env)
	owner, ok := hosts[scope.Domain]
	if !ok {
		return nil, noSuch("hostname", scope.Domain, slices.Sorted(maps.Keys(hosts)))
	}
	return []string{owner}, nil
}

// customersIn are the customers that run in an environment.
func customersIn(p *project.Portfolio, env string) []string {
	var names []string
	for _, c := range p.Customers {
		if c.RunsIn(env) {
			names = append(names, c.Name)
		}
	}
	return names
}

// noSuch is a word of the command line that names nothing.
func noSuch(what, name string, all []string) error {
	f := diag.Finding{Code: "C020", Severity: diag.SeverityError, Message: fmt.Sprintf("there is no %s named %q", what, name)}
	f.Why = "there are none"
	if len(all) > 0 {
		f.Why = "there are: " + strings.Join(all, ", ")
	}
	if near := diag.Nearest(name, all); near != "" {
		f.Fix = fmt.Sprintf("did you mean %q?", near)
	}
	return &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

func (g *flagGroup) whose() string {
	if g.customer == "" {
		return "the shared Workers"
	}
	return "customer " + g.customer
}

// contexts are for whom flags are told: what scope names, else all for whom something
// is said.
func (g *flagGroup) contexts(scope FlagScope) []feature.Context {
	if scope.Domain != "" {
		return []feature.Context{{Domain: scope.Domain}}
	}
	if len(scope.Customers) > 0 && !slices.Contains(scope.Customers, "*") {
		if g.customer != "" {
			return []feature.Context{{}}
		}
		var some []feature.Context
		for _, name := range scope.Customers {
			some = append(some, feature.Context{Customer: name})
		}
		return some
	}
	return project.FlagContexts(g.document, g.changes)
}

// flagsFor is every flag in a context.
func (o *Operator) flagsFor(env string, g *flagGroup, in feature.Context) ([]FlagFor, error) {
	e, err := feature.Evaluate(g.document, g.changes, in)
	if err != nil {
		return nil, fmt.Errorf("evaluate flags: %w", err)
	}
	customer := cmp.Or(in.Customer, g.customer, g.document.Hosts[in.Domain])
	var all []FlagFor
	for _, f := range o.portfolio.Features {
		d, _ := e.Detail(f.Name)
		row := FlagFor{Flag: f.Name, Customer: customer, Domain: in.Domain, Value: d.Value}
		for _, s := range e.Steps(f.Name) {
			from := "runtime"
			if !strings.HasPrefix(string(s.Reason), from) {
				from = o.portfolio.FlagOrigin(f.Name, env, customer, in.Domain, s.Reason).String()
			}
			row.Steps = append(row.Steps, FlagStep{s.Value, s.When, s.Percentage, s.Reason, from})
		}
		for _, other := range slices.Concat(g.document.Flags[f.Name].Requires, g.document.Flags[f.Name].Conflicts) {
			if !e.Fixed(f.Name) && !e.Fixed(other) {
				row.Needs = append(row.Needs, other)
			}
		}
		all = append(all, row)
	}
	return all, nil
}

// readChanges reads what was changed at run time for a group. A namespace that does
// not exist holds nothing.
func (o *Operator) readChanges(ctx context.Context, g *flagGroup) error {
	g.changes = feature.Changes{Version: 1}
	if g.namespace == nil {
		return nil
	}
	account, err := o.Account(ctx, g.namespace.account)
	if err != nil {
		return err
	}
	n := g.namespace
	if n.id = n.binding.ID; n.id == "" {
		for found, err := range account.Client.Namespaces(ctx, account.ID) {
			if err != nil {
				return authError(err)
			}
			if found.Title == n.binding.Resource {
				n.id = found.ID
			}
		}
	}
	if n.id == "" {
		return nil
	}
	text, err := account.Client.Value(ctx, account.ID, n.id, feature.ChangesKey)
	switch {
	case cloudflare.IsNotFound(err):
		return nil
	case err != nil:
		return authError(err)
	}
	if g.changes, err = feature.ParseChanges(text); err != nil {
		return &diag.Error{Finding: diag.Finding{
			Code: "D232", Severity: diag.SeverityError, Message: fmt.Sprintf("the key %s of the namespace %s does not hold changed flags", feature.ChangesKey, n.name()), Why: err.Error(),
			Fix: "remove the key, or put back what was there before; services pass over it and keep what they read last",
		}, State: diag.NothingChanged, Exit: diag.ExitFailed}
	}
	return nil
}

func (n *flagNamespace) name() string { return cmp.Or(n.binding.Resource, n.id) }
