package source

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/tamylaa/clodo/diag"
)

func (d *Document) parseTOML(data []byte) *Value {
	if i, deep := tooDeep(data, 10*MaxDepth); deep {
		d.fail("C003", d.at(i, i+1), fmt.Sprintf("this is nested more than %d levels deep", MaxDepth), "", "")
		return nil
	}
	b := tomlBuilder{d: d, closed: map[*Value]bool{}, headed: map[*Value]diag.Position{}, dotted: map[*Value]bool{}}
	b.root = &Value{Kind: Map, Pos: diag.Position{File: d.Name, Line: 1, Column: 1}}
	b.table = b.root
	b.p.Reset(data)
	for b.p.NextExpression() {
		e := b.p.Expression()
		switch e.Kind {
		case unstable.Table:
			b.header(b.keys(e.Key()), false)
		case unstable.ArrayTable:
			b.header(b.keys(e.Key()), true)
		case unstable.KeyValue:
			b.keyValue(b.table, e, b.depth+1)
		}
	}
	if err := b.p.Error(); err != nil {
		d.explainTOML(&b.p, err)
		return nil
	}
	return b.root
}

// tomlBuilder follows TOML's rules about which table may be opened or extended.
type tomlBuilder struct {
	d      *Document
	p      unstable.Parser
	root   *Value
	table  *Value // that key = value lines go to
	depth  int
	closed map[*Value]bool          // inline tables and arrays: complete as written
	headed map[*Value]diag.Position // tables with a [header] of their own
	dotted map[*Value]bool          // tables made by dotted keys
}

type tomlKey struct {
	text string
	pos  diag.Position
	end  int // offset after the key
}

func (b *tomlBuilder) keys(it unstable.Iterator) []tomlKey {
	var keys []tomlKey
	for it.Next() {
		n := it.Node()
		from := int(n.Raw.Offset)
		to := from + int(n.Raw.Length)
		keys = append(keys, tomlKey{string(n.Data), b.d.at(from, to), to})
	}
	return keys
}

// step goes from a table to its member called k, making it when it is missing.
func (b *tomlBuilder) step(at *Value, k tomlKey, depth int) *Value {
	p := at.Pair(k.text)
	if p == nil {
		next := &Value{Kind: Map, Pos: k.pos}
		if !b.d.count(depth, k.pos) {
			return nil
		}
		at.Pairs = append(at.Pairs, Pair{Key: k.text, Pos: k.pos, Value: next})
		return next
	}
	next := p.Value
	if next.Kind == List && !b.closed[next] && len(next.Items) > 0 {
		next = next.Items[len(next.Items)-1] // the last [[table]]
	}
	if next.Kind != Map || b.closed[next] {
		b.twice(k, p.Pos)
		return nil
	}
	return next
}

func (b *tomlBuilder) twice(k tomlKey, first diag.Position) {
	b.d.fail("C005", k.pos, fmt.Sprintf("the key %q is written twice", k.text), "first written at "+first.String(), "remove one of the two")
}

func (b *tomlBuilder) header(keys []tomlKey, array bool) {
	at := b.root
	b.table = &Value{Kind: Map} // lines below a refused header go nowhere
	b.depth = len(keys)
	for i, k := range keys[:len(keys)-1] {
		if at = b.step(at, k, i+2); at == nil {
			return
		}
	}
	k := keys[len(keys)-1]
	old := at.Pair(k.text)
	switch {
	case array && old == nil:
		list := &Value{Kind: List, Pos: k.pos}
		at.Pairs = append(at.Pairs, Pair{Key: k.text, Pos: k.pos, Value: list})
		b.appendTable(list, k)
	case array && old.Value.Kind == List && !b.closed[old.Value]:
		b.appendTable(old.Value, k)
	case array:
		b.twice(k, old.Pos)
	default:
		t := b.step(at, k, len(keys)+1)
		if t == nil {
			return
		}
		if old != nil && old.Value.Kind == List {
			b.twice(k, old.Pos)
			return
		}
		if first, again := b.headed[t]; again {
			b.twice(k, first)
			return
		}
		if b.dotted[t] {
			b.twice(k, old.Pos)
			return
		}
		b.headed[t] = k.pos
		b.table = t
	}
}

func (b *tomlBuilder) appendTable(list *Value, k tomlKey) {
	t := &Value{Kind: Map, Pos: k.pos}
	if b.d.count(b.depth+1, k.pos) {
		list.Items = append(list.Items, t)
		b.table = t
	}
}

func (b *tomlBuilder) keyValue(into *Value, e *unstable.Node, depth int) {
	keys := b.keys(e.Key())
	at := into
	for i, k := range keys[:len(keys)-1] {
		known := at.Pair(k.text)
		if at = b.step(at, k, depth+i); at == nil {
			return
		}
		if _, headed := b.headed[at]; headed {
			b.twice(k, known.Pos)
			return
		}
		b.dotted[at] = true
	}
	k := keys[len(keys)-1]
	if old := at.Pair(k.text); old != nil {
		b.twice(k, old.Pos)
		return
	}
	v := b.value(e.Value(), depth+len(keys), b.afterEquals(k.end))
	at.Pairs = append(at.Pairs, Pair{Key: k.text, Pos: k.pos, Value: v})
}

// afterEquals is where a value starts: arrays do not know it themselves.
func (b *tomlBuilder) afterEquals(end int) diag.Position {
	data := b.p.Data()
	for end < len(data) && strings.IndexByte(" \t=", data[end]) >= 0 {
		end++
	}
	return b.d.at(end, end+1)
}

func (b *tomlBuilder) value(n *unstable.Node, depth int, start diag.Position) *Value {
	v := &Value{Pos: start}
	raw := n.Raw
	if raw.Length == 0 && len(n.Data) > 0 && n.Kind != unstable.String {
		raw = b.p.Range(n.Data)
	}
	if raw.Length > 0 && n.Kind != unstable.Array && n.Kind != unstable.InlineTable {
		v.Pos = b.d.at(int(raw.Offset), int(raw.Offset+raw.Length))
	}
	if n.Kind == unstable.Array || n.Kind == unstable.InlineTable {
		v.Pos.EndColumn = 0
	}
	if !b.d.count(depth, v.Pos) {
		return v
	}
	v.Text = string(n.Data)
	switch n.Kind {
	case unstable.String:
		v.Kind = String
	case unstable.Bool:
		v.Kind, v.Bool = Bool, v.Text == "true"
	case unstable.Integer:
		b.integer(v)
	case unstable.Float:
		v.Kind = Float
		f, err := strconv.ParseFloat(strings.ReplaceAll(v.Text, "_", ""), 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			b.d.fail("C001", v.Pos, "this is not a number that can be used", "", "")
		}
		v.Float = f
	case unstable.Array:
		v.Kind, v.Text = List, ""
		b.closed[v] = true
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				v.Items = append(v.Items, b.value(it.Node(), depth+1, start))
			}
		}
	case unstable.InlineTable:
		v.Kind, v.Text = Map, ""
		if raw.Length > 0 {
			v.Pos = b.d.at(int(raw.Offset), int(raw.Offset))
		}
		for it := n.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				b.keyValue(v, it.Node(), depth+1)
			}
		}
		b.closed[v] = true
	default:
		v.Kind = Time
	}
	return v
}

func (b *tomlBuilder) integer(v *Value) {
	text := strings.ReplaceAll(v.Text, "_", "")
	digits, base := strings.TrimPrefix(text, "+"), 10
	if len(text) > 2 && text[0] == '0' {
		base = 0
	}
	n, err := strconv.ParseInt(digits, base, 64)
	if err != nil {
		b.d.fail("C001", v.Pos, "this number is too large", "", "")
	}
	v.Kind, v.Int = Int, n
}

// explainTOML turns the parser's error into what a person did.
func (d *Document) explainTOML(p *unstable.Parser, err error) {
	var pe *unstable.ParserError
	if !errors.As(err, &pe) {
		d.fail("C001", diag.Position{File: d.Name}, "this file is not TOML: "+err.Error(), "", "")
		return
	}
	from := 0
	if len(pe.Highlight) > 0 {
		from = int(p.Range(pe.Highlight).Offset)
	} else {
		from = max(0, len(p.Data())-1)
	}
	pos := d.at(from, from+1)
	if strings.Contains(pe.Message, "string") || strings.Contains(pe.Message, "newline") {
		if n, column, ok := d.openQuote(pos.Line, "#"); ok && !strings.Contains(d.lines[n-1], `"""`) {
			d.fail("C001", diag.Position{File: d.Name, Line: n, Column: column, EndColumn: column + 1}, "a double quote is opened here and never closed on this line", "", "close the quote at the end of the value")
			return
		}
	}
	d.fail("C001", pos, "this is not TOML: "+pe.Message, "", "text stands in double quotes, and each setting on a line of its own")
}
