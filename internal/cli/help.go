package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tamylaa/clodo/internal/term"
)

// help prints the page of a command: examples first, then its own flags. The page of
// clodo itself lists the commands in blocks.
func (a *app) help(c *cobra.Command, _ []string) {
	out, style := a.term.Out(), a.term.OutStyle()
	if !c.HasParent() {
		rootHelp(out, style, c)
		return
	}
	fmt.Fprintln(out, c.Short)
	if c.Example != "" {
		fmt.Fprintf(out, "\n%s\n%s\n", style.Bold("Examples"), c.Example)
	}
	if c.Long != "" {
		fmt.Fprintf(out, "\n%s\n", c.Long)
	}
	fmt.Fprintf(out, "\n%s\n  %s\n", style.Bold("Usage"), useLine(c))
	if subs := visible(c); len(subs) > 0 {
		fmt.Fprintf(out, "\n%s\n", style.Bold("Commands"))
		listCommands(out, subs)
	}
	if own := flagUsages(ownFlags(c)); own != "" {
		fmt.Fprintf(out, "\n%s\n%s", style.Bold("Flags"), own)
	}
	fmt.Fprintln(out, "\nglobal flags: clodo --help")
}

func rootHelp(out io.Writer, style term.Style, c *cobra.Command) {
	fmt.Fprintln(out, c.Short)
	for _, g := range c.Groups() {
		var subs []*cobra.Command
		for _, sub := range visible(c) {
			if sub.GroupID == g.ID {
				subs = append(subs, sub)
			}
		}
		if len(subs) > 0 {
			fmt.Fprintf(out, "\n%s\n", style.Bold(g.Title))
			listCommands(out, subs)
		}
	}
	fmt.Fprintf(out, "\n%s\n%s", style.Bold("Global flags"), flagUsages(c.PersistentFlags()))
	fmt.Fprintln(out, "\nclodo <command> --help shows examples first. clodo explain lists every error code.")
}

// useLine is "clodo secret set SERVICE NAME"; a command that holds others says so.
func useLine(c *cobra.Command) string {
	line := strings.TrimSuffix(c.UseLine(), " [flags]")
	if len(visible(c)) > 0 {
		line += " [COMMAND]"
	}
	return line
}

func visible(c *cobra.Command) []*cobra.Command {
	var subs []*cobra.Command
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			subs = append(subs, sub)
		}
	}
	return subs
}

func listCommands(out io.Writer, subs []*cobra.Command) {
	for _, sub := range subs {
		fmt.Fprintf(out, "  %-12s %s\n", sub.Name(), sub.Short)
	}
}

// ownFlags is what a command takes beside the global flags: its own, and those of the
// command above it.
func ownFlags(c *cobra.Command) *pflag.FlagSet {
	own, global := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError), c.Root().PersistentFlags()
	add := func(f *pflag.Flag) {
		if global.Lookup(f.Name) == nil && own.Lookup(f.Name) == nil {
			own.AddFlag(f)
		}
	}
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	return own
}

// flagUsages lists flags one per line, without the type names that pflag invents.
func flagUsages(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, text := pflag.UnquoteUsage(f)
		if t := f.Value.Type(); t == "bool" || t == "count" {
			value = ""
		}
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if value != "" {
			name += " " + strings.ToUpper(value)
		}
		fmt.Fprintf(&b, "  %-26s %s\n", name, text)
	})
	return b.String()
}
