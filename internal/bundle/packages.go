package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// packages is what the nearest package.json says, so that a missing package can be
// told apart from one that is only not installed.
type packages struct {
	file    string   // the package.json, "" when there is none
	manager string   // npm, pnpm, yarn or bun, by the lock file
	names   []string // everything it lists, sorted
}

// findPackages reads the package.json of dir or of the nearest folder above it.
func findPackages(dir string) packages {
	p := packages{manager: "npm"}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err == nil && p.file == "" {
			p.file = filepath.Join(dir, "package.json")
			var file struct {
				Dependencies, DevDependencies, OptionalDependencies, PeerDependencies map[string]any
			}
			// a package.json that cannot be read lists nothing; esbuild itself reports it
			_ = json.Unmarshal(text, &file)
			for _, m := range []map[string]any{file.Dependencies, file.DevDependencies, file.OptionalDependencies, file.PeerDependencies} {
				for name := range m {
					p.names = append(p.names, name)
				}
			}
			slices.Sort(p.names)
		}
		for _, lock := range [][2]string{{"pnpm-lock.yaml", "pnpm"}, {"yarn.lock", "yarn"}, {"bun.lock", "bun"}, {"bun.lockb", "bun"}, {"package-lock.json", "npm"}} {
			if _, err := os.Stat(filepath.Join(dir, lock[0])); err == nil {
				p.manager = lock[1]
				return p
			}
		}
		if filepath.Dir(dir) == dir {
			return p
		}
	}
}

func (p packages) lists(pkg string) bool { return slices.Contains(p.names, pkg) }

// installed reports whether pkg lies in a node_modules folder that files of dir see.
func (p packages) installed(dir, pkg string) bool { return findPackageDir(dir, pkg) != "" }

// addCommand is what a person types to add pkg.
func (p packages) addCommand(pkg string) string {
	if p.manager == "npm" {
		return "npm install " + pkg
	}
	return p.manager + " add " + pkg
}

// findPackageDir is the folder of pkg as an import from dir finds it, or "".
func findPackageDir(dir, pkg string) string {
	for ; ; dir = filepath.Dir(dir) {
		found := filepath.Join(dir, "node_modules", filepath.FromSlash(pkg))
		if info, err := os.Stat(found); err == nil && info.IsDir() {
			return found
		}
		if filepath.Dir(dir) == dir {
			return ""
		}
	}
}

// packageName is the package that an import path names: its first part, or the
// first two for a scope.
func packageName(path string) string {
	parts := strings.SplitN(path, "/", 3)
	if strings.HasPrefix(path, "@") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}
