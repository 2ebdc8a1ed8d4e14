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
	if o.isLocal() {
		missing, err := o.unfilled(ctx, &checked.Plan)
		if err != nil {
			return nil, err
		}
		checked.Plan.Findings = append(checked.Plan.Findings, missing...)
	}
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
	var stored []string
	if plan.Kind == deploy.KindDeploy && o.isLocal() {
		var err error
		if stored, err = o.fillStores(ctx, plan); err != nil {
			return nil, err
		}
	}
	release, err := o.deployer(options).Deploy(ctx, checked)
	out := o.reachable(release)
	if out.Stored = stored; len(stored) > 0 {
		tellStored(out, err)
	}
	return out, err
}

// Resume goes on with the newest release of this state folder that was interrupted:
// forward, unless its undo had begun.
func (o *Operator) Resume(ctx context.Context) (*deploy.Release, error) {
	if err := o.loaded(ctx); err != nil {
		return nil, err
	}
	id, err := o.unfinished(ctx)
	if err != nil {
		return nil, err
	}
	release, err := o.deployer(DeployOptions{}).Resume(ctx, id)
	return o.reachable(release), err
}

// unfinished is the release that Resume goes on with, "" when there is none. It sees
// that this operator works with the Cloudflare and the accounts that it was begun on.
func (o *Operator) unfinished(ctx context.Context) (string, error) {
	list, err := o.store().Unfinished(ctx)
	if err != nil || len(list) == 0 {
		return "", err
	}
	isLocal := func(r deploy.Release) bool { return r.Plan.Targets[0].Local }
	i := 0
	switch {
	case o.opts.Local:
		i = slices.IndexFunc(list, isLocal)
	case o.opts.APIBaseURL != "":
		i = slices.IndexFunc(list, func(r deploy.Release) bool { return !isLocal(r) })
	default:
		if err := o.use(isLocal(list[0])); err != nil {
			return "", err
		}
	}
	if i < 0 {
		return "", &diag.Error{Finding: diag.Finding{
			Code: "D215", Severity: diag.SeverityError, Message: "there is no unfinished release to go on with on this Cloudflare",
			Why: fmt.Sprintf("release %s was begun on another one", list[0].ID), Fix: "name the Cloudflare as then: with or without --local",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	for j, t := range list[i].Targets {
		tp := list[i].Plan.Targets[j]
		if t.Outcome != deploy.Running {
			continue
		}
		account, err := o.Account(ctx, tp.Script.Account)
		if err != nil {
			return "", err
		}
		if account.ID != tp.AccountID {
			return "", &diag.Error{Finding: diag.Finding{
				Code: "A104", Severity: diag.SeverityError, Message: fmt.Sprintf("release %s was begun in another account", list[i].ID),
				Why: fmt.Sprintf("it is of account %s, and now account %s is meant", tp.AccountID, account.ID),
				Fix: "use the token and the account as then, or set CLOUDFLARE_ACCOUNT_ID",
			}, State: diag.NothingChanged, Exit: diag.ExitAuth}
		}
	}
	return list[i].ID, nil
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
		if o.isLocal() {
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
		for j, rec := range r.Targets {
			if rec.Outcome != deploy.Released || r.Plan.Targets[j].Local != targets[0].Local || !slices.ContainsFunc(targets, func(t project.Target) bool { return t.TargetID == rec.Target }) {
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
