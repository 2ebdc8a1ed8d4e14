package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// summaryLimit is where GitHub's page of a step is cut, in bytes; GitHub's own limit
// is 1 MiB.
const summaryLimit = 900 << 10

// annotate marks problems and warnings in GitHub's view of the files.
func (a *app) annotate(problems []*diag.Error) {
	all := allDetails(problems)
	for _, f := range a.reply.Findings {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	a.term.Annotate(all)
}

// summarize writes what GitHub Actions shows on the page of the step and what later
// steps may read, when the job has the files for it.
func (a *app) summarize(path string, exit diag.Exit) {
	if !a.term.GitHubActions() {
		return
	}
	if file := a.getenv("GITHUB_STEP_SUMMARY"); file != "" && len(a.reply.Table) > 0 {
		a.append(file, summaryPage(path, exit, a.reply.Table))
	}
	if file := a.getenv("GITHUB_OUTPUT"); file != "" && len(a.reply.Outputs) > 0 {
		var b strings.Builder
		for _, o := range a.reply.Outputs {
			fmt.Fprintf(&b, "%s=%s\n", o.Name, strings.ReplaceAll(o.Value, "\n", " "))
		}
		a.append(file, b.String())
	}
}

func summaryPage(path string, exit diag.Exit, table [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### `%s` ended with exit code %d\n\n", path, exit)
	for i, row := range table {
		if b.Len() > summaryLimit {
			b.WriteString("\nThe rest is in the log of this step.\n")
			break
		}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", len(row)) + "|\n")
		}
	}
	return b.String()
}

func (a *app) append(file, text string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}
	if err != nil {
		a.term.Note("GitHub's file for this step could not be written: %s", err)
	}
}
