package data

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Table is the type of a blank field whose tag says what the whole table is called and
// which indexes over several columns it has:
//
//	_ data.Table `data:"users,index=org_id+created_at,unique=org_id+slug"`
//
// With the option database=NAME the table is in the D1 database of that binding. The
// table of a struct without such a field is the struct's name in lower case.
type Table struct{}

// Options are what a struct cannot say with tags.
type Options[T any] struct {
	// Rules are checked when each field for itself is right.
	Rules []Rule[T]
	// Patterns are for the option pattern=NAME, beside the built-in ones.
	Patterns map[string]func(string) bool
}

// Rule is a condition on a whole row.
type Rule[T any] struct {
	Name  string
	Field string // the column that a violation is told of; "" is "_custom"
	// Check returns nil when the row is as it should be, else what is wrong, which the
	// client reads. A panic of it is told as CUSTOM_RULE_ERROR. The row is not to be
	// changed.
	Check func(row *T) error
}

// Model is a model whose rows are of the Go type T. It is safe for concurrent use.
type Model[T any] struct{ schema *Schema }

// Schema is a model without its Go type. It is not to be changed.
type Schema struct {
	Name      string     `json:"name"` // of the Go type
	Table     string     `json:"table"`
	Database  string     `json:"database,omitempty"` // the binding of the D1 database; "" when the service has one
	Columns   []Column   `json:"columns"`
	Indexes   []Index    `json:"indexes,omitempty"`
	Relations []Relation `json:"relations,omitempty"`
	// Columns with a meaning, by number; -1 when there is none.
	Key     int `json:"key"`     // the primary key
	Created int `json:"created"` // set when a row is made
	Updated int `json:"updated"` // set at every change
	Version int `json:"version"` // counts the changes, for optimistic locking
	Deleted int `json:"deleted"` // set instead of deleting the row

	typ      reflect.Type
	byName   map[string]int
	required Mask // has to be given when a row is made
	writable Mask // may be given by JSON
	visible  Mask // leaves in JSON
	rules    []rule
}

type rule struct {
	name, field string
	check       func(row unsafe.Pointer) error
}

// Define makes the model of T. It panics when the struct or the options are wrong:
// models are made when a program starts.
func Define[T any](o Options[T]) *Model[T] {
	t := reflect.TypeFor[T]()
	s := define(t, o.Patterns)
	for _, r := range o.Rules {
		if r.Name == "" || r.Check == nil {
			panic(fmt.Sprintf("data: a rule of %s needs a name and a check", t))
		}
		if _, ok := s.byName[r.Field]; !ok && r.Field != "" {
			panic(fmt.Sprintf("data: the rule %q of %s is about %q, which is none of its columns", r.Name, t, r.Field))
		}
		s.rules = append(s.rules, rule{r.Name, r.Field, func(row unsafe.Pointer) error { return r.Check((*T)(row)) }})
	}
	announce(s)
	return &Model[T]{s}
}

// Schema is the model without its Go type.
func (m *Model[T]) Schema() *Schema { return m.schema }

// Column is the number of the column called name.
func (s *Schema) Column(name string) (i int, ok bool) {
	i, ok = s.byName[name]
	return i, ok
}

// Relation is the relation called name, nil when there is none.
func (s *Schema) Relation(name string) *Relation {
	for i := range s.Relations {
		if s.Relations[i].Name == name {
			return &s.Relations[i]
		}
	}
	return nil
}

// All are all columns.
func (s *Schema) All() Mask { return 1<<len(s.Columns) - 1 }

// Visible are the columns that leave in JSON.
func (s *Schema) Visible() Mask { return s.visible }

// AppendJSON appends a row as a JSON object: of its columns those in fields that are
// not hidden, and the relations that are loaded.
func (m *Model[T]) AppendJSON(b []byte, row *T, fields Mask) []byte {
	return m.schema.appendJSON(b, rowOf(row), fields)
}
