package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/scaffold"
)

// initOptions are the words and flags of `clodo init`.
type initOptions struct {
	dir      string
	triplets string
}

func newInitCmd(a *app, run func(context.Context, *initOptions) (reply, error)) *cobra.Command {
	o := &initOptions{}
	c := &cobra.Command{
		Use: "init [DIR]", Short: "make a folder an empty portfolio",
		Example: "  clodo init shop\n" +
			"  clodo init                          the current folder\n" +
			"  clodo init shop --domains api.example.com:main:example.com",
		Long: "Writes clodo.yaml with the environments local and production, .gitignore and\n" +
			"README.md. Files that are there stay, and in a folder that is a portfolio already\n" +
			"nothing is changed; after a clone the sources that its services in Go are compiled\n" +
			"with are put into .clodo/sdk. It asks nothing; --yes is accepted for scripts.",
		GroupID: blockStart, Args: words(0, "DIR"),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.dir = "."
			if len(args) > 0 {
				o.dir = args[0]
			}
			return run(ctx, o)
		}),
	}
	c.Flags().StringVar(&o.triplets, "domains", "", "`hostnames` with accounts and zones: HOST:ACCOUNT:ZONE,…; the accounts are entered")
	return c
}

// initDocument is the answer of `clodo init --json`.
type initDocument struct {
	*scaffold.PortfolioCreation
	Dir     string   `json:"dir"`
	Written bool     `json:"written"`
	Missing []string `json:"missing"` // variables that a deployment to Cloudflare needs and that are not set
}

func (a *app) runInit(ctx context.Context, o *initOptions) (reply, error) {
	request := scaffold.PortfolioRequest{Dir: a.path(o.dir)}
	var err error
	if o.triplets != "" {
		if request.Domains, err = scaffold.ParseDomains(o.triplets); err != nil {
			return reply{}, err
		}
	}
	creation, err := scaffold.PlanPortfolio(request)
	if err != nil {
		return reply{}, err
	}
	if !a.globals.dryRun {
		if err := creation.Write(ctx); err != nil {
			return reply{}, err
		}
	}
	doc := initDocument{creation, o.dir, !a.globals.dryRun && !creation.Existed, a.missingVariables(creation)}
	return reply{Result: doc, Text: func(w io.Writer) { a.writeInit(w, doc, request.Domains) }}, nil
}

// accountVariable says which account a token is meant for that sees several.
const accountVariable = "CLOUDFLARE_ACCOUNT_ID"

// missingVariables lists what a deployment to Cloudflare needs and is not set.
func (a *app) missingVariables(c *scaffold.PortfolioCreation) []string {
	needed := slices.Clone(c.Tokens)
	if c.NoID {
		needed = append(needed, accountVariable)
	}
	return slices.DeleteFunc(needed, func(name string) bool { return a.getenv(name) != "" })
}

func (a *app) writeInit(w io.Writer, d initDocument, domains []scaffold.Domain) {
	switch {
	case d.Existed:
		fmt.Fprintf(w, "The portfolio %q is there already, with environments %s. Nothing was changed.\n", d.Portfolio, strings.Join(d.Environments, ", "))
	case a.globals.dryRun:
		writeDryRun(w, d.Files, "", 0)
		fmt.Fprintln(w, "Nothing was changed.")
		return
	default:
		fmt.Fprintf(w, "Made %s (portfolio %q, environments %s).\n", filepath.ToSlash(filepath.Join(d.Dir, scaffold.ConfigName)), d.Portfolio, listed(d.Environments))
		for _, f := range d.Files {
			if f.Action == scaffold.Keep {
				fmt.Fprintf(w, "Kept %s, which was there.\n", f.Path)
			}
		}
	}
	for _, name := range d.Absent {
		fmt.Fprintf(w, "It names no account %s: write it into %s, with an environment that is in it.\n", name, scaffold.ConfigName)
	}
	if d.Existed && d.Unpacked {
		fmt.Fprintln(w, "The sources of package clodo were missing from its state folder and are there again.")
	}
	if len(d.Missing) > 0 {
		fmt.Fprintln(w)
		for _, name := range d.Missing {
			why := "a deployment to Cloudflare needs it"
			if name == accountVariable {
				why = "it is needed when the token sees several accounts"
			}
			fmt.Fprintf(w, "Not set: %s; %s.\n", name, why)
		}
		fmt.Fprintln(w, "The Cloudflare on this machine (--local) needs none of them.")
	}
	fmt.Fprintln(w, "\nNext:")
	if d.Dir != "." && !d.Existed {
		fmt.Fprintf(w, "  cd %s\n", quoted(d.Dir))
	}
	host := ""
	if len(domains) > 0 {
		host = " --domain " + domains[0].Host
	}
	fmt.Fprintf(w, "  clodo service create NAME%s\n", host)
}

// listed is a list as people say it: a, b and c.
func listed(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
