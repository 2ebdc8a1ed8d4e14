package data

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
	"unsafe"
)

// timeLayout is how a Datetime is text, in JSON and in the database: as JavaScript's
// toISOString has it, so that it sorts by time.
const timeLayout = "2006-01-02T15:04:05.000Z"

// rowOf is the memory of a row, as the methods of Schema want it.
func rowOf[T any](row *T) unsafe.Pointer { return unsafe.Pointer(row) }

// value is column i of a row as SQL has it: nil, int64, float64, string or []byte.
func (s *Schema) value(row unsafe.Pointer, i int) any {
	c := &s.Columns[i]
	p := c.field.at(row)
	if p == nil {
		return nil
	}
	switch c.Type {
	case Integer:
		return readInt(&c.field, p)
	case Real:
		return readFloat(&c.field, p)
	case Boolean:
		if *(*bool)(p) {
			return int64(1)
		}
		return int64(0)
	case Blob:
		if b := *(*[]byte)(p); b != nil {
			return b
		}
		return []byte{}
	case Datetime:
		return formatTime(*(*time.Time)(p))
	case JSON:
		if b := *(*[]byte)(p); len(b) != 0 {
			return string(b)
		}
		return "null"
	}
	return *(*string)(p)
}

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// setValue writes what the database has in column i: nil, int64, float64, string or
// []byte.
func (s *Schema) setValue(row unsafe.Pointer, i int, v any) error {
	c := &s.Columns[i]
	f := &c.field
	if v == nil {
		f.null(row)
		return nil
	}
	ok := true
	switch c.Type {
	case Integer:
		n, whole := v.(int64)
		if r, isReal := v.(float64); isReal { // as numbers come out of JSON
			n, whole = int64(r), r == float64(int64(r))
		}
		if least, most := f.limits(); whole && n >= least && n <= most {
			f.setInt(row, n)
		} else {
			ok = false
		}
	case Real:
		switch n := v.(type) {
		case float64:
			f.setFloat(row, n)
		case int64:
			f.setFloat(row, float64(n))
		default:
			ok = false
		}
	case Boolean:
		switch n := v.(type) {
		case int64:
			f.setBool(row, n != 0)
		case float64:
			f.setBool(row, n != 0)
		default:
			ok = false
		}
	case Blob:
		switch b := v.(type) {
		case []byte:
			f.setBytes(row, b)
		case string: // SQLite keeps what it was given
			f.setBytes(row, []byte(b))
		default:
			ok = false
		}
	case Datetime:
		text, _ := v.(string)
		var t time.Time
		if t, ok = parseStored(text); ok {
			f.setTime(row, t)
		}
	case JSON:
		var text string
		if text, ok = v.(string); ok {
			ok = isJSON([]byte(text))
			f.setBytes(row, []byte(text))
		}
	default:
		var text string
		if text, ok = v.(string); ok {
			f.setText(row, text)
		}
	}
	if !ok {
		return fmt.Errorf("column %q of table %q is of type %s, and the database has %s there", c.Name, s.Table, c.Type, describe(v))
	}
	return nil
}

// describe is a value for a message, without all of it.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > 40 {
			v = v[:40] + "…"
		}
		return "the text " + strconv.Quote(v)
	case []byte:
		return fmt.Sprintf("a blob of %d bytes", len(v))
	}
	return fmt.Sprint(v)
}

// parseStored reads a time as it may be in a database: ours, RFC 3339, or as SQLite's
// CURRENT_TIMESTAMP has it.
func parseStored(text string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), true
	}
	t, err := time.Parse(time.DateTime, text)
	return t, err == nil
}

// setDefault gives column i the value that it has when none is given.
func (s *Schema) setDefault(row unsafe.Pointer, i int, now time.Time) {
	c := &s.Columns[i]
	if c.Default == nil {
		c.field.null(row)
		return
	}
	switch c.Type {
	case Integer:
		c.field.setInt(row, c.preset.number)
	case Real:
		c.field.setFloat(row, c.preset.real)
	case Boolean:
		c.field.setBool(row, c.preset.flag)
	case Datetime:
		c.field.setTime(row, now.UTC().Truncate(time.Millisecond))
	case JSON:
		c.field.setBytes(row, []byte(c.preset.text))
	default:
		c.field.setText(row, c.preset.text)
	}
}

// appendJSON appends a row as a JSON object: the visible columns of mask, and those
// relations that are loaded, which are fields that are not nil.
func (s *Schema) appendJSON(b []byte, row unsafe.Pointer, mask Mask) []byte {
	b = append(b, '{')
	empty := len(b)
	mask &= s.visible
	for i := range s.Columns {
		if !mask.Has(i) {
			continue
		}
		if len(b) > empty {
			b = append(b, ',')
		}
		b = append(b, s.Columns[i].quoted...)
		b = s.Columns[i].appendJSON(b, row)
	}
	for i := range s.Relations {
		r := &s.Relations[i]
		p := unsafe.Add(row, r.offset)
		if *(*unsafe.Pointer)(p) == nil { // of a pointer, and the first word of a slice
			continue
		}
		if len(b) > empty {
			b = append(b, ',')
		}
		b = append(b, r.quoted...)
		if r.Kind == BelongsTo || r.Kind == HasOne {
			b = r.Target.appendJSON(b, *(*unsafe.Pointer)(p), r.Target.visible)
			continue
		}
		rows := *(*[]byte)(p) // its length is that of the slice of rows
		first, size := unsafe.Pointer(unsafe.SliceData(rows)), r.elem.Size()
		b = append(b, '[')
		for n := range len(rows) {
			if n > 0 {
				b = append(b, ',')
			}
			b = r.Target.appendJSON(b, unsafe.Add(first, uintptr(n)*size), r.Target.visible)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendJSON appends the value of a column.
func (c *Column) appendJSON(b []byte, row unsafe.Pointer) []byte {
	p := c.field.at(row)
	if p == nil {
		return append(b, "null"...)
	}
	switch c.Type {
	case Integer:
		return strconv.AppendInt(b, readInt(&c.field, p), 10)
	case Real:
		return appendFloat(b, readFloat(&c.field, p))
	case Boolean:
		return strconv.AppendBool(b, *(*bool)(p))
	case Blob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, *(*[]byte)(p))
		return append(b, '"')
	case Datetime:
		b = append(b, '"')
		b = (*(*time.Time)(p)).UTC().AppendFormat(b, timeLayout)
		return append(b, '"')
	case JSON:
		if raw := *(*[]byte)(p); len(raw) != 0 {
			return append(b, raw...)
		}
		return append(b, "null"...)
	}
	return appendText(b, *(*string)(p))
}
