// Package source reads YAML, TOML and JSONC into one tree of values, in which
// every key and every value knows where it was written.
package source

import "github.com/tamylaa/clodo/diag"

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

// Value is one node of the tree. Only the fields of its Kind are set.
type Value struct {
	Kind  Kind
	Pos   diag.Position
	Bool  bool
	Int   int64
	Float float64
	Text  string // String and Time; for numbers as written
	Items []*Value
	Pairs []Pair // in the order of the file
}

// Pair is one key of a Map with its value.
type Pair struct {
	Key   string
	Pos   diag.Position // of the key
	Value *Value
}
