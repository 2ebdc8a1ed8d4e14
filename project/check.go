package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// shapeChecker compares a tree with a shape and says what does not fit.
type shapeChecker struct {
	doc   *source.Document
	found []diag.Finding
}

// removedKeys are what wrangler 4 refuses, with what to do instead.
var removedKeys = map[string]string{
	"legacy_env":  "remove it: every environment is a Worker of its own, as legacy_env = true meant",
	"node_compat": `remove it and add "nodejs_compat" to compatibility_flags`,
}

func (c *shapeChecker) add(code string, pos diag.Position, message, why, fix string) {
	c.found = append(c.found, c.doc.Finding(code, pos, message, why, fix))
}

// value checks v, which is called where; an empty value is as good as none.
func (c *shapeChecker) value(where string, v *source.Value, s shape) {
	switch {
	case v.Kind == source.Null || s.word == "any":
	case s.oneOf != nil:
		c.anyOf(where, v, s.oneOf)
	case s.items != nil:
		if v.Kind != source.List {
			c.wrongKind(where, v, source.List)
			return
		}
		for i, item := range v.Items {
			c.value(fmt.Sprintf("%s[%d]", where, i), item, *s.items)
		}
	case s.isMap:
		c.fields(where, v, s)
	case s.words != nil:
		c.enum(where, v, s.words)
	default:
		c.word(where, v, s.word)
	}
}

func (c *shapeChecker) word(where string, v *source.Value, word string) {
	ok, want := true, source.String
	switch word {
	case "text":
		ok = v.Kind == source.String
	case "bool":
		ok, want = v.Kind == source.Bool, source.Bool
	case "number":
		ok, want = v.Kind == source.Int || v.Kind == source.Float, source.Float
	case "null":
		ok, want = false, source.Null
	}
	if !ok {
		c.wrongKind(where, v, want)
	}
}

func (c *shapeChecker) wrongKind(where string, v *source.Value, want source.Kind) {
	fix := ""
	shown := v.Text != "" && !c.doc.Hidden(v.Pos)
	switch {
	case want == source.String && shown:
		fix = fmt.Sprintf("put quotes around it: %q", v.Text)
	case want == source.Bool && v.Kind == source.String && (v.Text == "true" || v.Text == "false"),
		want == source.Float && v.Kind == source.String && shown && strings.Trim(v.Text, "0123456789") == "":
		fix = "remove the quotes: " + v.Text
	case want == source.List && v.Kind == source.Map:
		fix = "write it as a list: [{…}], in TOML with [[double brackets]]"
	case want == source.List && shown:
		fix = fmt.Sprintf("write it as a list: [%s]", asListItem(c.doc.Name, v))
	}
	c.add("C012", v.Pos, fmt.Sprintf("%s must be %s, not %s", where, want, v.Kind), "", fix)
}

// asListItem writes text as the file's format wants it inside a list.
func asListItem(file string, v *source.Value) string {
	if v.Kind == source.String && !strings.HasSuffix(file, ".yaml") && !strings.HasSuffix(file, ".yml") {
		return fmt.Sprintf("%q", v.Text)
	}
	return v.Text
}

func (c *shapeChecker) enum(where string, v *source.Value, words []any) {
	var list []string
	for _, w := range words {
		if w == v.Any() {
			return
		}
		list = append(list, fmt.Sprint(w))
	}
	if len(words) > 0 {
		if _, text := words[0].(string); text && v.Kind != source.String {
			c.wrongKind(where, v, source.String)
			return
		}
	}
	switch {
	case c.doc.Hidden(v.Pos):
		c.add("C013", v.Pos, where+" cannot be (hidden)", "", "use one of: "+strings.Join(list, ", "))
	case v.Kind != source.String:
		c.add("C013", v.Pos, fmt.Sprintf("%s cannot be %s", where, v.Text), "", "use one of: "+strings.Join(list, ", "))
	default:
		c.add("C013", v.Pos, fmt.Sprintf("%s cannot be %q", where, v.Text), "", oneOf(v.Text, list))
	}
}

// oneOf is the fix for a word that is none of list.
func oneOf(word string, list []string) string {
	if near := diag.Nearest(word, list); near != "" {
		return fmt.Sprintf("did you mean %q?  (one of: %s)", near, strings.Join(list, ", "))
	}
	return "use one of: " + strings.Join(list, ", ")
}

func (c *shapeChecker) fields(where string, v *source.Value, s shape) {
	if v.Kind != source.Map {
		c.wrongKind(where, v, source.Map)
		return
	}
	misspelt := map[string]bool{}
	for _, p := range v.Pairs {
		if f, ok := s.field(p.Key); ok {
			c.value(where+"."+p.Key, p.Value, f)
			continue
		}
		misspelt[c.unknown(p, where, s.named())] = true
	}
	for _, f := range s.fields {
		if f.required && v.Get(f.name) == nil && !misspelt[f.name] {
			c.add("C011", v.Pos, fmt.Sprintf("%s needs %s", where, f.name), "", fmt.Sprintf("add %q to it", f.name))
		}
	}
}

// unknown reports a key that does not exist, and is the key that was meant, if any.
// What looks like a slip is an error; what wrangler only ignores is a warning.
func (c *shapeChecker) unknown(p source.Pair, where string, known []string) string {
	message := fmt.Sprintf("unknown key %q", p.Key)
	if where != "" {
		message += " in " + where
	}
	if fix, removed := removedKeys[p.Key]; removed {
		c.add("C010", p.Pos, message, "wrangler no longer accepts it", fix)
		return ""
	}
	if near := diag.Nearest(p.Key, known); near != "" {
		c.add("C010", p.Pos, message, "", fmt.Sprintf("did you mean %q?", near))
		return near
	}
	c.add("W010", p.Pos, message, "neither wrangler 4.164 nor clodo knows it; it has no effect", "remove it")
	c.found[len(c.found)-1].Severity = diag.SeverityWarning
	return ""
}

// anyOf reports what is wrong with the alternative that comes closest: the one of
// the same kind with the fewest findings.
func (c *shapeChecker) anyOf(where string, v *source.Value, all []shape) {
	var best []diag.Finding
	for _, s := range all {
		try := shapeChecker{doc: c.doc}
		try.value(where, v, s)
		if !diag.HasErrors(try.found) {
			c.found = append(c.found, try.found...)
			return
		}
		sameKind := s.isMap && v.Kind == source.Map || s.items != nil && v.Kind == source.List || s.words != nil && v.Kind == source.String
		if best == nil || sameKind {
			best = try.found
		}
	}
	c.found = append(c.found, best...)
}

// checkWrangler checks a whole wrangler file: its keys, those of its environments,
// and the forms that a shape cannot express.
func checkWrangler(doc *source.Document) []diag.Finding {
	c := shapeChecker{doc: doc}
	root := doc.Root
	if root.Kind != source.Map {
		c.add("C012", root.Pos, fmt.Sprintf("%s must be a map, not %s", doc.Name, root.Kind), "", "")
		return c.found
	}
	c.keys("", root, false)
	for _, env := range root.Get("env").Map() {
		if env.Value.Kind == source.Map {
			c.keys("env."+env.Key, env.Value, true)
		}
	}
	c.forms("", root)
	for _, env := range root.Get("env").Map() {
		c.forms("env."+env.Key+".", env.Value)
	}
	return c.found
}

func (c *shapeChecker) keys(where string, v *source.Value, inEnvironment bool) {
	prefix := where
	if where != "" {
		prefix += "."
	}
	for _, p := range v.Pairs {
		k, ok := wranglerKeyOf(p.Key)
		switch {
		case ok && inEnvironment && k.reach == topOnly:
			c.add("W010", p.Pos, fmt.Sprintf("the key %q has no effect in %s", p.Key, where), "wrangler reads it at the top level only", "move it to the top level")
			c.found[len(c.found)-1].Severity = diag.SeverityWarning
		case ok:
			c.value(prefix+p.Key, p.Value, k.shape)
		default:
			c.unknown(p, where, keyNames(inEnvironment))
		}
	}
}

// forms checks what travels into Cloudflare's API and would be refused there.
func (c *shapeChecker) forms(prefix string, v *source.Value) {
	if d := v.Get("compatibility_date"); d != nil && d.Kind == source.String && !isDate(d.Text) {
		c.add("C014", d.Pos, fmt.Sprintf("%scompatibility_date: %q is not in the right form", prefix, d.Text), "", "write a date such as 2026-11-01")
	}
	if n := v.Get("name"); n != nil && n.Kind == source.String && !isWorkerName(n.Text) {
		c.add("C014", n.Pos, fmt.Sprintf("%sname: %q is not in the right form", prefix, n.Text), "", "write lower-case letters, digits, - and _; it cannot begin with -")
	}
	for _, r := range v.Get("routes").List() {
		if r.Kind == source.Map && !r.Get("custom_domain").True() && r.Get("zone_id") == nil && r.Get("zone_name") == nil {
			c.add("C011", r.Pos, prefix+"routes: a route that is not a custom domain needs zone_name or zone_id", "", `add "zone_name", or write the pattern alone as text`)
		}
	}
	if r := v.Get("routes"); r != nil && v.Get("route") != nil {
		c.add("C010", v.Pair("route").Pos, fmt.Sprintf("%sroute and %sroutes exclude each other", prefix, prefix), "wrangler takes one of the two", "move it into routes")
	}
	if v.Get("migrations") != nil && len(v.Get("exports").Map()) > 0 && slices.ContainsFunc(v.Get("exports").Map(), func(p source.Pair) bool { return p.Value.Get("type").Str() == "durable-object" }) {
		c.add("C010", v.Pair("exports").Pos, prefix+"exports and "+prefix+"migrations both say what becomes of Durable Objects", "", "keep one of the two")
	}
}
