package archtest

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floor is one storey of the house. A package imports only from floors below its
// own; packages of one floor do not know each other.
type floor struct {
	name     string
	packages []string
}

// floors is the house from the ground up. A package that is missing here fails the
// test, so every new package is placed on purpose. What lies below a package's own
// internal folder (localcloud/internal/…) shares its floor.
var floors = []floor{
	{"runtime", []string{
		".",
		"bindings", "bindings/ai", "bindings/analytics", "bindings/cache", "bindings/d1", "bindings/d1/d1sql", "bindings/durable", "bindings/email", "bindings/kv",
		"bindings/queue", "bindings/r2", "bindings/ratelimit", "bindings/secret", "bindings/service", "bindings/vectorize", "bindings/version",
		"data", "data/auth", "data/files", "data/logs",
		"feature",
		"internal/host", "internal/host/shim",
		"internal/jsonwire",
		"services",
	}},
	{"leaves", []string{"cloudflare", "diag", "internal/inprocess", "internal/lazyregexp", "internal/source", "internal/sqlite"}},
	{"nouns", []string{"audit", "check", "flow", "internal/assets", "internal/openapi", "internal/sdk", "migrate", "secret"}},
	{"configuration", []string{"project"}},
	{"heart", []string{"deploy", "internal/typescript", "scaffold"}},
	{"adapters", []string{
		"internal/bundle",
		"internal/durable",
		"internal/edge",
		"internal/goprogram",
		"internal/npm",
		"internal/state",
		"internal/vault",
		"internal/watch",
		"internal/workerd",
		"openfeature", "portfolio",
	}},
	{"faces", []string{"internal/term", "localcloud"}},
	{"ways in", []string{"operator"}},
	{"command line", []string{"internal/cli"}},
	{"main", []string{"bench", "cmd/clodo", "operator/demo/services/stock"}},
}

// apart are pairs that the floors would allow and the design does not.
var apart = []struct{ pkg, imports, why string }{
	{"localcloud", module + "/cloudflare", "a client and a fake that share structs share mistakes"},
	{"migrate", "net/http", "the nouns declare ports; adapters speak to the network"},
	{"secret", "net/http", "the nouns declare ports; adapters speak to the network"},
	{"audit", "net/http", "the nouns declare ports; adapters speak to the network"},
	{"flow", "net/http", "the nouns declare ports; adapters speak to the network"},
	{"project", "net/http", "configuration is read from files alone"},
	{"project", "os/exec", "configuration is read from files alone"},
	{"scaffold", "net/http", "templates are part of the program"},
	{"scaffold", "os/exec", "making files needs no program"},
	{"deploy", "net/http", "the heart declares ports; adapters speak to the network"},
	{"deploy", "os/exec", "the heart declares ports; adapters start programs"},
	{"deploy", module + "/cloudflare", "the heart knows no wire type of any API"},
	{"project", module + "/cloudflare", "configuration knows no wire type of any API"},
}

// neighbours are imports within one floor that the design wants, as patterns of
// path.Match.
var neighbours = []struct{ pkg, imports string }{
	{"data", "bindings/d1"},   // which rows are kept in
	{"data", "internal/host"}, // whose contexts have bindings of their own in tests
	{"data", "."},             // a row that is wrong is a problem for the client
	{"data/*", "data"},
	{"data/*", "."},
	{"data/*", "bindings/*"},         // modules stand on all of these
	{".", "internal/host"},           // package clodo stands on the host
	{".", "internal/jsonwire"},       // what every service reads, it reads by hand
	{"services", "."},                // errors, and the id of the request that a call is made for
	{"services", "bindings/service"}, // what carries calls
	{"bindings/*", "internal/host"},  // and so does every binding
	{"bindings", "internal/host"},
	{"bindings/d1/d1sql", "bindings/d1"},
	{"bindings/*", "bindings"},          // what they share is in bindings/internal
	{"bindings/*", "internal/jsonwire"}, // those that are called often write and read JSON by hand
	{"feature", "internal/host"},        // which changes are read through
	{"internal/source", "diag"},         // a value's position is diag's position
	{"internal/source", "internal/lazyregexp"},
	{"internal/bundle", "internal/goprogram"},
	{"internal/workerd", "internal/npm"}, // workerd comes from npm
}

func areNeighbours(pkg, imports string) bool {
	return slices.ContainsFunc(neighbours, func(n struct{ pkg, imports string }) bool { return matches(n.pkg, pkg) && matches(n.imports, imports) })
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// home is the package of the table that pkg belongs to: itself, or the package
// whose internal folder it lies in.
func home(pkg string) string {
	if strings.HasPrefix(pkg, "internal/") {
		return strings.SplitN(pkg, "/internal/", 2)[0]
	}
	outer, _, _ := strings.Cut(pkg, "/internal/")
	return outer
}

func floorOf(pkg string) (int, bool) {
	for i, f := range floors {
		if slices.Contains(f.packages, home(pkg)) {
			return i, true
		}
	}
	return 0, false
}

// forTests reports whether pkg is a kit that only tests may import.
func forTests(pkg string) bool { return strings.HasSuffix(home(pkg), "test") }

func TestEveryPackageHasAFloor(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if forTests(s.pkg) || seen[s.pkg] {
			continue
		}
		seen[s.pkg] = true
		seen[home(s.pkg)] = true
		if _, ok := floorOf(s.pkg); !ok {
			t.Errorf("%s: package %q has no floor; add it to the table in internal/archtest and to docs/architecture.md", s.path, s.pkg)
		}
	}
	placed := map[string]bool{}
	for _, f := range floors {
		for _, pkg := range f.packages {
			if placed[pkg] {
				t.Errorf("the table places %q twice", pkg)
			}
			placed[pkg] = true
			if !seen[pkg] {
				t.Errorf("the table places %q on floor %q, and there is no such package", pkg, f.name)
			}
		}
	}
}

func TestImportsGoDownward(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || forTests(s.pkg) {
			continue
		}
		mine, ok := floorOf(s.pkg)
		if !ok {
			continue // TestEveryPackageHasAFloor tells
		}
		for name, at := range s.imports(t) {
			for _, a := range apart {
				if home(s.pkg) == a.pkg && (name == a.imports || strings.HasPrefix(name, a.imports+"/")) {
					t.Errorf("%s: %s must not import %s: %s", at, a.pkg, name, a.why)
				}
			}
			rest, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			pkg := path.Clean("." + rest)
			if forTests(pkg) {
				t.Errorf("%s: imports %s, which is for tests only", at, pkg)
				continue
			}
			below, ok := floorOf(pkg)
			switch {
			case !ok:
				t.Errorf("%s: imports %s, which has no floor", at, pkg)
			case home(pkg) == home(s.pkg):
				// one house, one floor: the compiler forbids circles
			case below == mine && areNeighbours(home(s.pkg), home(pkg)):
			case below >= mine:
				t.Errorf("%s: %s (floor %d, %s) imports %s (floor %d, %s); imports go downward only",
					at, s.pkg, mine, floors[mine].name, pkg, below, floors[below].name)
			}
		}
	}
}

// The word that says what a package does is its own; these say nothing.
func TestPackagesAreNamedForWhatTheyAre(t *testing.T) {
	t.Parallel()
	empty := []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "pkg", "shared", "misc", "lib"}
	for _, s := range sources(t) {
		for word := range strings.SplitSeq(s.pkg, "/") {
			if slices.Contains(empty, word) {
				t.Errorf("%s: %q says nothing about what is in it; a package is a noun that the user says", s.path, word)
			}
		}
	}
}

// docs/architecture.md shows the same floors in a table whose rows start with the
// floor's number.
func TestTheArchitecturePageShowsThisHouse(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`^\| ([0-9]) ([a-z ]+?) *\|([^|]*)\|`)
	quoted := regexp.MustCompile("`([^`]+)`")
	shown := 0
	for line := range strings.SplitSeq(read(t, "docs/architecture.md"), "\n") {
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		shown++
		n, err := strconv.Atoi(m[1])
		if err != nil || n >= len(floors) {
			t.Errorf("docs/architecture.md: floor %s is not in the house", m[1])
			continue
		}
		var got []string
		for _, q := range quoted.FindAllStringSubmatch(m[3], -1) {
			got = append(got, q[1])
		}
		want := slices.Clone(floors[n].packages)
		slices.Sort(got)
		slices.Sort(want)
		if m[2] != floors[n].name || !slices.Equal(got, want) {
			t.Errorf("docs/architecture.md shows floor %d as %q with %q; the house has %q with %q", n, m[2], got, floors[n].name, want)
		}
	}
	if shown != len(floors) {
		t.Errorf("docs/architecture.md shows %d floors; the house has %d", shown, len(floors))
	}
}

// The page's table of the local cloud has every package below localcloud/internal once.
func TestTheArchitecturePageShowsTheLocalCloudsPackages(t *testing.T) {
	t.Parallel()
	const below = "localcloud/internal/"
	var want []string
	for _, s := range sources(t) {
		if name, ok := strings.CutPrefix(s.pkg, below); ok && !strings.Contains(name, "/") {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	_, table, found := strings.Cut(read(t, "docs/architecture.md"), "| package | what |\n|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("docs/architecture.md has no table of the packages below " + below)
	}
	var got []string
	for row := range strings.SplitSeq(table, "\n") {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
			got = append(got, m[1])
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/architecture.md shows %q below %s; there are %q", got, below, want)
	}
}
