package scaffold

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/sdk"
	"github.com/tamylaa/clodo/project"
)

// root is the module's folder.
func root(t *testing.T) fs.FS {
	t.Helper()
	return os.DirFS("..")
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPortfolio is an empty portfolio in a folder of its own.
func newPortfolio(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	c, err := PlanPortfolio(PortfolioRequest{Dir: dir})
	fatal(t, err)
	fatal(t, os.MkdirAll(filepath.Join(dir, ".clodo"), 0o755))
	fatal(t, os.Symlink(unpacked(t), filepath.Join(dir, ".clodo", "sdk")))
	root, err := os.OpenRoot(dir)
	fatal(t, err)
	defer root.Close()
	fatal(t, write(t.Context(), root, c.Files))
	return dir
}

// unpackOnce unpacks the sources of package clodo for all tests.
var unpackOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "clodo-scaffold-")
	if err == nil {
		_, err = sdk.Unpack(dir)
	}
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := unpackOnce(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func unpacked(t *testing.T) string {
	t.Helper()
	dir, err := unpackOnce()
	fatal(t, err)
	return filepath.Join(dir, ".clodo", "sdk")
}

func load(t *testing.T, dir string) *project.Portfolio {
	t.Helper()
	p, found := project.Load(project.LoadOptions{Dir: dir})
	if len(found) > 0 {
		t.Fatal(found)
	}
	return p
}

// tree is every file below dir with its content, but those of the state folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	fatal(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.Name() == ".clodo" {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		files[filepath.ToSlash(rel)] = string(b)
		return err
	}))
	return files
}

func TestANewServiceIsAPartOfThePortfolio(t *testing.T) {
	t.Parallel()
	dir := newPortfolio(t)
	for _, name := range []string{"orders", "users"} {
		c, err := Plan(load(t, dir), Request{Name: name, Type: "generic", Domains: []Domain{{Host: name + ".example.com"}}})
		fatal(t, err)
		if c.Type != "worker" || c.Alias != "generic" || c.Language != "go" {
			t.Errorf("%s in %s, said as %q", c.Type, c.Language, c.Alias)
		}
		fatal(t, c.Write(t.Context()))
	}
	p := load(t, dir)
	targets, err := p.Targets(project.Selector{Environment: "production"})
	fatal(t, err)
	if len(targets) != 2 || targets[0].Worker.Name != "orders-production" || targets[1].Domains[0].V != "users.example.com" {
		t.Errorf("%+v", targets)
	}
	want := `
services:
  orders:
    path: services/orders
    inherit: all
    domains:
      production: [orders.example.com]
    checks:
      health: { path: /health, status: 200 }

  users:
    path: services/users
    inherit: all
    domains:
      production: [users.example.com]
    checks:
      health: { path: /health, status: 200 }
`
	if got := tree(t, dir)["clodo.yaml"]; !strings.HasSuffix(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestNothingIsOverwrittenUnlessItIsSaid(t *testing.T) {
	t.Parallel()
	dir := newPortfolio(t)
	mine := filepath.Join(dir, "services", "orders", "main.go")
	fatal(t, os.MkdirAll(filepath.Dir(mine), 0o755))
	fatal(t, os.WriteFile(mine, []byte("mine"), 0o600))
	fatal(t, os.WriteFile(filepath.Join(filepath.Dir(mine), "notes.txt"), []byte("notes"), 0o600))
	before := tree(t, dir)
	_, err := Plan(load(t, dir), Request{Name: "orders", Type: "worker"})
	told, ok := err.(*diag.Error)
	want := diag.Finding{
		Code: "S103", Severity: diag.SeverityError, Message: "services/orders/ is there already, and differs from a new worker in 2 files",
		Why: "different: main.go; not part of it: notes.txt", Fix: "choose another name, or --force, which overwrites 1 and leaves 1 as they are",
	}
	if !ok || len(told.Findings) != 1 || told.Finding != want {
		t.Fatalf("got %+v", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Error(diff)
	}

	c, err := Plan(load(t, dir), Request{Name: "orders", Type: "worker", Force: true})
	fatal(t, err)
	fatal(t, c.Write(t.Context()))
	after := tree(t, dir)
	if after["services/orders/main.go"] == "mine" || after["services/orders/notes.txt"] != "notes" {
		t.Error("main.go was kept, or the notes were lost")
	}
	if diff := cmp.Diff([]string{"services/orders/notes.txt"}, c.Left); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(mine); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}

	_, err = Plan(load(t, dir), Request{Name: "orders", Type: "worker"})
	if told, ok := err.(*diag.Error); !ok || !strings.HasPrefix(told.Message, `the service "orders" is there already`) || told.Pos.File != "clodo.yaml" {
		t.Errorf("made again: %v", err)
	}
	if c, err = Plan(load(t, dir), Request{Name: "orders", Type: "worker", Force: true}); err != nil || c.Lines != 0 {
		t.Errorf("forced again: %v", err)
	}
}

// Whatever is there is told in one message, which says what --force would do to it.
func TestWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		change        func(t *testing.T, service string)
		message, fix  string
		anotherBefore string // the type that was made before
	}{
		{"nothing has changed", func(*testing.T, string) {}, `the service "orders" is there already, as it would be made`, "choose another name", "worker"},
		{"a file is missing", func(t *testing.T, service string) { fatal(t, os.Remove(filepath.Join(service, "main.go"))) }, `the service "orders" is there already, and services/orders/ differs from a new worker in 1 file`, "choose another name, or --force, which makes 1", "worker"},
		{"the folder is gone", func(t *testing.T, service string) { fatal(t, os.RemoveAll(service)) }, `clodo.yaml has a service "orders" already, whose folder services/orders/ is empty`, "choose another name, or --force, which makes 6", "worker"},
		{"it is another type", func(*testing.T, string) {}, `the service "orders" is there already, and services/orders/ differs from a new worker in 7 files`, "choose another name, or --force, which overwrites 5 and leaves 2 as they are", "data-service"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := newPortfolio(t)
			c, err := Plan(load(t, dir), Request{Name: "orders", Type: tt.anotherBefore})
			fatal(t, err)
			fatal(t, c.Write(t.Context()))
			p := load(t, dir) // before the change: clodo check is told of a folder that is gone
			tt.change(t, filepath.Join(dir, "services", "orders"))
			_, err = Plan(p, Request{Name: "orders", Type: "worker"})
			told, ok := err.(*diag.Error)
			if !ok || len(told.Findings) != 1 || told.Message != tt.message || told.Fix != tt.fix || told.Pos.File != "clodo.yaml" {
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestAServiceIsMadeWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	t.Run("a file changes under way", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		c, err := Plan(load(t, dir), Request{Name: "orders", Type: "worker"})
		fatal(t, err)
		config := filepath.Join(dir, "clodo.yaml")
		text, err := os.ReadFile(config)
		fatal(t, err)
		fatal(t, os.WriteFile(config, append(text, "# somebody's\n"...), 0o644))
		before := tree(t, dir)
		if err := c.Write(t.Context()); err == nil || !strings.Contains(err.Error(), "S108") && !strings.Contains(err.Error(), "could not be written") {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
		if _, err := os.Stat(filepath.Join(dir, "services")); err == nil {
			t.Error("an empty folder is left")
		}
	})
	t.Run("it is interrupted", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		c, err := Plan(load(t, dir), Request{Name: "orders", Type: "worker"})
		fatal(t, err)
		before := tree(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Write(ctx); err == nil {
			t.Error("it was written")
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a file stands where a folder must be", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		fatal(t, os.WriteFile(filepath.Join(dir, "services"), nil, 0o644))
		if _, err := Plan(load(t, dir), Request{Name: "orders", Type: "worker"}); err == nil {
			t.Error("planned")
		}
	})
	t.Run("a folder of services that is a link out of the portfolio", func(t *testing.T) {
		t.Parallel()
		dir, elsewhere := newPortfolio(t), t.TempDir()
		fatal(t, os.Symlink(elsewhere, filepath.Join(dir, "services")))
		c, err := Plan(load(t, dir), Request{Name: "orders", Type: "worker"})
		if err == nil {
			err = c.Write(t.Context())
		}
		if err == nil || len(tree(t, elsewhere)) > 0 {
			t.Errorf("files were written elsewhere: %v", err)
		}
	})
}

func TestWhereHostnamesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := strings.Repeat("0a", 16)
	fatal(t, os.WriteFile(filepath.Join(dir, "clodo.yaml"), []byte(`
version: 1
portfolio: shop
accounts:
  main: { id: `+id+`, token: "env:CLOUDFLARE_API_TOKEN" }
  other: { token: "env:OTHER" }
  idle: { token: "env:IDLE" }
environments:
  local: { local: true }
  staging: { account: other }
  production: { account: main }
services:
  web:
    path: services/web
    domains: { production: [www.example.com] }
`), 0o644))
	fatal(t, os.MkdirAll(filepath.Join(dir, "services", "web"), 0o755))
	fatal(t, os.WriteFile(filepath.Join(dir, "services", "web", "wrangler.jsonc"), []byte(`{"name":"web","main":"a.js","compatibility_date":"2026-11-01","env":{"local":{},"staging":{},"production":{}}}`), 0o644))
	tests := []struct {
		domains, env string
		want         map[string][]string
		refused      string
	}{
		{"a.example.com", "", map[string][]string{"production": {"a.example.com"}}, ""},
		{"a.example.com:other:example.com,b.example.com:" + id, "", map[string][]string{"staging": {"a.example.com"}, "production": {"b.example.com"}}, ""},
		{"a.example.com", "staging", map[string][]string{"staging": {"a.example.com"}}, ""},
		{"a.example.com:main", "staging", nil, "a.example.com is in the account main, and the environment staging is not"},
		{"a.example.com:idle", "", nil, "no environment is in the account idle, where a.example.com is"},
		{"a.example.com:main", "local", map[string][]string{"local": {"a.example.com"}}, ""},
		{"a.example.com", "nowhere", nil, `there is no environment named "nowhere"`},
		{"a.example.com:third", "", nil, `there is no account "third"`},
		{"www.example.com", "", nil, `the hostname www.example.com belongs to the service "web"`},
	}
	for _, tt := range tests {
		t.Run(tt.domains+" "+tt.env, func(t *testing.T) {
			t.Parallel()
			domains, err := ParseDomains(tt.domains)
			fatal(t, err)
			got, err := place(load(t, dir), Request{Name: "orders", Domains: domains, Environment: tt.env})
			if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("got %v, want %q", err, tt.refused)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheEntryInClodoYAML(t *testing.T) {
	t.Parallel()
	entry := []string{"path: services/orders", "checks:", "  health: { path: /health }"}
	tests := []struct{ name, before, after string }{
		{
			"an empty map becomes a block", "version: 1\nservices: {}  # none yet\nportfolio: a\n",
			"version: 1\nservices:  # none yet\n  orders:\n    path: services/orders\n    checks:\n      health: { path: /health }\nportfolio: a\n",
		},
		{
			"nothing at all after the colon", "services:\n# end\n",
			"services:\n  orders:\n    path: services/orders\n    checks:\n      health: { path: /health }\n# end\n",
		},
		{
			"no services", "version: 1",
			"version: 1\n\nservices:\n  orders:\n    path: services/orders\n    checks:\n      health: { path: /health }\n",
		},
		{
			"after the last one, indented as it is, before what follows",
			"services:\n    api:   # first\n        path: a\n\n    web:\n        path: b\n        # more of web\n    # about all\n\n# customers\ncustomers: {}\n",
			"services:\n    api:   # first\n        path: a\n\n    web:\n        path: b\n        # more of web\n\n    orders:\n      path: services/orders\n      checks:\n        health: { path: /health }\n    # about all\n\n# customers\ncustomers: {}\n",
		},
		{
			"line ends of Windows stay", "services:\r\n  api: { path: a }\r\n",
			"services:\r\n  api: { path: a }\r\n\r\n  orders:\r\n    path: services/orders\r\n    checks:\r\n      health: { path: /health }\r\n",
		},
		{"a map in one line is refused", "services: { api: { path: a } }\n", ""},
		{"so is one over several lines", "services: {\n  api: { path: a }\n}\n", ""},
		{"and an alias", "x: &s\n  api: { path: a }\nservices: *s\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := addService("clodo.yaml", []byte(tt.before), "orders", entry)
			if tt.after == "" {
				told, ok := err.(*diag.Error)
				if !ok || told.Code != "S105" || !strings.Contains(told.Fix, "orders: path: services/orders") {
					t.Errorf("got %v\n%s", err, got)
				}
				return
			}
			fatal(t, err)
			if diff := cmp.Diff(tt.after, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever clodo.yaml looks like: the service is added and nothing else changes, or it is refused.
func TestAddingAServiceChangesNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{
			"services:", "services: {}", "  api:", "    path: a", "  # note", "", "customers: {}", "  web: { path: b }", "    vars: { A: |", "      text", "version: 1", "# end", "  - x", "    long: >", "      # text",
		}), 0, 12).Draw(t, "lines")
		before := strings.Join(lines, "\n")
		after, err := addService("clodo.yaml", []byte(before), "orders", []string{"path: services/orders"})
		if err != nil {
			return
		}
		// Every line that was there is there, in the same order.
		rest := strings.Split(string(after), "\n")
		for _, line := range lines {
			line = strings.TrimSuffix(line, " {}")
			for {
				if len(rest) == 0 {
					t.Fatalf("%q is gone from\n%s", line, after)
				}
				next := strings.TrimSuffix(rest[0], " {}")
				rest = rest[1:]
				if next == line {
					break
				}
			}
		}
	})
}

func FuzzAddService(f *testing.F) {
	f.Add([]byte("services:\n  api:\n    path: a\n"))
	f.Add([]byte("services: {}"))
	f.Add([]byte("\ufeffservices: &a\n  b: c\nx: *a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = addService("clodo.yaml", text, "orders", []string{"path: services/orders"})
	})
}

func TestAPortfolioIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := newPortfolio(t)
	p := load(t, dir)
	if p.Name != "shop" || len(p.Environments) != 2 || !p.Environments[0].Local {
		t.Errorf("%+v", p)
	}
	before := tree(t, dir)
	c, err := PlanPortfolio(PortfolioRequest{Dir: dir})
	fatal(t, err)
	fatal(t, c.Write(t.Context()))
	if !c.Existed || len(c.Files) > 0 {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestWhereAPortfolioCanBe(t *testing.T) {
	t.Parallel()
	t.Run("files that are there stay", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fatal(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte("mine"), 0o644))
		c, err := PlanPortfolio(PortfolioRequest{Dir: dir})
		fatal(t, err)
		fatal(t, c.Write(t.Context()))
		if got := tree(t, dir); got["README.md"] != "mine" || got["clodo.yaml"] == "" {
			t.Errorf("%v", got)
		}
	})
	t.Run("not in another one", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		_, err := PlanPortfolio(PortfolioRequest{Dir: filepath.Join(dir, "inner", "one")})
		if err == nil || !strings.Contains(err.Error(), "lies in the portfolio") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not over wrangler projects", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fatal(t, os.WriteFile(filepath.Join(dir, "wrangler.jsonc"), []byte(`{"name":"web","main":"a.js","compatibility_date":"2026-11-01"}`), 0o644))
		_, err := PlanPortfolio(PortfolioRequest{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "there are wrangler projects here") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file is no folder", func(t *testing.T) {
		t.Parallel()
		name := filepath.Join(t.TempDir(), "file")
		fatal(t, os.WriteFile(name, nil, 0o644))
		if _, err := PlanPortfolio(PortfolioRequest{Dir: name}); err == nil {
			t.Error("taken")
		}
	})
	t.Run("accounts of hostnames are entered", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "2-Big Shops")
		id := strings.Repeat("0a", 16)
		c, err := PlanPortfolio(PortfolioRequest{Dir: dir, Domains: []Domain{{Host: "a.example.com", Account: id}, {Host: "b.example.com", Account: "acme"}, {Host: "c.example.com", Account: id}}})
		fatal(t, err)
		fatal(t, c.Write(t.Context()))
		p := load(t, dir)
		if p.Name != "big-shops" || len(p.Accounts) != 2 || p.Accounts[0].ID.V != id || p.Accounts[1].Token.V != "env:ACME_CLOUDFLARE_API_TOKEN" || p.Environments[1].Account != "main" {
			t.Errorf("%+v %s", p, tree(t, dir)["clodo.yaml"])
		}
		if diff := cmp.Diff([]string{"local", "production", "production-acme"}, c.Environments); diff != "" || p.Environments[2].Account != "acme" {
			t.Errorf("each account has an environment: %s", diff)
		}
		again, err := PlanPortfolio(PortfolioRequest{Dir: dir, Domains: []Domain{{Host: "d.example.com", Account: "third"}, {Host: "e.example.com", Account: "acme"}}})
		fatal(t, err)
		for what, d := range map[string]string{
			"tokens":          cmp.Diff([]string{"MAIN_CLOUDFLARE_API_TOKEN", "ACME_CLOUDFLARE_API_TOKEN"}, c.Tokens),
			"tokens, later":   cmp.Diff(c.Tokens, again.Tokens),
			"accounts absent": cmp.Diff([]string{"third"}, again.Absent),
		} {
			if d != "" {
				t.Errorf("%s: %s", what, d)
			}
		}
	})
	t.Run("an account with the longest name", func(t *testing.T) {
		t.Parallel()
		dir, name := filepath.Join(t.TempDir(), "shop"), strings.Repeat("abc", 13)
		domains, err := ParseDomains("a.example.com:main,b.example.com:" + name)
		fatal(t, err)
		c, err := PlanPortfolio(PortfolioRequest{Dir: dir, Domains: domains})
		fatal(t, err)
		fatal(t, c.Write(t.Context()))
		if p := load(t, dir); p.Environments[2].Name != name {
			t.Errorf("%+v", p.Environments[2])
		}
		for _, bad := range []string{name + "d", "a--b", "a-"} {
			if _, err := ParseDomains("a.example.com:" + bad); err == nil {
				t.Errorf("the account %q is taken", bad)
			}
		}
	})
}

func TestTheModuleOfAService(t *testing.T) {
	t.Parallel()
	create := func(t *testing.T, dir, name string) *Creation {
		t.Helper()
		c, err := Plan(load(t, dir), Request{Name: name, Type: "worker"})
		fatal(t, err)
		fatal(t, c.Write(t.Context()))
		return c
	}
	t.Run("the first service makes one for the portfolio, the second finds it", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		create(t, dir, "orders")
		before := tree(t, dir)
		if !strings.HasPrefix(before["go.mod"], "module shop\n") || !strings.Contains(before["go.mod"], "=> ./.clodo/sdk\n") {
			t.Errorf("go.mod is %s", before["go.mod"])
		}
		create(t, dir, "users")
		after := tree(t, dir)
		if after["go.mod"] != before["go.mod"] || after["go.sum"] != before["go.sum"] {
			t.Error("the second one changed it")
		}
	})
	t.Run("a released clodo writes its version", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		root, err := os.OpenRoot(dir)
		fatal(t, err)
		defer root.Close()
		m, err := moduleFor(root, load(t, dir), "services/orders", "go", sdk.Release{Version: "v1.2.3", Sum: "h1:x"})
		fatal(t, err)
		if len(m.files) != 2 || !strings.Contains(string(m.files[0].content), sdk.Module+" v1.2.3\n") || strings.Contains(string(m.files[0].content), "replace") ||
			!strings.Contains(string(m.files[1].content), sdk.Module+" v1.2.3 h1:x\n") || m.sources != "" {
			t.Errorf("%s from %q", m.files[0].content, m.sources)
		}
	})
	t.Run("what it lacks is added", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		own := "// mine\nmodule example.com/shop\n\ngo 1.26.0\n\nrequire github.com/tamylaa/clodo v0.0.0\n\nreplace github.com/tamylaa/clodo => ./.clodo/sdk\n"
		fatal(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(own), 0o644))
		create(t, dir, "orders")
		after := tree(t, dir)
		if !strings.HasPrefix(after["go.mod"], own) || !strings.Contains(after["go.mod"], "zombiezen.com/go/sqlite v") || after["go.sum"] == "" {
			t.Errorf("go.mod is %s", after["go.mod"])
		}
	})
	t.Run("somebody's own module is left alone", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		own := "module example.com/shop\n\ngo 1.26.0\n"
		fatal(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(own), 0o644))
		create(t, dir, "orders")
		after := tree(t, dir)
		// As after a clone, the sources come back.
		fatal(t, os.Remove(filepath.Join(dir, ".clodo", "sdk")))
		again, err := PlanPortfolio(PortfolioRequest{Dir: dir})
		fatal(t, err)
		fatal(t, again.Write(t.Context()))
		if _, err := os.Stat(filepath.Join(dir, ".clodo", "sdk", "clodo.go")); err != nil || !again.Existed || !again.Unpacked {
			t.Errorf("%+v, %v", again, err)
		}
		if after["go.mod"] != own || !strings.HasPrefix(after["services/orders/go.mod"], "module example.com/shop/services/orders\n") || !strings.Contains(after["services/orders/go.mod"], "=> ../../.clodo/sdk\n") {
			t.Errorf("go.mod is %s, the service's %s", after["go.mod"], after["services/orders/go.mod"])
		}
	})
	t.Run("so is one that takes package clodo from elsewhere", func(t *testing.T) {
		t.Parallel()
		dir := newPortfolio(t)
		own := "module example.com/shop\n\ngo 1.26.0\n\nrequire github.com/tamylaa/clodo v1.2.3\n"
		fatal(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(own), 0o644))
		c := create(t, dir, "orders")
		after := tree(t, dir)
		if after["go.mod"] != own || after["services/orders/go.mod"] != "" || c.Sources != "" {
			t.Errorf("go.mod is %s, the service's %s", after["go.mod"], after["services/orders/go.mod"])
		}
	})
}
