package project

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// checkForm checks a tree with a rule of the schema and says what is wrong in words.
// prefix is what the root is called in messages.
func checkForm(doc *source.Document, r *rule, prefix string) []diag.Finding {
	if doc.Root.Kind == source.Null {
		return []diag.Finding{doc.Finding("C011", doc.Root.Pos, doc.Name+" is empty", "", "write into it, or remove it")}
	}
	c := formChecker{shapeChecker: shapeChecker{doc: doc}, prefix: prefix, meant: map[string]bool{}}
	all := r.check(schemas().root, doc.Root, nil)
	// Unknown keys first: a misspelt key explains the missing one.
	slices.SortStableFunc(all, func(a, b broken) int { return rank(a) - rank(b) })
	for _, b := range all {
		c.explain(b)
	}
	return c.found
}

func rank(b broken) int {
	if b.keyword == "additionalProperties" {
		return 0
	}
	return 1
}

type formChecker struct {
	shapeChecker
	prefix string
	meant  map[string]bool // paths of keys that a misspelt one stands for
}

// place is the value at a path, with the key that leads to it.
func (c *formChecker) place(path []string) (*source.Value, *source.Pair) {
	v := c.doc.Root
	var pair *source.Pair
	for _, part := range path {
		if v.Kind == source.List {
			if i, err := strconv.Atoi(part); err == nil && i < len(v.Items) {
				v = v.Items[i]
			}
			continue
		}
		if pair = v.Pair(part); pair == nil {
			return v, nil
		}
		v = pair.Value
	}
	return v, pair
}

// where is the path in words: services.auth.needs.
func (c *formChecker) where(path []string) string {
	if c.prefix == "" {
		return strings.Join(path, ".")
	}
	return strings.Join(append([]string{c.prefix}, path...), ".")
}

func (c *formChecker) explain(b broken) {
	v, pair := c.place(b.path)
	where := c.where(b.path)
	switch b.keyword {
	case "additionalProperties":
		known := slices.Sorted(maps.Keys(b.rule.Properties))
		for _, key := range b.keys {
			c.unknownKey(v.Pair(key), where, known)
		}
	case "required":
		for _, key := range b.keys {
			if c.meant[where+"."+key] {
				continue
			}
			pos := v.Pos
			if pair != nil {
				pos = pair.Pos
			}
			what := where
			if what == "" {
				what = c.doc.Name
			}
			c.add("C011", pos, fmt.Sprintf("%s needs %s", what, key), "", "add: "+key+": …")
		}
	case "type":
		if b.rule.Type.several() {
			c.add("C012", v.Pos, fmt.Sprintf("%s must be true or false, text or a number, not %s", where, v.Kind), "", "")
			return
		}
		c.wrongType(v, pair, where, wanted(b.rule.Type))
	case "enum":
		c.enum(where, v, b.rule.Enum)
	case "pattern":
		if b.rule.Sensitive == true || b.rule.Sensitive == "true" {
			c.doc.Hide(v.Pos)
		}
		form := b.rule.Form
		if form == "" {
			form = "something that matches " + b.rule.Pattern
		}
		c.add("C014", v.Pos, fmt.Sprintf("%s: %s is not in the right form", where, c.shown(v)), "", "write "+form)
	case "maximum":
		c.add("C015", v.Pos, fmt.Sprintf("%s is %s, the highest allowed value is %v", where, v.Text, *b.rule.Maximum), "", "")
	case "minimum":
		c.add("C015", v.Pos, fmt.Sprintf("%s is %s, the lowest allowed value is %v", where, v.Text, *b.rule.Minimum), "", "")
	case "minItems":
		c.add("C015", v.Pos, fmt.Sprintf("%s has %d entries, it needs at least %d", where, len(v.Items), b.rule.MinItems), "", "")
	}
}

// several reports a value that may be any scalar, as those of feature flags.
func (w words) several() bool { return slices.Contains(w, "boolean") && len(w) > 2 }

// wanted is the type that is meant where "null" only means "may be empty".
func wanted(types []string) string {
	for _, t := range types {
		if t != "null" {
			return t
		}
	}
	return "null"
}

// shown is the value in quotes, unless it must not be seen.
func (c *formChecker) shown(v *source.Value) string {
	if c.doc.Hidden(v.Pos) {
		return "(hidden)"
	}
	return strconv.Quote(v.Text)
}

func (c *formChecker) unknownKey(p *source.Pair, where string, known []string) {
	message := fmt.Sprintf("unknown key %q", p.Key)
	if where != "" {
		message += " in " + where
	}
	fix := "remove it"
	if len(known) > 0 {
		fix = "the keys here are: " + strings.Join(known, ", ")
	}
	if near := diag.Nearest(p.Key, known); near != "" {
		fix = fmt.Sprintf("did you mean %q?", near)
		c.meant[where+"."+near] = true
	}
	c.add("C010", p.Pos, message, "", fix)
}

func (c *formChecker) wrongType(v *source.Value, pair *source.Pair, where, want string) {
	kinds := map[string]source.Kind{"string": source.String, "boolean": source.Bool, "array": source.List, "object": source.Map, "number": source.Float}
	if where == "" {
		where = c.doc.Name
	}
	if want == "integer" {
		c.add("C012", v.Pos, fmt.Sprintf("%s must be a whole number, not %s", where, v.Kind), "", "")
		return
	}
	if v.Kind == source.Null && pair != nil {
		v = &source.Value{Kind: source.Null, Pos: pair.Pos}
	}
	c.wrongKind(where, v, kinds[want])
	if strings.HasPrefix(where, "services.") && strings.Contains(where, ".secrets.") && want == "object" {
		c.found[len(c.found)-1].Fix = "write how it is made, never its value: { source: prompt }"
	}
}
