package project_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/project"
)

func TestTheExampleResolves(t *testing.T) {
	t.Parallel()
	p := load(t, example(t), project.LoadOptions{})
	var all []*project.Target
	for _, env := range []string{"development", "staging", "production"} {
		targets, err := p.Targets(project.Selector{Environment: env, Customers: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, targets...)
	}
	shown := p.Show(all)
	shown.Root = ""
	text, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("testdata", "example.show.json"), string(text)+"\n")
	if found := p.Check(nil); len(found) != 1 || found[0].Code != "C025" {
		t.Errorf("only the missing hostname of acme's staging should be found, got\n%s", rendered(t, found))
	}
}

func TestExplainTellsWhereEveryValueComesFrom(t *testing.T) {
	t.Parallel()
	p := load(t, example(t), project.LoadOptions{})
	var b strings.Builder
	for _, sel := range []project.Selector{
		{Environment: "production", Services: []string{"data-api"}, Customers: []string{"acme"}},
		{Environment: "production", Services: []string{"web"}},
		{Environment: "development", Services: []string{"auth"}},
	} {
		targets, err := p.Targets(sel)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", targets[0])
		for _, r := range p.Explain(targets[0]) {
			fmt.Fprintf(&b, "  %-10s %-20s %-45s %s", r.Section, r.Key, r.Value, r.Origin)
			if r.Note != "" {
				b.WriteString("  (" + r.Note + ")")
			}
			b.WriteByte('\n')
		}
	}
	golden(t, filepath.Join("testdata", "example.explain.txt"), b.String())
}

func TestTheSchemaIsTheOneThatIsPublished(t *testing.T) {
	t.Parallel()
	golden(t, filepath.Join("testdata", "clodo.v1.schema.json"), string(project.Schema()))
}

func TestShowAndExplainHoldNoSecret(t *testing.T) {
	t.Parallel()
	files := map[string]string{"wrangler.jsonc": `{
  "name": "a", "main": "a.ts", "compatibility_date": "2026-11-01",
  "vars": { "API_TOKEN": "hunter2", "SAFE": "shown", "DEEP": { "password": "hunter2", "list": ["sk_live_hunter2"], "n": 1 }, "PLAIN": "ghp_hunter2" }
}`}
	p := load(t, files, project.LoadOptions{})
	targets, err := p.Targets(project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(p.Show(targets))
	if err != nil {
		t.Fatal(err)
	}
	text := string(shown) + fmt.Sprint(p.Explain(targets[0]))
	if strings.Contains(text, "hunter2") {
		t.Error(text)
	}
	if !strings.Contains(text, "shown") {
		t.Error("ordinary variables must be shown")
	}
}
