package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// featureOptions are the words and flags of `clodo feature`.
type featureOptions struct {
	flag     string
	domain   string
	declared bool

	value   string
	percent float64
	share   bool // --percent was given
	unset   bool
}

func newFeatureCmd(a *app) *cobra.Command {
	features := group(&cobra.Command{Use: "feature", Short: "what feature flags are, and changing them while services run", GroupID: blockThing})
	o := &featureOptions{}
	domain := func(c *cobra.Command) {
		c.Flags().StringVar(&o.domain, "domain", "", "for this `hostname`")
	}
	asks := func(c *cobra.Command) {
		domain(c)
		c.Flags().BoolVar(&o.declared, "declared", false, "what clodo.yaml says; asks nobody what was changed at run time")
	}
	list := &cobra.Command{
		Use: "list", Short: "every flag, what it is for whom, and why",
		Example: "  clodo feature list -e production\n" +
			"  clodo feature list -e production --customer acme\n" +
			"  clodo feature list --domain shop.example.com --local",
		Long: "Shows each flag for everybody, and for the customers and hostnames for which\n" +
			"it is something else. FROM is the place in clodo.yaml, or `runtime` for what\n" +
			"`clodo feature set` changed: that is asked from the account.",
		Args: words(0),
		RunE: a.do(func(ctx context.Context, _ []string) (reply, error) { return a.runFeatureList(ctx, o) }),
	}
	asks(list)
	show := &cobra.Command{
		Use: "show FLAG", Short: "one flag: what it is for whom, and how it is declared",
		Example: "  clodo feature show premium -e production",
		Args:    words(1, "FLAG"), ValidArgsFunction: a.completeFromFiles(featureNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.flag = args[0]
			return a.runFeatureShow(ctx, o)
		}),
	}
	asks(show)
	set := &cobra.Command{
		Use: "set FLAG VALUE", Short: "change a flag while services run",
		Example: "  clodo feature set premium true -e production --customer acme\n" +
			"  clodo feature set checkout new -e production --percent 20\n" +
			"  clodo feature set premium --unset -e production --customer acme",
		Long: "Writes the value to the KV namespace from which services read it again every 30\n" +
			"seconds; Cloudflare may take a minute more to pass it on. It beats every value in\n" +
			"clodo.yaml until --unset takes it away. For a domain it beats the customer's, and\n" +
			"that one the environment's. Only flags with `runtime: true` can be changed.",
		Args: words(1, "FLAG", "VALUE"),
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return a.completeFromFiles(featureNames)(c, args, word)
			}
			return a.completeFromFiles(func(p *project.Portfolio) []string { return valuesOf(p, args[0]) })(c, args, word)
		},
	}
	set.RunE = a.do(func(ctx context.Context, args []string) (reply, error) {
		o.flag, o.share = args[0], set.Flags().Changed("percent")
		if len(args) > 1 {
			o.value = args[1]
		}
		return a.runFeatureSet(ctx, o, len(args) > 1)
	})
	domain(set)
	set.Flags().Float64Var(&o.percent, "percent", 100, "the share of subjects that get the value, `0 to 100`")
	set.Flags().BoolVar(&o.unset, "unset", false, "take the change away, so that clodo.yaml counts again")
	features.AddCommand(list, show, set)
	return features
}

func featureNames(p *project.Portfolio) []string {
	var names []string
	for _, f := range p.Features {
		names = append(names, f.Name)
	}
	return names
}

func valuesOf(p *project.Portfolio, flag string) []string {
	for _, f := range p.Features {
		switch {
		case f.Name != flag:
		case f.Type == feature.TypeBoolean:
			return []string{"true", "false"}
		default:
			return f.Values
		}
	}
	return nil
}

func (a *app) flagScope(o *featureOptions) operator.FlagScope {
	return operator.FlagScope{
		Environment: a.globals.env, Customers: a.globals.customers, Domain: strings.ToLower(o.domain), Local: a.globals.local,
	}
}

func (o *featureOptions) check(a *app) error {
	if o.domain != "" && len(a.globals.customers) > 0 {
		return usage("leave out one of the two", "--domain and --customer contradict each other: a hostname belongs to one customer")
	}
	return nil
}

// featureList is what flags are where the command line says; in each environment when
// it names none.
func (a *app) featureList(ctx context.Context, o *featureOptions) ([]*operator.FlagList, error) {
	if err := o.check(a); err != nil {
		return nil, err
	}
	var lists []*operator.FlagList
	err := a.everywhere(ctx, nil, func(op *operator.Operator, sel project.Selector) error {
		scope := a.flagScope(o)
		scope.Environment = sel.Environment
		list, err := op.Flags(ctx, scope, o.declared)
		if list != nil {
			lists = append(lists, list)
		}
		return err
	})
	return lists, err
}

func (a *app) runFeatureList(ctx context.Context, o *featureOptions) (reply, error) {
	lists, err := a.featureList(ctx, o)
	if err != nil && len(lists) == 0 {
		return reply{}, err
	}
	return a.featureListReply(lists), err
}

func (a *app) featureListReply(lists []*operator.FlagList) reply {
	several := len(lists) > 1
	rows := [][]string{{"FLAG", "FOR", "VALUE", "FROM"}}
	if several {
		rows[0] = append([]string{"ENV"}, rows[0]...)
	}
	var notes []string
	for _, l := range lists {
		for _, v := range l.Values {
			row := []string{v.Flag, forWhom(v.Customer, v.Domain), flagValue(v), flagFrom(v)}
			if several {
				row = append([]string{l.Environment}, row...)
			}
			rows = append(rows, row)
		}
		if note := changedNote(l); note != "" {
			notes = append(notes, note)
		}
	}
	return reply{
		Result: struct {
			Environments []*operator.FlagList `json:"environments"`
		}{list(lists)},
		Table: rows,
		Text: func(w io.Writer) {
			a.term.Table(rows)
			for _, note := range notes {
				fmt.Fprintln(w, note)
			}
		},
	}
}

// changedNote says what the list does not know.
func changedNote(l *operator.FlagList) string {
	switch l.Changed {
	case "read", "none":
		return ""
	case "declared":
		return "This is what clodo.yaml says; what was changed at run time was not asked."
	}
	in := ""
	if l.Environment != "" {
		in = "In " + l.Environment + " "
	}
	return in + l.Changed + "."
}

func forWhom(customer, domain string) string {
	switch {
	case domain != "":
		return domain
	case customer != "":
		return "customer " + customer
	}
	return "everybody"
}

// flagValue is "true", or what decides: "new for 20%, else old".
func flagValue(f operator.FlagFor) string {
	var parts []string
	for i, s := range f.Steps {
		text := fmt.Sprint(s.Value)
		if s.Value == "" {
			text = `""`
		}
		if s.Percentage != 100 {
			text += fmt.Sprintf(" for %g%%", s.Percentage)
		}
		var all []string
		for _, c := range s.When {
			all = append(all, condition(c))
		}
		if len(all) > 0 {
			text += " where " + strings.Join(all, " and ")
		}
		if i > 0 && i == len(f.Steps)-1 {
			text = "else " + text
		}
		parts = append(parts, text)
	}
	if len(f.Needs) > 0 {
		parts = append(parts, "as "+strings.Join(f.Needs, ", ")+" allows")
	}
	return strings.Join(parts, ", ")
}

func condition(c feature.Condition) string {
	switch {
	case c.Equals != "":
		return c.Attribute + " is " + c.Equals
	case c.Prefix != "":
		return c.Attribute + " begins with " + c.Prefix
	}
	return c.Attribute + " is " + strings.Join(c.In, " or ")
}

// flagFrom is where what decides comes from, with the word for it.
func flagFrom(f operator.FlagFor) string {
	var parts []string
	for _, s := range f.Steps {
		from := s.From
		switch s.Reason {
		case feature.ReasonDefault:
			from = "default, " + from
		case feature.ReasonRequires:
			from = "off by what it requires, " + from
		case feature.ReasonConflicts:
			from = "off by what it conflicts with, " + from
		}
		if !slices.Contains(parts, from) {
			parts = append(parts, from)
		}
	}
	return strings.Join(parts, "; ")
}

func (a *app) runFeatureShow(ctx context.Context, o *featureOptions) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	info, err := op.FlagInfo(ctx, o.flag)
	if err != nil {
		return reply{}, err
	}
	lists, err := a.featureList(ctx, o)
	if err != nil && len(lists) == 0 {
		return reply{}, err
	}
	for _, l := range lists {
		l.Flags = []operator.FlagInfo{info}
		l.Values = slices.DeleteFunc(l.Values, func(v operator.FlagFor) bool { return v.Flag != o.flag })
	}
	return a.featureShowReply(info, lists), err
}

func (a *app) featureShowReply(info operator.FlagInfo, lists []*operator.FlagList) reply {
	r := a.featureListReply(lists)
	values := r.Text
	r.Text = func(w io.Writer) {
		if info.Description != "" {
			fmt.Fprintf(w, "%s: %s\n", info.Name, info.Description)
		}
		rows := [][]string{{"SETTING", "VALUE"}, {"type", typeWords(info)}, {"default", fmt.Sprint(info.Default)}}
		if info.Owner != "" {
			rows = append(rows, []string{"owner", info.Owner})
		}
		if len(info.Requires) > 0 {
			rows = append(rows, []string{"requires", strings.Join(info.Requires, ", ")})
		}
		if len(info.Conflicts) > 0 {
			rows = append(rows, []string{"conflicts", strings.Join(info.Conflicts, ", ")})
		}
		runtime := "no: its values are in clodo.yaml alone"
		if info.Runtime {
			runtime = "can be changed: clodo feature set " + info.Name + " VALUE"
		}
		rows = append(rows, []string{"runtime", runtime}, []string{"declared", info.Declared})
		a.term.Table(rows)
		fmt.Fprintln(w)
		values(w)
	}
	return r
}

func typeWords(info operator.FlagInfo) string {
	if info.Type == feature.TypeEnum {
		return "enum: " + strings.Join(info.Values, ", ")
	}
	return string(info.Type)
}
