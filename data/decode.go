package data

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"
	"unsafe"
)

// maxErrors is how many errors are told of one row.
const maxErrors = 100

// decoder reads a JSON object into a row and checks it on the way.
type decoder struct {
	scanner
	schema *Schema
	row    unsafe.Pointer
	seen   Mask // columns whose keys were there
	given  Mask // of them those that are taken from JSON
	wrong  Mask // of them those with errors

	// What is wrong: first what is missing, then the fields in the order of the model,
	// and at last those that it does not have. Clients send fields in any order.
	errors []FieldError
	places []int16 // of each of the errors in that order
	kept   []byte  // a copy of the text, parts of which are values of errors
}

// failed adds an error at its place.
func (d *decoder) failed(place int, e FieldError) {
	switch len(d.errors) {
	case maxErrors:
		return
	case 0:
		d.errors, d.places = make([]FieldError, 0, 8), make([]int16, 0, 8)
	}
	d.errors, d.places = append(d.errors, e), append(d.places, int16(place))
	for i := len(d.places) - 1; i > 0 && d.places[i-1] > d.places[i]; i-- {
		d.errors[i-1], d.errors[i] = d.errors[i], d.errors[i-1]
		d.places[i-1], d.places[i] = d.places[i], d.places[i-1]
	}
}

// newRow is memory for a row.
func (s *Schema) newRow() reflect.Value { return reflect.New(s.typ) }

// decodeNew reads a whole row: what is not given gets its default or is missed.
func (s *Schema) decodeNew(body []byte, row unsafe.Pointer) error {
	d := decoder{scanner: scanner{b: body}, schema: s, row: row}
	if !d.object() {
		return d.broken
	}
	for i := range s.Columns {
		if d.given.Has(i) && !d.wrong.Has(i) {
			continue
		}
		if s.required.Has(i) && !d.given.Has(i) {
			d.failed(i-maxColumns, s.Columns[i].failure(missing, nil))
		} else if s.Columns[i].Default != nil {
			s.setDefault(row, i, time.Now())
		}
	}
	if err := d.err(); err != nil {
		return err
	}
	return s.checkRules(row)
}

// decodePatch reads fields into a row that has the others already. Rules are not
// checked.
func (s *Schema) decodePatch(body []byte, row unsafe.Pointer) (given Mask, err error) {
	d := decoder{scanner: scanner{b: body}, schema: s, row: row}
	if !d.object() {
		return 0, d.broken
	}
	return d.given, d.err()
}

// err is what is wrong.
func (d *decoder) err() error {
	if d.errors == nil {
		return nil
	}
	return &ValidationError{d.errors}
}

// object reads the whole text. It is false when that is no JSON object.
func (d *decoder) object() bool {
	if c := d.space(); c != '{' {
		if c == 0 && d.i == len(d.b) {
			return d.fail("there is nothing")
		}
		if d.skip(0) && d.end() {
			d.i = 0
			return d.fail("this is no object")
		}
		return false
	}
	d.i++
	if d.space() == '}' {
		d.i++
		return d.end()
	}
	next := 0 // most clients send fields in the order in which they got them
	for {
		name, ok := d.name()
		if !ok {
			return false
		}
		i := d.schema.find(name, next)
		switch {
		case i < 0:
			if ok = d.unknown(name); !ok {
				return false
			}
		case d.seen.Has(i):
			return d.fail("a key is there twice: " + d.schema.Columns[i].Name)
		default:
			next = i + 1
			if !d.member(i) {
				return false
			}
		}
		switch d.space() {
		case ',':
			d.i++
		case '}':
			d.i++
			return d.end()
		default:
			return d.fail("a comma or } is missing")
		}
	}
}

// find is the number of the column called name, -1 when JSON may not have it. The
// column next is looked at first.
func (s *Schema) find(name []byte, next int) int {
	if next < len(s.Columns) && s.Columns[next].Name == string(name) && !s.Columns[next].Hidden {
		return next
	}
	if len(name) < len(s.byLength) {
		for _, i := range s.byLength[len(name)] {
			if s.Columns[i].Name == string(name) {
				return int(i)
			}
		}
	}
	return -1
}

// unknown passes a field that the model does not have.
func (d *decoder) unknown(name []byte) bool {
	field := string(name)
	if len(field) > 100 {
		field = field[:100]
	}
	d.space()
	start := d.i
	if !d.skip(1) {
		return false
	}
	d.failed(maxColumns, FieldError{Field: field, Message: "Field '" + field + "' is unknown", Code: UnknownField, Value: d.since(start)})
	return true
}

// since is what was given from start on, as the value of an error.
func (d *decoder) since(start int) json.RawMessage {
	if d.kept == nil {
		d.kept = bytes.Clone(d.b)
	}
	return d.kept[start:d.i:d.i]
}

// member reads the value of column i and checks it. It is false when the JSON breaks
// off; that the value is wrong is an error of the row.
func (d *decoder) member(i int) bool {
	c := &d.schema.Columns[i]
	d.seen = d.seen.With(i)
	first := d.space()
	start := d.i
	if c.ReadOnly {
		return d.skip(1)
	}
	d.given = d.given.With(i)
	p := badType
	switch {
	case first == 'n':
		if !d.word("null") {
			return false
		}
		if p = missing; !c.Required {
			p = fine
			d.schema.setDefaultOrNull(d.row, i)
		}
	case c.Type == JSON:
		if !d.skip(1) {
			return false
		}
		c.field.setBytes(d.row, []byte(string([]rune(view(d.b[start:d.i]))))) // U+FFFD for each byte that is no UTF-8
		p = fine
	case first == '"':
		text, ok := d.text()
		if !ok {
			return false
		}
		p = c.take(d.row, text)
	case first == '-' || digit(first):
		text, whole, ok := d.number()
		if !ok {
			return false
		}
		switch {
		case c.Type == Integer:
			p = c.takeInteger(d.row, text, whole)
		case c.Type == Real:
			p = c.takeReal(d.row, text)
		}
	case first == 't' && c.Type == Boolean:
		if !d.word("true") {
			return false
		}
		c.field.setBool(d.row, true)
		p = fine
	case first == 'f' && c.Type == Boolean:
		if !d.word("false") {
			return false
		}
		c.field.setBool(d.row, false)
		p = fine
	default:
		if !d.skip(1) {
			return false
		}
	}
	if p != fine {
		d.wrong = d.wrong.With(i)
		column := i
		if p == missing {
			column -= maxColumns
		}
		d.failed(column, c.failure(p, d.since(start)))
	}
	return true
}

// setDefaultOrNull is for a null: a column that cannot be null gets its default.
func (s *Schema) setDefaultOrNull(row unsafe.Pointer, i int) {
	if c := &s.Columns[i]; c.Nullable {
		c.field.null(row)
		return
	}
	s.setDefault(row, i, time.Now())
}
