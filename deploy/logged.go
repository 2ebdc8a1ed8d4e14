package deploy

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/diag"
)

// explain adds to the finding of a failed check what the Worker logged while it made the last
// answer, where that can be known: a Cloudflare on this machine keeps all logs.
func (w *worker) explain(ctx context.Context, t TargetPlan, failed *check.UnhealthyError, f *diag.Finding) {
	if !t.Local || failed.Answer.Ray == "" || failed.Answer.Status < 500 {
		return
	}
	logs, err := w.Logs.Logged(ctx, t.Script.Account, failed.Answer.Ray)
	switch {
	case err != nil:
		f.Why += fmt.Sprintf("; what the Worker logged is not known: %v", err)
	case len(logs) > 0:
		f.Why += ", and the Worker logged\n" + firstLines(logs)
		f.Fix = "repair that, then deploy again"
	}
}

// What is shown of logs.
const (
	shownLines = 6
	shownWidth = 160 // runes
)

// firstLines is the beginning of logs as people are shown it.
func firstLines(logs []string) string {
	var shown []string
	for line := range strings.Lines(strings.Join(logs, "\n")) {
		line = strings.TrimRight(strings.Map(printable, line), " ")
		if line == "" {
			continue
		}
		if len(shown) == shownLines {
			shown = append(shown, "…")
			break
		}
		if r := []rune(line); len(r) > shownWidth {
			line = string(r[:shownWidth]) + "…"
		}
		shown = append(shown, line)
	}
	return strings.Join(shown, "\n")
}

// printable keeps what a Worker logs from steering a terminal.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case !unicode.IsPrint(r):
		return -1
	}
	return r
}
