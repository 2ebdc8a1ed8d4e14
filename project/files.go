package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// Entry is the absolute path of the file that Main names.
func (w *Worker) Entry() string {
	if name := filepath.FromSlash(w.Main.V); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(w.Dir, filepath.FromSlash(w.Main.V))
}

// MissingEntry says that the file that Main names is not there, also not after the
// custom build, with names of files relative to root; ok is false when it is there.
func (w *Worker) MissingEntry(root string) (f diag.Finding, ok bool) {
	info, err := os.Stat(w.Entry())
	if err == nil && info.Mode().IsRegular() {
		return diag.Finding{}, false
	}
	f = diag.Finding{
		Code: "B101", Severity: diag.SeverityError, Message: fmt.Sprintf("entry point %q could not be found", w.Main.V), Pos: w.Main.Pos,
		Fix: "create the file, or correct `main` in " + w.File,
	}
	switch {
	case err == nil:
		f.Message = fmt.Sprintf("entry point %q is not a file", w.Main.V)
	case w.Build.Command != "":
		f.Why = fmt.Sprintf("The custom build `%s` ran and did not write it.", w.Build.Command)
		f.Fix = fmt.Sprintf("make the build write %q, or point `main` at the file it writes", w.Main.V)
	}
	if near := NearestFile(w.Entry()); near != "" {
		f.Fix = fmt.Sprintf("did you mean %q?", relative(root, near))
	}
	return f, true
}

// missingFiles are the entry point and the folder of assets that a target names and
// that are not there. Where a command builds, it may make them.
func (p *Portfolio) missingFiles(t *Target) []diag.Finding {
	w := &t.Worker
	if w.Build.Command != "" {
		return nil
	}
	var found []diag.Finding
	if w.Main.V != "" {
		if f, missing := w.MissingEntry(p.Root); missing {
			found = append(found, f)
		}
	}
	if a := w.Assets; a != nil && a.Dir != "" && !isDir(a.Dir) {
		f := diag.Finding{
			Code: "B121", Severity: diag.SeverityError, Message: fmt.Sprintf("assets directory %q could not be found", relative(p.Root, a.Dir)), Pos: a.Pos,
			Fix: "create the folder, let `build.command` make it, or correct `assets.directory`",
		}
		if _, err := os.Stat(a.Dir); err == nil {
			f.Message = fmt.Sprintf("assets directory %q is not a folder", relative(p.Root, a.Dir))
		}
		found = append(found, f)
	}
	p.Quote(found)
	return found
}

// NearestFile is the file that want was probably meant to be, or "": the same name
// with another extension first, then the closest name in the same folder. It is no test.
func NearestFile(want string) string {
	dir, base := filepath.Split(want)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	var names []string
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		if name := e.Name(); strings.TrimSuffix(name, filepath.Ext(name)) == stem {
			return filepath.Join(dir, name)
		}
		names = append(names, e.Name())
	}
	if near := diag.Nearest(base, names); near != "" {
		return filepath.Join(dir, near)
	}
	for _, name := range names {
		if diag.Nearest(stem, []string{strings.TrimSuffix(name, filepath.Ext(name))}) != "" {
			return filepath.Join(dir, name)
		}
	}
	return ""
}
