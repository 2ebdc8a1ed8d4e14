package source

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// The limits of one file. A file beyond them is refused with a finding; they are
// far above any real configuration and keep alias bombs and deep nesting cheap.
const (
	MaxBytes   = 1 << 20
	MaxDepth   = 64
	MaxValues  = 100_000
	MaxAliases = 1_000
)

// Document is one file that was read.
type Document struct {
	Name string // as it appears in positions
	Root *Value // nil when the file could not be parsed

	lines  []string
	starts []int // offset of each line
	hidden []diag.Position
	values int
	found  []diag.Finding

	// Where the last column was counted: positions are asked for in order, and
	// minified files are one long line.
	counted struct{ line, offset, column int }
	runes   struct { // of the line that was asked for last
		line int
		text []rune
	}
}

// Parse reads a file by the ending of its name: .yaml and .yml, .toml, .json and
// .jsonc (comments and trailing commas are allowed in both). Problems are findings
// with codes C001, C003 and C005; Root is nil when one of them is an error.
func Parse(name string, data []byte) (*Document, []diag.Finding) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := &Document{Name: name}
	if len(data) > MaxBytes {
		d.fail("C003", diag.Position{File: name}, fmt.Sprintf("%s has %d bytes, the highest allowed size is %d", name, len(data), MaxBytes),
			"", "split it, or move data that is not configuration elsewhere")
		return d, d.found
	}
	d.split(string(data))
	if i := firstBadUTF8(data); i >= 0 {
		d.fail("C001", d.at(i, i), "this file is not UTF-8 text from here on", "", "save it as UTF-8")
		return d, d.found
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml":
		d.Root = d.parseYAML(data)
	case ".toml":
		d.Root = d.parseTOML(data)
	default:
		d.Root = d.parseJSONC(data)
	}
	d.hideSecrets(d.Root, false)
	if diag.HasErrors(d.found) {
		d.Root = nil
		for i := range d.found { // made before it was known what to hide
			d.found[i].Source = d.Line(d.found[i].Pos.Line)
		}
	}
	return d, d.found
}

// Finding is an error about the place pos of this document, with its excerpt.
func (d *Document) Finding(code string, pos diag.Position, message, why, fix string) diag.Finding {
	return diag.Finding{
		Code: code, Severity: diag.SeverityError, Message: message, Why: why, Fix: fix,
		Pos: pos, Source: d.Line(pos.Line),
	}
}

func (d *Document) fail(code string, pos diag.Position, message, why, fix string) {
	d.found = append(d.found, d.Finding(code, pos, message, why, fix))
}

// Line is line n (from 1) of the file with sensitive values replaced by stars.
func (d *Document) Line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	runes := []rune(d.lines[n-1])
	if d.Root == nil { // not all of the file is in the tree
		runes = []rune(hideByName(d.lines[n-1]))
	}
	for _, h := range d.hidden {
		if h.Line != n || h.Column > len(runes) {
			continue
		}
		from, to := h.Column-1, min(len(runes), h.EndColumn-1)
		if h.EndColumn == 0 {
			to = len(runes)
		} else if to-from >= 2 && strings.ContainsRune(`"'`, runes[from]) {
			from, to = from+1, to-1
		}
		for i := from; i < to; i++ {
			runes[i] = '*'
		}
	}
	return string(runes)
}

// hideByName replaces values by stars in a line of a file that could not be parsed.
func hideByName(line string) string {
	var b strings.Builder
	end := 0
	for _, m := range sensitiveText.FindAllStringSubmatchIndex(line, -1) {
		value := line[m[2]:m[3]]
		if inner := strings.Trim(value, `"'`); reference.MatchString(inner) || strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
			continue
		}
		b.WriteString(line[end:m[2]])
		b.WriteString(strings.Repeat("*", utf8.RuneCountInString(value)))
		end = m[3]
	}
	return secretKey.ReplaceAllStringFunc(b.String()+line[end:], func(s string) string { return strings.Repeat("*", utf8.RuneCountInString(s)) })
}

// Hide replaces what is written at pos by stars in every later excerpt.
func (d *Document) Hide(pos diag.Position) { d.hidden = append(d.hidden, pos) }

// Hidden reports whether the value at pos must not be shown.
func (d *Document) Hidden(pos diag.Position) bool {
	for _, h := range d.hidden {
		if h == pos {
			return true
		}
	}
	return false
}

var (
	sensitiveKey  = lazyregexp.New(`(?i)(token|secret|passw|passphrase|credential|private|accesskey|api_?key|_key$|^key$|connection_?string|dsn$|database_url)`)
	sensitiveText = lazyregexp.New(`(?i)["']?[\w.-]*(?:token|secret|passw|passphrase|credential|private|accesskey|api_?key|_key|connection_?string|dsn|database_url)[\w.-]*["']?\s*[:=]\s*("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"',}\]][^,}\]]*)`)
	secretKey     = lazyregexp.New(`(?:\b(?:sk_(?:live|test)_|rk_(?:live|test)_|whsec_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA[0-9A-Z]{12}|AIza|sk-ant-|npm_)|\bSG\.|-----BEGIN [A-Z ]*PRIVATE KEY)[^\s"',}\]]*`)
	reference     = lazyregexp.New(`^(env|keyring|file|prompt)\b`)
)

// Sensitive reports whether a value called name should be taken for a secret.
func Sensitive(name string) bool { return sensitiveKey.MatchString(name) }

// LooksSecret reports whether a value begins the way a well-known service's secret
// keys do.
func LooksSecret(value string) bool {
	at := secretKey.FindStringIndex(value)
	return at != nil && at[0] == 0
}

// hideSecrets hides the scalars below keys that sound like secrets, unless they
// only say where a secret is kept.
func (d *Document) hideSecrets(v *Value, inSecrets bool) {
	for _, p := range v.Map() {
		number := p.Value.Kind == Int || p.Value.Kind == Float
		scalar := p.Value.Kind == String || number && p.Key == strings.ToUpper(p.Key) // min_length is no secret
		if scalar && p.Key != "secret_name" && (inSecrets || Sensitive(p.Key) || LooksSecret(p.Value.Text)) && !reference.MatchString(p.Value.Text) {
			d.Hide(p.Value.Pos)
		}
		d.hideSecrets(p.Value, p.Key == "secrets")
	}
	for _, item := range v.List() {
		if item.Kind == String && LooksSecret(item.Text) {
			d.Hide(item.Pos)
		}
		d.hideSecrets(item, false)
	}
}

func (d *Document) split(text string) {
	at := 0
	for line := range strings.SplitSeq(text, "\n") {
		d.starts = append(d.starts, at)
		d.lines = append(d.lines, strings.TrimSuffix(line, "\r"))
		at += len(line) + 1
	}
}

// at is the position of the bytes [from, to); a range over several lines has no end.
func (d *Document) at(from, to int) diag.Position {
	line := 0
	for lo, hi := 0, len(d.starts); lo < hi; {
		mid := (lo + hi) / 2
		if d.starts[mid] <= from {
			line, lo = mid, mid+1
		} else {
			hi = mid
		}
	}
	p := diag.Position{File: d.Name, Line: line + 1, Column: d.column(line, from-d.starts[line])}
	if to > from && to-d.starts[line] <= len(d.lines[line]) {
		p.EndColumn = d.column(line, to-d.starts[line])
	}
	return p
}

// column counts the runes of a line before offset, going on from the last count.
func (d *Document) column(line, offset int) int {
	text := d.lines[line]
	offset = min(offset, len(text))
	c := &d.counted
	if c.line != line || c.offset > offset || c.column == 0 {
		c.line, c.offset, c.column = line, 0, 1
	}
	c.column += utf8.RuneCountInString(text[c.offset:offset])
	c.offset = offset
	return c.column
}

// runesOf is a line as runes.
func (d *Document) runesOf(line int) []rune {
	if d.runes.line != line {
		d.runes.line, d.runes.text = line, []rune(d.lines[line-1])
	}
	return d.runes.text
}

// count notes one more value and reports whether the limits still hold.
func (d *Document) count(depth int, pos diag.Position) bool {
	d.values++
	if d.values == MaxValues+1 {
		d.fail("C003", pos, fmt.Sprintf("%s has more than %d values", d.Name, MaxValues), "aliases are counted as often as they are used", "write it without repeating so much")
	}
	if depth == MaxDepth+1 && d.values <= MaxValues {
		d.fail("C003", pos, fmt.Sprintf("this is nested more than %d levels deep", MaxDepth), "", "")
	}
	return d.values <= MaxValues && depth <= MaxDepth
}

// add puts a pair into a map, or reports the key as written twice.
func (d *Document) add(m *Value, p Pair, seen map[string]diag.Position) {
	if first, twice := seen[p.Key]; twice {
		if Sensitive(p.Key) {
			d.Hide(p.Value.Pos)
		}
		d.fail("C005", p.Pos, fmt.Sprintf("the key %q is written twice", p.Key), "first written at "+first.String(), "remove one of the two")
		return
	}
	seen[p.Key] = p.Pos
	m.Pairs = append(m.Pairs, p)
}

// tooDeep reports the offset where brackets are open more than limit times. It does
// not know strings: it only keeps recursive parsers from running out of stack.
func tooDeep(data []byte, limit int) (offset int, deep bool) {
	open := 0
	for i, c := range data {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		}
		if open > limit {
			return i, true
		}
	}
	return 0, false
}

func firstBadUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func (d *Document) empty() *Value {
	return &Value{Kind: Null, Pos: diag.Position{File: d.Name, Line: 1, Column: 1}}
}

func orText(s, otherwise string) string { return cmp.Or(strings.TrimSpace(s), otherwise) }
