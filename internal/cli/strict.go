package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tamylaa/clodo/diag"
)

// group makes a command that only holds others strict: cobra would answer a wrong
// word with help and exit 0, and a build would be green having done nothing.
func group(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return unknownCommand(c, args[0])
	}
	return c
}

func unknownCommand(c *cobra.Command, word string) error {
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	fix := fmt.Sprintf("`%s --help` lists the commands", c.CommandPath())
	if near := diag.Nearest(word, names); near != "" {
		fix = fmt.Sprintf("did you mean `%s %s`?", c.CommandPath(), near)
	}
	return usage(fix, "unknown command %q for `%s`", word, c.CommandPath())
}

// flagError says which flag was meant.
func flagError(c *cobra.Command, err error) error {
	fix := fmt.Sprintf("`%s --help` lists the flags", c.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name, dashes := unknown.GetSpecifiedName(), "--"
		if unknown.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		if near := diag.Nearest(name, flagNames(c)); near != "" && dashes == "--" {
			fix = "did you mean --" + near + "?"
		}
		if strings.Contains(name, "token") {
			fix = "a token never goes on the command line, where others can read it: set CLOUDFLARE_API_TOKEN"
		}
		return usage(fix, "unknown flag %s%s for `%s`", dashes, name, c.CommandPath())
	}
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		f := value.GetFlag()
		return usage(fmt.Sprintf("--%s takes a %s", f.Name, kindOf(f)), "--%s cannot be %q", f.Name, value.GetValue())
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		f := missing.GetFlag()
		return usage(fmt.Sprintf("--%s takes a %s", f.Name, kindOf(f)), "--%s has no value", f.Name)
	}
	return usage(fix, "%s", err)
}

func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "count":
		return "whole number"
	case "float64":
		return "number"
	case "duration":
		return "time such as 90s or 10m"
	case "bool":
		return "yes or no: true or false"
	}
	if name, _ := pflag.UnquoteUsage(f); name != "" {
		return name
	}
	return "value"
}

func flagNames(c *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	c.Flags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	return names
}

// words checks the number of arguments: names are what is wanted, in order, for the
// message; the last one may repeat when it ends in "…".
func words(least int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		form := strings.TrimSpace(c.CommandPath() + " " + strings.Join(names, " "))
		switch {
		case len(args) < least:
			return usage(form, "%s is missing", names[len(args)])
		case len(args) > len(names) && (len(names) == 0 || !strings.HasSuffix(names[len(names)-1], "…")):
			return usage(form, "%q is one word too many for `%s`", args[len(names)], c.CommandPath())
		}
		return nil
	}
}

// usage is a command line that clodo does not understand.
func usage(fix, format string, args ...any) error {
	return &diag.Error{
		Finding: diag.Finding{Code: "U001", Severity: diag.SeverityError, Message: fmt.Sprintf(format, args...), Fix: fix},
		State:   diag.NothingChanged,
		Exit:    diag.ExitUsage,
	}
}
