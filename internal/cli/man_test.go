package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasAManualPage(t *testing.T) {
	t.Parallel()
	pages := ManPages()
	request := regexp.MustCompile(`^\.(TH .*|SH [A-Z ]+|B .+|PP|nf|fi|nh)$`)
	commands := 0
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		commands++
		name := manName(c) + ".1"
		if !strings.Contains(pages[name], "\n.SH SYNOPSIS\n") {
			t.Errorf("%s is missing or empty", name)
		}
		for line := range strings.Lines(pages[name]) {
			if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !request.MatchString(line) {
				t.Errorf("%s: roff takes %q for a request", name, line)
			}
		}
		for _, sub := range visible(c) {
			look(sub)
		}
	}
	look(tree())
	if commands != len(pages) {
		t.Errorf("%d pages for %d commands", len(pages), commands)
	}
}

func TestTextStaysTextInRoff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":               "plain",
		"--env":               `\-\-env`,
		".dev.vars\n'a' \\n.": `\&.dev.vars` + "\n" + `\&'a' \en.`,
	} {
		if got := manText(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
