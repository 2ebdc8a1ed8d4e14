package bindingtest

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/local-cloud-bindings.md")

// products are the parts of the suite, in the order of the page.
var products = []struct{ name, title string }{{"d1", "D1"}, {"kv", "KV"}, {"r2", "R2"}, {"queue", "Queues"}, {"cache", "the Cache API"}}

// The Worker does the same here and in Miniflare. Each difference is in the table of
// differences, and each of those is still there.
func TestBindingsAreThoseOfMiniflare(t *testing.T) {
	t.Parallel()
	here, there := ours(t), miniflare(t)
	counts := map[string]int{}
	found := map[string]pair{}
	for _, p := range products {
		mine, err := here.run(t.Context(), p.name)
		if err != nil {
			t.Fatalf("here: %v", err)
		}
		theirs, err := there.run(t.Context(), p.name)
		if err != nil {
			t.Fatalf("in Miniflare: %v", err)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(theirs)), slices.Sorted(maps.Keys(mine))); diff != "" {
			t.Fatalf("%s: other cases ran (-there +here):\n%s", p.title, diff)
		}
		counts[p.name] = len(mine)
		for name, saw := range mine {
			if key := p.title + ": " + name; !bytes.Equal(saw, theirs[name]) {
				found[key] = pair{string(saw), string(theirs[name])}
			}
		}
	}
	listed := differences()
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if !slices.ContainsFunc(listed, func(d difference) bool { return slices.Contains(d.cases, key) }) {
			t.Errorf("%s\n   here:      %s\n   Miniflare: %s", key, found[key].here, found[key].there)
		}
	}
	for _, d := range listed {
		for _, key := range d.cases {
			if _, ok := found[key]; !ok {
				t.Errorf("the table lists %q, and there is no such difference", key)
			}
		}
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	if total < 150 {
		t.Errorf("%d cases ran; it should be more than 150", total)
	}
	checkPage(t, page(counts, found))
}

// pair is what a case saw in both worlds.
type pair struct{ here, there string }

func checkPage(t *testing.T, want string) {
	t.Helper()
	name := filepath.Join("..", "..", "docs", "local-cloud-bindings.md")
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, name)), want); diff != "" {
		t.Errorf("docs/local-cloud-bindings.md is not what was seen; go test ./internal/bindingtest -update writes it (-page +seen):\n%s", diff)
	}
}

func page(counts map[string]int, found map[string]pair) string {
	var b strings.Builder
	var parts []string
	for _, p := range products {
		parts = append(parts, fmt.Sprintf("%d of %s", counts[p.name], p.title))
	}
	fmt.Fprintf(&b, `# How bindings differ from Miniflare

<!-- Written by go test ./internal/bindingtest -update; the same test compares it with what it sees. -->

One Worker does the same with its bindings in the [local cloud](local-cloud.md) and in Miniflare, the
simulator inside wrangler: %s. What it sees is compared,
values, types and the words of errors. Everything that differs is here; the test fails on a difference
that is not, and on one that is gone.

`, strings.Join(parts, ", "))
	for _, d := range differences() {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| case | here | Miniflare |\n|---|---|---|\n", d.title, d.why)
		for _, key := range d.cases {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", key, cell(found[key].here), cell(found[key].there))
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// cell is an observation for a table, shortened.
func cell(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	return "`" + strings.NewReplacer("|", `\|`, "`", "'", "\n", " ").Replace(text) + "`"
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
