package source

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

func (d *Document) parseJSONC(data []byte) *Value {
	if i, deep := tooDeep(data, 10*MaxDepth); deep {
		d.fail("C003", d.at(i, i+1), fmt.Sprintf("this is nested more than %d levels deep", MaxDepth), "", "")
		return nil
	}
	if strings.TrimSpace(string(data)) == "" {
		return d.empty()
	}
	root, err := hujson.Parse(data)
	if err != nil {
		d.explainJSON(err)
		return nil
	}
	return d.jsonValue(&root, 1)
}

func (d *Document) jsonValue(v *hujson.Value, depth int) *Value {
	end := v.StartOffset // of a map or list; a long one ends far away
	if _, scalar := v.Value.(hujson.Literal); scalar {
		end = v.EndOffset
	}
	out := &Value{Pos: d.at(v.StartOffset, end)}
	if !d.count(depth, out.Pos) {
		return out
	}
	switch value := v.Value.(type) {
	case *hujson.Object:
		out.Kind = Map
		seen := map[string]diag.Position{}
		for i := range value.Members {
			m := &value.Members[i]
			name, _ := m.Name.Value.(hujson.Literal)
			pair := Pair{Key: name.String(), Pos: d.at(m.Name.StartOffset, m.Name.EndOffset)}
			pair.Value = d.jsonValue(&m.Value, depth+1)
			d.add(out, pair, seen)
		}
	case *hujson.Array:
		out.Kind = List
		for i := range value.Elements {
			out.Items = append(out.Items, d.jsonValue(&value.Elements[i], depth+1))
		}
	case hujson.Literal:
		d.jsonLiteral(out, value)
	}
	return out
}

func (d *Document) jsonLiteral(out *Value, lit hujson.Literal) {
	switch lit.Kind() {
	case 't', 'f':
		out.Kind, out.Bool, out.Text = Bool, lit.Bool(), string(lit)
	case '"':
		out.Kind, out.Text = String, lit.String()
	case '0':
		out.Text = string(lit)
		if n, err := strconv.ParseInt(out.Text, 10, 64); err == nil {
			out.Kind, out.Int = Int, n
			return
		}
		out.Kind = Float
		f, err := strconv.ParseFloat(out.Text, 64)
		if err != nil {
			d.fail("C001", out.Pos, "this number is too large", "", "")
		}
		out.Float = f
	}
}

var (
	jsonError   = lazyregexp.New(`^hujson: line (\d+), column (\d+): (?s)(.*)$`)
	jsonBadChar = lazyregexp.New(`^invalid character (.+?) (after|at|in|before|looking).*$`)
	// quoted string contents, so that odd quotes can be counted
	jsonString = lazyregexp.New(`"(?:[^"\\]|\\.)*"`)
)

// explainJSON turns the parser's error into what a person did.
func (d *Document) explainJSON(err error) {
	m := jsonError.FindStringSubmatch(err.Error())
	if m == nil {
		d.fail("C001", diag.Position{File: d.Name}, "this file is not JSON: "+err.Error(), "", "")
		return
	}
	line, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	line = min(max(line, 1), len(d.lines))
	pos := d.at(min(d.starts[line-1]+column-1, d.starts[line-1]+len(d.lines[line-1])), 0)
	if n, col, ok := d.openQuote(line, `//`); ok {
		d.fail("C001", diag.Position{File: d.Name, Line: n, Column: col, EndColumn: col + 1}, "a double quote is opened here and never closed on this line", "", "close the quote at the end of the value")
		return
	}
	reason := m[3]
	switch {
	case strings.Contains(reason, "unexpected EOF"):
		d.fail("C001", pos, "the file ends before everything that was opened is closed", d.whatIsOpen(), "close it with the matching } or ]")
	case strings.Contains(reason, "after object value"), strings.Contains(reason, "after array value"):
		d.fail("C001", pos, "a comma is missing before this", "", "put a comma after the value before it")
	case strings.Contains(reason, "after object name"):
		d.fail("C001", pos, "a colon is missing before this", "", "write \"name\": value")
	case strings.Contains(reason, "start of object name"), strings.Contains(reason, "invalid literal"), strings.Contains(reason, "at start of object"):
		d.fail("C001", pos, "a name or text in JSON stands in double quotes", "", "put double quotes around it")
	case strings.Contains(reason, "after top-level value"):
		d.fail("C001", pos, "there is something after the end of the file's value", "", "remove what follows the last }")
	default:
		if c := jsonBadChar.FindStringSubmatch(reason); c != nil {
			reason = "the character " + c[1] + " cannot stand here"
		}
		d.fail("C001", pos, "this is not JSON: "+reason, "", "")
	}
}

// openQuote looks back from line for the first one with an odd number of double
// quotes: parsers report where they gave up, not where the mistake is.
func (d *Document) openQuote(line int, comment string) (n, column int, ok bool) {
	for i, text := range d.lines[:line] {
		rest := jsonString.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) })
		if cut, _, found := strings.Cut(rest, comment); found {
			rest = cut
		}
		if at := strings.IndexByte(rest, '"'); at >= 0 {
			return i + 1, len([]rune(text[:at])) + 1, true
		}
	}
	return 0, 0, false
}

// whatIsOpen names the last bracket that has no partner.
func (d *Document) whatIsOpen() string {
	type open struct {
		c    byte
		line int
	}
	var stack []open
	for i, text := range d.lines {
		text = jsonString.ReplaceAllString(text, "")
		text, _, _ = strings.Cut(text, "//")
		for _, c := range []byte(text) {
			switch c {
			case '{', '[':
				stack = append(stack, open{c, i + 1})
			case '}', ']':
				stack = stack[:max(0, len(stack)-1)]
			}
		}
	}
	if len(stack) == 0 {
		return ""
	}
	last := stack[len(stack)-1]
	return fmt.Sprintf("the %c on line %d is still open", last.c, last.line)
}
