package operator

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/project"
)

// ignored are files that no Worker is made of.
func ignored(path string) bool {
	name := filepath.Base(path)
	switch {
	case name == "node_modules", strings.HasSuffix(name, "_test.go"):
		return true
	case strings.HasPrefix(name, "."):
		return !strings.HasPrefix(name, ".dev.vars") && name != ".assetsignore"
	}
	return false
}

// names are the services of targets, each once.
func names(targets []*project.Target) []string {
	var all []string
	for _, t := range targets {
		if !slices.Contains(all, t.Service) {
			all = append(all, t.Service)
		}
	}
	return all
}

// affected are the services that changed files may be part of: the one in whose folder
// they are, and all of them for a file that is in no service's.
func affected(targets []*project.Target, root string, files []string) []string {
	found := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f))
		owners := owners(targets, path)
		if len(owners) == 0 {
			return names(targets)
		}
		for _, t := range owners {
			if !madeByBuild(t, path) {
				found[t.Service] = true
			}
		}
	}
	return slices.DeleteFunc(names(targets), func(service string) bool { return !found[service] })
}

// owners are the targets in whose folder a file is.
func owners(targets []*project.Target, path string) []*project.Target {
	var all []*project.Target
	for _, t := range targets {
		if below(t.Worker.Dir, path) {
			all = append(all, t)
		}
	}
	return all
}

func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// madeByBuild reports whether a file may be what the custom build of a service writes:
// to build again for that would never end. As for wrangler, its sources are in src
// unless the configuration says otherwise.
func madeByBuild(t *project.Target, path string) bool {
	w := t.Worker
	return w.Build.Command != "" && !below(filepath.Join(w.Build.Cwd, "src"), path) && path != filepath.Join(t.Root, filepath.FromSlash(w.File))
}
