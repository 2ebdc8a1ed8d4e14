package operator

import (
	"context"
	"slices"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// Portfolio is what the configuration says, nil before a method has read it.
func (o *Operator) Portfolio() *project.Portfolio {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.portfolio
}

// Check reads every configuration file and resolves every target of every
// environment and customer. It asks no network and changes nothing. The report holds
// all findings; that there are some is not an error of Check.
func (o *Operator) Check(ctx context.Context) (*CheckReport, error) {
	err := o.loaded(ctx)
	if o.portfolio == nil {
		return &CheckReport{Findings: o.findings}, err
	}
	p := o.portfolio
	report := &CheckReport{
		Portfolio: p.Name, Files: p.Files(), Services: len(p.Services), Customers: len(p.Customers), Findings: p.Check(o.findings),
	}
	for _, env := range p.Environments {
		if env.Name != "" {
			report.Environments++
		}
	}
	return report, nil
}

// Targets resolves what sel means. What is done next is done on the Cloudflare that
// these targets are on.
func (o *Operator) Targets(ctx context.Context, sel project.Selector) ([]*project.Target, error) {
	targets, err := o.resolve(ctx, sel)
	if err != nil {
		return nil, err
	}
	if err := o.decideLocal(targets); err != nil {
		return nil, err
	}
	if !o.isLocal() {
		return targets, nil
	}
	for _, t := range targets {
		if err := preferDevVars(t); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func (o *Operator) resolve(ctx context.Context, sel project.Selector) ([]*project.Target, error) {
	if err := o.loaded(ctx); err != nil {
		return nil, err
	}
	sel.Local = sel.Local || o.opts.Local
	targets, err := o.portfolio.Targets(sel)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range targets {
		o.targets[t.TargetID] = t
	}
	return targets, nil
}

// target is the resolved target of this id.
func (o *Operator) target(ctx context.Context, id project.TargetID) (*project.Target, error) {
	o.mu.Lock()
	t, ok := o.targets[id]
	o.mu.Unlock()
	if ok {
		return t, nil
	}
	sel := project.Selector{Services: []string{id.Service}, Environment: id.Environment, Local: true}
	if id.Customer != "" {
		sel.Customers = []string{id.Customer}
	}
	targets, err := o.resolve(ctx, sel)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(targets, func(t *project.Target) bool { return t.TargetID == id })
	if i < 0 {
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "C020", Severity: diag.SeverityError, Message: "the target " + id.String() + " is no longer configured",
		}, Exit: diag.ExitConfig}
	}
	return targets[i], nil
}

// decideLocal notes that targets are of an environment with `local: true`, which
// always means the local cloud. Local and other environments do not mix.
func (o *Operator) decideLocal(targets []*project.Target) error {
	local := slices.ContainsFunc(targets, func(t *project.Target) bool { return t.Local })
	remote := slices.ContainsFunc(targets, func(t *project.Target) bool { return !t.Local })
	if len(targets) == 0 || o.opts.Local || o.opts.APIBaseURL != "" {
		return nil
	}
	if local && remote {
		return &diag.Error{Finding: diag.Finding{
			Code: "U006", Severity: diag.SeverityError, Message: "local and other environments were selected together",
			Fix: "name one environment with --env",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	return o.use(local)
}

// use decides between the project's own local cloud and the Cloudflare of the
// options. An operator that is connected with one of them does not change to the other:
// what is meant for one must never reach the other.
func (o *Operator) use(local bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cloud != nil && o.cloud.local != local {
		return &diag.Error{Finding: diag.Finding{
			Code: "U006", Severity: diag.SeverityError, Message: "local and other environments were selected one after the other",
			Why: "an operator works with one Cloudflare", Fix: "make an operator for each",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	o.local = local
	return nil
}
