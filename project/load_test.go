package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

func wranglerFile(name string) string {
	return `{ "name": "` + name + `", "main": "a.ts", "compatibility_date": "2026-11-01" }`
}

func TestLoadFindsProjectsTheWayPeopleLayThemOut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		opts  project.LoadOptions
		want  []string // file of each service
		notes string
	}{
		"the wrangler file in the folder": {map[string]string{"wrangler.jsonc": wranglerFile("a"), "sub/wrangler.jsonc": wranglerFile("b")}, project.LoadOptions{}, []string{"wrangler.jsonc"}, ""},
		"several below it, sorted by name, without what is generated": {
			map[string]string{
				"services/z/wrangler.jsonc": wranglerFile("a"), "services/y/wrangler.toml": "name='b'\nmain='a.ts'\ncompatibility_date='2026-11-01'", "apps/x/deep/wrangler.json": wranglerFile("c"),
				"node_modules/m/wrangler.jsonc": wranglerFile("m"), "services/z/node_modules/m/wrangler.toml": "x", ".wrangler/wrangler.json": "x", "dist/wrangler.json": "x",
			},
			project.LoadOptions{},
			[]string{"services/z/wrangler.jsonc", "services/y/wrangler.toml", "apps/x/deep/wrangler.json"},
			"",
		},
		"the nearest one above": {map[string]string{"wrangler.jsonc": wranglerFile("a"), "src/deep/x.ts": ""}, project.LoadOptions{Dir: "src/deep"}, []string{"wrangler.jsonc"}, ""},
		"clodo.yaml above wins over a wrangler file here": {
			map[string]string{"clodo.yaml": "version: 1\nportfolio: p\nservices: {a: {path: a}, b: {path: b/wrangler.jsonc}}", "a/wrangler.jsonc": wranglerFile("a"), "b/wrangler.jsonc": wranglerFile("b")},
			project.LoadOptions{Dir: "a"},
			[]string{"a/wrangler.jsonc", "b/wrangler.jsonc"},
			"",
		},
		"the file that is named": {map[string]string{"wrangler.jsonc": wranglerFile("a"), "other.jsonc": wranglerFile("b")}, project.LoadOptions{File: "other.jsonc"}, []string{"other.jsonc"}, ""},
		"wrangler's order of precedence, with a word about the rest": {
			map[string]string{"wrangler.jsonc": wranglerFile("a"), "wrangler.json": wranglerFile("b"), "wrangler.toml": "name='c'"},
			project.LoadOptions{},
			[]string{"wrangler.json"},
			"W011 wrangler.json is used; without effect beside it: wrangler.jsonc, wrangler.toml",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.opts.Dir = filepath.Join(write(t, tt.files), filepath.FromSlash(tt.opts.Dir))
			p, found := project.Load(tt.opts)
			if p == nil || diag.HasErrors(found) {
				t.Fatal(rendered(t, found))
			}
			var got []string
			for _, s := range p.Services {
				got = append(got, s.File)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			var notes []string
			for _, f := range found {
				notes = append(notes, f.Code+" "+f.Message)
			}
			if got := strings.Join(notes, "\n"); got != tt.notes {
				t.Errorf("notes %q, want %q", got, tt.notes)
			}
		})
	}
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		opts  project.LoadOptions
		want  string
	}{
		"nothing at all":         {map[string]string{"README.md": ""}, project.LoadOptions{}, "there is no clodo.yaml and no wrangler file here"},
		"a folder that is not":   {nil, project.LoadOptions{Dir: "nowhere"}, "cannot be read: it does not exist"},
		"a file for a folder":    {map[string]string{"x": ""}, project.LoadOptions{Dir: "x"}, "cannot be read: it is not a folder"},
		"a file that is not":     {nil, project.LoadOptions{File: "clodo.yml"}, "clodo.yml cannot be read: it does not exist"},
		"a folder for a file":    {map[string]string{"d/x": ""}, project.LoadOptions{File: "d"}, "d cannot be read: it is not a file"},
		"a file of another kind": {map[string]string{"a.txt": ""}, project.LoadOptions{File: "a.txt"}, "a.txt is neither a clodo.yaml nor a wrangler file: its name ends in .txt"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.opts.Dir = filepath.Join(write(t, tt.files), tt.opts.Dir)
			p, found := project.Load(tt.opts)
			if p != nil || len(found) != 1 || found[0].Code != "C004" {
				t.Fatalf("got %v and %v", p, found)
			}
			if got := found[0].Message + ": " + found[0].Why; !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestALinkThatLeadsNowhereIsNotTakenForNoFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"clodo.yaml", "wrangler.toml"} {
		dir := write(t, map[string]string{"api/wrangler.jsonc": wranglerFile("api")})
		if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, name)); err != nil {
			t.Skip("this user may not make links")
		}
		p, found := project.Load(project.LoadOptions{Dir: dir})
		if len(found) != 1 || found[0].Code != "C004" || found[0].Message != name+" cannot be read" || found[0].Why != "it is a link to something that does not exist" {
			t.Errorf("%s: got %v and %v", name, p, found)
		}
	}
}

func TestTwoWorkersWithOneNameAreAnError(t *testing.T) {
	t.Parallel()
	_, found := project.Load(project.LoadOptions{Dir: write(t, map[string]string{"a/wrangler.jsonc": wranglerFile("x"), "b/wrangler.jsonc": wranglerFile("x")})})
	if len(found) != 1 || found[0].Code != "C031" {
		t.Errorf("got %v", found)
	}
}

func TestTwoOwnersAreAnError(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"clodo.yaml": `version: 1
portfolio: p
environments: { live: {} }
services: { a: { path: a, domains: { live: [a.example.com] } } }
customers: { acme: { name: Acme, isolation: dedicated } }
`,
		"a/wrangler.jsonc":     `{ "name": "a", "main": "a.ts", "compatibility_date": "2026-11-01", "env": { "live": { "route": "x.example.com/*" } } }`,
		"customers/acme.yaml":  "name: Acme\nisolation: dedicated\n",
		"customers/other.yaml": "name: Other\nisolation: alone\nenvironments: [live]\n",
	}
	_, found := project.Load(project.LoadOptions{Dir: write(t, files)})
	var got []string
	for _, f := range found {
		got = append(got, f.Code+" "+f.Pos.String()+" "+f.Message)
	}
	want := []string{
		"C030 a/wrangler.jsonc:1:87 two owners for hostnames of a",
		`C030 customers/acme.yaml:1:1 two files describe the customer "acme"`,
		`C013 customers/other.yaml:2:12 customers.other.isolation cannot be "alone"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestCustomersInTheirOwnFilesAreTheSame(t *testing.T) {
	t.Parallel()
	files := example(t)
	before, rest, _ := strings.Cut(files["clodo.yaml"], "customers:\n")
	_, after, _ := strings.Cut(rest, "policies:\n")
	inline := load(t, files, project.LoadOptions{})
	files["clodo.yaml"] = before + "policies:\n" + after
	files["customers/acme.yaml"] = `name: Acme Corp
isolation: dedicated
account: acme
environments: [staging, production]
domains:
  production:
    auth:     [auth.acme.example]
    data-api: [api.acme.example]
    web:      [portal.acme.example]
features: { premium: true, analytics: true }
vars: { web: { BRAND: Acme } }
`
	files["customers/globex.yaml"] = `name: Globex
isolation: shared
environments: [production]
domains: { production: { web: [globex.greatidude.com] } }
features: { analytics: true }
`
	own := load(t, files, project.LoadOptions{})
	sel := project.Selector{Environment: "production", Customers: []string{"*"}}
	show := func(p *project.Portfolio) project.Shown {
		targets, err := p.Targets(sel)
		if err != nil {
			t.Fatal(err)
		}
		s := p.Show(targets)
		s.Root, s.Files = "", nil
		return s
	}
	if d := cmp.Diff(show(inline), show(own)); d != "" {
		t.Errorf("-inline +own\n%s", d)
	}
}

// FuzzLoad holds that no bytes in clodo.yaml or a wrangler file make anything panic.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"testdata/example/clodo.yaml", "testdata/bad/13-references.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte(wranglerFile("a")))
	}
	for _, name := range []string{"testdata/wrangler/kinds/wrangler.jsonc", "testdata/badwrangler/typos.jsonc"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte("version: 1\nportfolio: p\nenvironments: {live: {}}\nservices: {auth: {path: a, inherit: all}}\ncustomers: {c: {name: C, isolation: dedicated}}"), text)
	}
	f.Fuzz(func(t *testing.T, clodo, wrangler []byte) {
		dir := write(t, map[string]string{"clodo.yaml": string(clodo), "a/wrangler.jsonc": string(wrangler), "services/auth/wrangler.jsonc": string(wrangler)})
		p, found := project.Load(project.LoadOptions{Dir: dir})
		if p == nil && len(found) == 0 {
			t.Fatal("neither a portfolio nor a finding")
		}
		if p == nil {
			return
		}
		p.Check(found)
		targets, _ := p.Targets(project.Selector{Customers: []string{"*"}})
		p.Show(targets)
		for _, x := range targets {
			p.Explain(x)
			p.LocalFindings(x)
		}
	})
}
