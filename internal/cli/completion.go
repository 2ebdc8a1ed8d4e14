package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/project"
)

// addCompletion adds `clodo completion SHELL` in place of cobra's own, whose group
// answers a wrong word with help.
func addCompletion(a *app, root *cobra.Command) {
	root.CompletionOptions.DisableDefaultCmd = true
	shells := group(&cobra.Command{
		Use: "completion", Short: "the script that completes words in your shell", GroupID: blockSetup,
		Example: "  source <(clodo completion bash)\n" +
			"  clodo completion zsh > \"${fpath[1]}/_clodo\"\n" +
			"  clodo completion fish > ~/.config/fish/completions/clodo.fish",
	})
	type generator func(io.Writer) error
	add := func(name string, generate generator) {
		shells.AddCommand(&cobra.Command{
			Use: name, Short: "the script for " + name, Args: words(0),
			RunE: a.do(func(context.Context, []string) (reply, error) {
				return reply{Own: true}, generate(a.term.Out())
			}),
		})
	}
	add("bash", func(w io.Writer) error { return root.GenBashCompletionV2(w, true) })
	add("zsh", root.GenZshCompletion)
	add("fish", func(w io.Writer) error { return root.GenFishCompletion(w, true) })
	add("powershell", root.GenPowerShellCompletionWithDesc)
	root.AddCommand(shells)

	_ = root.RegisterFlagCompletionFunc("env", a.completeFromFiles(func(p *project.Portfolio) []string {
		var names []string
		for _, e := range p.Environments {
			names = append(names, e.Name)
		}
		return names
	}))
	_ = root.RegisterFlagCompletionFunc("customer", a.completeFromFiles(func(p *project.Portfolio) []string {
		var names []string
		for _, c := range p.Customers {
			names = append(names, c.Name)
		}
		return names
	}))
	_ = root.RegisterFlagCompletionFunc("output", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return term.Formats(), cobra.ShellCompDirectiveNoFileComp
	})
}

// completion is what cobra calls during a key press.
type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeFromFiles completes with names from the configuration, never from the
// network: a key press must not wait.
func (a *app) completeFromFiles(names func(*project.Portfolio) []string) completion {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		if err := a.globals.complete(cmd, a.getenv); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		op, err := a.open()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer op.Close()
		if _, err := op.Check(cmd.Context()); err != nil || op.Portfolio() == nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names(op.Portfolio()), cobra.ShellCompDirectiveNoFileComp
	}
}

func serviceNames(p *project.Portfolio) []string {
	var names []string
	for _, s := range p.Services {
		names = append(names, s.Name)
	}
	return names
}
