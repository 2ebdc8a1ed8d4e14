package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/operator"
)

func newTypesCmd(a *app) *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use: "types [SERVICE…]", Short: "generate what services in TypeScript know of their portfolio", GroupID: blockDaily,
		Example: "  clodo types\n" +
			"  clodo types orders\n" +
			"  clodo types --check     in CI: exit 3 when a file is out of date",
		Long: "Writes clodo.gen.ts beside the entry of every service in TypeScript: Env from\n" +
			"its bindings, the feature flags of clodo.yaml, and clients of the services that\n" +
			"it calls, typed where they have an openapi.json. A wrong name is then an error\n" +
			"of the compiler. A file that clodo did not generate is never overwritten.",
		Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			return a.runTypes(ctx, operator.TypesRequest{Services: args, Check: check, DryRun: a.globals.dryRun})
		}),
	}
	c.Flags().BoolVar(&check, "check", false, "write nothing; exit 3 when a file is out of date")
	return c
}

func (a *app) runTypes(ctx context.Context, r operator.TypesRequest) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	files, warnings, err := op.Types(ctx, r)
	answer := reply{
		Result: struct {
			Files []operator.TypesFile `json:"files"`
		}{list(files)},
		Findings: warnings,
	}
	if err != nil {
		return answer, err
	}
	answer.Text = func(w io.Writer) {
		if len(files) == 0 {
			fmt.Fprintln(w, "No service here is written in TypeScript.")
		}
		for _, f := range files {
			fmt.Fprintf(w, "%-10s %s\n", f.State, f.File)
		}
		if r.DryRun {
			fmt.Fprintln(w, "Nothing was changed.")
		}
	}
	return answer, nil
}
