package openapi

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// Names that mean something in Go, in TypeScript or in a client, and names that are hardly
// ones: a document may have any.
const trouble = "a A a-b a_b client Client error type params Params body ctx id ID 1x x1 Error time url c q h New Some Optional Request Response Promise list v path strconv " +
	"base Answered Header constructor toString __proto__ ö $ref break await this send json segment decoded discard Value Sent unknown null any aParams nil map len append range undefined"

// documents makes OpenAPI documents at random, but the same ones each time.
type documents struct{ *rand.Rand }

func (d documents) name() string {
	all := append(strings.Fields(trouble), "", "with space")
	return all[d.IntN(len(all))]
}

func (d documents) schema(depth int) string {
	n := d.IntN(14)
	if depth > 3 {
		n = 0
	}
	switch n {
	case 1:
		return `{"type":"integer"}`
	case 2:
		return `{"type":["boolean","null"]}`
	case 3:
		return `{"type":"string","format":"date-time","nullable":true}`
	case 4:
		return fmt.Sprintf(`{"enum":[%q,%q,%q]}`, d.name(), d.name(), d.name())
	case 5:
		return `{"enum":[1,-1,0]}`
	case 6:
		return `{"type":"array","items":` + d.schema(depth+1) + `}`
	case 7:
		return `{"type":"object","additionalProperties":` + d.schema(depth+1) + `}`
	case 8, 9:
		var properties, required []string
		seen := map[string]bool{}
		for range 4 {
			name := d.name()
			if seen[name] {
				continue
			}
			seen[name] = true
			properties = append(properties, fmt.Sprintf("%q:%s", name, d.schema(depth+1)))
			if d.IntN(2) == 0 {
				required = append(required, fmt.Sprintf("%q", name))
			}
		}
		return `{"type":"object","required":[` + strings.Join(required, ",") + `],"properties":{` + strings.Join(properties, ",") + `}}`
	case 10:
		return `{"oneOf":[` + d.schema(depth+1) + `,` + d.schema(depth+1) + `]}`
	case 11:
		return `{"anyOf":[` + d.schema(depth+1) + `,{"type":"null"}]}`
	case 12:
		return fmt.Sprintf(`{"$ref":"#/components/schemas/S%d"}`, d.IntN(4))
	case 13:
		return `{"allOf":[{"$ref":"#/components/schemas/S0"},` + d.schema(depth+1) + `]}`
	}
	return `{"type":"string"}`
}

func (d documents) operation(n int) string {
	first, second := d.name()+"1", d.name()+"2"
	parameters := []string{
		fmt.Sprintf(`{"name":%q,"in":"path","required":true,"schema":{"type":"string"}}`, first),
		fmt.Sprintf(`{"name":%q,"in":"path","required":true,"schema":{"enum":[1,2]}}`, second),
	}
	for i := range 3 {
		in := []string{"query", "header"}[d.IntN(2)]
		schema := []string{`{"type":"string"}`, `{"type":"integer"}`, `{"type":"array","items":{"type":"boolean"}}`, `{"enum":["a","b"]}`}[d.IntN(4)]
		parameters = append(parameters, fmt.Sprintf(`{"name":"%s%d","in":%q,"required":%t,"schema":%s}`, d.name(), i, in, d.IntN(4) == 0, schema))
	}
	content := func() string {
		return []string{`{"application/json":{"schema":` + d.schema(0) + `}}`, `{"image/png":{}}`, `{"multipart/form-data":{}}`, `{}`}[d.IntN(4)]
	}
	return fmt.Sprintf(`"/x%d/{%s}/y/{%s}":{"post":{"operationId":%q,"parameters":[%s],"requestBody":{"content":%s},"responses":{"200":{"description":"","content":%s}}}}`,
		n, first, second, d.name(), strings.Join(parameters, ","), content(), content())
}

func (d documents) document() []byte {
	var schemas, paths []string
	seen := map[string]bool{}
	for i := range 4 {
		schemas = append(schemas, fmt.Sprintf(`"S%d":%s`, i, d.schema(0)))
		if name := d.name(); !seen[name] {
			seen[name] = true
			schemas = append(schemas, fmt.Sprintf("%q:%s", name, d.schema(0)))
		}
		paths = append(paths, d.operation(i))
	}
	return []byte(`{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{` + strings.Join(paths, ",") + `},"components":{"schemas":{` + strings.Join(schemas, ",") + `}}}`)
}

// Whatever names and forms a document has, the compilers take its clients.
func TestCompilersTakeEveryClient(t *testing.T) {
	t.Parallel()
	tsc, modules := npmtest.TypeScript(t)
	dir := t.TempDir()
	write := func(name string, text []byte) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", []byte("module clients\n\ngo 1.26\n"))
	write("tsconfig.json", []byte(`{"compilerOptions": {"target": "es2024", "module": "esnext", "moduleResolution": "bundler", "lib": ["es2024"], "types": ["@cloudflare/workers-types"],
		"strict": true, "noEmit": true, "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true, "noUnusedLocals": true}}`))
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	d := documents{rand.New(rand.NewPCG(1, 2))}
	clients := 0
	for n := 0; clients < 15; n++ {
		document := d.document()
		api, _ := Read("api.json", document)
		if api == nil {
			continue // circles of references, for example
		}
		clients++
		code, _, err := api.Go("client")
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		write(fmt.Sprintf("c%d/client.go", clients), code)
		write(fmt.Sprintf("c%d/client.ts", clients), api.TypeScript())
	}
	if out, err := tsc.Command(t.Context(), dir).CombinedOutput(); err != nil {
		t.Errorf("tsc: %v\n%s", err, out)
	}
	build := exec.CommandContext(t.Context(), "go", "vet", "./...")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}
