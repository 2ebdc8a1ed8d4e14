package d1

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// scanner is sql.Scanner.
type scanner interface{ Scan(src any) error }

var errNull = errors.New("it is NULL, and the destination cannot be")

// scan reads one column into what dest points to.
func scan(r *jsonwire.Reader, dest any) error {
	null := r.Peek() == 'n'
	switch d := dest.(type) {
	case nil:
		r.Skip()
		return nil
	case *string:
		if !null {
			return scanString(r, d)
		}
	case *int64:
		if !null {
			n, err := whole(r)
			*d = n
			return err
		}
	case *int:
		if !null {
			n, err := whole(r)
			*d = int(n)
			return err
		}
	case *float64:
		if !null {
			f, err := number(r)
			*d = f
			return err
		}
	case *bool:
		if !null {
			n, err := whole(r)
			if err == nil && n != 0 && n != 1 {
				err = fmt.Errorf("%d is neither 0 nor 1", n)
			}
			*d = n == 1
			return err
		}
	case *[]byte:
		if null {
			r.Null()
			*d = nil
			return nil
		}
		b, err := octets(r)
		*d = b
		return err
	case *time.Time:
		if !null {
			t, err := moment(r)
			*d = t
			return err
		}
	case *any:
		v, err := value(r)
		*d = v
		return err
	case scanner:
		v, err := value(r)
		if err != nil {
			return err
		}
		return d.Scan(v)
	default:
		return scanOther(r, reflect.ValueOf(dest), null)
	}
	return errNull
}

// scanOther is for pointers to pointers, for the smaller numbers, and for types that
// are made of the usual ones.
func scanOther(r *jsonwire.Reader, p reflect.Value, null bool) error {
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("a destination is a pointer, not %s", p.Type())
	}
	v := p.Elem()
	if v.Kind() == reflect.Pointer {
		if null {
			r.Null()
			v.SetZero()
			return nil
		}
		fresh := reflect.New(v.Type().Elem())
		if err := scan(r, fresh.Interface()); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	}
	if null && v.Kind() != reflect.Slice {
		return errNull
	}
	switch v.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int, reflect.Int64:
		n, err := whole(r)
		if err == nil && v.OverflowInt(n) {
			err = fmt.Errorf("%d does not fit into %s", n, v.Type())
		}
		v.SetInt(n)
		return err
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint, reflect.Uint64:
		n, err := whole(r)
		if err == nil && (n < 0 || v.OverflowUint(uint64(n))) {
			err = fmt.Errorf("%d does not fit into %s", n, v.Type())
		}
		v.SetUint(uint64(n))
		return err
	case reflect.Float32, reflect.Float64:
		f, err := number(r)
		v.SetFloat(f)
		return err
	case reflect.String:
		var s string
		err := scanString(r, &s)
		v.SetString(s)
		return err
	case reflect.Bool:
		var b bool
		err := scan(r, &b)
		v.SetBool(b)
		return err
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			var b []byte
			err := scan(r, &b)
			v.SetBytes(b)
			return err
		}
	}
	return fmt.Errorf("nothing of D1 fits into %s", v.Type())
}

// scanString takes texts, and numbers as they are written.
func scanString(r *jsonwire.Reader, s *string) error {
	switch r.Peek() {
	case '"':
		*s = r.String()
	case '[':
		return errors.New("it is a blob, which fits into []byte")
	default:
		*s = string(r.Number())
	}
	return nil
}

// octets takes blobs, and texts as their UTF-8.
func octets(r *jsonwire.Reader) ([]byte, error) {
	switch r.Peek() {
	case '"':
		return []byte(r.String()), nil
	case '[':
		return blob(r)
	}
	return nil, fmt.Errorf("%s is neither a text nor a blob", r.Raw())
}

func blob(r *jsonwire.Reader) ([]byte, error) {
	b := []byte{}
	for ok := r.Begin('['); ok; ok = r.More(']') {
		n := r.Int()
		if n < 0 || n > math.MaxUint8 {
			return nil, fmt.Errorf("%d is no byte of a blob", n)
		}
		b = append(b, byte(n))
	}
	return b, nil
}

// whole takes whole numbers, as a text too: that is how large ones are stored.
func whole(r *jsonwire.Reader) (int64, error) {
	switch r.Peek() {
	case '"':
		text := r.String()
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no whole number", text)
		}
		return n, nil
	case '[':
		return 0, errors.New("it is a blob, which fits into []byte")
	}
	text := r.Number()
	n, err := strconv.ParseInt(string(text), 10, 64)
	switch {
	case r.Err() != nil:
		return 0, nil // the row's error
	case err == nil && n <= maxWhole && n >= -maxWhole:
		return n, nil
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && (f > maxWhole || f < -maxWhole) {
		return 0, fmt.Errorf("%s is beyond 2^53, where D1 rounds numbers; CAST(… AS TEXT) is exact", text)
	}
	return 0, fmt.Errorf("%s is no whole number", text)
}

func number(r *jsonwire.Reader) (float64, error) {
	if c := r.Peek(); c == '"' || c == '[' {
		return 0, errors.New("it is no number")
	}
	return r.Float(), nil
}

// The forms in which texts are times: RFC 3339 and those of SQLite's functions.
const (
	sqliteTime = "2006-01-02 15:04:05"
	dateOnly   = time.DateOnly
)

func moment(r *jsonwire.Reader) (time.Time, error) {
	if r.Peek() != '"' {
		return time.Time{}, fmt.Errorf("%s is no text, which times are stored as", r.Raw())
	}
	return ParseTime(r.String())
}

// ParseTime reads a time in the form in which Bind stores one, in that of RFC 3339, and in
// those of SQLite's functions: 2006-01-02 15:04:05 and 2006-01-02, which are in UTC.
func ParseTime(text string) (time.Time, error) {
	layout := time.RFC3339
	switch {
	case len(text) == len(dateOnly):
		layout = dateOnly
	case !strings.Contains(text, "T"):
		layout = sqliteTime
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time such as 2006-01-02T15:04:05Z or 2006-01-02 15:04:05", text)
	}
	return t.UTC(), nil
}

// value is a column as D1 has it.
func value(r *jsonwire.Reader) (any, error) {
	switch r.Peek() {
	case 'n':
		r.Null()
		return nil, nil
	case '"':
		return r.String(), nil
	case '[':
		return blob(r)
	}
	text := r.Number()
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && n <= maxWhole && n >= -maxWhole {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && r.Err() == nil {
		return nil, fmt.Errorf("%s is no number that a float64 can hold", text)
	}
	return f, nil
}
