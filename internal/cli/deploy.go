package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

// deployOptions are the words and flags of `clodo deploy`.
type deployOptions struct {
	services []string
	all      bool
	resume   bool
	message  string
	parallel int
	plan     string // id or hash of the only plan that may be carried out
}

func newDeployCmd(a *app, run func(context.Context, *deployOptions) (reply, error)) *cobra.Command {
	o := &deployOptions{}
	c := &cobra.Command{
		Use:   "deploy [SERVICE…]",
		Short: "build, plan, check, migrate, upload, test, serve; undone by itself when it fails",
		Example: "  clodo deploy --local               to the Cloudflare on this machine, no account needed\n" +
			"  clodo deploy api web -e staging\n" +
			"  clodo deploy --all -e production --yes\n" +
			"  clodo deploy -e production --plan p_7c1f3a   only exactly what was planned\n" +
			"  clodo deploy --resume              go on after a crash, or finish the undo",
		Long: "Carries out the plan that `clodo plan` shows, in the order that service bindings\n" +
			"ask for. A version is tested before it serves; when a step fails, what was there\n" +
			"before serves again. With a terminal and nothing named, clodo leads through the\n" +
			"choices.\n\n" +
			"A plan that takes something away, such as a route or a domain, needs a yes; without\n" +
			"a terminal that is --yes. A protected environment needs --env NAME --yes: naming it\n" +
			"is consent. What is only on this machine (--local) needs neither.",
		GroupID: blockDaily, Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.services = args
			return run(ctx, o)
		}),
	}
	f := c.Flags()
	f.BoolVar(&o.all, "all", false, "every service, in dependency order")
	f.BoolVar(&o.resume, "resume", false, "go on with the release that was interrupted")
	f.StringVarP(&o.message, "message", "m", "", "`text` that is kept with the version and in the journal")
	f.IntVar(&o.parallel, "parallel", 4, "`number` of targets at once")
	f.StringVar(&o.plan, "plan", "", "carry out only this plan: its `id`, as clodo plan shows it")
	return c
}

func (o *deployOptions) check(dryRun bool) error {
	if err := bothNamedAndAll(o.services, o.all); err != nil {
		return err
	}
	switch {
	case o.parallel < 1:
		return usage("a number from 1", "--parallel %d is less than one", o.parallel)
	case o.resume && (len(o.services) > 0 || o.all || o.plan != ""):
		return usage("clodo deploy --resume", "--resume goes on with what was begun, so nothing can be named with it")
	case o.resume && dryRun:
		return usage("clodo status shows what is live", "--resume cannot be tried with --dry-run")
	}
	return nil
}

func (a *app) runDeploy(ctx context.Context, o *deployOptions) (reply, error) {
	if err := o.check(a.globals.dryRun); err != nil {
		return reply{}, err
	}
	a.onStop(stopsRelease)
	if o.resume {
		return a.runResume(ctx)
	}
	guided := a.term.Interactive() && len(o.services) == 0 && !o.all && !a.globals.yes && o.plan == "" && !a.globals.envTyped
	if guided {
		if err := a.lead(ctx, o); err != nil {
			return reply{}, err
		}
	}
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()

	sel := a.selector(o.services)
	if err := a.settleEnvironment(ctx, op, &sel); err != nil {
		return reply{}, err
	}
	stop := a.watch(passing())
	plan, err := op.Plan(ctx, sel)
	stop()
	if err != nil {
		return reply{}, err
	}
	if a.globals.dryRun {
		return a.planReply(plan, "clodo deploy", o.services, false), diag.Findings(plan.Findings)
	}
	if err := samePlan(o.plan, plan); err != nil {
		return reply{Findings: plan.Findings}, err
	}
	if err := diag.Findings(plan.Findings); err != nil {
		return reply{Findings: plan.Findings}, err
	}
	if err := a.consent(ctx, op, sel, plan, guided); err != nil {
		return reply{Findings: plan.Findings}, err
	}
	r, err := a.carryOut(ctx, op, plan, operator.DeployOptions{Message: o.message, Parallel: o.parallel})
	r.Findings = plan.Findings
	if show := r.Text; guided && show != nil {
		r.Text = func(w io.Writer) {
			show(w)
			a.term.Note("\nTo repeat this without questions:\n  %s", a.commandLine("clodo deploy", o.services, onlyEnvironment(plan)))
		}
	}
	return r, err
}

func (a *app) runResume(ctx context.Context) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	stop := a.watch(term.ProgressOptions{})
	release, err := op.Resume(ctx)
	stop()
	return a.releaseReply(release, err), err
}

// carryOut runs a plan and shows its events.
func (a *app) carryOut(ctx context.Context, op *operator.Operator, plan *deploy.Plan, o operator.DeployOptions) (reply, error) {
	var names []string
	for _, t := range plan.Targets {
		names = append(names, t.Target.String())
	}
	stop := a.watch(term.ProgressOptions{Targets: names, Passing: plan.Changes() == 0})
	release, err := op.Deploy(ctx, plan, o)
	stop()
	return a.releaseReply(release, err), err
}

// samePlan refuses to carry out another plan than the one that was named: since it
// was made, files or the account have changed.
func samePlan(want string, plan *deploy.Plan) error {
	if want == "" || want == plan.ID || len(want) >= 8 && strings.HasPrefix(plan.Hash, want) {
		return nil
	}
	return &diag.Error{
		Finding: diag.Finding{
			Code: "U014", Severity: diag.SeverityError,
			Message: fmt.Sprintf("the plan is now %s, not %s", plan.ID, want),
			Why:     "files, the build or the account have changed since it was made",
			Fix:     "look at the new one: clodo plan",
		},
		State: diag.NothingChanged, Exit: diag.ExitBusy,
	}
}
