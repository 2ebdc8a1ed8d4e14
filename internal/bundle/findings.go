package bundle

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// fail is an error with findings and all warnings so far, or nil without findings.
func (b *build) fail(fs ...diag.Finding) error {
	if len(fs) == 0 {
		return nil
	}
	for i := range fs {
		if fs[i].Severity == "" {
			fs[i].Severity = diag.SeverityError
		}
	}
	return diag.Findings(append(fs, b.warnings...))
}

// relative is a file as it is told to people: relative to the portfolio's root where
// it lies below it, with slashes.
func (b *build) relative(file string) string {
	rel, err := filepath.Rel(b.root, file)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(rel)
}

// position is where esbuild points to. Esbuild counts columns in bytes from 0.
func (b *build) position(l *api.Location) diag.Position {
	if l == nil {
		return diag.Position{File: b.relative(b.entry)}
	}
	file := l.File
	if l.Namespace == "" || l.Namespace == "file" {
		file = b.relative(b.absolute(l))
	}
	p := diag.Position{File: file, Line: l.Line}
	start, end := min(l.Column, len(l.LineText)), min(l.Column+l.Length, len(l.LineText))
	p.Column = utf8.RuneCountInString(l.LineText[:start]) + 1
	if end > start {
		p.EndColumn = p.Column + utf8.RuneCountInString(l.LineText[start:end])
	}
	return p
}

// absolute is the file that esbuild points to.
func (b *build) absolute(l *api.Location) string {
	file := filepath.FromSlash(l.File)
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(b.worker.Dir, file)
}

// errorFinding is one of esbuild's errors in clodo's words.
func (b *build) errorFinding(m api.Message) diag.Finding {
	if f, ok := m.Detail.(diag.Finding); ok {
		f.Pos, f.Source = b.place(m.Location)
		return f
	}
	if name, ok := strings.CutPrefix(m.Text, `Could not resolve "`); ok {
		f := b.unresolvedFinding(strings.TrimSuffix(name, `"`), m)
		f.Pos, f.Source = b.place(m.Location)
		return f
	}
	f := diag.Finding{Code: "B107", Severity: diag.SeverityError, Message: m.Text, Why: noteText(m.Notes)}
	f.Pos, f.Source = b.place(m.Location)
	if m.Location != nil && m.Location.Suggestion != "" {
		f.Fix = "write " + m.Location.Suggestion
	}
	return f
}

// warningFinding is one of esbuild's warnings.
func (b *build) warningFinding(m api.Message) diag.Finding {
	f := b.errorFinding(m)
	if f.Code == "B107" {
		f.Code = "B108"
	}
	f.Severity = diag.SeverityWarning
	return f
}

// place is where esbuild points to, and the line there. What is missing at the end of
// a file is told behind its last line: the one that esbuild means is empty.
func (b *build) place(l *api.Location) (diag.Position, string) {
	p := b.position(l)
	if l == nil {
		return p, ""
	}
	if l.LineText != "" {
		return p, l.LineText
	}
	text, err := os.ReadFile(b.absolute(l))
	lines := strings.Split(strings.TrimRight(string(text), " \t\r\n"), "\n")
	last := lines[len(lines)-1]
	if err != nil || last == "" || l.Line <= len(lines) {
		return p, ""
	}
	p.Line, p.Column, p.EndColumn = len(lines), utf8.RuneCountInString(last)+1, 0
	return p, last
}

func noteText(notes []api.Note) string {
	var texts []string
	for _, n := range notes {
		texts = append(texts, strings.TrimSpace(n.Text))
	}
	if len(texts) == 0 {
		return ""
	}
	return strings.TrimRight(strings.Join(texts, " "), ".:") + "."
}

// unresolvedFinding explains an import that leads nowhere.
func (b *build) unresolvedFinding(name string, m api.Message) diag.Finding {
	f := diag.Finding{Severity: diag.SeverityError, Message: "\"" + name + "\" could not be found"}
	if bare, ok := builtinName(name); ok {
		return b.builtinFinding(name, bare)
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") {
		f.Code = "B103"
		f.Why = "The file is not there."
		f.Fix = "create the file, or correct the import"
		if m.Location != nil && (m.Location.Namespace == "" || m.Location.Namespace == "file") {
			dir := filepath.Dir(filepath.Join(b.worker.Dir, filepath.FromSlash(m.Location.File)))
			if near := project.NearestFile(filepath.Join(dir, filepath.FromSlash(name))); near != "" {
				f.Fix = "did you mean \"" + importPath(dir, near) + "\"?"
			}
		}
		return f
	}
	f.Code = "B104"
	pkg := packageName(name)
	dir := b.worker.Dir
	if m.Location != nil {
		dir = filepath.Dir(filepath.Join(b.worker.Dir, filepath.FromSlash(m.Location.File)))
	}
	p := findPackages(dir)
	switch {
	case p.installed(dir, pkg):
		f.Why = cleanNotes(m.Notes)
		if f.Why == "" {
			f.Why = "Package \"" + pkg + "\" is installed, but has no such file."
		}
		f.Fix = "correct the import, or add an entry for \"" + name + "\" to `alias` in " + b.worker.File
	case p.lists(pkg):
		f.Why = "Package \"" + pkg + "\" is listed in " + b.relative(p.file) + " but not installed."
		f.Fix = "run `" + p.manager + " install`"
	default:
		f.Why = "Package \"" + pkg + "\" is neither installed nor listed in a package.json."
		f.Fix = "run `" + p.addCommand(pkg) + "`, or write \"./" + name + "\" if you mean a file"
		if near := diag.Nearest(pkg, p.names); near != "" {
			f.Fix = "did you mean \"" + near + strings.TrimPrefix(name, pkg) + "\"?"
		}
	}
	return f
}

// cleanNotes drops esbuild's advice about its own command line.
func cleanNotes(notes []api.Note) string {
	var kept []api.Note
	for _, n := range notes {
		if !strings.Contains(n.Text, "as external to exclude it") {
			kept = append(kept, n)
		}
	}
	return noteText(kept)
}

// importPath is file as an import in a file of dir writes it.
func importPath(dir, file string) string {
	rel, err := filepath.Rel(dir, file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	rel = filepath.ToSlash(rel)
	switch ext := path.Ext(rel); ext {
	case ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts":
		rel = strings.TrimSuffix(rel, ext)
	}
	if !strings.HasPrefix(rel, ".") {
		rel = "./" + rel
	}
	return rel
}
