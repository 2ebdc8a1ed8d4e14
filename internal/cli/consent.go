package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// settleEnvironment asks which environment is meant when that is not clear, so that
// nobody changes production by leaving out a word.
func (a *app) settleEnvironment(ctx context.Context, op *operator.Operator, sel *project.Selector) error {
	if _, err := op.Targets(ctx, *sel); !unclearEnvironment(err) || !a.term.Interactive() {
		return nil // whatever else is wrong is told by the plan
	}
	var options []term.Option
	for _, e := range op.Portfolio().Environments {
		options = append(options, term.Option{Value: e.Name, Label: environmentLabel(e)})
	}
	answer, err := a.term.Prompter().Choose(ctx, term.Question{Text: "Which environment?", Instead: "--env NAME", Options: options})
	if err != nil {
		return err
	}
	sel.Environment, a.globals.env, a.globals.envTyped = answer[0], answer[0], true
	return nil
}

func environmentLabel(e *project.Environment) string {
	switch {
	case e.Protected.V:
		return e.Name + "  (protected)"
	case e.Local:
		return e.Name + "  (on this machine)"
	}
	return e.Name
}

// consent asks for a yes where one is needed: a protected environment takes its
// name, a plan that takes something away or was led to takes y. What is only on this
// machine needs none.
func (a *app) consent(ctx context.Context, op *operator.Operator, sel project.Selector, plan *deploy.Plan, guided bool) error {
	if plan.Changes() == 0 {
		return nil
	}
	targets, err := op.Targets(ctx, sel)
	if err != nil {
		return err
	}
	guarded, away := a.stakes(targets)
	takes := away && slices.ContainsFunc(plan.Targets, func(t deploy.TargetPlan) bool { return slices.ContainsFunc(t.Changes, destroys) })
	if len(guarded) == 0 && !takes && !guided {
		return nil
	}
	if a.globals.yes && (len(guarded) == 0 || a.globals.envTyped) {
		return nil
	}
	if a.term.Interactive() {
		writePlan(a.term.Err(), a.term.ErrStyle(), plan)
		fmt.Fprintln(a.term.Err())
	}
	yes, err := a.agreed(ctx, guarded, plan)
	if err != nil {
		return err
	}
	if !yes {
		return notAgreed()
	}
	return nil
}

func notAgreed() error {
	return &diag.Error{
		Finding: diag.Finding{Code: "U015", Severity: diag.SeverityError, Message: "the answer was no"},
		State:   diag.NothingChanged, Exit: diag.ExitInterrupted,
	}
}

func (a *app) agreed(ctx context.Context, guarded []string, plan *deploy.Plan) (bool, error) {
	if len(guarded) == 0 {
		return a.term.Prompter().Confirm(ctx, term.Question{
			Text: fmt.Sprintf("Carry out %s?", count(plan.Changes(), "change")), Instead: "--yes",
		})
	}
	names := strings.Join(guarded, ", ")
	answer, err := a.term.Prompter().Text(ctx, term.Question{
		Text: fmt.Sprintf("This changes %s. Type its name to go on:", names), Why: names + " is protected in clodo.yaml",
		Instead: "--env " + names + " --yes",
	})
	return answer == names, err
}

// stakes names the selected environments that clodo.yaml protects; away says that
// something outside this machine is selected.
func (a *app) stakes(targets []*project.Target) (guarded []string, away bool) {
	for _, t := range targets {
		if a.globals.local || t.Local {
			continue
		}
		away = true
		if t.Protected && !slices.Contains(guarded, t.Environment) {
			guarded = append(guarded, t.Environment)
		}
	}
	return guarded, away
}

// commandLine is the command that does the same again without questions; env is the
// environment when none was named.
func (a *app) commandLine(command string, services []string, env string) string {
	parts := append([]string{command}, services...)
	if env = cmp.Or(a.globals.env, env); env != "" {
		parts = append(parts, "-e", env)
	}
	for _, c := range a.globals.customers {
		parts = append(parts, "--customer", quoted(c))
	}
	if a.globals.local {
		parts = append(parts, "--local")
	}
	return strings.Join(parts, " ")
}

func quoted(word string) string {
	if strings.ContainsAny(word, "*?[ ") {
		return "'" + word + "'"
	}
	return word
}
