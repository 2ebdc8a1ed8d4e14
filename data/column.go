package data

import (
	"fmt"
	"reflect"
)

// Type is what a column holds.
type Type uint8

// The types of columns, with the Go types of their fields. A pointer to one of these
// is a column that may be null.
const (
	Text     Type = iota // string: characters, without space around them
	Integer              // int, int8 to int64, uint8 to uint32
	Real                 // float32, float64
	Blob                 // []byte: in JSON base64
	Boolean              // bool: in SQLite 0 or 1
	Datetime             // time.Time: in UTC and milliseconds; text such as 2026-01-31T12:00:00.000Z
	JSON                 // json.RawMessage
	UUID                 // string, by the option uuid: in lower case
	Enum                 // string, by the option enum
)

var typeNames = [...]string{"text", "integer", "real", "blob", "boolean", "datetime", "json", "uuid", "enum"}

func (t Type) String() string { return typeNames[t] }

// MarshalText is the name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the name.
func (t *Type) UnmarshalText(text []byte) error {
	for i, name := range typeNames {
		if name == string(text) {
			*t = Type(i)
			return nil
		}
	}
	return fmt.Errorf("there is no column type %q", text)
}

// isText reports whether values are kept as text that was checked by its characters.
func (t Type) isText() bool { return t == Text || t == UUID || t == Enum }

// Column is a column of a model.
type Column struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	Nullable bool     `json:"nullable,omitempty"` // the field is a pointer
	Required bool     `json:"required,omitempty"` // has to be given when a row is made
	Unique   bool     `json:"unique,omitempty"`
	Hidden   bool     `json:"-"`                 // never leaves in JSON, and is not taken from it
	ReadOnly bool     `json:"-"`                 // set by the service: what JSON says of it is ignored
	Default  *string  `json:"default,omitempty"` // as in the tag; "now" of a Datetime is the time of the insert
	Min      *float64 `json:"-"`                 // of the value, or of the length: characters of text, bytes of a blob
	Max      *float64 `json:"-"`
	Pattern  string   `json:"-"`              // the name of a pattern that text has to match
	Values   []string `json:"enum,omitempty"` // of an Enum

	field    field
	matches  func(string) bool // of Pattern
	preset   preset            // the Default
	min, max bounds
	quoted   string // the name for JSON: "name":
	messages [len(problemCodes)]string
}

// preset is a default value, in the one of its parts that the type uses.
type preset struct {
	text   string
	number int64
	real   float64
	flag   bool
	now    bool
}

// bounds is a limit as the type compares it.
type bounds struct {
	set    bool
	whole  int64
	number float64
}

// Mask is a set of columns: bit i stands for Columns[i].
type Mask uint64

// maxColumns is how many columns a Mask has room for.
const maxColumns = 64

// Has reports whether column i is in the set.
func (m Mask) Has(i int) bool { return m&(1<<i) != 0 }

// With is the set and column i.
func (m Mask) With(i int) Mask { return m | 1<<i }

// Without is the set less column i.
func (m Mask) Without(i int) Mask { return m &^ (1 << i) }

// Index is an index over columns of a model.
type Index struct {
	Columns []string `json:"columns"`
	Unique  bool     `json:"unique,omitempty"`
}

// Kind says how rows of two models belong together.
type Kind uint8

// The kinds of relations. Which table has the key is what tells them apart.
const (
	BelongsTo  Kind = iota // this model has the key of one of the other: *T
	HasOne                 // one of the other model has the key of this: *T
	HasMany                // any number of the other model have the key of this: []T
	ManyToMany             // a table between the two has the keys of both: []T
)

var kindNames = [...]string{"belongsTo", "hasOne", "hasMany", "manyToMany"}

func (k Kind) String() string { return kindNames[k] }

// MarshalText is the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("there is no relation %q", text)
}

// Relation is how rows of another model belong to a row of this one. It is loaded into
// a field of the row on demand and is no column.
type Relation struct {
	Name     string  `json:"name"`
	Kind     Kind    `json:"kind"`
	Target   *Schema `json:"-"`
	Key      string  `json:"key"`                // the foreign key: a column of this table (BelongsTo), of the target's, or of Through that points here
	Through  string  `json:"through,omitempty"`  // the table between, of ManyToMany
	OtherKey string  `json:"otherKey,omitempty"` // the column of Through that points at the target
	OnDelete string  `json:"onDelete,omitempty"` // what BelongsTo does when the other row goes: "", "cascade", "set null" or "restrict"

	TargetTable string `json:"targetTable"`
	TargetKey   string `json:"targetKey"`

	offset uintptr
	elem   reflect.Type // the struct of the target
	quoted string
}
