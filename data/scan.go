package data

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"unsafe"
)

// scanRow reads a row as D1 sends it, a JSON array with an element for each of the
// columns in their order, without making values of its elements first.
func (s *Schema) scanRow(row unsafe.Pointer, columns Mask, cells []byte) error {
	r := scanner{b: cells}
	open := byte('[')
	for i := range s.Columns {
		if !columns.Has(i) {
			continue
		}
		if r.space() != open {
			return fmt.Errorf("a row of table %q has too few columns", s.Table)
		}
		r.i++
		open = ','
		if err := s.scanCell(&r, row, i); err != nil {
			return err
		}
	}
	if open == '[' || r.space() != ']' {
		return fmt.Errorf("a row of table %q has other columns than were asked for", s.Table)
	}
	return nil
}

// scanCell reads column i.
func (s *Schema) scanCell(r *scanner, row unsafe.Pointer, i int) error {
	c := &s.Columns[i]
	first := r.space()
	start := r.i
	taken := false
	switch {
	case first == 'n':
		if taken = r.word("null"); taken {
			c.field.null(row)
		}
	case first == '"':
		if text, ok := r.text(); ok {
			taken = c.scanText(row, text)
		}
	case first == '-' || digit(first):
		if text, whole, ok := r.number(); ok {
			taken = c.scanNumber(row, text, whole)
		}
	case first == '[' && c.Type == Blob:
		taken = c.scanOctets(r, row)
	}
	if !taken {
		r.i = start
		r.broken = nil
		r.skip(1)
		return fmt.Errorf("column %q of table %q is of type %s, and the database has %s there", c.Name, s.Table, c.Type, describe(string(r.b[start:r.i])))
	}
	return nil
}

func (c *Column) scanText(row unsafe.Pointer, text []byte) bool {
	switch c.Type {
	case Text, UUID:
		c.field.setText(row, string(text))
	case Enum:
		for _, v := range c.Values {
			if v == string(text) {
				c.field.setText(row, v) // without a copy
				return true
			}
		}
		c.field.setText(row, string(text))
	case Datetime:
		t, ok := parseStored(view(text))
		if ok {
			c.field.setTime(row, t)
		}
		return ok
	case JSON:
		if !isJSON(text) { // it would spoil the answer that it goes into
			return false
		}
		c.field.setBytes(row, append([]byte{}, text...))
	case Blob:
		c.field.setBytes(row, append([]byte{}, text...))
	case Integer: // large ones are sent as text
		return c.scanNumber(row, text, all(string(bytes.TrimPrefix(text, []byte("-"))), digit))
	default:
		return false
	}
	return true
}

func (c *Column) scanNumber(row unsafe.Pointer, text []byte, whole bool) bool {
	switch c.Type {
	case Real:
		v, err := strconv.ParseFloat(view(text), 64)
		c.field.setFloat(row, v)
		return err == nil
	case Boolean:
		c.field.setBool(row, string(text) != "0")
		return whole
	case Integer:
		n, err := strconv.ParseInt(view(text), 10, 64)
		if !whole {
			var v float64 // JavaScript writes 1e21 for a large whole number
			v, err = strconv.ParseFloat(view(text), 64)
			n = int64(v)
			whole = v == math.Trunc(v) && math.Abs(v) < 1<<63
		}
		least, most := c.field.limits()
		if err != nil || !whole || n < least || n > most {
			return false
		}
		c.field.setInt(row, n)
		return true
	}
	return false
}

// scanOctets reads a blob, which D1 sends as an array of numbers.
func (c *Column) scanOctets(r *scanner, row unsafe.Pointer) bool {
	octets := []byte{}
	r.i++
	if r.space() == ']' {
		r.i++
		c.field.setBytes(row, octets)
		return true
	}
	for {
		if first := r.space(); !digit(first) {
			return false
		}
		text, whole, ok := r.number()
		n, err := strconv.ParseUint(view(text), 10, 8)
		if !ok || !whole || err != nil {
			return false
		}
		octets = append(octets, byte(n))
		switch r.space() {
		case ',':
			r.i++
		case ']':
			r.i++
			c.field.setBytes(row, octets)
			return true
		default:
			return false
		}
	}
}
