package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/sdk"
	"github.com/tamylaa/clodo/project"
)

// module is the Go module that a new service belongs to.
type module struct {
	name    string
	files   []File // go.mod and go.sum, where they have to be made or need more
	sources string // the folder with the sources of package clodo, "" when it takes them from elsewhere
}

// mentions tells whether a go.mod knows package clodo's module.
var mentions = lazyregexp.New(`(?m)(^|\s)` + regexp.QuoteMeta(sdk.Module) + `(\s|$)`)

// moduleFor finds the module of a new service in the folder dir. All services of a
// portfolio share one, so that they are compiled and tested together; a portfolio that
// is a module of its own already, without package clodo, is left alone: a service there
// is a module of its own.
func moduleFor(root *os.Root, p *project.Portfolio, dir, language string, release sdk.Release) (module, error) {
	if language != "go" {
		return module{name: p.Name}, nil
	}
	goMod, err := root.ReadFile("go.mod")
	if errors.Is(err, fs.ErrNotExist) {
		return newModule(root, ".", moduleName(p.Name), "./"+sdk.Folder, release)
	}
	if err != nil {
		return module{}, err
	}
	uses, err := sdk.Find(p.Root, p.Root)
	if err != nil {
		return module{}, err
	}
	switch {
	case uses.Folder != "":
		return extendedModule(root, uses.Name, goMod)
	case mentions.Match(goMod):
		return module{name: uses.Name}, nil
	}
	return newModule(root, dir, uses.Name+"/"+dir, "../../"+sdk.Folder, release)
}

// moduleName is a portfolio's name as that of a module: some words mean something else
// to the go command.
func moduleName(portfolio string) string {
	if slices.Contains([]string{"all", "cmd", "std", "main", "mod", "tool", "work"}, portfolio) {
		return portfolio + "-portfolio"
	}
	return portfolio
}

func newModule(root *os.Root, dir, name, replace string, release sdk.Release) (module, error) {
	goMod, goSum, err := sdk.ModuleFiles(name, replace, release)
	if err != nil {
		return module{}, err
	}
	m, err := withFiles(root, dir, name, goMod, goSum)
	if release != (sdk.Release{}) {
		m.sources = "" // the go command downloads them
	}
	return m, err
}

func extendedModule(root *os.Root, name string, goMod []byte) (module, error) {
	goSum, err := root.ReadFile("go.sum")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return module{}, err
	}
	goMod, goSum, err = sdk.Extend(goMod, goSum)
	if err != nil {
		return module{}, err
	}
	return withFiles(root, ".", name, goMod, goSum)
}

func withFiles(root *os.Root, dir, name string, goMod, goSum []byte) (module, error) {
	m := module{name: name, sources: sdk.Folder}
	for _, f := range []struct {
		name string
		text []byte
	}{{"go.mod", goMod}, {"go.sum", goSum}} {
		file, err := look(root, path.Join(dir, f.name), f.text)
		if err != nil {
			return m, fmt.Errorf("plan %s: %w", f.name, err)
		}
		if file.Action != Keep || dir != "." {
			m.files = append(m.files, file)
		}
	}
	return m, nil
}
