// Package archtest keeps the house in order: which package may import which, which
// outside module each may use, and the few rules of style that a machine can check.
// It holds tests only. The tables are meant to be read: floors_test.go is the house,
// outside_test.go its dependencies.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tamylaa/clodo"

// root is the module's folder, seen from this package.
var root = filepath.Join("..", "..")

// source is one parsed Go file.
type source struct {
	path string // slash-separated, from the root
	pkg  string // its folder; "." is the root package
	test bool
	set  *token.FileSet
	file *ast.File
}

// at is "file:line" of a node, for messages.
func (s source) at(p token.Pos) string {
	return s.path + ":" + strconv.Itoa(s.set.Position(p).Line)
}

// imports lists what s imports with the line of each.
func (s source) imports(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.at(spec.Pos()), err)
		}
		all[name] = s.at(spec.Pos())
	}
	return all
}

// sources parses every Go file of the module. It reads the files instead of asking
// `go list`: go test then knows which files this test depends on, so that a cached
// pass cannot hide a new import, and files of every platform are seen.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, name := range files(t) {
		if path.Ext(name) != ".go" || slices.Contains(strings.Split(name, "/"), "testdata") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, filepath.Join(root, filepath.FromSlash(name)), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("parse %s: %v", name, err)
			continue
		}
		if neverBuilt(f) {
			continue
		}
		all = append(all, source{path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), set: set, file: f})
	}
	return all
}

// neverBuilt reports whether a file needs the tag that no build has.
func neverBuilt(f *ast.File) bool {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if c.Pos() < f.Package && c.Text == "//go:build ignore" {
				return true
			}
		}
	}
	return false
}

// files lists the module's own files, slash-separated from the root: not what git
// ignores, and no hidden folder but those that belong to the house.
func files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && rel != "." && rel != ".ci" && !strings.Contains(rel, "testdata")
			if hidden || d.Name() == "node_modules" || d.Name() == ".clodo" || rel == "dist" {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && rel != ".git" { // in a worktree it is a file, and git's own
			all = append(all, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
