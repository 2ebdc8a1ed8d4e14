package operator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/portfolio"
	"github.com/tamylaa/clodo/project"
)

// Plan builds the selected targets, reads the live account, compares, and runs the
// gate. It changes nothing. What keeps the plan from being carried out is in its
// Findings; the error is for what could not be read or built at all.
func (o *Operator) Plan(ctx context.Context, sel project.Selector) (*deploy.Plan, error) {
	p, err := o.prepare(ctx, sel)
	if err != nil {
		return nil, err
	}
	checked, err := p.deployer.Plan(ctx, p.targets, p.waves)
	if err != nil {
		return nil, err
	}
	checked.Plan.Findings = append(checked.Plan.Findings, p.findings...)
	return o.keep(checked), nil
}

// PlanRollback plans to put the selected targets back to what they were: version,
// routes, domains, crons, workers.dev and settings. Data stays as it is.
func (o *Operator) PlanRollback(ctx context.Context, sel project.Selector, to RollbackOptions) (*deploy.Plan, error) {
	p, err := o.prepare(ctx, sel)
	if err != nil {
		return nil, err
	}
	release, err := o.releaseOf(ctx, p.targets, to.To)
	if err != nil {
		return nil, err
	}
	checked, err := p.deployer.PlanRollback(ctx, p.targets, p.waves, release)
	if err != nil {
		return nil, err
	}
	return o.keep(checked), nil
}

// Deploy carries out a plan that Plan or PlanRollback of this Operator made. The
// release says what became of every target, also when there is an error.
func (o *Operator) Deploy(ctx context.Context, plan *deploy.Plan, options DeployOptions) (*deploy.Release, error) {
	o.mu.Lock()
	checked, ok := o.plans[plan.Hash]
	o.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("deploy: plan %s was not made by this operator", plan.ID)
	}
	release, err := o.deployer(options).Deploy(ctx, checked)
	return o.reachable(release), err
}

// Resume goes on with the newest release of this state folder that was interrupted:
// forward, unless its undo had begun.
func (o *Operator) Resume(ctx context.Context) (*deploy.Release, error) {
	if err := o.loaded(ctx); err != nil {
		return nil, err
	}
	release, err := o.deployer(DeployOptions{}).Resume(ctx, "")
	return o.reachable(release), err
}

// prepared is a selection that can be planned.
type prepared struct {
	targets  []project.Target
	waves    []deploy.Wave
	deployer *deploy.Deployer
	findings []diag.Finding // what should be known about the targets, beside the plan's own
}

func (o *Operator) prepare(ctx context.Context, sel project.Selector) (*prepared, error) {
	resolved, err := o.Targets(ctx, sel)
	if err != nil {
		return nil, err
	}
	p := &prepared{findings: o.lint(resolved)}
	for _, t := range resolved {
		target := *t
		if o.opts.Local || o.local {
			target.Local = true // ids in files are those of the real account
			p.findings = append(p.findings, o.portfolio.LocalFindings(t)...)
		}
		p.targets = append(p.targets, target)
	}
	if err := diag.Findings(p.findings); err != nil {
		return nil, err
	}
	p.waves, p.deployer = portfolio.Order(p.targets), o.deployer(DeployOptions{})
	return p, nil
}

// lint is what `clodo check` says about environments, as warnings: a deploy does what
// the files say, as wrangler would, but not silently.
func (o *Operator) lint(targets []*project.Target) []diag.Finding {
	if !slices.ContainsFunc(targets, func(t *project.Target) bool { return t.Environment != "" }) {
		return nil
	}
	findings := o.portfolio.Lint()
	for i := range findings {
		findings[i].Severity = diag.SeverityWarning
	}
	return findings
}

// keep remembers a checked plan, so that Deploy carries out just that.
func (o *Operator) keep(c deploy.Checked) *deploy.Plan {
	o.portfolio.Quote(c.Plan.Findings)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plans[c.Plan.Hash] = c
	return &c.Plan
}

// releaseOf is the release that made a version of one of targets, by the beginning
// of the version's id; "" for "".
func (o *Operator) releaseOf(ctx context.Context, targets []project.Target, version string) (string, error) {
	if version == "" {
		return "", nil
	}
	history, err := o.store().Releases(ctx, 1000)
	if err != nil {
		return "", err
	}
	var known []string
	for _, r := range history {
		for _, rec := range r.Targets {
			if rec.Outcome != deploy.Released || !slices.ContainsFunc(targets, func(t project.Target) bool { return t.TargetID == rec.Target }) {
				continue
			}
			if strings.HasPrefix(rec.Version, version) {
				return r.ID, nil
			}
			known = append(known, rec.Version)
		}
	}
	why := "no release of it is recorded here"
	if len(known) > 0 {
		why = "the versions that were released from here are: " + strings.Join(slices.Compact(known), ", ")
	}
	return "", &diag.Error{Finding: diag.Finding{
		Code: "D216", Severity: diag.SeverityError, Message: fmt.Sprintf("there is no version %q to go back to", version), Why: why,
		Fix: "leave out --to for the version before, or deploy the code that you want",
	}, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

// reachable is r with the addresses at which people reach Workers of a local cloud
// on this machine; what is recorded stays as it is.
func (o *Operator) reachable(r deploy.Release) *deploy.Release {
	r.Targets = slices.Clone(r.Targets)
	for i := range r.Targets {
		t := &r.Targets[i]
		t.Addresses = o.localAddresses(t.Script.Name, t.Addresses)
	}
	return &r
}

// localAddresses puts the address on this machine before the public ones, which a
// local cloud answers by the Host header only.
func (o *Operator) localAddresses(script string, public []string) []string {
	local := o.LocalURL(script)
	if local == "" {
		return public
	}
	return append([]string{local}, public...)
}
