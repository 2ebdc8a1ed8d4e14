package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
)

// rollbackOptions are the words and flags of `clodo rollback`.
type rollbackOptions struct {
	services []string
	all      bool
	to       string
	message  string
}

func newRollbackCmd(a *app, run func(context.Context, *rollbackOptions) (reply, error)) *cobra.Command {
	o := &rollbackOptions{}
	c := &cobra.Command{
		Use:   "rollback SERVICE…",
		Short: "put back the version before, with its routes, domains and crons",
		Example: "  clodo rollback api -e production\n" +
			"  clodo rollback api --to 1f2e3d4c-5b6a-4978-8897-a6b5c4d3e2f1\n" +
			"  clodo rollback --all --dry-run",
		Long: "A rollback is a plan whose version exists already. Code goes back; data never does:\n" +
			"migrations that ran stay, and the plan says so. It needs a yes in the same cases as\n" +
			"clodo deploy.",
		GroupID: blockDaily, Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.services = args
			return run(ctx, o)
		}),
	}
	f := c.Flags()
	f.BoolVar(&o.all, "all", false, "every service")
	f.StringVar(&o.to, "to", "", "go back to this `version` of the one service that is named")
	f.StringVarP(&o.message, "message", "m", "", "`text` that is kept in the journal")
	return c
}

func (o *rollbackOptions) check() error {
	if err := bothNamedAndAll(o.services, o.all); err != nil {
		return err
	}
	switch {
	case len(o.services) == 0 && !o.all:
		return usage("clodo rollback SERVICE…, or clodo rollback --all", "SERVICE is missing")
	case o.to != "" && len(o.services) != 1:
		return usage("clodo rollback SERVICE --to VERSION", "--to needs exactly one service: a version belongs to one Worker")
	}
	return nil
}

func (a *app) runRollback(ctx context.Context, o *rollbackOptions) (reply, error) {
	if err := o.check(); err != nil {
		return reply{}, err
	}
	a.onStop(stopsRelease)
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
	plan, err := op.PlanRollback(ctx, sel, operator.RollbackOptions{To: o.to})
	stop()
	if err != nil {
		return reply{}, err
	}
	if a.globals.dryRun {
		command := "clodo rollback"
		if o.all {
			command += " --all"
		}
		return a.planReply(plan, command, o.services, false), diag.Findings(plan.Findings)
	}
	if err := diag.Findings(plan.Findings); err != nil {
		return reply{Findings: plan.Findings}, err
	}
	if err := a.consent(ctx, op, sel, plan, false); err != nil {
		return reply{Findings: plan.Findings}, err
	}
	r, err := a.carryOut(ctx, op, plan, operator.DeployOptions{Message: o.message})
	r.Findings = plan.Findings
	return r, err
}
