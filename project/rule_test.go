package project

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	complete "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/internal/source"
)

// Whatever the document, the rules find what a complete implementation of JSON
// Schema finds, at the same places.
func TestRulesAgreeWithACompleteImplementation(t *testing.T) {
	t.Parallel()
	doc, err := complete.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := complete.NewCompiler()
	if err := c.AddResource(schemaID, doc); err != nil {
		t.Fatal(err)
	}
	oracle := c.MustCompile(schemaID)
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		v := draw(t, schemas().root, 0)
		var got []string
		for _, b := range schemas().root.check(schemas().root, v, nil) {
			slices.Sort(b.keys)
			got = append(got, line(b.keyword, b.path, b.keys))
			seen[b.keyword] = true
		}
		var want []string
		var invalid *complete.ValidationError
		if errors.As(oracle.Validate(v.Any()), &invalid) {
			want = leaves(invalid)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%v: what is broken (-complete +ours):\n%s", v.Any(), diff)
		}
	})
	if got := slices.Sorted(maps.Keys(seen)); len(got) < 5 {
		t.Errorf("only these keywords were ever broken: %q", got)
	}
}

func TestAKeywordThatTheRulesDoNotKnowIsAnError(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{`{"type": "object", "maxItems": 3}`, `{"properties": {"a": {"oneOf": []}}}`, `{"additionalProperties": {"const": 1}}`} {
		if _, err := readRules([]byte(schema)); err == nil {
			t.Errorf("%s is taken, and its keyword would be left out silently", schema)
		}
	}
}

func line(keyword string, path, keys []string) string {
	return keyword + " at /" + strings.Join(path, "/") + " " + strings.Join(keys, ",")
}

func leaves(e *complete.ValidationError) []string {
	var all []string
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	if len(e.Causes) > 0 {
		return all
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		return []string{line("additionalProperties", e.InstanceLocation, k.Properties)}
	case *kind.Required:
		slices.Sort(k.Missing)
		return []string{line("required", e.InstanceLocation, k.Missing)}
	}
	return []string{line(strings.Join(e.ErrorKind.KeywordPath(), "/"), e.InstanceLocation, nil)}
}

// draw makes a document that mostly follows r, so that mistakes are found deep in it.
func draw(t *rapid.T, r *rule, depth int) *source.Value {
	if name, ok := strings.CutPrefix(r.Ref, "#/definitions/"); ok {
		return draw(t, schemas().root.Definitions[name], depth)
	}
	want := "null"
	if len(r.Type) > 0 {
		want = r.Type[0]
	}
	if depth > 0 && rapid.IntRange(0, 9).Draw(t, "wrong type") == 0 {
		want = rapid.SampledFrom([]string{"null", "boolean", "integer", "number", "string", "array", "object"}).Draw(t, "type")
	}
	switch want {
	case "boolean":
		return &source.Value{Kind: source.Bool, Bool: true}
	case "integer":
		return &source.Value{Kind: source.Int, Int: rapid.SampledFrom([]int64{-1, 0, 1, 99, 100, 200, 599, 600}).Draw(t, "int")}
	case "number":
		return &source.Value{Kind: source.Float, Float: rapid.SampledFrom([]float64{0.5, 1, 200, 1e9}).Draw(t, "float")}
	case "string":
		return &source.Value{Kind: source.String, Text: drawText(t, r)}
	case "array":
		v := &source.Value{Kind: source.List}
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			items := r.Items
			if items == nil {
				items = &rule{}
			}
			v.Items = append(v.Items, draw(t, items, depth+1))
		}
		return v
	case "object":
		return drawMap(t, r, depth)
	}
	return &source.Value{Kind: source.Null}
}

func drawText(t *rapid.T, r *rule) string {
	texts := []string{"", "x", "api", "5%", "30s", "90d", "/health", "env:NAME", "a.b", strings.Repeat("0", 32)}
	for _, w := range r.Enum {
		if s, ok := w.(string); ok {
			texts = append(texts, s)
		}
	}
	return rapid.SampledFrom(texts).Draw(t, "text")
}

func drawMap(t *rapid.T, r *rule, depth int) *source.Value {
	v := &source.Value{Kind: source.Map}
	for _, key := range slices.Sorted(maps.Keys(r.Properties)) {
		if rapid.IntRange(0, 9).Draw(t, "has "+key) < 6 {
			v.Pairs = append(v.Pairs, source.Pair{Key: key, Value: draw(t, r.Properties[key], depth+1)})
		}
	}
	if r.Additional == nil || r.Additional.rule != nil || rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		below := &rule{}
		if r.Additional != nil && r.Additional.rule != nil {
			below = r.Additional.rule
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "others") {
			v.Pairs = append(v.Pairs, source.Pair{Key: "other" + strconv.Itoa(i), Value: draw(t, below, depth+1)})
		}
	}
	return v
}
