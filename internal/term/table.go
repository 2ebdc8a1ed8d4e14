package term

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Table writes rows to stdout, the first of them the headings. In a terminal the
// columns are aligned and the last one is cut at the edge; in a pipe cells are
// separated by tabs, nothing is cut and the headings are left out.
func (t *Terminal) Table(rows [][]string) {
	style := t.OutStyle()
	width, _ := t.size(t.streams.Out)
	var b strings.Builder
	if width == 0 {
		for _, row := range rows[1:] {
			b.WriteString(strings.Join(row, "\t") + "\n")
		}
	} else {
		writeAligned(&b, rows, width, style)
	}
	_, _ = t.out.Write([]byte(b.String()))
}

// gap separates columns.
const gap = "  "

func writeAligned(b *strings.Builder, rows [][]string, width int, style Style) {
	widths := columnWidths(rows)
	for i, row := range rows {
		var line strings.Builder
		for j, cell := range row {
			if j > 0 {
				line.WriteString(gap)
			}
			line.WriteString(cell)
			if j < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[j]-ansi.StringWidth(cell)))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		text = ansi.Truncate(text, width, "…")
		if i == 0 {
			text = style.Dim(text)
		}
		b.WriteString(text + "\n")
	}
}

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for j, cell := range row {
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], ansi.StringWidth(cell))
		}
	}
	return widths
}
