package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/scaffold"
)

func newServiceCmd(a *app) *cobra.Command {
	service := group(&cobra.Command{Use: "service", Short: "make services and see which there are", GroupID: blockThing})
	service.AddCommand(
		newServiceCreateCmd(a, a.runServiceCreate),
		&cobra.Command{
			Use: "types", Short: "the types of services that can be made",
			Example: "  clodo service types\n  clodo service types --json     with the files of each",
			Args:    words(0), RunE: a.do(a.runServiceTypes),
		},
		&cobra.Command{
			Use: "list", Short: "the services of this portfolio",
			Example: "  clodo service list\n  clodo service list --json",
			Args:    words(0), RunE: a.do(a.runServiceList),
		},
		&cobra.Command{
			Use: "show NAME", Short: "one service: its files, bindings and places",
			Example: "  clodo service show orders\n  clodo service show orders --json",
			Args:    words(1, "NAME"), ValidArgsFunction: a.completeFromFiles(serviceNames),
			RunE: a.do(a.runServiceShow),
		},
		newServiceClientCmd(a),
	)
	return service
}

// serviceType is a type in `clodo service types --json`.
type serviceType struct {
	Type      string              `json:"type"`
	Summary   string              `json:"summary"`
	Languages []string            `json:"languages"`
	Aliases   []string            `json:"aliases"`
	Bindings  []string            `json:"bindings"`
	Files     map[string][]string `json:"files"` // by language
}

func serviceTypes() ([]serviceType, error) {
	templates, err := scaffold.Templates()
	if err != nil {
		return nil, err
	}
	var types []serviceType
	for _, name := range scaffold.Types() {
		s := serviceType{Type: name, Languages: []string{}, Aliases: []string{}, Bindings: []string{}, Files: map[string][]string{}}
		for _, t := range templates {
			if t.Type == name {
				s.Languages = append(s.Languages, t.Language)
				s.Files[t.Language] = t.Files
				if t.Language == scaffold.DefaultLanguage || s.Summary == "" {
					s.Summary, s.Bindings = t.Summary, list(t.Bindings)
				}
			}
		}
		for _, alias := range slices.Sorted(maps.Keys(scaffold.Aliases())) {
			if scaffold.Aliases()[alias] == name {
				s.Aliases = append(s.Aliases, alias)
			}
		}
		if len(s.Languages) > 0 {
			types = append(types, s)
		}
	}
	return types, nil
}

func (a *app) runServiceTypes(context.Context, []string) (reply, error) {
	types, err := serviceTypes()
	if err != nil {
		return reply{}, err
	}
	rows := [][]string{{"TYPE", "WHAT IT IS", "LANGUAGES", "ALSO CALLED"}}
	for _, t := range types {
		rows = append(rows, []string{t.Type, t.Summary, strings.Join(t.Languages, ", "), strings.Join(t.Aliases, ", ")})
	}
	return reply{
		Result: struct {
			Types []serviceType `json:"types"`
		}{types},
		Text: func(io.Writer) { a.term.Table(rows) },
	}, nil
}

func (a *app) runServiceList(ctx context.Context, _ []string) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	services, err := op.Services(ctx)
	if err != nil {
		return reply{}, err
	}
	rows := [][]string{{"SERVICE", "LANGUAGE", "FOLDER", "BINDINGS", "HOSTNAMES"}}
	for _, s := range services {
		var hosts []string
		for _, e := range s.Environments {
			hosts = append(hosts, e.Hostnames...)
		}
		rows = append(rows, []string{s.Name, s.Language, s.Path, strings.Join(s.Bindings, ", "), strings.Join(hosts, ", ")})
	}
	return reply{
		Result: struct {
			Services []operator.Service `json:"services"`
		}{list(services)},
		Text: func(w io.Writer) {
			if len(services) == 0 {
				fmt.Fprintln(w, "There are no services yet. Make one: clodo service create NAME")
				return
			}
			a.term.Table(rows)
		},
	}, nil
}

func (a *app) runServiceShow(ctx context.Context, args []string) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	s, err := op.Service(ctx, args[0])
	if err != nil {
		return reply{}, err
	}
	return reply{
		Result: struct {
			Service operator.Service `json:"service"`
		}{s},
		Text: func(w io.Writer) { writeService(w, s) },
	}, nil
}

func writeService(w io.Writer, s operator.Service) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-20s %s\n", name, value)
		}
	}
	line("service", s.Name)
	line("folder", s.Path)
	line("wrangler file", s.Config)
	line("main", s.Main)
	line("language", s.Language)
	line("compatibility date", s.Compatible)
	line("bindings", strings.Join(s.Bindings, ", "))
	line("needs", strings.Join(s.Needs, ", "))
	for _, e := range s.Environments {
		where := e.Worker
		if len(e.Hostnames) > 0 {
			where += "  " + strings.Join(e.Hostnames, ", ")
		}
		line(e.Environment, where)
	}
}
