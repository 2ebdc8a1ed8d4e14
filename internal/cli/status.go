package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// statusOptions are the words and flags of `clodo status`.
type statusOptions struct {
	services []string
	exitCode bool
}

func newStatusCmd(a *app, run func(context.Context, *statusOptions) (reply, error)) *cobra.Command {
	o := &statusOptions{}
	c := &cobra.Command{
		Use:   "status [SERVICE…]",
		Short: "what runs where, healthy or not",
		Example: "  clodo status --local\n" +
			"  clodo status api -e production\n" +
			"  clodo status --exit-code           exit 10 when something is not healthy",
		Long: "Asks the account what serves and each address whether it answers. What could not\n" +
			"be measured is shown as not measured, never as healthy.",
		GroupID: blockDaily, Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.services = args
			return run(ctx, o)
		}),
	}
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit 10 when a target is not healthy")
	return c
}

func (a *app) runStatus(ctx context.Context, o *statusOptions) (reply, error) {
	status := &operator.Status{}
	err := a.everywhere(ctx, o.services, func(op *operator.Operator, sel project.Selector) error {
		found, err := op.Status(ctx, sel)
		if found != nil {
			status.Targets = append(status.Targets, found.Targets...)
		}
		return err
	})
	if err != nil && len(status.Targets) == 0 {
		return reply{}, err
	}
	r := a.statusReply(status)
	if o.exitCode && !allHealthy(status) {
		r.Exit = diag.ExitChanges
	}
	return r, err
}

func allHealthy(s *operator.Status) bool {
	for _, t := range s.Targets {
		if !t.Healthy {
			return false
		}
	}
	return true
}

func (a *app) statusReply(status *operator.Status) reply {
	rows := [][]string{{"TARGET", "SERVES", "HEALTH", "URL", "LAST RELEASE"}}
	for _, t := range status.Targets {
		rows = append(rows, []string{t.Target.String(), serves(t), t.Health, first(t.URLs), lastRelease(t.Last)})
	}
	return reply{
		Result: struct {
			Targets []operator.TargetStatus `json:"targets"`
		}{list(status.Targets)},
		Table: rows,
		Text:  func(io.Writer) { a.term.Table(rows) },
	}
}

// first is the best of several, "" of none.
func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// serves is "1f2e3d4c", "1f2e3d4c 90%, 0a1b2c3d 10%" or "not deployed". Versions that
// another tool made are marked.
func serves(t operator.TargetStatus) string {
	if !t.Deployed {
		return "not deployed"
	}
	var parts []string
	for _, v := range t.Versions {
		s := shortVersion(v.ID)
		if len(t.Versions) > 1 {
			s += fmt.Sprintf(" %g%%", v.Percentage)
		}
		if !v.ReleasedHere {
			s += " (not released from here)"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func lastRelease(l *operator.LastRelease) string {
	if l == nil {
		return "unknown to this machine"
	}
	return fmt.Sprintf("%s by %s, %s", l.Outcome, l.Actor, l.Started.Local().Format("2006-01-02 15:04"))
}
