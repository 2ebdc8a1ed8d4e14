// Package source reads YAML, TOML and JSONC into one tree of values, in which
// every key and every value knows where it was written.
package source

import (
	"github.com/tamylaa/clodo/diag"
)

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. Time is a TOML date or time, kept as it was written.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Time
	List
	Map
)

// String names the kind as people do: "text", "a number".
func (k Kind) String() string {
	return [...]string{"empty", "true or false", "a number", "a number", "text", "a date", "a list", "a map"}[k]
}

// Value is one node of the tree. Only the fields of its Kind are set. All methods
// accept a nil Value, which behaves as a value that is not there.
type Value struct {
	Kind  Kind
	Pos   diag.Position
	Bool  bool
	Int   int64
	Float float64
	Text  string // String and Time; Bool and numbers as written
	Items []*Value
	Pairs []Pair // in the order of the file; keys are unique
}

// Pair is one key of a Map with its value.
type Pair struct {
	Key   string
	Pos   diag.Position // of the key
	Value *Value
}

// Pair is the entry of key, or nil.
func (v *Value) Pair(key string) *Pair {
	if v == nil {
		return nil
	}
	for i := range v.Pairs {
		if v.Pairs[i].Key == key {
			return &v.Pairs[i]
		}
	}
	return nil
}

// Get is the value at a path of keys, or nil.
func (v *Value) Get(path ...string) *Value {
	for _, key := range path {
		p := v.Pair(key)
		if p == nil {
			return nil
		}
		v = p.Value
	}
	return v
}

// Has reports whether the key was written, even with an empty value.
func (v *Value) Has(key string) bool { return v.Pair(key) != nil }

// Str is the text of a String, else "".
func (v *Value) Str() string {
	if v == nil || v.Kind != String {
		return ""
	}
	return v.Text
}

// True reports whether v is the Bool true.
func (v *Value) True() bool { return v != nil && v.Kind == Bool && v.Bool }

// List is the items of a List, else nothing.
func (v *Value) List() []*Value {
	if v == nil {
		return nil
	}
	return v.Items
}

// Map is the pairs of a Map, else nothing.
func (v *Value) Map() []Pair {
	if v == nil {
		return nil
	}
	return v.Pairs
}

// Keys are the keys of a Map in the order of the file.
func (v *Value) Keys() []string {
	var keys []string
	for _, p := range v.Map() {
		keys = append(keys, p.Key)
	}
	return keys
}

// At is the position of v; the zero Position for a value that is not there.
func (v *Value) At() diag.Position {
	if v == nil {
		return diag.Position{}
	}
	return v.Pos
}

// Any is the value as encoding/json would decode it, with int64 for whole numbers.
func (v *Value) Any() any {
	if v == nil {
		return nil
	}
	switch v.Kind {
	case Bool:
		return v.Bool
	case Int:
		return v.Int
	case Float:
		return v.Float
	case String, Time:
		return v.Text
	case List:
		list := make([]any, len(v.Items))
		for i, item := range v.Items {
			list[i] = item.Any()
		}
		return list
	case Map:
		m := make(map[string]any, len(v.Pairs))
		for _, p := range v.Pairs {
			m[p.Key] = p.Value.Any()
		}
		return m
	}
	return nil
}
