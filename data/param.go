package data

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var errNotMember = errors.New("is not one of its values")

// param is a Go value as D1 keeps the column: int64, float64 or string.
func (c *Column) param(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return c.parse(v)
	case time.Time:
		if c.Type == Datetime {
			return formatTime(v), nil
		}
	case bool:
		if c.Type == Boolean {
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case int:
		return c.number(int64(v))
	case int64:
		return c.number(v)
	case float64:
		if c.Type == Real && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case nil:
	default:
		// The other sizes of numbers, and types with a name of their own.
		switch r := reflect.ValueOf(v); r.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			return c.number(r.Int())
		case reflect.Uint8, reflect.Uint16, reflect.Uint32:
			return c.number(int64(r.Uint()))
		case reflect.Float32, reflect.Float64:
			return c.param(r.Float())
		case reflect.String:
			return c.parse(r.String())
		case reflect.Bool:
			return c.param(r.Bool())
		}
	}
	return nil, fmt.Errorf("is %s, not a %T", c.Type, v)
}

func (c *Column) number(n int64) (any, error) {
	switch c.Type {
	case Integer:
		return n, nil
	case Real:
		return float64(n), nil
	}
	return nil, fmt.Errorf("is %s, not a number", c.Type)
}

// parse is a value that came as text, from a URL say, as D1 keeps the column.
func (c *Column) parse(text string) (any, error) {
	switch c.Type {
	case Text:
		if !utf8.ValidString(text) {
			return nil, errors.New("is not UTF-8")
		}
		return text, nil
	case UUID:
		if text = strings.ToLower(text); !isUUID(text) {
			return nil, errors.New("must be a UUID")
		}
		return text, nil
	case Enum:
		if !c.isMember(text) {
			return nil, errNotMember
		}
		return text, nil
	case Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, errors.New("must be a whole number")
		}
		return n, nil
	case Real:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errors.New("must be a number")
		}
		return f, nil
	case Boolean:
		switch text {
		case "true", "1":
			return int64(1), nil
		case "false", "0":
			return int64(0), nil
		}
		return nil, errors.New("must be true or false")
	case Datetime:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.Parse(time.DateOnly, text)
		}
		if err != nil {
			return nil, errors.New("must be a time such as 2026-01-31T12:00:00Z")
		}
		return formatTime(t), nil
	}
	return nil, fmt.Errorf("is %s, which has no text", c.Type)
}

// jsonArray is values for D1 as the one parameter that json_each takes apart.
func jsonArray(values []any) string {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := v.(type) {
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case float64:
			b = appendFloat(b, v)
		case string:
			b = appendText(b, v)
		default:
			b = append(b, "null"...)
		}
	}
	return string(append(b, ']'))
}
