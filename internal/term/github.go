package term

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// perKind is how many annotations of one kind GitHub shows per step.
const perKind = 10

// Annotate writes findings as GitHub annotations, the most severe first, when GitHub
// Actions runs us. Those beyond what GitHub shows are counted in a line.
func (t *Terminal) Annotate(findings []diag.Finding) {
	if !t.GitHubActions() {
		return
	}
	var b strings.Builder
	sent := map[string]int{}
	left := 0
	for _, f := range bySeverity(findings) {
		kind := annotationKind(f.Severity)
		if sent[kind]++; sent[kind] > perKind {
			left++
			continue
		}
		b.WriteString(annotation(kind, f) + "\n")
	}
	if left > 0 {
		fmt.Fprintf(&b, "%d more are in the log above; GitHub shows %d of a kind\n", left, perKind)
	}
	if b.Len() > 0 {
		_, _ = t.talk(b.String(), false)
	}
}

func annotationKind(s diag.Severity) string {
	switch s {
	case diag.SeverityWarning:
		return "warning"
	case diag.SeverityNote:
		return "notice"
	}
	return "error"
}

func annotation(kind string, f diag.Finding) string {
	var props []string
	add := func(name, value string) {
		if value != "" && value != "0" {
			props = append(props, name+"="+escapeProperty(value))
		}
	}
	add("file", f.Pos.File)
	add("line", fmt.Sprint(f.Pos.Line))
	add("col", fmt.Sprint(f.Pos.Column))
	add("endColumn", fmt.Sprint(f.Pos.EndColumn))
	add("title", f.Code)
	text := f.Message
	for _, part := range []string{f.Why, f.Fix} {
		if part != "" {
			text += "\n" + part
		}
	}
	head := "::" + kind
	if len(props) > 0 {
		head += " " + strings.Join(props, ",")
	}
	return head + "::" + escapeData(text)
}

func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// bySeverity orders findings from worst to least and keeps the order within.
func bySeverity(findings []diag.Finding) []diag.Finding {
	rank := func(f diag.Finding) int {
		return slices.Index([]diag.Severity{diag.SeverityError, diag.SeverityWarning, diag.SeverityNote}, f.Severity)
	}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b diag.Finding) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}
