package project

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/internal/source"
)

// values draws trees like those of wrangler files: maps, lists of named things,
// other lists, plain values. The values of maps are never empty.
func values(depth int) *rapid.Generator[*source.Value] {
	scalar := rapid.Custom(func(t *rapid.T) *source.Value {
		return &source.Value{Kind: source.String, Text: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "text")}
	})
	if depth == 0 {
		return scalar
	}
	return rapid.Custom(func(t *rapid.T) *source.Value {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return scalar.Draw(t, "scalar")
		case 1:
			return &source.Value{Kind: source.List, Items: rapid.SliceOfN(scalar, 0, 3).Draw(t, "list")}
		case 2:
			v := &source.Value{Kind: source.List}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 1, 3, rapid.ID).Draw(t, "names") {
				item := mapsOf(depth-1).Draw(t, "item")
				item.Pairs = append([]source.Pair{{Key: "binding", Value: &source.Value{Kind: source.String, Text: name}}}, item.Pairs...)
				v.Items = append(v.Items, item)
			}
			return v
		}
		return mapsOf(depth).Draw(t, "map")
	})
}

func mapsOf(depth int) *rapid.Generator[*source.Value] {
	return rapid.Custom(func(t *rapid.T) *source.Value {
		v := &source.Value{Kind: source.Map}
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"k", "l", "m"}), 0, 3, rapid.ID).Draw(t, "keys") {
			v.Pairs = append(v.Pairs, source.Pair{Key: key, Value: values(max(0, depth-1)).Draw(t, "value")})
		}
		return v
	})
}

func same(t *rapid.T, what string, want, got *source.Value) {
	if d := cmp.Diff(want.Any(), got.Any()); d != "" {
		t.Fatalf("%s: -want +got\n%s", what, d)
	}
}

func TestMergeHasTheLawsOfLayers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := mapsOf(3).Draw(t, "a"), mapsOf(3).Draw(t, "b")
		before := fmt.Sprint(a.Any(), b.Any())
		both := merge(a, b)
		same(t, "nothing laid over a is a", a, merge(a, nil))
		same(t, "a laid over nothing is a", a, merge(nil, a))
		same(t, "a laid over itself is a", a, merge(a, a))
		same(t, "laying b over twice changes nothing", both, merge(both, b))
		for _, p := range b.Pairs {
			if p.Value.Kind == source.String {
				same(t, "a plain value of the upper layer wins", p.Value, both.Get(p.Key))
			}
		}
		for _, p := range a.Pairs {
			if !b.Has(p.Key) {
				same(t, "what the upper layer does not say stays", p.Value, both.Get(p.Key))
			}
		}
		if after := fmt.Sprint(a.Any(), b.Any()); after != before {
			t.Fatalf("the layers were changed: %s, then %s", before, after)
		}
	})
}

func TestMergeIsAssociative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// With one depth of maps no value changes its kind on the way, which is the
		// one case where the order of merging shows.
		a, b, c := mapsOf(1).Draw(t, "a"), mapsOf(1).Draw(t, "b"), mapsOf(1).Draw(t, "c")
		same(t, "(a+b)+c is a+(b+c)", merge(merge(a, b), c), merge(a, merge(b, c)))
	})
}

func TestMergeRemovesWhatIsEmpty(t *testing.T) {
	t.Parallel()
	parse := func(text string) *source.Value {
		doc, found := source.Parse("a.yaml", []byte(text))
		if len(found) > 0 {
			t.Fatal(found)
		}
		return doc.Root
	}
	tests := map[string]struct{ base, over, want string }{
		"a key":                     {"{a: 1, b: 2}", "{a: null}", "{b: 2}"},
		"a key that is not there":   {"{b: 2}", "{a: null}", "{b: 2}"},
		"a whole list":              {"{l: [{binding: A}]}", "{l: null}", "{}"},
		"bindings merge by name":    {"{l: [{binding: A, id: 1, x: 1}, {binding: B}]}", "{l: [{binding: A, id: 2}, {binding: C}]}", "{l: [{binding: A, id: 2, x: 1}, {binding: B}, {binding: C}]}"},
		"other lists are replaced":  {"{l: [1, 2]}", "{l: [3]}", "{l: [3]}"},
		"maps merge by key, deeply": {"{m: {a: {x: 1}, b: 1}}", "{m: {a: {y: 2}}}", "{m: {a: {x: 1, y: 2}, b: 1}}"},
		"another kind replaces":     {"{m: {a: 1}}", "{m: [1]}", "{m: [1]}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(parse(tt.want).Any(), merge(parse(tt.base), parse(tt.over)).Any()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
