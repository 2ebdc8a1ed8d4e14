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
)

// planOptions are the words and flags of `clodo plan`.
type planOptions struct {
	services []string
	all      bool
	exitCode bool
}

// planDocument is the answer of `clodo plan --json`.
type planDocument struct {
	Changes int          `json:"changes"`
	Plan    *deploy.Plan `json:"plan"`
}

func newPlanCmd(a *app, run func(context.Context, *planOptions) (reply, error)) *cobra.Command {
	o := &planOptions{}
	c := &cobra.Command{
		Use:   "plan [SERVICE…]",
		Short: "what deploy would change, per target; changes nothing",
		Example: "  clodo plan\n" +
			"  clodo plan api -e production\n" +
			"  clodo plan api.example.com         the target that serves this hostname\n" +
			"  clodo plan --exit-code             exit 10 when there is something to do",
		Long: "Builds every service, looks at the live account and lists every call that deploy\n" +
			"would make. The gate that deploy goes through runs too, and its verdicts are shown.",
		GroupID: blockDaily, Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.services = args
			return run(ctx, o)
		}),
	}
	c.Flags().BoolVar(&o.all, "all", false, "every service; the same as naming none")
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit 10 when the plan has changes")
	return c
}

func (a *app) runPlan(ctx context.Context, o *planOptions) (reply, error) {
	if err := bothNamedAndAll(o.services, o.all); err != nil {
		return reply{}, err
	}
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	stop := a.watch(passing())
	plan, err := op.Plan(ctx, a.selector(o.services))
	stop()
	if err != nil {
		return reply{}, err
	}
	return a.planReply(plan, "clodo deploy", o.services, o.exitCode), diag.Findings(plan.Findings)
}

// planReply shows a plan; command is what carries it out.
func (a *app) planReply(plan *deploy.Plan, command string, services []string, exitCode bool) reply {
	if plan.ID == "" { // findings kept it from being made
		return reply{Findings: plan.Findings}
	}
	r := reply{
		Result:   planDocument{Changes: plan.Changes(), Plan: plan},
		Findings: plan.Findings,
		Table:    planTable(plan),
	}
	r.Text = func(w io.Writer) {
		writePlan(w, a.term.OutStyle(), plan)
		switch {
		case diag.HasErrors(plan.Findings): // the error says that nothing was changed
		case plan.Changes() == 0:
			fmt.Fprintln(w, "\nNothing to do.")
		default:
			again := a.commandLine(command, services, onlyEnvironment(plan))
			if command == "clodo deploy" {
				again += " --plan " + plan.ID
			}
			fmt.Fprintf(w, "\n%s. %s Carry out exactly this:  %s\n", count(plan.Changes(), "change"), diag.NothingChanged, again)
		}
	}
	if exitCode && plan.Changes() > 0 {
		r.Exit = diag.ExitChanges
	}
	return r
}

// onlyEnvironment is the environment of all targets, "" when there are several.
func onlyEnvironment(plan *deploy.Plan) string {
	env := ""
	for i, t := range plan.Targets {
		if i > 0 && t.Target.Environment != env {
			return ""
		}
		env = t.Target.Environment
	}
	return env
}

// writePlan lists targets and their changes, in the order in which they are made.
func writePlan(w io.Writer, style term.Style, plan *deploy.Plan) {
	fmt.Fprintf(w, "%s: %s\n", style.Bold("Plan "+plan.ID), planScope(plan))
	circle := circleOf(plan)
	for _, t := range plan.Targets {
		mark, what := style.Dim("="), "no change"
		switch {
		case t.First:
			mark, what = style.Green("+"), "new Worker "+t.Script.Name
		case len(t.Changes) > 0:
			mark, what = style.Yellow("~"), "Worker "+t.Script.Name
		}
		fmt.Fprintf(w, "\n%s %s  %s\n", mark, style.Bold(t.Target.String()), what)
		if circle[t.Target.String()] {
			fmt.Fprintln(w, "    bound in a circle with others: deployed in two passes")
		}
		for _, c := range t.Changes {
			fmt.Fprintln(w, "    "+changeLine(style, c))
		}
		if len(t.Changes) > 0 {
			for _, note := range targetNotes(t) {
				fmt.Fprintln(w, "    "+style.Dim(note))
			}
		}
	}
}

// planScope is "rollback of 2 targets", "3 targets in 2 waves".
func planScope(plan *deploy.Plan) string {
	s := count(len(plan.Targets), "target")
	if plan.Kind == deploy.KindRollback {
		s = "rollback of " + s
	}
	if len(plan.Waves) > 1 {
		s += " in " + count(len(plan.Waves), "wave") + ", each waits for the one before"
	}
	return s
}

func circleOf(plan *deploy.Plan) map[string]bool {
	in := map[string]bool{}
	for _, w := range plan.Waves {
		for _, t := range w.Targets {
			in[t.String()] = w.Circle
		}
	}
	return in
}

func changeLine(style term.Style, c deploy.Change) string {
	action := fmt.Sprintf("%-8s", c.Action)
	if destroys(c) {
		action = style.Red(action)
	}
	line := fmt.Sprintf("%s %-13s %s", action, c.Kind, c.Name)
	switch {
	case c.Before != "" && c.After != "":
		line += "  " + c.Before + " → " + c.After
	case c.After != "":
		line += "  " + c.After
	case c.Before != "":
		line += "  was " + c.Before
	}
	if strings.HasPrefix(c.Undo, "cannot be undone") {
		line += "  " + style.Yellow(c.Undo)
	}
	return strings.TrimRight(line, " ")
}

// targetNotes is what will not be done or checked, said before anybody trusts it.
func targetNotes(t deploy.TargetPlan) []string {
	var notes []string
	if t.Why != "" {
		notes = append(notes, "live at once, without a test before it serves: "+t.Why)
	}
	if t.NotSmoked != "" {
		notes = append(notes, "not smoked: "+t.NotSmoked)
	}
	if t.NotVerified != "" {
		notes = append(notes, "not verified: "+t.NotVerified)
	}
	return notes
}

// destroys reports whether c takes something away.
func destroys(c deploy.Change) bool { return c.Action == deploy.Delete || c.Action == deploy.Detach }

func planTable(plan *deploy.Plan) [][]string {
	rows := [][]string{{"Target", "Action", "Kind", "Name"}}
	for _, t := range plan.Targets {
		for _, c := range t.Changes {
			rows = append(rows, []string{t.Target.String(), string(c.Action), c.Kind, c.Name})
		}
	}
	return rows
}

func bothNamedAndAll(services []string, all bool) error {
	if all && len(services) > 0 {
		return usage("leave out one of the two", "--all and %q contradict each other", strings.Join(services, " "))
	}
	return nil
}
