package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// File is one migration.
type File struct {
	Name     string // "0001_init.sql", what the database remembers
	Path     string // for people: slash-separated, relative to the portfolio's root
	SQL      string // with LF line ends
	Checksum string // SHA-256 of SQL in hex
}

// NewFile makes a File of the text of a migration. CRLF becomes LF, because D1
// splits statements wrongly at CRLF and because git may change line ends.
func NewFile(name, path, text string) File {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	sum := sha256.Sum256([]byte(text))
	return File{Name: name, Path: path, SQL: text, Checksum: hex.EncodeToString(sum[:])}
}

// ReadDir reads the migrations in dir in wrangler's order: by the number before the
// first "_", names of the same number by name. shown is dir for people, relative to
// the portfolio's root. A folder that does not exist has no migrations.
func ReadDir(dir, shown string) ([]File, []diag.Finding) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []diag.Finding{{
			Code: "M102", Severity: diag.SeverityError,
			Message: fmt.Sprintf("the migrations folder %q could not be read", shown),
			Why:     reason(err), Fix: "make the folder readable, or correct migrations_dir",
			Pos: diag.Position{File: shown},
		}}
	}
	var files []File
	var found []diag.Finding
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".sql") {
			continue
		}
		shownFile := path.Join(shown, e.Name())
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			found = append(found, diag.Finding{
				Code: "M102", Severity: diag.SeverityError,
				Message: fmt.Sprintf("%s could not be read", shownFile), Why: reason(err),
				Fix: "make the file readable", Pos: diag.Position{File: shownFile},
			})
			continue
		}
		files = append(files, NewFile(e.Name(), shownFile, string(raw)))
	}
	slices.SortStableFunc(files, func(a, b File) int {
		x, _ := number(a.Name)
		y, _ := number(b.Name)
		if x != y {
			return x - y
		}
		return strings.Compare(a.Name, b.Name)
	})
	return files, append(found, lint(files)...)
}

// lint finds what makes the order of files unclear or what D1 would refuse.
func lint(files []File) []diag.Finding {
	var found []diag.Finding
	for _, f := range files {
		if _, ok := number(f.Name); !ok && len(files) > 1 {
			found = append(found, diag.Finding{
				Code: "M101", Severity: diag.SeverityError,
				Message: fmt.Sprintf("%s has no number, so its place in the order is unclear", f.Path),
				Why:     "migrations run in the order of the number that their name begins with",
				Fix:     fmt.Sprintf("rename it to something like 0001_%s", f.Name),
				Pos:     diag.Position{File: f.Path},
			})
		}
		for _, s := range statements(f.SQL) {
			if s.first == "BEGIN" || s.first == "COMMIT" || s.first == "ROLLBACK" || s.first == "SAVEPOINT" {
				pos := place(f, s.start)
				found = append(found, diag.Finding{
					Code: "M109", Severity: diag.SeverityError,
					Message: fmt.Sprintf("%s controls a transaction with %s", f.Path, s.first),
					Why:     "D1 runs every migration file in one transaction of its own",
					Fix:     "remove BEGIN, COMMIT, ROLLBACK and SAVEPOINT from the file",
					Pos:     pos, Source: lineAt(f.SQL, pos.Line),
				})
				break
			}
		}
	}
	return found
}

// number is the number that a file's name begins with, as parseInt reads it.
func number(name string) (n int, ok bool) {
	digits := name
	if i := strings.IndexFunc(name, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = name[:i]
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// Pending is the files that have not run, in order, and what is wrong with those
// that have. environment is for the messages, such as "production".
func Pending(files []File, a Applied, environment string) ([]File, []diag.Finding) {
	var pending []File
	var found []diag.Finding
	highest, highestName := -1, ""
	for _, f := range files {
		n, _ := number(f.Name)
		if !a.Has(f.Name) {
			pending = append(pending, f)
			continue
		}
		if n > highest {
			highest, highestName = n, f.Name
		}
		if r, ok := a.Records[f.Name]; ok && r.Checksum != f.Checksum {
			found = append(found, edited(f, r, environment))
		}
	}
	for _, name := range a.Names {
		if slices.ContainsFunc(files, func(f File) bool { return f.Name == name }) {
			continue
		}
		if n, ok := number(name); ok && n > highest {
			highest, highestName = n, name
		}
		r, known := a.Records[name]
		i := slices.IndexFunc(pending, func(f File) bool { return known && f.Checksum == r.Checksum })
		if i >= 0 {
			found = append(found, diag.Finding{
				Code: "M107", Severity: diag.SeverityError,
				Message: fmt.Sprintf("%s ran in %s under the name %q", pending[i].Path, environment, name),
				Why:     "applied migrations are remembered by name, so the renamed file would run a second time",
				Fix:     fmt.Sprintf("rename it back to %s", name),
				Pos:     diag.Position{File: pending[i].Path},
			})
			continue
		}
		found = append(found, diag.Finding{
			Code: "M106", Severity: diag.SeverityWarning,
			Message: fmt.Sprintf("migration %q ran in %s, but its file is not here", name, environment),
			Why:     "another branch may have it, or it was deleted",
			Fix:     "bring the file back, so that a new database gets the same tables",
		})
	}
	for _, f := range pending {
		if n, ok := number(f.Name); ok && n < highest {
			found = append(found, diag.Finding{
				Code: "M108", Severity: diag.SeverityError,
				Message: fmt.Sprintf("%s comes before %s, which already ran in %s", f.Path, highestName, environment),
				Why:     "a new database would run them in the other order and could end up different",
				Fix:     fmt.Sprintf("rename it to a number above %d, such as %04d%s", highest, highest+1, strings.TrimLeft(f.Name, "0123456789")),
				Pos:     diag.Position{File: f.Path},
			})
		}
	}
	return pending, found
}

// edited is the finding for a file that changed after it ran. It points at the
// first line that differs when the old text is known.
func edited(f File, r Record, environment string) diag.Finding {
	line := 1
	if r.Text != "" {
		was, is := strings.Split(r.Text, "\n"), strings.Split(f.SQL, "\n")
		for line <= len(was) && line < len(is) && was[line-1] == is[line-1] {
			line++
		}
	}
	return diag.Finding{
		Code: "M105", Severity: diag.SeverityError,
		Message: fmt.Sprintf("%s was changed after it ran in %s", f.Path, environment),
		Why:     fmt.Sprintf("it ran on %s with fingerprint %s…; the file is now %s…", r.At, short(r.Checksum), short(f.Checksum)),
		Fix:     "undo the edit and put the change in a new file",
		Pos:     diag.Position{File: f.Path, Line: line, Column: 1},
		Source:  lineAt(f.SQL, line),
	}
}

func short(checksum string) string { return checksum[:min(4, len(checksum))] }

// reason is err without the path, which the message names.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
