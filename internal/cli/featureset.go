package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

func (a *app) runFeatureSet(ctx context.Context, o *featureOptions, valued bool) (reply, error) {
	switch {
	case o.unset && (valued || o.share):
		return reply{}, usage("clodo feature set "+o.flag+" --unset", "--unset takes the change away, so that it has no value and no share")
	case !o.unset && !valued:
		return reply{}, usage("clodo feature set "+o.flag+" VALUE", "VALUE is missing")
	case !(o.percent >= 0 && o.percent <= 100):
		return reply{}, usage("a share such as 20 or 0.5", "--percent %g is not from 0 to 100", o.percent)
	}
	if err := o.check(a); err != nil {
		return reply{}, err
	}
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	c := operator.FlagChange{Flag: o.flag, DryRun: a.globals.dryRun}
	if o.unset {
		_, err = op.FlagInfo(ctx, o.flag)
	} else {
		c.Value, err = op.ParseFlagValue(ctx, o.flag, o.value)
	}
	if err != nil {
		return reply{}, err
	}
	if o.share && o.percent < 100 {
		c.Percentage = &o.percent
	}
	sel := a.selector(nil)
	if err := a.settleEnvironment(ctx, op, &sel); err != nil {
		return reply{}, err
	}
	scope := a.flagScope(o)
	if !c.DryRun {
		if err := a.consentToFlag(ctx, op, scope, c); err != nil {
			return reply{}, err
		}
	}
	changes, err := op.SetFlag(ctx, scope, c)
	return featureSetReply(changes, c.DryRun), err
}

// consentToFlag asks for the name of a protected environment.
func (a *app) consentToFlag(ctx context.Context, op *operator.Operator, scope operator.FlagScope, c operator.FlagChange) error {
	targets, err := op.Targets(ctx, project.Selector{Environment: scope.Environment, Customers: []string{"*"}, Local: scope.Local})
	if err != nil {
		return err
	}
	guarded, _ := a.stakes(targets)
	if len(guarded) == 0 || a.globals.yes && a.globals.envTyped {
		return nil
	}
	names := strings.Join(guarded, ", ")
	answer, err := a.term.Prompter().Text(ctx, term.Question{
		Text: fmt.Sprintf("This changes %s in %s. Type its name to go on:", c.Flag, names), Why: names + " is protected in clodo.yaml",
		Instead: "--env " + names + " --yes",
	})
	if err != nil {
		return err
	}
	if answer != names {
		return notAgreed()
	}
	return nil
}

func featureSetReply(changes []operator.FlagChanged, dryRun bool) reply {
	return reply{
		Result: struct {
			Changes []operator.FlagChanged `json:"changes"`
		}{list(changes)},
		Text: func(w io.Writer) {
			for _, c := range changes {
				fmt.Fprintln(w, featureSetSentence(c, dryRun))
			}
			if dryRun {
				fmt.Fprintln(w, "Nothing was changed.")
			}
		},
	}
}

func featureSetSentence(c operator.FlagChanged, dryRun bool) string {
	if c.Skipped != "" {
		return "Skipped: " + c.Skipped + "."
	}
	verb := map[bool]string{true: "is", false: "was already"}[c.Changed]
	if dryRun {
		verb = "would be"
	}
	what := "set to " + assigned(c.After)
	if c.After == nil {
		what = "unset"
	}
	s := fmt.Sprintf("%s %s %s for %s in %s", c.Flag, verb, what, forWhom(c.Customer, c.Domain), c.Namespace)
	if c.Changed || dryRun {
		s += fmt.Sprintf(" (before: %s)", assigned(c.Before))
	}
	switch {
	case c.Now == nil:
	case len(c.Now.Steps) == 1:
		s += fmt.Sprintf("; then it is %s, from %s", flagValue(*c.Now), flagFrom(*c.Now))
	default: // `clodo feature show` tells from where
		s += "; then it is " + flagValue(*c.Now)
	}
	return s + "."
}

// assigned is what was set, in words.
func assigned(v any) string {
	switch v := v.(type) {
	case nil:
		return "not set"
	case map[string]any:
		return fmt.Sprintf("%v for %v%%", v["value"], v["percentage"])
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}
