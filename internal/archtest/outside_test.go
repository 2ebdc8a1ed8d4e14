package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// outside says which package each outside module stands behind: a module is used by
// one package, so that leaving it touches one package. Two names need a reason.
var outside = map[string][]string{
	"charm.land/huh/v2":                        {"internal/term"},
	"filippo.io/age":                           {"internal/vault"},
	"github.com/charmbracelet/x/ansi":          {"internal/term"},
	"github.com/dbos-inc/dbos-transact-golang": {"internal/durable"},
	"github.com/evanw/esbuild":                 {"internal/bundle"},
	"github.com/fsnotify/fsnotify":             {"internal/watch"},
	"github.com/go-playground/validator/v10":   {"bench"},
	"github.com/julienschmidt/httprouter":      {"bench"},
	"github.com/open-feature/go-sdk":           {"openfeature", "bench"}, // and what flags are measured against
	"github.com/pelletier/go-toml/v2":          {"internal/source"},
	"github.com/spf13/cobra":                   {"internal/cli"},
	"github.com/spf13/pflag":                   {"internal/cli"}, // cobra's flags
	"github.com/tailscale/hujson":              {"internal/source"},
	"github.com/vektah/gqlparser/v2":           {"localcloud"}, // its analytics
	"github.com/zalando/go-keyring":            {"internal/vault"},
	"go.yaml.in/yaml/v4":                       {"internal/source"},
	"github.com/invopop/jsonschema":            {"project"},
	"golang.org/x/net":                         {"operator"},
	"golang.org/x/sys":                         {"internal/cli", "internal/npm", "internal/state"}, // processes, file locks
	"golang.org/x/term":                        {"internal/term"},
	"lukechampine.com/blake3":                  {"internal/assets"},
	"modernc.org/libc":                         {"internal/sqlite"},                   // the calls of SQLite that zombiezen leaves out
	"modernc.org/sqlite":                       {"internal/sqlite", "internal/state"}, // below zombiezen; as database/sql
	"zombiezen.com/go/sqlite":                  {"internal/sqlite", "localcloud"},     // its own store, and the vocabulary of D1
}

// anywhere are modules that count as the standard library, above the runtime floor.
var anywhere = []string{"golang.org/x/sync"}

// testOnly are modules that never reach the product.
var testOnly = []string{
	"github.com/chromedp/chromedp",
	"github.com/cloudflare/cloudflare-go/v7",
	"github.com/coder/websocket",
	"github.com/getkin/kin-openapi",
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"github.com/santhosh-tekuri/jsonschema/v6",
	"pgregory.net/rapid",
}

// moduleOf is the required module that an import path lies in, "" for the standard
// library and for this module.
func moduleOf(required []string, name string) string {
	best := ""
	for _, m := range required {
		if (name == m || strings.HasPrefix(name, m+"/")) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// requires lists the modules that go.mod requires; direct leaves out those that
// only other modules need.
func requires(t *testing.T, direct bool) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse("go.mod", b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range f.Require {
		if !direct || !r.Indirect {
			all = append(all, r.Mod.Path)
		}
	}
	return all
}

func TestEachOutsideModuleStandsBehindItsPackage(t *testing.T) {
	t.Parallel()
	required := requires(t, false)
	used := map[string]map[string]bool{}
	for _, s := range sources(t) {
		for name, at := range s.imports(t) {
			m := moduleOf(required, name)
			switch {
			case m == "" && strings.Contains(strings.SplitN(name, "/", 2)[0], ".") && !strings.HasPrefix(name, module):
				t.Errorf("%s: imports %s, which go.mod does not require", at, name)
			case m == "" || s.test || forTests(s.pkg) || slices.Contains(anywhere, m):
			case slices.Contains(testOnly, m):
				t.Errorf("%s: imports %s, which is for tests only", at, name)
			case !slices.Contains(outside[m], home(s.pkg)):
				t.Errorf("%s: %s imports %s, and %s stands behind %q", at, s.pkg, name, m, outside[m])
			default:
				if used[m] == nil {
					used[m] = map[string]bool{}
				}
				used[m][home(s.pkg)] = true
			}
		}
	}
	for m, pkgs := range outside {
		for _, pkg := range pkgs {
			if !used[m][pkg] {
				t.Errorf("the table lets %s import %s, and it does not", pkg, m)
			}
		}
	}
}

// docs/dependencies.md has one row for each direct requirement of go.mod and no other.
func TestEveryDependencyIsExplained(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("(?m)^[|] `([^`]+)` [|] [^|]+ [|] [^|]+ [|] [^|]+ [|]$")
	var explained []string
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		explained = append(explained, m[1])
	}
	direct := requires(t, true)
	for _, m := range direct {
		if !slices.Contains(explained, m) {
			t.Errorf("go.mod requires %s, and docs/dependencies.md does not say what for", m)
		}
	}
	for _, m := range explained {
		if !slices.Contains(direct, m) {
			t.Errorf("docs/dependencies.md explains %s, and go.mod does not require it directly", m)
		}
	}
}

// modernc.org/sqlite works only with the version of its C library that it was
// generated with, and go get moves one without the other.
func TestSQLiteAndItsLibraryMoveTogether(t *testing.T) {
	t.Parallel()
	f, err := modfile.Parse("go.mod", []byte(read(t, "go.mod")), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range f.Require {
		got[r.Mod.Path] = r.Mod.Version
	}
	if got["modernc.org/sqlite"] != "v1.62.0" || got["modernc.org/libc"] != "v1.80.1" {
		t.Errorf("modernc.org/sqlite %s with modernc.org/libc %s; the pair known to work is v1.62.0 with v1.80.1",
			got["modernc.org/sqlite"], got["modernc.org/libc"])
	}
}
