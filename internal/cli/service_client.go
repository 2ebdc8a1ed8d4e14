package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/operator"
)

func newServiceClientCmd(a *app) *cobra.Command {
	r := operator.ClientRequest{}
	c := &cobra.Command{
		Use: "client NAME|FILE|URL", Short: "a typed client of a service, from its OpenAPI document",
		Example: "  clodo service client orders --lang go --out internal/orders/client.go\n" +
			"  clodo service client orders --lang ts --out src/orders.gen.ts\n" +
			"  clodo service client openapi.yaml --lang ts\n" +
			"  clodo service client http://orders.localhost:7788/openapi.json --lang go",
		Long: "Reads the openapi.json or openapi.yaml in a service's folder, a file, or what\n" +
			"a running service answers, in OpenAPI 3.0 or 3.1. The client in Go sends\n" +
			"through an http.RoundTripper, such as that of a service binding; the one in\n" +
			"TypeScript through fetch. Both need nothing beside their standard library. What\n" +
			"a client cannot express is told with its place in the document. Without --out\n" +
			"the client is printed.",
		Args: words(1, "NAME|FILE|URL"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			r.Of, r.DryRun = args[0], a.globals.dryRun
			return a.runServiceClient(ctx, r)
		}),
	}
	f := c.Flags()
	f.StringVar(&r.Language, "lang", "", "`language`: go or ts; default: that of --out, else go")
	f.StringVar(&r.File, "out", "", "`file` to write; one that clodo did not generate is never overwritten")
	f.StringVar(&r.Package, "package", "", "`name` of the Go package; default: that of the folder of --out")
	_ = c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"go", "ts"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) runServiceClient(ctx context.Context, r operator.ClientRequest) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	client, err := op.Client(ctx, r)
	if err != nil {
		return reply{}, err
	}
	result := struct {
		*operator.Client
		Text string `json:"text,omitempty"`
	}{Client: client}
	if r.File == "" {
		result.Text = string(client.Text)
	}
	answer := reply{Result: result, Findings: client.Findings}
	answer.Text = func(w io.Writer) {
		switch {
		case r.File == "":
			_, _ = w.Write(client.Text)
		case r.DryRun:
			fmt.Fprintf(w, "%-10s %s\nNothing was changed.\n", client.State, r.File)
		default:
			fmt.Fprintf(w, "%-10s %s\n", client.State, r.File)
		}
	}
	return answer, nil
}
