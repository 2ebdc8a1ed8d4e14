package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

const generated = "<!-- Written by `clodo docs markdown`; a test compares it with the code. -->\n\n"

// Reference is the Markdown reference by file name: commands, exit codes and error
// codes, written from the code itself.
func Reference() map[string]string {
	return map[string]string{
		"commands.md":    commandsPage(referenceRoot()),
		"exit-codes.md":  exitCodesPage(),
		"error-codes.md": errorCodesPage(),
	}
}

// referenceRoot is the tree of commands to write about.
func referenceRoot() *cobra.Command {
	return newRoot(&app{term: term.New(term.Streams{Getenv: func(string) string { return "" }})})
}

func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n" + generated + root.Short + "\n")
	for _, g := range root.Groups() {
		heading := false
		for _, c := range visible(root) {
			if c.GroupID != g.ID {
				continue
			}
			if !heading {
				fmt.Fprintf(&b, "\n## %s\n", g.Title)
				heading = true
			}
			commandSection(&b, c)
		}
	}
	fmt.Fprintf(&b, "\n## Global flags\n\nEvery command takes these.\n\n```\n%s```\n", flagUsages(root.PersistentFlags()))
	return b.String()
}

func commandSection(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s.\n", useLine(c), upperFirst(c.Short))
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", unindent(c.Example))
	}
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	if own := flagUsages(ownFlags(c)); own != "" {
		fmt.Fprintf(b, "\n```\n%s```\n", own)
	}
	for _, sub := range visible(c) {
		commandSection(b, sub)
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func unindent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}

// exitMeaning is what an exit code tells a script.
type exitMeaning struct {
	code    diag.Exit
	meaning string
	advice  string
}

func exitMeanings() []exitMeaning {
	return []exitMeaning{
		{diag.ExitOK, "done, or nothing to do", "go on"},
		{diag.ExitFailed, "failed, nothing better to say", "read the message"},
		{diag.ExitUsage, "wrong command line, or a question that could not be asked", "correct the command; the message names the flag"},
		{diag.ExitConfig, "a problem in files, policy or plan; nothing was changed", "correct the repository"},
		{diag.ExitAuth, "not signed in, or the token lacks a permission", "`clodo doctor` says what is missing"},
		{diag.ExitPartial, "some targets done, some not", "the summary names each; `clodo deploy --resume` goes on"},
		{diag.ExitRolledBack, "clodo rolled back: the old version is serving", "nobody needs to be woken"},
		{diag.ExitBusy, "someone else is deploying, or the world changed since the plan", "run `clodo plan` again"},
		{diag.ExitPending, "still going: waiting for a person or a timeout", "`clodo status` shows what is live"},
		{diag.ExitUnavailable, "Cloudflare or the network did not answer after retries", "repeat the command later"},
		{diag.ExitChanges, "only with `--exit-code`: the plan has changes, or status is not healthy", "what the script asked for"},
		{diag.ExitStuck, "undo failed too: a person must act", "wake somebody"},
		{diag.ExitInterrupted, "interrupted; what was done is printed", "`clodo deploy --resume` goes on"},
	}
}

func exitCodesPage() string {
	var b strings.Builder
	b.WriteString("# Exit codes\n\n" + generated +
		"The numbers are a contract with scripts. When several apply, the first of\n130, 11, 9, 4, 7, 5, 6, 3, 2, 1, 8, 10 wins.\n\n" +
		"| code | meaning | what to do |\n| --- | --- | --- |\n")
	for _, e := range exitMeanings() {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", e.code, e.meaning, e.advice)
	}
	return b.String()
}

// errorCodesPage shows every page under its code, headings one level deeper.
func errorCodesPage() string {
	var b strings.Builder
	b.WriteString("# Error codes\n\n" + generated + "`clodo explain CODE` shows the same page in the terminal.\n")
	for _, code := range diag.Codes() {
		page, _ := diag.Explain(code)
		title, rest, _ := strings.Cut(page, "\n")
		fmt.Fprintf(&b, "\n## %s: %s\n%s", code, strings.TrimPrefix(title, "# "), strings.TrimRight(rest, "\n")+"\n")
	}
	return b.String()
}
