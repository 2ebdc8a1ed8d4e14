package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
)

// checkOptions are the words of `clodo check`.
type checkOptions struct {
	path string // a folder, or a clodo.yaml; "" is the current folder
}

// checkDocument is the answer of `clodo check --json`; findings stand in its
// warnings and errors.
type checkDocument struct {
	Portfolio    string   `json:"portfolio"`
	Files        []string `json:"files"`
	Services     int      `json:"services"`
	Environments int      `json:"environments"`
	Customers    int      `json:"customers"`
}

func newCheckCmd(a *app, run func(context.Context, *checkOptions) (reply, error)) *cobra.Command {
	o := &checkOptions{}
	return &cobra.Command{
		Use:   "check [PATH]",
		Short: "read all files, report every problem; offline; changes nothing",
		Example: "  clodo check\n" +
			"  clodo check services/api      only the wrangler project in that folder\n" +
			"  clodo check --json",
		Long: "Reads clodo.yaml and every wrangler file below the folder and reports all problems\n" +
			"in one run, with the place, the cause and the fix. It asks no network. In a folder\n" +
			"with only wrangler files it also reports what wrangler silently drops in an\n" +
			"environment.",
		GroupID: blockDaily,
		Args:    words(0, "PATH"),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			if len(args) > 0 {
				o.path = args[0]
			}
			return run(ctx, o)
		}),
	}
}

func (a *app) runCheck(ctx context.Context, o *checkOptions) (reply, error) {
	options := a.options()
	switch ext := filepath.Ext(o.path); {
	case ext == ".yaml" || ext == ".yml":
		options.Config = a.path(o.path)
	case o.path != "":
		options.Dir = a.path(o.path)
	}
	op, err := operator.New(options)
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	report, err := op.Check(ctx)
	if err != nil {
		return reply{}, err
	}
	return checkReply(report), diag.Findings(report.Findings)
}

func checkReply(report *operator.CheckReport) reply {
	r := reply{
		Result: checkDocument{
			Portfolio: report.Portfolio, Files: list(report.Files), Services: report.Services,
			Environments: report.Environments, Customers: report.Customers,
		},
		Findings: report.Findings,
	}
	if !diag.HasErrors(report.Findings) {
		r.Text = func(w io.Writer) { fmt.Fprintln(w, checkSentence(report)) }
	}
	return r
}

// checkSentence is "clodo.yaml and 3 wrangler files are fine: 3 services, 2 environments, 0 customers."
func checkSentence(report *operator.CheckReport) string {
	var own string
	wrangler := 0
	for _, f := range report.Files {
		switch base := filepath.Base(f); {
		case strings.HasPrefix(base, "wrangler."):
			wrangler++
		case own == "":
			own = f
		}
	}
	subject, verb := count(wrangler, "wrangler file"), "are"
	switch {
	case own != "" && wrangler > 0:
		subject = own + " and " + subject
	case own != "":
		subject, verb = own, "is"
	case wrangler == 1:
		verb = "is"
	}
	verdict := "fine"
	if len(report.Findings) > 0 {
		verdict = "usable, with " + count(len(report.Findings), "warning")
	}
	return fmt.Sprintf("%s %s %s: %s, %s, %s.", subject, verb, verdict, count(report.Services, "service"),
		count(report.Environments, "environment"), count(report.Customers, "customer"))
}

// list is items, never null in JSON.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
