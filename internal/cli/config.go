package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

func newConfigCmd(a *app) *cobra.Command {
	config := group(&cobra.Command{
		Use: "config", Short: "where every setting comes from", GroupID: blockSetup,
	})
	config.AddCommand(
		&cobra.Command{
			Use: "explain [SERVICE…]", Short: "every effective value with the file and line it came from",
			Example: "  clodo config explain api -e production\n  clodo config explain --json",
			Long: "Shows the settings of each target after all layers are put together: the wrangler\n" +
				"file's top level, its environment, the service, the environment and the customer\n" +
				"in clodo.yaml. The last layer that sets a value wins.",
			Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
			RunE: a.do(a.runConfigExplain),
		},
		&cobra.Command{
			Use: "show [SERVICE…]", Short: "what clodo understood, as one JSON document",
			Example: "  clodo config show\n  clodo config show api -e production",
			Args:    words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
			RunE: a.do(a.runConfigShow),
		},
		&cobra.Command{
			Use: "schema", Short: "the JSON Schema of clodo.yaml, for editors",
			Example: "  clodo config schema > .clodo/clodo.v1.schema.json",
			Args:    words(0),
			RunE: a.do(func(context.Context, []string) (reply, error) {
				_, err := a.term.Out().Write(operator.Schema())
				return reply{Own: true}, err
			}),
		},
	)
	return config
}

func (a *app) runConfigExplain(ctx context.Context, services []string) (reply, error) {
	var targets []operator.TargetProvenance
	err := a.everywhere(ctx, services, func(op *operator.Operator, sel project.Selector) error {
		found, err := op.Explain(ctx, sel)
		targets = append(targets, found...)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	rows := [][]string{{"TARGET", "SETTING", "VALUE", "FROM"}}
	for _, t := range targets {
		for _, r := range t.Rows {
			setting := strings.TrimPrefix(r.Section+"."+r.Key, ".")
			rows = append(rows, []string{t.Target.String(), setting, r.Value, strings.TrimSpace(r.Origin + "  " + r.Note)})
		}
	}
	return reply{
		Result: struct {
			Targets []operator.TargetProvenance `json:"targets"`
		}{list(targets)},
		Text: func(io.Writer) { a.term.Table(rows) },
	}, nil
}

func (a *app) runConfigShow(ctx context.Context, services []string) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	config, err := op.Show(ctx, a.selector(services))
	if err != nil {
		return reply{}, err
	}
	return reply{
		Result: struct {
			Config any `json:"config"`
		}{config},
		Text: func(w io.Writer) {
			pretty, err := json.MarshalIndent(config, "", "  ")
			if err != nil {
				panic(fmt.Errorf("the configuration has no JSON form: %w", err))
			}
			fmt.Fprintf(w, "%s\n", pretty)
		},
	}, nil
}
