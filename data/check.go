package data

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// view is bytes as a string, without a copy: for looking only.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// take puts a text that a client gave into a row, when it is a right value of the
// column: text without the space around it, a number from its digits.
func (c *Column) take(row unsafe.Pointer, text []byte) problem {
	trimmed := text
	if len(text) > 0 && (!simple(text[0]) || !simple(text[len(text)-1])) {
		trimmed = bytes.TrimSpace(text)
	}
	if len(trimmed) == 0 && c.Required && c.Type != Boolean {
		return missing
	}
	switch c.Type {
	case Text:
		if p := c.checkText(view(trimmed)); p != fine {
			return p
		}
		c.field.setText(row, string(trimmed))
	case Enum:
		for _, v := range c.Values {
			if v == string(trimmed) {
				c.field.setText(row, v)
				return fine
			}
		}
		return notInEnum
	case UUID:
		if len(trimmed) == 0 && !c.Nullable {
			c.field.setText(row, "")
			return fine
		}
		if !isUUID(view(trimmed)) {
			return badType
		}
		c.field.setText(row, strings.ToLower(string(trimmed)))
	case Integer, Real:
		s := scanner{b: trimmed}
		if len(trimmed) == 0 || trimmed[0] != '-' && !digit(trimmed[0]) {
			return badType
		}
		number, whole, ok := s.number()
		switch {
		case !ok || s.i != len(trimmed):
			return badType
		case c.Type == Real:
			return c.takeReal(row, number)
		}
		return c.takeInteger(row, number, whole)
	case Datetime:
		var t time.Time
		if t.UnmarshalText(trimmed) != nil {
			return badType
		}
		if t = inMilliseconds(t); !inYears(t) {
			return badType
		}
		c.field.setTime(row, t)
	case Blob:
		raw, err := base64.StdEncoding.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(trimmed))), trimmed)
		if err != nil {
			return badType
		}
		if p := c.checkLength(len(raw)); p != fine {
			return p
		}
		c.field.setBytes(row, raw)
	default:
		return badType
	}
	return fine
}

// simple reports whether c is no space and not part of one.
func simple(c byte) bool { return c > ' ' && c < utf8.RuneSelf }

// inMilliseconds is a time as the database keeps it.
func inMilliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// inYears reports whether a time has a year of four digits, as its text needs.
func inYears(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

func (c *Column) takeInteger(row unsafe.Pointer, text []byte, whole bool) problem {
	var n int64
	var err error
	if whole {
		n, err = strconv.ParseInt(view(text), 10, 64)
	} else { // 1.0 and 1e3 are whole too
		var v float64
		if v, err = strconv.ParseFloat(view(text), 64); err == nil && v != math.Trunc(v) {
			return badType
		}
		if n = int64(v); math.Abs(v) > maxWhole {
			err = strconv.ErrRange
		}
	}
	switch {
	case err != nil && text[0] == '-':
		return tooSmall
	case err != nil:
		return tooLarge
	}
	if p := c.checkInteger(n); p != fine {
		return p
	}
	c.field.setInt(row, n)
	return fine
}

func (c *Column) takeReal(row unsafe.Pointer, text []byte) problem {
	v, err := strconv.ParseFloat(view(text), 64)
	if err != nil {
		return badType // it is larger than any number
	}
	if p := c.checkReal(v); p != fine {
		return p
	}
	c.field.setFloat(row, v)
	return fine
}

func (c *Column) checkInteger(n int64) problem {
	least, most := c.field.wholes()
	if n < least || c.min.set && n < c.min.whole {
		return tooSmall
	}
	if n > most || c.max.set && n > c.max.whole {
		return tooLarge
	}
	return fine
}

func (c *Column) checkReal(v float64) problem {
	if c.min.set && v < c.min.number {
		return tooSmall
	}
	if c.max.set && v > c.max.number {
		return tooLarge
	}
	return fine
}

func (c *Column) checkText(s string) problem {
	if s == "" && !c.Required {
		return fine // there is none
	}
	if c.min.set || c.max.set {
		if p := c.checkLength(utf8.RuneCountInString(s)); p != fine {
			return p
		}
	}
	if c.matches != nil && !c.matches(s) {
		return noMatch
	}
	return fine
}

// checkLength is for the length of a text or blob; none at all is no length when the
// column is not required.
func (c *Column) checkLength(n int) problem {
	if n == 0 && !c.Required {
		return fine
	}
	if c.min.set && int64(n) < c.min.whole {
		return tooShort
	}
	if c.max.set && int64(n) > c.max.whole {
		return tooLong
	}
	return fine
}

// check looks at the columns of mask in a row that was made in Go: it trims text, cuts
// times to milliseconds, and fills in the default of a null, an empty text or a zero
// time; numbers and booleans stay as they are.
func (s *Schema) check(row unsafe.Pointer, mask Mask) []FieldError {
	var found []FieldError
	for i := range s.Columns {
		if !mask.Has(i) {
			continue
		}
		c := &s.Columns[i]
		if c.Default != nil && c.empty(row) {
			s.setDefault(row, i, time.Now())
		}
		p := c.checkIn(row)
		if c.Required && c.empty(row) {
			p = missing
		}
		if p != fine {
			var value any
			if p != missing {
				value = s.value(row, i)
			}
			found = append(found, c.failure(p, value))
		}
	}
	return found
}

// empty reports whether a value is null, or one that says that there is none.
func (c *Column) empty(row unsafe.Pointer) bool {
	p := c.field.at(row)
	if p == nil {
		return true
	}
	switch c.Type {
	case Text, UUID, Enum:
		return *(*string)(p) == ""
	case Blob, JSON:
		return len(*(*[]byte)(p)) == 0
	case Datetime:
		return (*time.Time)(p).IsZero()
	}
	return false
}

// checkIn checks a value that is in a row.
func (c *Column) checkIn(row unsafe.Pointer) problem {
	p := c.field.at(row)
	if p == nil {
		return fine
	}
	switch c.Type {
	case Text:
		text := (*string)(p)
		if trimmed := strings.TrimSpace(*text); len(trimmed) != len(*text) {
			c.field.setText(row, trimmed)
			return c.checkText(trimmed)
		}
		return c.checkText(*text)
	case Enum:
		for _, v := range c.Values {
			if v == *(*string)(p) {
				return fine
			}
		}
		return notInEnum
	case UUID:
		text := *(*string)(p)
		if text != "" && !isUUID(text) {
			return badType
		}
		if small := strings.ToLower(text); small != text {
			c.field.setText(row, small)
		}
	case Integer:
		return c.checkInteger(readInt(&c.field, p))
	case Real:
		if v := readFloat(&c.field, p); math.IsNaN(v) || math.IsInf(v, 0) {
			return badType
		}
		return c.checkReal(readFloat(&c.field, p))
	case Blob:
		return c.checkLength(len(*(*[]byte)(p)))
	case Datetime:
		t := inMilliseconds(*(*time.Time)(p))
		if !inYears(t) {
			return badType
		}
		if t != *(*time.Time)(p) {
			c.field.setTime(row, t)
		}
	case JSON:
		if raw := *(*[]byte)(p); len(raw) > 0 && !isJSON(raw) {
			return badType
		}
	}
	return fine
}

// isJSON reports whether b is one JSON value.
func isJSON(b []byte) bool {
	s := scanner{b: b}
	return s.skip(0) && s.end()
}

// checkRules asks the rules about a row.
func (s *Schema) checkRules(row unsafe.Pointer) error {
	var found []FieldError
	for _, r := range s.rules {
		if e, ok := r.violation(row); ok {
			found = append(found, e)
		}
	}
	if found == nil {
		return nil
	}
	return &ValidationError{found}
}

func (r rule) violation(row unsafe.Pointer) (e FieldError, violated bool) {
	defer func() {
		if caught := recover(); caught != nil {
			e = FieldError{Field: "_custom", Message: fmt.Sprintf("Custom rule '%s' threw an error: %v", r.name, caught), Code: CustomRuleError}
			violated = true
		}
	}()
	err := r.check(row)
	if err == nil {
		return e, false
	}
	e = FieldError{Field: r.field, Message: err.Error(), Code: CustomRuleViolation}
	if e.Field == "" {
		e.Field = "_custom"
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("Custom rule '%s' failed", r.name)
	}
	return e, true
}
