package source

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/tamylaa/clodo/diag"
)

func (d *Document) parseYAML(data []byte) *Value {
	if strings.TrimSpace(string(data)) == "" {
		return d.empty()
	}
	if i, deep := tooDeep(data, 10*MaxDepth); deep {
		d.fail("C003", d.at(i, i+1), fmt.Sprintf("this is nested more than %d levels deep", MaxDepth), "", "")
		return nil
	}
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		d.explainYAML(err)
		return nil
	}
	if len(root.Content) == 0 {
		return d.empty()
	}
	b := yamlBuilder{d: d, open: map[*yaml.Node]bool{}}
	return b.value(root.Content[0], 1)
}

// yamlBuilder turns nodes into values and counts what aliases multiply.
type yamlBuilder struct {
	d       *Document
	aliases int
	open    map[*yaml.Node]bool // anchors being expanded, against circles
}

func (b *yamlBuilder) value(n *yaml.Node, depth int) *Value {
	out := &Value{Pos: b.d.yamlPosition(n)}
	if !b.d.count(depth, out.Pos) {
		return out
	}
	switch n.Kind {
	case yaml.AliasNode:
		return b.alias(n, depth, out.Pos)
	case yaml.MappingNode:
		out.Kind = Map
		b.pairs(out, n, depth)
	case yaml.SequenceNode:
		out.Kind = List
		for _, item := range n.Content {
			out.Items = append(out.Items, b.value(item, depth+1))
		}
	default:
		b.scalar(out, n)
	}
	return out
}

// alias expands *name. The value keeps the place of its anchor: that is where it
// would be edited.
func (b *yamlBuilder) alias(n *yaml.Node, depth int, pos diag.Position) *Value {
	b.aliases++
	switch {
	case b.aliases == MaxAliases+1:
		b.d.fail("C003", pos, fmt.Sprintf("%s uses more than %d aliases", b.d.Name, MaxAliases), "", "write the values out")
		return &Value{Pos: pos}
	case b.aliases > MaxAliases || n.Alias == nil:
		return &Value{Pos: pos}
	case b.open[n.Alias]:
		b.d.fail("C001", pos, "this alias is used inside itself", "", "write the value out")
		return &Value{Pos: pos}
	}
	b.open[n.Alias] = true
	defer delete(b.open, n.Alias)
	return b.value(n.Alias, depth)
}

func (b *yamlBuilder) pairs(out *Value, n *yaml.Node, depth int) {
	seen := map[string]diag.Position{}
	var merged []*Value
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		pos := b.d.yamlPosition(key)
		if key.Kind != yaml.ScalarNode {
			b.d.fail("C001", pos, "a key must be text, not "+map[yaml.Kind]string{yaml.MappingNode: "a map", yaml.SequenceNode: "a list", yaml.AliasNode: "an alias"}[key.Kind], "", "")
			continue
		}
		v := b.value(value, depth+1)
		if key.Value == "<<" && key.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 {
			merged = append(merged, v)
			continue
		}
		b.d.add(out, Pair{Key: key.Value, Pos: pos, Value: v}, seen)
	}
	for _, m := range merged { // keys that are written here win over merged ones
		maps := m.Items
		if m.Kind == Map {
			maps = []*Value{m}
		}
		if m.Kind != Map && m.Kind != List {
			b.d.fail("C001", m.Pos, "<< must be followed by an alias of a map", "", "")
		}
		for _, from := range maps {
			for _, p := range from.Pairs {
				if _, own := seen[p.Key]; !own {
					seen[p.Key] = p.Pos
					out.Pairs = append(out.Pairs, p)
				}
			}
		}
	}
}

func (b *yamlBuilder) scalar(out *Value, n *yaml.Node) {
	out.Text = n.Value
	switch n.ShortTag() {
	case "!!null":
		out.Kind = Null
	case "!!bool":
		out.Kind, out.Bool = Bool, strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			b.d.fail("C001", out.Pos, "this number cannot be read", err.Error(), "")
			return
		}
		switch x := v.(type) {
		case int:
			out.Kind, out.Int = Int, int64(x)
		case int64:
			out.Kind, out.Int = Int, x
		case float64:
			out.Kind, out.Float = Float, x
			if math.IsNaN(x) || math.IsInf(x, 0) {
				b.d.fail("C001", out.Pos, "this is not a number that can be used", "", "")
			}
		case uint64:
			out.Kind, out.Float = Float, float64(x)
		default:
			out.Kind = String
		}
	case "!!str", "!!timestamp", "!!merge": // dates are text in YAML 1.2
		out.Kind = String
	default:
		b.d.fail("C001", out.Pos, "this tag is not known here", "", "remove it; text that begins with ! needs quotes")
	}
}

// yamlPosition finds where the node ends, which the library does not tell.
func (d *Document) yamlPosition(n *yaml.Node) diag.Position {
	// An empty value at the end may lie behind the last line.
	p := diag.Position{File: d.Name, Line: min(max(n.Line, 1), len(d.lines)), Column: max(n.Column, 1)}
	if n.Kind != yaml.ScalarNode || p.Line != n.Line {
		return p
	}
	runes := d.runesOf(n.Line)
	if n.Column < 1 || n.Column > len(runes) {
		return p
	}
	rest := runes[n.Column-1:]
	if q := rest[0]; q == '"' || q == '\'' {
		for i := 1; i < len(rest); i++ {
			switch {
			case q == '"' && rest[i] == '\\', q == '\'' && rest[i] == q && i+1 < len(rest) && rest[i+1] == q:
				i++
			case rest[i] == q:
				p.EndColumn = n.Column + i + 1
				return p
			}
		}
		return p
	}
	value := []rune(n.Value)
	if len(value) > 0 && len(value) <= len(rest) && slices.Equal(rest[:len(value)], value) {
		p.EndColumn = n.Column + len(value)
	}
	return p
}

// explainYAML turns the parser's error into what a person did.
func (d *Document) explainYAML(err error) {
	var le *yaml.LoadError
	var les *yaml.LoadErrors
	if errors.As(err, &les) && len(les.Errors) > 0 {
		le = les.Errors[0]
	} else if !errors.As(err, &le) {
		d.fail("C001", diag.Position{File: d.Name}, "this file is not YAML: "+err.Error(), "", "")
		return
	}
	line := min(max(le.Mark.Line, 1), len(d.lines))
	text := d.lines[line-1]
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		d.fail("C001", diag.Position{File: d.Name, Line: line, Column: tab + 1}, "a tab is used to indent this line", "YAML allows only spaces there", "replace each tab with two spaces")
		return
	}
	if n, column, ok := d.openQuote(line, " #"); ok && !strings.HasPrefix(strings.TrimSpace(d.lines[n-1]), "#") {
		d.fail("C001", diag.Position{File: d.Name, Line: n, Column: column, EndColumn: column + 1}, "a double quote is opened here and never closed on this line", "", "close the quote at the end of the value")
		return
	}
	pos := diag.Position{File: d.Name, Line: line, Column: max(1, le.Mark.Column)}
	why := ""
	if le.ContextMark.Line > 0 && le.ContextMsg != "" {
		why = fmt.Sprintf("%s that starts on line %d, column %d", le.ContextMsg, le.ContextMark.Line, le.ContextMark.Column)
	}
	message := orText(le.Message, "it cannot be read")
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		d.fail("C001", pos, "a colon followed by a space is not expected here", "text with a colon in it needs quotes; or the line before is indented differently", "put quotes around the text, or line this key up with its neighbours")
	case strings.Contains(message, "did not find expected key"):
		d.fail("C001", pos, "this line is indented differently from its neighbours", why, "line it up with the keys it belongs to")
	case strings.Contains(message, "did not find expected ',' or"):
		d.fail("C001", pos, "a comma or a closing bracket is missing before this", why, "")
	case strings.Contains(message, "unknown anchor"):
		d.fail("C001", pos, "this alias has no anchor", "text that begins with * is an alias", "put quotes around the text")
	case strings.Contains(message, "multiple documents"), strings.Contains(message, "expected single document"):
		d.fail("C001", pos, "there is a second document in this file", "", "keep one, without a line of ---")
	default:
		d.fail("C001", pos, "this is not YAML: "+message, why, "")
	}
}
