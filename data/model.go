package data

import (
	"errors"
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
	byLength [maxName + 1][]uint8 // columns that JSON may have, by the lengths of their names
	required Mask                 // has to be given when a row is made
	writable Mask                 // may be given by JSON
	visible  Mask                 // leaves in JSON
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

// Decode reads a row from a JSON object, in one pass that also checks it: columns that
// are not given get their defaults, those set by the service are ignored. The error is
// a *[SyntaxError] when it is no JSON object, and a *[ValidationError] with everything
// that is wrong else.
func (m *Model[T]) Decode(body []byte) (*T, error) {
	row := new(T)
	if err := m.schema.decodeNew(body, rowOf(row)); err != nil {
		return nil, err
	}
	return row, nil
}

// DecodePatch reads those fields of a row that a JSON object has, and leaves the others
// as they are; only what is given is required to be right. After an error the row is
// not to be used. What it says of errors is as with Decode.
func (m *Model[T]) DecodePatch(body []byte, row *T) (given Mask, err error) {
	if given, err = m.schema.decodePatch(body, rowOf(row)); err != nil {
		return 0, err
	}
	return given, m.schema.checkRules(rowOf(row))
}

// Validate checks a row that was made in Go: it trims text, cuts times to
// milliseconds, and gives what is null, an empty text or a zero time its default. The
// error is a *[ValidationError].
func (m *Model[T]) Validate(row *T) error {
	if found := m.schema.check(rowOf(row), m.schema.All()); found != nil {
		return &ValidationError{found}
	}
	return m.schema.checkRules(rowOf(row))
}

// ValidateData is Decode with its result in the shape that the JavaScript framework had.
func (m *Model[T]) ValidateData(body []byte) Result[T] {
	row := new(T)
	err := m.schema.decodeNew(body, rowOf(row))
	r := newResult[T](err)
	var broken *SyntaxError
	if !errors.As(err, &broken) {
		r.Data, r.json = row, func() []byte { return m.AppendJSON(nil, row, m.schema.All()) }
	}
	return r
}
