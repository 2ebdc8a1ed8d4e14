package sdk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// needed are the modules that tests of services need, as clodotest runs the local cloud
// inside them. The services themselves need none.
var needed = []string{
	"github.com/bahlo/generic-list-go",
	"github.com/buger/jsonparser",
	"github.com/dustin/go-humanize",
	"github.com/google/uuid",
	"github.com/invopop/jsonschema",
	"github.com/mattn/go-isatty", // not on Linux
	"github.com/ncruces/go-strftime",
	"github.com/pb33f/ordered-map/v2",
	"github.com/pelletier/go-toml/v2",
	"github.com/remyoudompheng/bigfft",
	"github.com/tailscale/hujson",
	"github.com/vektah/gqlparser/v2",
	"go.yaml.in/yaml/v4",
	"golang.org/x/sync",
	"golang.org/x/sys",
	"modernc.org/libc",
	"modernc.org/mathutil",
	"modernc.org/memory",
	"modernc.org/sqlite",
	"zombiezen.com/go/sqlite",
}

var (
	goLine      = lazyregexp.New(`(?m)^go (\S+)$`)
	requireLine = lazyregexp.New(`(?m)^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)`)
	moduleLine  = lazyregexp.New(`(?m)^module\s+"?([^\s"]+)"?`)
)

// requirements are the lines of a go.mod that requires what is needed.
func requirements(goMod []byte) (lines []string, goVersion string, err error) {
	m := goLine.FindSubmatch(goMod)
	if m == nil {
		return nil, "", errors.New("go.mod of clodo says no version of Go")
	}
	versions := versionsIn(goMod)
	for _, module := range needed {
		version, ok := versions[module]
		if !ok {
			return nil, "", fmt.Errorf("go.mod of clodo does not require %s", module)
		}
		lines = append(lines, module+" "+version)
	}
	return lines, string(m[1]), nil
}

func versionsIn(goMod []byte) map[string]string {
	versions := map[string]string{}
	for _, m := range requireLine.FindAllSubmatch(goMod, -1) {
		versions[string(m[1])] = string(m[2])
	}
	return versions
}

// ownModule is the go.mod of the unpacked sources: clodo's own, without what only the
// command needs.
func ownModule(goMod []byte) ([]byte, error) {
	lines, version, err := requirements(goMod)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "module %s\n\ngo %s\n\nrequire (\n\t%s\n)\n", Module, version, strings.Join(lines, "\n\t")), nil
}

// ModuleFiles are go.mod and go.sum of a module called name, whose services use a release;
// without one, the unpacked sources, which lie at replace, seen from go.mod.
func ModuleFiles(name, replace string, r Release) (goMod, goSum []byte, err error) {
	lines, version, err := carriedRequirements()
	if err != nil {
		return nil, nil, err
	}
	sums, err := neededSums()
	if err != nil {
		return nil, nil, err
	}
	end := fmt.Sprintf("\n// clodo puts it there.\nreplace %s => %s\n", Module, replace)
	if r == (Release{}) {
		r.Version = "v0.0.0"
	} else {
		own, err := r.sums()
		if err != nil {
			return nil, nil, err
		}
		end, sums = "", append(sums, own...)
		slices.Sort(sums)
	}
	goMod = fmt.Appendf(nil, "module %s\n\ngo %s\n\nrequire %s %s\n\n// What tests of services need.\nrequire (\n\t%s // indirect\n)\n%s",
		name, version, Module, r.Version, strings.Join(lines, " // indirect\n\t"), end)
	return goMod, []byte(strings.Join(sums, "")), nil
}

// Extend adds to go.mod and go.sum of a module that uses the unpacked sources what they
// need and the two do not have. It changes nothing that is there.
func Extend(goMod, goSum []byte) (newMod, newSum []byte, err error) {
	lines, _, err := carriedRequirements()
	if err != nil {
		return nil, nil, err
	}
	there := versionsIn(goMod)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		module, _, _ := strings.Cut(line, " ")
		_, ok := there[module]
		return ok
	})
	if len(lines) > 0 {
		goMod = fmt.Appendf(slices.Clip(goMod), "\nrequire (\n\t%s // indirect\n)\n", strings.Join(lines, " // indirect\n\t"))
	}
	sums, err := neededSums()
	for _, line := range sums {
		if !strings.Contains("\n"+string(goSum), "\n"+line) {
			goSum = append(slices.Clip(goSum), line...)
		}
	}
	return goMod, goSum, err
}

func carriedRequirements() (lines []string, goVersion string, err error) {
	b, err := clodo.Sources.ReadFile("go.mod")
	if err != nil {
		return nil, "", err
	}
	return requirements(b)
}

// neededSums are the lines of clodo's go.sum about the needed modules.
func neededSums() ([]string, error) {
	b, err := clodo.Sources.ReadFile("go.sum")
	if err != nil {
		return nil, err
	}
	lines, _, err := carriedRequirements()
	if err != nil {
		return nil, err
	}
	var sums []string
	for line := range strings.Lines(string(b)) {
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(line, l+" ") || strings.HasPrefix(line, l+"/go.mod ") }) {
			sums = append(sums, line)
		}
	}
	return sums, nil
}

// Uses is how a go.mod is about this module.
type Uses struct {
	Dir    string // the folder of go.mod; "" when there is none
	Name   string // of the module
	Folder string // where it expects the sources, "" when it does not replace the module by them
}

// Find looks for the go.mod that is in charge of dir, up to the folder top.
func Find(dir, top string) (Uses, error) {
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			return usesOf(dir, b), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Uses{}, err
		}
		parent := filepath.Dir(dir)
		if dir == top || parent == dir {
			return Uses{}, nil
		}
		dir = parent
	}
}

// replaceLine is a replace of the module by a folder called Folder.
var replaceLine = lazyregexp.New(`(?m)^(?:replace\s+|\s+)` + regexp.QuoteMeta(Module) + `(?:\s+v\S+)?\s+=>\s+((?:\.\./|\./)*` + regexp.QuoteMeta(Folder) + `)\s*(?://.*)?$`)

func usesOf(dir string, goMod []byte) Uses {
	u := Uses{Dir: dir}
	if m := moduleLine.FindSubmatch(goMod); m != nil {
		u.Name = string(m[1])
	}
	if m := replaceLine.FindSubmatch(goMod); m != nil {
		u.Folder = filepath.Join(dir, filepath.FromSlash(string(m[1])))
	}
	return u
}

// Restore puts the sources where the go.mod in charge of dir expects them, unless they
// are there. A module that takes clodo from elsewhere is left alone.
func Restore(dir string) (unpacked bool, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	u, err := Find(dir, "")
	if err != nil || u.Folder == "" {
		return false, err
	}
	return Unpack(strings.TrimSuffix(u.Folder, filepath.FromSlash("/"+Folder)))
}
