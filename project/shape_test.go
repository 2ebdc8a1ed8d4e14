package project

import (
	"testing"

	"github.com/tamylaa/clodo/internal/source"
)

func TestTheTableOfWranglerKeysIsWhole(t *testing.T) {
	t.Parallel()
	count := map[reach]int{}
	seen := map[string]bool{}
	for _, k := range wranglerKeys() {
		count[k.reach]++
		if seen[k.name] {
			t.Errorf("%s stands in it twice", k.name)
		}
		seen[k.name] = true
	}
	// 42 keys are not inherited in wrangler 4.164; dev, site and 11 more stand at the
	// top level only.
	if count[ownOnly] != 42 || count[topOnly] != 13 || count[inherited] != 36 {
		t.Errorf("got %v", count)
	}
	for _, k := range bindingKinds() {
		if key, ok := wranglerKeyOf(k.at[0]); !ok || key.shape.word == "any" {
			t.Errorf("%s: wrangler.keys has no shape for %q", k.kind, k.at[0])
		}
	}
	for key := range refused() {
		if !seen[key] {
			t.Errorf("%q is refused and no wrangler key", key)
		}
	}
}

func TestShapesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	p := shapeParser{rest: `[text | {a!: "x" | "y", b: [number], *: any}] | 10 | 60`}
	s := p.union()
	tests := map[string]bool{
		`["t", {"a": "x", "b": [1.5], "c": []}]`: true,
		`10`:                                     true,
		`30`:                                     false,
		`"t"`:                                    false,
		`[{"b": []}]`:                            false,
		`[{"a": "z"}]`:                           false,
		`[{"a": "x", "b": [true]}]`:              false,
		`[true]`:                                 false,
		`null`:                                   true,
	}
	for text, want := range tests {
		doc, _ := source.Parse("a.json", []byte(text))
		c := shapeChecker{doc: doc}
		c.value("v", doc.Root, s)
		if got := len(c.found) == 0; got != want {
			t.Errorf("%s: fits %t, want %t (%v)", text, got, want, c.found)
		}
	}
}
