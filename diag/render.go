package diag

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Renderer writes findings as text. Each field styles one part of it and may be
// nil; a style must not change the visible width of what it is given.
type Renderer struct {
	Error, Warning, Note func(string) string // the label, such as error[C010]
	Message              func(string) string // what happened
	Place                func(string) string // -->, the gutter, "= why:", "= fix:"
	Mark                 func(string) string // the ^^^ below the excerpt
}

// Render writes findings without colour, each with its place, the excerpt with a
// mark, why and fix, and an empty line between two of them.
func Render(w io.Writer, fs []Finding) error { return Renderer{}.Render(w, fs) }

// Render writes findings as the function Render does, with r's styles.
func (r Renderer) Render(w io.Writer, fs []Finding) error {
	out := bufio.NewWriter(w)
	for i, f := range fs {
		if i > 0 {
			out.WriteByte('\n')
		}
		r.one(out, f)
	}
	return out.Flush()
}

func style(f func(string) string, s string) string {
	if f == nil {
		return s
	}
	return f(s)
}

func (r Renderer) one(out *bufio.Writer, f Finding) {
	label := string(f.Severity)
	if label == "" {
		label = string(SeverityError)
	}
	if f.Code != "" {
		label += "[" + f.Code + "]"
	}
	paint := map[Severity]func(string) string{SeverityWarning: r.Warning, SeverityNote: r.Note}[f.Severity]
	if paint == nil && f.Severity != SeverityWarning && f.Severity != SeverityNote {
		paint = r.Error
	}
	fmt.Fprintf(out, "%s: %s\n", style(paint, label), style(r.Message, oneLine(f.Message)))
	gutter := " "
	if !f.Pos.IsZero() {
		fmt.Fprintf(out, "  %s %s\n", style(r.Place, "-->"), f.Pos)
	}
	if f.Pos.Line > 0 && f.Source != "" {
		gutter = strings.Repeat(" ", len(strconv.Itoa(f.Pos.Line)))
		text, mark := excerpt(f)
		fmt.Fprintf(out, "%s %s\n%s %s\n", gutter, style(r.Place, "|"), style(r.Place, strconv.Itoa(f.Pos.Line)+" |"), text)
		if strings.TrimSpace(mark) != "" {
			at := strings.IndexByte(mark, '^')
			fmt.Fprintf(out, "%s %s %s%s\n", gutter, style(r.Place, "|"), mark[:at], style(r.Mark, mark[at:]))
		}
	}
	for _, part := range []struct{ label, text string }{{"= why:", f.Why}, {"= fix:", f.Fix}} {
		if part.text == "" {
			continue
		}
		indent := gutter + strings.Repeat(" ", len(" = why: "))
		text := strings.ReplaceAll(strings.TrimRight(part.text, "\n"), "\n", "\n"+indent)
		fmt.Fprintf(out, "%s %s %s\n", gutter, style(r.Place, part.label), text)
	}
}

// excerptWidth is how much of a long line is shown: minified files have one line.
const excerptWidth = 160

// excerpt is the line of f and the mark below it. Control characters are shown as
// dots: what stands in a file must not steer a terminal.
func excerpt(f Finding) (text, mark string) {
	line := []rune(f.Source)
	for i, c := range line {
		if c != '\t' && !unicode.IsPrint(c) {
			line[i] = '·'
		}
	}
	from := f.Pos.Column - 1
	to := f.Pos.EndColumn - 1
	if f.Pos.Column == 0 || from > len(line) {
		from, to = -1, -1
	}
	if len(line) > excerptWidth {
		start := max(0, min(from-excerptWidth/4, len(line)-excerptWidth))
		end := start + excerptWidth
		window := append([]rune{}, line[start:end]...)
		if start > 0 {
			window[0] = '…'
		}
		if end < len(line) {
			window[len(window)-1] = '…'
		}
		line = window
		from, to = from-start, min(to-start, len(line))
	}
	text = strings.TrimRight(string(line), " \t")
	if from < 0 {
		return text, ""
	}
	pad := make([]rune, from)
	for i := range pad {
		pad[i] = ' '
		if i < len(line) && line[i] == '\t' {
			pad[i] = '\t'
		}
	}
	return text, string(pad) + strings.Repeat("^", max(1, min(to, len(line))-from))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Summary counts findings: "4 problems in clodo.yaml", "1 problem and 2 warnings in
// 3 files". It is "" for none.
func Summary(fs []Finding) string {
	if len(fs) == 0 {
		return ""
	}
	files := map[string]bool{}
	count := map[Severity]int{}
	for _, f := range fs {
		if f.Pos.File != "" {
			files[f.Pos.File] = true
		}
		count[f.Severity]++
	}
	var parts []string
	for _, p := range []struct {
		severity Severity
		word     string
	}{{SeverityError, "problem"}, {SeverityWarning, "warning"}, {SeverityNote, "note"}} {
		if n := count[p.severity]; n == 1 {
			parts = append(parts, "1 "+p.word)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", n, p.word))
		}
	}
	s := strings.Join(parts, " and ")
	if len(parts) == 3 {
		s = parts[0] + ", " + parts[1] + " and " + parts[2]
	}
	switch len(files) {
	case 0:
		return s
	case 1:
		for name := range files {
			s += " in " + name
		}
		return s
	}
	return fmt.Sprintf("%s in %d files", s, len(files))
}
