// Package scaffold makes portfolios and services: files from a template, and the entry
// of a service in clodo.yaml. It plans first and writes then, everything or nothing.
//
// A template is a folder, templates/LANGUAGE/TYPE: template.json says what it is and
// what clodo.yaml has to know of it, every other file becomes a file of the service. A
// file's name ends in .tmpl here, so that no tool takes it for a part of clodo.
package scaffold

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed all:templates
var embedded embed.FS

const (
	folder   = "templates"
	manifest = "template.json"
	suffix   = ".tmpl"
	// shared is the folder beside the types whose files go to the portfolio's root
	// with the first service of the language.
	shared = "portfolio"
)

// CompatibilityDate is what the templates pin: a date on which the pinned workerd knows
// how Workers behave.
const CompatibilityDate = "2026-11-01"

// DefaultLanguage is what a service is written in when nothing is said.
const DefaultLanguage = "go"

// Template is what services of one type look like in one language.
type Template struct {
	Type     string   `json:"type"`     // such as data-service
	Language string   `json:"language"` // go or ts
	Summary  string   `json:"summary"`  // half a sentence
	Bindings []string `json:"bindings"` // what it uses of Cloudflare, as KIND NAME; may be empty
	Entry    Entry    `json:"entry"`
	Files    []string `json:"files"` // slash-separated, as they are called in the service
}

// Entry is what clodo.yaml says of a service beside its folder and hostnames.
type Entry struct {
	Database string   `json:"database,omitempty"` // the D1 binding whose database clodo owns
	Health   string   `json:"health,omitempty"`   // path of the health check
	Secrets  []Secret `json:"secrets,omitempty"`
}

// Secret is a secret that the service needs, and how clodo makes it.
type Secret struct {
	Name     string `json:"name"`
	Generate string `json:"generate,omitempty"` // jwt, api-key, password or hex; default: it is asked for
}

// Templates lists all templates, by language and in the order of Types.
func Templates() ([]Template, error) { return templatesIn(embedded) }

func templatesIn(fsys fs.FS) ([]Template, error) {
	names, err := fs.Glob(fsys, path.Join(folder, "*", "*", manifest))
	if err != nil {
		return nil, err
	}
	all := make([]Template, 0, len(names))
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var t Template
		if err := json.Unmarshal(b, &t); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Template) int {
		if a.Language != b.Language {
			return strings.Compare(a.Language, b.Language)
		}
		return slices.Index(Types(), a.Type) - slices.Index(Types(), b.Type)
	})
	return all, nil
}

// dir is the folder of t in the file system of the templates.
func (t Template) dir() string { return path.Join(folder, t.Language, t.Type) }

// source reads one file of t.
func (t Template) source(fsys fs.FS, file string) (string, error) {
	b, err := fs.ReadFile(fsys, path.Join(t.dir(), file+suffix))
	return string(b), err
}

// sharedFiles are the files that the first service of a language brings to the
// portfolio's root, by their names there.
func sharedFiles(fsys fs.FS, language string) (map[string]string, error) {
	root, files := path.Join(folder, language, shared), map[string]string{}
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		files[strings.TrimSuffix(strings.TrimPrefix(name, root+"/"), suffix)] = string(b)
		return err
	})
	if _, none := fs.Stat(fsys, root); none != nil {
		return nil, nil
	}
	return files, err
}
