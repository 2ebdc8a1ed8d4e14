package typescript

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/openapi"
	"github.com/tamylaa/clodo/project"
)

// load writes the files of an archive and reads them as a portfolio.
func load(t *testing.T, archive []byte) *project.Portfolio {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse(archive).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, found := project.Load(project.LoadOptions{Dir: dir})
	if len(found) > 0 {
		t.Fatal(found)
	}
	return p
}

func generate(t *testing.T, p *project.Portfolio, name string) string {
	t.Helper()
	var service *project.Service
	folders := map[string]string{}
	for _, s := range p.Services {
		folders[s.Name] = filepath.Join(p.Root, s.Dir)
		if s.Name == name {
			service = s
		}
	}
	apis := func(name string) *openapi.API {
		data, err := os.ReadFile(filepath.Join(folders[name], "openapi.json"))
		if err != nil {
			return nil
		}
		api, found := openapi.Read("openapi.json", data)
		if len(found) > 0 {
			t.Fatal(found)
		}
		return api
	}
	text, err := Generate(p, service, apis)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func portfolio(t *testing.T) *project.Portfolio {
	t.Helper()
	archive, err := os.ReadFile("testdata/portfolio.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return load(t, archive)
}

// golden compares got with a file, or writes it with UPDATE=1.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); UPDATE=1 writes it:\n%s", file, diff)
	}
}

func TestTheFileSaysWhatThePortfolioSays(t *testing.T) {
	t.Parallel()
	p := portfolio(t)
	head, _, _ := strings.Cut(generate(t, p, "web"), "\n// ---- ")
	golden(t, "testdata/web.ts", head)
	if again := generate(t, portfolio(t), "web"); generate(t, p, "web") != again {
		t.Error("a second time it is another file")
	}
	head, _, _ = strings.Cut(generate(t, p, "data-api"), "\n// ---- ")
	golden(t, "testdata/data-api.ts", head)
}

func TestAModuleIsImportedFromWhereTheFileIs(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"services/web/src", "services/web/src/index", "./index"},
		{"services/web/src", "services/rooms/src/main", "../../rooms/src/main"},
		{"services/web", "services/web/src/main", "./src/main"},
		{".", "rooms/main", "./rooms/main"},
		{"web", "main", "../main"},
		{"web", "web", "../web"},
	} {
		if got := from(c[0], c[1]); got != c[2] {
			t.Errorf("in %s, %s is %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// The compiler is TypeScript's own, as strict as it can be.
func TestAWrongNameIsAnErrorOfTheCompiler(t *testing.T) {
	t.Parallel()
	tsc, modules := npmtest.TypeScript(t)
	p := portfolio(t)
	dir := p.Root
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	use, err := os.ReadFile("testdata/use.ts")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := os.ReadFile("../openapi/testdata/shop.ts")
	if err != nil {
		t.Fatal(err)
	}
	write("services/web/src/clodo.gen.ts", generate(t, p, "web"))
	write("services/data-api/clodo.gen.ts", generate(t, p, "data-api"))
	write("services/web/src/index.ts", string(use))
	write("shop.ts", string(shop))
	write("tsconfig.json", `{"compilerOptions": {"target": "es2024", "module": "esnext", "moduleResolution": "bundler", "lib": ["es2024"],
		"types": ["@cloudflare/workers-types"], "strict": true, "noEmit": true, "noUnusedLocals": true, "noUnusedParameters": true,
		"noUncheckedIndexedAccess": true, "exactOptionalPropertyTypes": true, "noImplicitOverride": true, "erasableSyntaxOnly": true,
		"verbatimModuleSyntax": true, "noPropertyAccessFromIndexSignature": true, "noImplicitReturns": true}}`)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	if out, err := tsc.Command(t.Context(), dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What services get from a template is what they are tested with.
func TestTemplatesPinWhatIsTested(t *testing.T) {
	t.Parallel()
	pinned, err := os.ReadFile("../npmtest/testdata/typescript/package.json")
	if err != nil {
		t.Fatal(err)
	}
	type packages struct{ Dependencies, DevDependencies map[string]string }
	var want packages
	if err := json.Unmarshal(pinned, &want); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../scaffold/templates/ts/*-*/package.json.tmpl")
	if err != nil || len(files) < 9 {
		t.Fatalf("found %d templates: %v", len(files), err)
	}
	for _, file := range append(files, "../../scaffold/templates/ts/worker/package.json.tmpl") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got packages
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-tested +pinned):\n%s", file, diff)
		}
	}
}
