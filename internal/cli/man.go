package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// ManPages is a manual page for each command by file name, such as clodo-deploy.1. They say
// what the Markdown reference says.
func ManPages() map[string]string {
	pages := map[string]string{}
	addManPages(pages, referenceRoot())
	return pages
}

func addManPages(pages map[string]string, c *cobra.Command) {
	pages[manName(c)+".1"] = manPage(c)
	for _, sub := range visible(c) {
		addManPages(pages, sub)
	}
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" clodo clodo\n.nh\n.SH NAME\n%s \\- %s\n", strings.ToUpper(manName(c)), manText(manName(c)), manText(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", manText(useLine(c)))
	if c.Long != "" {
		b.WriteString(".SH DESCRIPTION\n" + strings.ReplaceAll(manText(c.Long), "\n\n", "\n.PP\n") + "\n")
	}
	listing := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, ".SH %s\n.nf\n%s\n.fi\n", title, manText(strings.TrimRight(text, "\n")))
		}
	}
	listing("EXAMPLES", c.Example)
	if c.HasParent() {
		listing("FLAGS", flagUsages(ownFlags(c)))
	} else {
		listing("GLOBAL FLAGS", flagUsages(c.PersistentFlags()))
	}
	var also []string
	if c.HasParent() {
		also = append(also, manName(c.Parent()))
	}
	for _, sub := range visible(c) {
		also = append(also, manName(sub))
	}
	if len(also) > 0 {
		b.WriteString(".SH SEE ALSO\n" + manText(strings.Join(also, "(1), ")) + "(1)\n")
	}
	return b.String()
}

// manText keeps text from being taken for requests of roff.
func manText(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
