package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/internal/source"
)

// rule is one node of the schema of clodo.yaml: the keywords of JSON Schema that our
// own schema uses, and no others. A test holds it against a complete implementation,
// which would cost every start of clodo four milliseconds.
type rule struct {
	Ref         string           `json:"$ref"`
	Type        words            `json:"type"`
	Properties  map[string]*rule `json:"properties"`
	Additional  *additional      `json:"additionalProperties"`
	Required    []string         `json:"required"`
	Items       *rule            `json:"items"`
	Enum        []any            `json:"enum"`
	Pattern     string           `json:"pattern"`
	Minimum     *float64         `json:"minimum"`
	Maximum     *float64         `json:"maximum"`
	MinItems    int              `json:"minItems"`
	Form        string           `json:"x-form"` // Pattern in words
	Sensitive   any              `json:"x-sensitive"`
	Definitions map[string]*rule `json:"definitions"`

	// For editors only.
	Schema      string `json:"$schema"`
	ID          string `json:"$id"`
	Description string `json:"description"`

	pattern *regexp.Regexp
}

// words is one word, or a list of them.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// additional is what keys that are not named may hold: nothing when rule is nil.
type additional struct{ rule *rule }

func (a *additional) UnmarshalJSON(b []byte) error {
	if string(b) == "false" {
		return nil
	}
	a.rule = &rule{}
	return strict(b, a.rule)
}

func strict(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// readRules decodes a schema. A keyword that rule does not know is an error, so that
// none is left out silently.
func readRules(schema []byte) (*rule, error) {
	root := &rule{}
	if err := strict(schema, root); err != nil {
		return nil, err
	}
	return root, root.link(root)
}

// link puts what $ref names in its place and compiles the patterns.
func (r *rule) link(root *rule) error {
	if r.Pattern != "" {
		p, err := regexp.Compile(r.Pattern)
		if err != nil {
			return fmt.Errorf("pattern of the schema: %w", err)
		}
		r.pattern = p
	}
	below := []*rule{r.Items}
	if r.Additional != nil {
		below = append(below, r.Additional.rule)
	}
	for _, m := range []map[string]*rule{r.Properties, r.Definitions} {
		for _, b := range m {
			below = append(below, b)
		}
	}
	for _, b := range below {
		if b == nil {
			continue
		}
		if err := b.link(root); err != nil {
			return err
		}
	}
	if name, ok := strings.CutPrefix(r.Ref, "#/definitions/"); ok && root.Definitions[name] == nil {
		return fmt.Errorf("the schema has no definition %q", name)
	}
	return nil
}

// broken is one keyword that a value does not follow.
type broken struct {
	keyword string // as in the schema
	rule    *rule
	path    []string // keys, and indexes of lists
	keys    []string // required: those that are missing; additionalProperties: those that are too many
}

// check lists what v breaks. Where a value has the wrong type nothing more is said
// about it.
func (r *rule) check(root *rule, v *source.Value, path []string) []broken {
	if name, ok := strings.CutPrefix(r.Ref, "#/definitions/"); ok {
		return root.Definitions[name].check(root, v, path)
	}
	breaks := func(keyword string, keys ...string) []broken {
		return []broken{{keyword: keyword, rule: r, path: slices.Clone(path), keys: keys}}
	}
	if len(r.Type) > 0 && !slices.ContainsFunc(r.Type, func(t string) bool { return isType(v, t) }) {
		return breaks("type")
	}
	if r.Enum != nil && !slices.ContainsFunc(r.Enum, func(want any) bool { return equal(v, want) }) {
		return breaks("enum")
	}
	switch v.Kind {
	case source.Map:
		return r.checkMap(root, v, path)
	case source.List:
		var all []broken
		if len(v.Items) < r.MinItems {
			all = breaks("minItems")
		}
		for i, item := range v.Items {
			if r.Items != nil {
				all = append(all, r.Items.check(root, item, append(path, strconv.Itoa(i)))...)
			}
		}
		return all
	case source.String, source.Time:
		if r.pattern != nil && !r.pattern.MatchString(v.Text) {
			return breaks("pattern")
		}
	case source.Int, source.Float:
		if n := number(v); r.Minimum != nil && n < *r.Minimum {
			return breaks("minimum")
		} else if r.Maximum != nil && n > *r.Maximum {
			return breaks("maximum")
		}
	}
	return nil
}

func (r *rule) checkMap(root *rule, v *source.Value, path []string) []broken {
	var all []broken
	var missing, unknown []string
	for _, key := range r.Required {
		if !v.Has(key) {
			missing = append(missing, key)
		}
	}
	for _, p := range v.Pairs {
		below := append(path, p.Key)
		switch named := r.Properties[p.Key]; {
		case named != nil:
			all = append(all, named.check(root, p.Value, below)...)
		case r.Additional == nil:
		case r.Additional.rule == nil:
			unknown = append(unknown, p.Key)
		default:
			all = append(all, r.Additional.rule.check(root, p.Value, below)...)
		}
	}
	if missing != nil {
		all = append(all, broken{keyword: "required", rule: r, path: slices.Clone(path), keys: missing})
	}
	if unknown != nil {
		all = append(all, broken{keyword: "additionalProperties", rule: r, path: slices.Clone(path), keys: unknown})
	}
	return all
}

func isType(v *source.Value, name string) bool {
	switch name {
	case "null":
		return v.Kind == source.Null
	case "boolean":
		return v.Kind == source.Bool
	case "integer":
		return v.Kind == source.Int || v.Kind == source.Float && v.Float == float64(int64(v.Float))
	case "number":
		return v.Kind == source.Int || v.Kind == source.Float
	case "string":
		return v.Kind == source.String || v.Kind == source.Time
	case "array":
		return v.Kind == source.List
	case "object":
		return v.Kind == source.Map
	}
	return false
}

func number(v *source.Value) float64 {
	if v.Kind == source.Int {
		return float64(v.Int)
	}
	return v.Float
}

// equal compares with a value of the schema: text or a number.
func equal(v *source.Value, want any) bool {
	switch want := want.(type) {
	case string:
		return isType(v, "string") && v.Text == want
	case float64:
		return isType(v, "number") && number(v) == want
	}
	return false
}
