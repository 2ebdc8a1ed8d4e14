package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/project"
)

// FlagChange is a change of a feature flag at run time.
type FlagChange struct {
	Flag  string
	Value any // nil takes the change away, so that clodo.yaml counts again
	// Percentage is the share of subjects that get Value; nil: everybody.
	Percentage *float64
	DryRun     bool // tells what would be done
}

// FlagChanged is what became of a change in one namespace.
type FlagChanged struct {
	Flag      string `json:"flag"`
	Namespace string `json:"namespace"`
	Customer  string `json:"customer,omitempty"`
	Domain    string `json:"domain,omitempty"`
	Before    any    `json:"before"` // what was set there: null, a value, or {value, percentage}
	After     any    `json:"after"`
	// Changed is false when it was so already, and with DryRun.
	Changed bool `json:"changed"`
	// Skipped says why nothing could be changed there.
	Skipped string `json:"skipped,omitempty"`
	// Now is what the flag is then, for whom it was changed.
	Now *FlagFor `json:"now,omitempty"`
}

// flagLease is how long a change may take.
const flagLease = 30 * time.Second

// SetFlag changes a flag while services run: in KV, from where they read it again
// within their interval. What it gives was read back. A change for everybody in an
// environment is made for the shared Workers and for those of each dedicated customer; one
// for the customers "*" is made for each by name.
func (o *Operator) SetFlag(ctx context.Context, scope FlagScope, c FlagChange) ([]FlagChanged, error) {
	f, err := o.flagNamed(ctx, c.Flag)
	if err != nil {
		return nil, err
	}
	if !f.Runtime {
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "C032", Severity: diag.SeverityError, Message: fmt.Sprintf("%s cannot be changed while services run", f.Name),
			Why: "it is declared without runtime: true", Fix: "add runtime: true there and deploy, or change its value in clodo.yaml and deploy", Pos: f.Pos,
		}, State: diag.NothingChanged, Exit: diag.ExitConfig}
	}
	env, groups, err := o.flagGroups(ctx, scope)
	if err != nil {
		return nil, err
	}
	customers := scope.Customers
	if slices.Contains(customers, "*") {
		if customers = customersIn(o.portfolio, env); len(customers) == 0 {
			return nil, noSuch("customer", "*", nil)
		}
	}
	places := changePlaces(customers, scope.Domain, groups)
	// Everything is read and checked before anything is changed.
	exists := false
	for _, p := range places {
		if err := o.readChanges(ctx, p.group); err != nil {
			return nil, err
		}
		if p.group.namespace == nil || p.group.namespace.id == "" {
			continue
		}
		exists = true
		if err := p.clash(env, c); err != nil {
			return nil, err
		}
	}
	if !exists { // or there are no places at all
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "D231", Severity: diag.SeverityError, Message: fmt.Sprintf("%s cannot be changed in %s yet", f.Name, orTop(env)),
			Why: "the namespace that holds changes does not exist: clodo deploy makes it for programs in Go and services with inherit: all", Fix: o.deployHint(env),
		}, State: diag.NothingChanged, Exit: diag.ExitConfig}
	}
	var all []FlagChanged
	for _, p := range places {
		changed, err := o.changeFlag(ctx, env, p, c)
		if changed.Namespace != "" || changed.Skipped != "" {
			all = append(all, changed)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func orTop(env string) string {
	if env == "" {
		return "this portfolio"
	}
	return env
}

func (o *Operator) deployHint(env string) string {
	hint := "clodo deploy"
	if env != "" {
		hint += " -e " + env
	}
	if o.isLocal() {
		hint += " --local"
	}
	return hint
}

// changePlace is one assignment in one namespace.
type changePlace struct {
	group            *flagGroup
	customer, domain string // for whom; both empty: everybody there
}

// changePlaces are those of a change for customers, or without any for a domain, or for
// everybody.
func changePlaces(customers []string, domain string, groups []*flagGroup) []changePlace {
	var places []changePlace
	if len(customers) == 0 {
		for _, g := range groups {
			places = append(places, changePlace{group: g, domain: domain})
		}
		return places
	}
	for _, name := range customers {
		i := slices.IndexFunc(groups, func(g *flagGroup) bool { return g.customer == name })
		if i < 0 {
			i = slices.IndexFunc(groups, func(g *flagGroup) bool { return g.customer == "" })
		}
		places = append(places, changePlace{group: groups[i], customer: name})
	}
	return places
}

func (p changePlace) context() feature.Context {
	return feature.Context{Domain: p.domain, Customer: p.customer}
}

// apply makes the change in a copy of changes and gives what was there before.
func (p changePlace) apply(to feature.Changes, c FlagChange) (after feature.Changes, before *feature.Assignment) {
	after = feature.Changes{Version: 1, Flags: map[string]feature.Levels{}}
	maps.Copy(after.Flags, to.Flags)
	l := after.Flags[c.Flag]
	var wanted *feature.Assignment
	if c.Value != nil {
		wanted = &feature.Assignment{Value: c.Value, Percentage: c.Percentage}
	}
	switch {
	case p.domain != "":
		l.Domains, before = assigned(l.Domains, p.domain, wanted)
	case p.customer != "":
		l.Customers, before = assigned(l.Customers, p.customer, wanted)
	default:
		before, l.Environment = l.Environment, wanted
	}
	after.Flags[c.Flag] = l
	if l.Empty() {
		delete(after.Flags, c.Flag)
	}
	return after, before
}

func assigned(m map[string]feature.Assignment, name string, a *feature.Assignment) (after map[string]feature.Assignment, before *feature.Assignment) {
	after = map[string]feature.Assignment{}
	maps.Copy(after, m)
	if b, ok := m[name]; ok {
		before = &b
	}
	delete(after, name)
	if a != nil {
		after[name] = *a
	}
	return after, before
}

// clash refuses a change after which two flags that conflict would both be on.
func (p changePlace) clash(env string, c FlagChange) error {
	after, _ := p.apply(p.group.changes, c)
	old := project.FlagClashes(p.group.document, p.group.changes)
	for _, clash := range project.FlagClashes(p.group.document, after) {
		if contains(old, clash) {
			continue
		}
		return &diag.Error{Finding: diag.Finding{
			Code: "C029", Severity: diag.SeverityError, Message: fmt.Sprintf("%s and %s would both be on %s", clash.Flag, clash.Other, clash.For(env)),
			Why: clash.Flag + " conflicts with " + clash.Other, Fix: "turn one off before the other is turned on",
		}, State: diag.NothingChanged, Exit: diag.ExitConfig}
	}
	return nil
}

func contains(all []project.Clash, c project.Clash) bool {
	for _, other := range all {
		if other.Flag == c.Flag && other.Other == c.Other && other.Customer == c.Customer && other.Domain == c.Domain {
			return true
		}
	}
	return false
}

// changeFlag makes a change in one namespace: read, write, read back, all under a lease
// that keeps other processes of this state folder out.
func (o *Operator) changeFlag(ctx context.Context, env string, p changePlace, c FlagChange) (FlagChanged, error) {
	changed := FlagChanged{Flag: c.Flag, Customer: p.customer, Domain: p.domain}
	if p.customer == "" && p.domain == "" {
		changed.Customer = p.group.customer
	}
	n := p.group.namespace
	if n == nil || n.id == "" {
		changed.Skipped = p.group.whose() + " cannot have changes yet: deploy makes the namespace"
		return changed, nil
	}
	changed.Namespace = n.name()
	if !c.DryRun {
		release, err := o.leaseFlags(ctx, n)
		if err != nil {
			return FlagChanged{}, err
		}
		defer release()
		if err := o.readChanges(ctx, p.group); err != nil {
			return FlagChanged{}, err
		}
	}
	after, before := p.apply(p.group.changes, c)
	wanted, err := json.Marshal(after)
	if err != nil {
		return FlagChanged{}, fmt.Errorf("write changed flags: %w", err)
	}
	had, err := json.Marshal(p.group.changes)
	if err != nil {
		return FlagChanged{}, fmt.Errorf("write changed flags: %w", err)
	}
	changed.Before = shown(before)
	if c.Value != nil {
		changed.After = shown(&feature.Assignment{Value: c.Value, Percentage: c.Percentage})
	}
	if !c.DryRun && !bytes.Equal(wanted, had) {
		account, err := o.Account(ctx, n.account)
		if err != nil {
			return FlagChanged{}, err
		}
		if err := o.putFlags(ctx, account, n, wanted); err != nil {
			return FlagChanged{}, err
		}
		changed.Changed = true
	}
	p.group.changes = after
	rows, err := o.flagsFor(env, p.group, p.context())
	if err != nil {
		return changed, err
	}
	for i := range rows {
		if rows[i].Flag == c.Flag {
			changed.Now = &rows[i]
		}
	}
	if !changed.Changed {
		return changed, nil
	}
	return changed, o.record(ctx, "feature.set", changeTarget(env, changed), map[string]string{
		"flag": c.Flag, "namespace": changed.Namespace, "before": text(changed.Before), "after": text(changed.After),
	})
}

// putFlags writes and reads back. Cloudflare may answer with what was there before for
// a while; that is told rather than taken for done.
func (o *Operator) putFlags(ctx context.Context, account *edge.Account, n *flagNamespace, wanted []byte) error {
	if err := account.Client.PutValue(ctx, account.ID, n.id, feature.ChangesKey, wanted, cloudflare.PutOptions{}); err != nil {
		return authError(err)
	}
	got, err := account.Client.Value(ctx, account.ID, n.id, feature.ChangesKey)
	why := "the namespace gives something else"
	switch {
	case err != nil:
		why = err.Error()
	case bytes.Equal(got, wanted):
		return nil
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "D233", Severity: diag.SeverityError, Message: "the change was written to " + n.name() + " and could not be read back", Why: why,
		Fix: "look with clodo feature list; run the same command again if it is not there",
	}, State: "Cloudflare took the change; whether it holds is not known.", Exit: diag.ExitFailed, Retryable: true}
}

// leaseFlags keeps others of this state folder from changing the namespace meanwhile.
func (o *Operator) leaseFlags(ctx context.Context, n *flagNamespace) (release func(), err error) {
	leases := o.store().Leases()
	lease, err := leases.Acquire(ctx, "flags/"+n.account+"/"+n.id, o.holder(), flagLease)
	if held, ok := errors.AsType[*deploy.HeldError](err); ok {
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "D301", Severity: diag.SeverityError, Message: fmt.Sprintf("the flags in %s are being changed by %s@%s", n.name(), held.Holder.User, held.Holder.Host),
			Fix: "run the same command again",
		}, State: diag.NothingChanged, Exit: diag.ExitBusy, Retryable: true}
	}
	if err != nil {
		return nil, err
	}
	return func() {
		// A lease that could not be given back runs out by itself.
		_ = leases.Release(context.WithoutCancel(ctx), lease)
	}, nil
}

// shown is an assignment as its JSON has it, nil without one.
func shown(a *feature.Assignment) any {
	switch {
	case a == nil:
		return nil
	case a.Percentage == nil:
		return a.Value
	}
	return map[string]any{"value": a.Value, "percentage": *a.Percentage}
}

// text is a value for the journal.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "not set"
	case string:
		return v
	case map[string]any:
		return fmt.Sprintf("%v for %v%%", v["value"], v["percentage"])
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

func changeTarget(env string, c FlagChanged) string {
	target := orTop(env)
	for _, part := range []string{c.Customer, c.Domain} {
		if part != "" {
			target += "/" + part
		}
	}
	return target
}
