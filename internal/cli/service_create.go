package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/scaffold"
)

// serviceCreateOptions are the words and flags of `clodo service create`.
type serviceCreateOptions struct {
	name     string
	typ      string
	language string
	hosts    []string // --domain
	triplets string   // --domains
	force    bool
}

func newServiceCreateCmd(a *app, run func(context.Context, *serviceCreateOptions) (reply, error)) *cobra.Command {
	o := &serviceCreateOptions{}
	c := &cobra.Command{
		Use: "create NAME", Short: "make a service from a template",
		Example: "  clodo service create orders                       asks for what is missing, in a terminal\n" +
			"  clodo service create orders --type data-service\n" +
			"  clodo service create site --type static-site --lang ts --domain www.example.com\n" +
			"  clodo service create orders --type worker --dry-run",
		Long: "Writes the files of a working service to services/NAME, with a test, and enters it\n" +
			"in clodo.yaml. Nothing that is there is overwritten without --force, and either all\n" +
			"files are written or none. `clodo service types` lists the types.",
		Args: words(1, "NAME"),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.name = args[0]
			return run(ctx, o)
		}),
	}
	f := c.Flags()
	f.StringVarP(&o.typ, "type", "t", "", "`TYPE` of service: one of those that clodo service types lists")
	f.StringVar(&o.language, "lang", "", "`language`: go or ts; default: go")
	f.StringArrayVar(&o.hosts, "domain", nil, "a `hostname` in production, or in the environment of --env; repeat it")
	f.StringVar(&o.triplets, "domains", "", "`hostnames` with accounts and zones: HOST:ACCOUNT:ZONE,…")
	f.BoolVarP(&o.force, "force", "f", false, "overwrite the files that are in the way")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(scaffold.Types(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"go", "ts"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) runServiceCreate(ctx context.Context, o *serviceCreateOptions) (reply, error) {
	if err := scaffold.CheckName(o.name); err != nil { // before anybody is asked anything
		return reply{}, err
	}
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	asked := false
	if o.typ == "" {
		// What is in the way of every type is told before the questions, too.
		if _, err := op.PlanService(ctx, scaffold.Request{Name: o.name, Type: "worker", Force: true}); err != nil {
			return reply{}, err
		}
		asked = true
		if err := a.askForService(ctx, o); err != nil {
			return reply{}, err
		}
	}
	request := scaffold.Request{Name: o.name, Type: o.typ, Language: o.language, Environment: a.globals.env, Force: o.force}
	if request.Domains, err = o.domains(); err != nil {
		return reply{}, err
	}
	creation, err := op.PlanService(ctx, request)
	if err != nil {
		return reply{}, err
	}
	if !a.globals.dryRun {
		if err := creation.Write(ctx); err != nil {
			return reply{}, err
		}
	}
	r := a.creationReply(creation)
	if asked {
		answer := r.Text
		r.Text = func(w io.Writer) {
			answer(w)
			a.term.Note("\nTo repeat without questions:\n  %s", o.commandLine())
		}
	}
	return r, nil
}

// askForService asks a person for what was not said: the type and the hostname.
func (a *app) askForService(ctx context.Context, o *serviceCreateOptions) error {
	types, err := serviceTypes()
	if err != nil {
		return err
	}
	var options []term.Option
	for _, t := range types {
		if _, err := scaffold.Find(t.Type, o.language); err != nil {
			continue // not in this language
		}
		options = append(options, term.Option{Value: t.Type, Label: fmt.Sprintf("%-16s %s", t.Type, t.Summary)})
	}
	answer, err := a.term.Prompter().Choose(ctx, term.Question{Text: "What kind of service?", Instead: "--type TYPE", Options: options})
	if err != nil {
		return err
	}
	o.typ = answer[0]
	if len(o.hosts) > 0 || o.triplets != "" {
		return nil
	}
	for {
		host, err := a.term.Prompter().Text(ctx, term.Question{Text: "Hostname in production? (may be empty)", Instead: "--domain HOST"})
		if err != nil || host == "" {
			return err
		}
		if _, err = scaffold.ParseDomains(host); err == nil {
			o.hosts = []string{host}
			return nil
		}
		_ = a.findingRenderer().Render(a.term.Err(), diag.Errors(err)[0].Details()) // a stderr that is gone leaves nobody to tell
	}
}

// domains are the hostnames of both flags.
func (o *serviceCreateOptions) domains() ([]scaffold.Domain, error) {
	all := o.hosts
	if o.triplets != "" {
		all = append(all, o.triplets)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return scaffold.ParseDomains(strings.Join(all, ","))
}

// commandLine is the command that makes the same service without questions.
func (o *serviceCreateOptions) commandLine() string {
	line := "clodo service create " + o.name + " --type " + o.typ
	if o.language != "" {
		line += " --lang " + o.language
	}
	for _, h := range o.hosts {
		line += " --domain " + h
	}
	if o.triplets != "" {
		line += " --domains " + o.triplets
	}
	if o.force {
		line += " --force"
	}
	return line
}

// creationDocument is the answer of `clodo service create --json`.
type creationDocument struct {
	*scaffold.Creation
	Written bool `json:"written"`
}

func (a *app) creationReply(c *scaffold.Creation) reply {
	return reply{
		Result: creationDocument{c, !a.globals.dryRun},
		Text: func(w io.Writer) {
			if c.Alias != "" {
				fmt.Fprintf(w, "%q is what %s is also called.\n", c.Alias, c.Type)
			}
			if a.globals.dryRun {
				writeDryRun(w, c.Files, c.Config, c.Lines)
				writeKept(w, c)
				fmt.Fprintln(w, "Nothing was changed.")
				return
			}
			own, words := 0, map[string]string{}
			for _, f := range c.Files {
				switch {
				case strings.HasPrefix(f.Path, c.Path+"/"):
					own++
				case f.Path == c.Config:
					words[f.Path] = fmt.Sprintf("Changed %-24s +%d lines", f.Path, c.Lines)
				case f.Action == scaffold.Overwrite:
					words[f.Path] = "Changed " + f.Path
				default:
					words[f.Path] = "Made " + f.Path
				}
			}
			fmt.Fprintf(w, "Made %-27s %s, %s in %s\n", c.Path+"/", count(own, "file"), c.Type, languageName(c.Language))
			for _, f := range c.Files {
				if line := words[f.Path]; line != "" {
					fmt.Fprintln(w, line)
				}
			}
			writeKept(w, c)
			if len(c.Generated) > 0 {
				fmt.Fprintf(w, "The first deploy generates %s.\n", strings.Join(c.Generated, ", "))
			}
			fmt.Fprintf(w, "\nNext:\n  clodo check\n")
			if c.Language == "ts" {
				fmt.Fprintln(w, "  npm install")
			}
			if len(c.Secrets) > 0 {
				fmt.Fprintf(w, "  cp %[1]s/.dev.vars.example %[1]s/.dev.vars    # sets %[2]s on this machine\n", c.Path, strings.Join(c.Secrets, ", "))
			}
			fmt.Fprintf(w, "  clodo deploy %s --local\n", c.Service)
		},
	}
}

// writeDryRun lists the files that would be written.
func writeDryRun(w io.Writer, files []scaffold.File, config string, lines int) {
	for _, f := range files {
		switch {
		case f.Path == config && lines > 0:
			fmt.Fprintf(w, "%-10s %s  +%d lines\n", "change", f.Path, lines)
		default:
			fmt.Fprintf(w, "%-10s %s  %d bytes\n", f.Action, f.Path, f.Size)
		}
	}
}

// writeKept tells what --force leaves as it is: files of the folder that are none of the
// new service's, and what clodo.yaml says of it.
func writeKept(w io.Writer, c *scaffold.Creation) {
	if len(c.Left) > 0 {
		names := make([]string, len(c.Left))
		for i, name := range c.Left {
			names[i] = strings.TrimPrefix(name, c.Path+"/")
		}
		fmt.Fprintf(w, "Left %s in %s/: %s\n", count(len(c.Left), "other file"), c.Path, strings.Join(names, ", "))
	}
	if len(c.Entry) > 0 {
		fmt.Fprintf(w, "%s keeps what it says of %s; of a new %s it would say:\n  %s\n", c.Config, c.Service, c.Type, strings.Join(c.Entry, "\n  "))
	}
}

func languageName(language string) string {
	if language == "ts" {
		return "TypeScript"
	}
	return "Go"
}
