package project

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed wrangler.keys
var wranglerKeysText string

// reach says what becomes of a wrangler key in an environment.
type reach string

const (
	inherited reach = "inherited"
	ownOnly   reach = "own"
	topOnly   reach = "top"
)

// wranglerKey is one line of wrangler.keys.
type wranglerKey struct {
	name  string
	reach reach
	shape shape
}

// wranglerKeys is the table of every key that wrangler knows, in the file's order.
var wranglerKeys = sync.OnceValue(func() []wranglerKey {
	var keys []wranglerKey
	for line := range strings.Lines(wranglerKeysText) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] == "#" {
			continue
		}
		p := shapeParser{rest: strings.Join(fields[2:], " ")}
		keys = append(keys, wranglerKey{name: fields[1], reach: reach(fields[0]), shape: p.union()})
	}
	return keys
})

// keyNames are the keys that may stand at the top level, or inside an environment.
func keyNames(inEnvironment bool) []string {
	var names []string
	for _, k := range wranglerKeys() {
		if !inEnvironment || k.reach != topOnly {
			names = append(names, k.name)
		}
	}
	return names
}

func wranglerKeyOf(name string) (wranglerKey, bool) {
	keys := wranglerKeys()
	i := slices.IndexFunc(keys, func(k wranglerKey) bool { return k.name == name })
	if i < 0 {
		return wranglerKey{}, false
	}
	return keys[i], true
}

// shape is what a value may look like; exactly one of the fields says it.
type shape struct {
	word   string  // text, bool, number, any, null
	words  []any   // the values it may have
	items  *shape  // a list
	fields []field // a map
	oneOf  []shape
	isMap  bool
}

type field struct {
	name     string // "*" is every other name
	required bool
	shape    shape
}

// named is the fields that have a name.
func (s shape) named() []string {
	var names []string
	for _, f := range s.fields {
		if f.name != "*" {
			names = append(names, f.name)
		}
	}
	return names
}

func (s shape) field(name string) (shape, bool) {
	for _, f := range s.fields {
		if f.name == name || f.name == "*" {
			return f.shape, true
		}
	}
	return shape{}, false
}

// shapeParser reads the notation of wrangler.keys. The table is part of the
// program, so a mistake in it is a bug and panics.
type shapeParser struct{ rest string }

func (p *shapeParser) next(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	if strings.HasPrefix(p.rest, token) {
		p.rest = p.rest[len(token):]
		return true
	}
	return false
}

func (p *shapeParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexAny(p.rest, " ,:!|[]{}")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

func (p *shapeParser) union() shape {
	all := []shape{p.one()}
	for p.next("|") {
		all = append(all, p.one())
	}
	var words []any
	var rest []shape
	for _, s := range all {
		if s.words != nil {
			words = append(words, s.words...)
		} else {
			rest = append(rest, s)
		}
	}
	switch {
	case len(rest) == 0:
		return shape{words: words}
	case words != nil:
		rest = append(rest, shape{words: words})
	}
	if len(rest) == 1 {
		return rest[0]
	}
	return shape{oneOf: rest}
}

func (p *shapeParser) one() shape {
	switch {
	case p.next("["):
		items := p.union()
		p.must("]")
		return shape{items: &items}
	case p.next("{"):
		s := shape{isMap: true}
		for !p.next("}") {
			f := field{name: p.word()}
			f.required = p.next("!")
			p.must(":")
			f.shape = p.union()
			s.fields = append(s.fields, f)
			p.next(",")
		}
		return s
	}
	w := p.word()
	if text, err := strconv.Unquote(w); err == nil {
		return shape{words: []any{text}}
	}
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		return shape{words: []any{n}}
	}
	if !slices.Contains([]string{"text", "bool", "number", "any", "null"}, w) {
		panic(fmt.Sprintf("wrangler.keys: %q is not a shape, before %q", w, p.rest))
	}
	return shape{word: w}
}

func (p *shapeParser) must(token string) {
	if !p.next(token) {
		panic(fmt.Sprintf("wrangler.keys: %q is missing before %q", token, p.rest))
	}
}
