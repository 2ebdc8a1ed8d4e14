package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

// exports are the lines that point other tools to a local cloud: wrangler and clodo
// take CLOUDFLARE_API_BASE_URL, Cloudflare's SDKs and the Terraform provider
// CLOUDFLARE_BASE_URL.
func exports(info operator.CloudInfo) string {
	var b strings.Builder
	for _, v := range cloudVariables(info) {
		fmt.Fprintf(&b, "  export %s=%s\n", v.name, v.value)
	}
	return b.String()
}

type variable struct{ name, value string }

func cloudVariables(info operator.CloudInfo) []variable {
	return []variable{
		{"CLOUDFLARE_API_BASE_URL", info.API},
		{"CLOUDFLARE_BASE_URL", info.API},
		{"CLOUDFLARE_API_TOKEN", info.APIToken},
		{"CLOUDFLARE_ACCOUNT_ID", info.AccountID},
	}
}

func (a *app) runCloudEnv(ctx context.Context, o *cloudOptions) (reply, error) {
	dir := a.cloudDir(o)
	info, running, err := operator.CloudStatus(ctx, dir)
	if err != nil {
		return reply{}, err
	}
	if !running {
		return reply{}, &diag.Error{Finding: diag.Finding{
			Code: "L113", Severity: diag.SeverityError, Message: fmt.Sprintf("no local cloud runs for %s", dir), Fix: "start it with: " + o.startHint(),
		}, State: diag.NothingChanged, Exit: diag.ExitUnavailable}
	}
	return reply{Result: cloudState{State: dir, Running: true, Cloud: &info}, Text: func(w io.Writer) {
		fmt.Fprint(w, strings.ReplaceAll(exports(info), "  export", "export"))
	}}, nil
}

func newCloudSaveCmd(a *app, o *cloudOptions) *cobra.Command {
	return &cobra.Command{
		Use: "save FILE", Short: "write everything it knows into a new file, whether it runs or not", Args: words(1, "FILE"),
		Example: "  clodo cloud save before.clodo-cloud",
		Long: "A running cloud pauses for a moment: requests wait, Workers start anew, connections\n" +
			"that go on for longer than five seconds end. The file holds the cloud's tokens and\n" +
			"the secrets of its Workers.",
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			dir, file := a.cloudDir(o), a.path(args[0])
			if a.globals.dryRun {
				return cloudReply(dir, "Would save the local cloud of %s. Nothing was changed."), nil
			}
			if err := operator.SaveCloud(ctx, dir, file); err != nil {
				return reply{}, err
			}
			return cloudReply(dir, "The local cloud of %s is saved in "+strings.ReplaceAll(file, "%", "%%")+"."), nil
		}),
	}
}

func newCloudRestoreCmd(a *app, o *cloudOptions) *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "make it what a saved file holds; it must not run", Args: words(1, "FILE"),
		Example: "  clodo cloud stop\n  clodo cloud restore before.clodo-cloud",
		Long: "Everything that the cloud holds is replaced. The file is read and compared in full\n" +
			"before anything is touched; one that is damaged changes nothing.",
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			dir, file := a.cloudDir(o), a.path(args[0])
			if a.globals.dryRun {
				return cloudReply(dir, "Would replace everything in %s. Nothing was changed."), nil
			}
			if err := a.agree(ctx, term.Question{
				Text: "Replace every Worker, database and value in " + dir + "?", Why: "it cannot be undone", Instead: "--yes",
			}); err != nil {
				return reply{}, err
			}
			if err := operator.RestoreCloud(dir, file); err != nil {
				return reply{}, err
			}
			return reply{Result: cloudState{State: dir}, Text: func(w io.Writer) {
				fmt.Fprintf(w, "The local cloud of %s is as it was saved. Start it with: %s\n", dir, o.startHint())
			}}, nil
		}),
	}
}

// agree asks whether something that cannot be undone is meant, unless it was said.
func (a *app) agree(ctx context.Context, q term.Question) error {
	if a.globals.yes {
		return nil
	}
	yes, err := a.term.Prompter().Confirm(ctx, q)
	if err == nil && !yes {
		err = notAgreed()
	}
	return err
}
