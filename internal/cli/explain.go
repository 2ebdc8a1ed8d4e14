package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

// codePage is the long form of an error code.
type codePage struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Page  string `json:"page,omitempty"` // Markdown
}

func newExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE]",
		Short: "the long form of an error code, with an example and the fix",
		Example: "  clodo explain U001\n" +
			"  clodo explain               every code with its title",
		GroupID:           blockSetup,
		Args:              words(0, "CODE"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return completeCodes() },
		RunE: a.do(func(_ context.Context, args []string) (reply, error) {
			if len(args) == 0 {
				return listCodes(a.term), nil
			}
			return explainCode(a.term, args[0])
		}),
	}
}

func completeCodes() ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, c := range codePages() {
		list = append(list, c.Code+"\t"+c.Title)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// codePages is every code with its title, without the text.
func codePages() []codePage {
	var pages []codePage
	for _, code := range diag.Codes() {
		page, _ := diag.Explain(code)
		title, _, _ := strings.Cut(page, "\n")
		pages = append(pages, codePage{Code: code, Title: strings.TrimPrefix(title, "# ")})
	}
	return pages
}

func listCodes(t *term.Terminal) reply {
	pages := codePages()
	return reply{
		Result: struct {
			Codes []codePage `json:"codes"`
		}{pages},
		Text: func(io.Writer) {
			rows := [][]string{{"CODE", "WHAT HAPPENED"}}
			for _, p := range pages {
				rows = append(rows, []string{p.Code, p.Title})
			}
			t.Table(rows)
		},
	}
}

func explainCode(t *term.Terminal, word string) (reply, error) {
	page, ok := diag.Explain(word)
	if !ok {
		fix := "`clodo explain` lists them all"
		if near := diag.Nearest(strings.ToUpper(word), diag.Codes()); near != "" {
			fix = fmt.Sprintf("did you mean `clodo explain %s`?", near)
		}
		return reply{}, usage(fix, "there is no error code %q", word)
	}
	title, rest, _ := strings.Cut(page, "\n")
	p := codePage{Code: strings.ToUpper(word), Title: strings.TrimPrefix(title, "# "), Page: page}
	return reply{Result: p, Text: func(w io.Writer) {
		fmt.Fprintf(w, "%s\n%s", t.OutStyle().Bold(p.Code+"  "+p.Title), rest)
	}}, nil
}
