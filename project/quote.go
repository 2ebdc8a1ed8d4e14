package project

import "github.com/tamylaa/clodo/diag"

// Quote adds to findings the lines that they are about, with sensitive values
// hidden. Findings that have their line, or are about files that the portfolio was
// not read from, stay as they are.
func (p *Portfolio) Quote(findings []diag.Finding) {
	for i, f := range findings {
		if doc := p.docs[f.Pos.File]; doc != nil && f.Source == "" {
			findings[i].Source = doc.Line(f.Pos.Line)
		}
	}
}
