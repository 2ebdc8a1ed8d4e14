package d1

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// maxWhole is the largest whole number that JavaScript does not mix up with another.
const maxWhole = 1<<53 - 1

// timeFormat is that of Date.toISOString: such texts sort as the times do.
const timeFormat = "2006-01-02T15:04:05.000Z"

// appendParams writes args as elements of a JSON array.
func appendParams(b []byte, args []any) ([]byte, error) {
	if len(args) > MaxParameters {
		return nil, fmt.Errorf("d1: %d parameters: a statement has at most %d", len(args), MaxParameters)
	}
	for i, arg := range args {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendParam(b, arg); err != nil {
			return nil, fmt.Errorf("d1: parameter %d: %w", i+1, err)
		}
	}
	return b, nil
}

func appendParam(b []byte, arg any) ([]byte, error) {
	switch v := arg.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendText(b, v)
	case int:
		return appendWhole(b, int64(v))
	case int64:
		return appendWhole(b, v)
	case float64:
		return appendFloat(b, v)
	case bool:
		return appendBool(b, v), nil
	case []byte:
		if v == nil {
			return append(b, "null"...), nil
		}
		return jsonwire.AppendBytes(b, v), nil
	case time.Time:
		return appendText(b, v.UTC().Format(timeFormat))
	}
	return appendOther(b, reflect.ValueOf(arg))
}

// appendOther is for pointers, and for types that are made of the usual ones.
func appendOther(b []byte, v reflect.Value) ([]byte, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return appendParam(b, v.Elem().Interface())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendWhole(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if v.Uint() > maxWhole {
			return nil, tooLarge(strconv.FormatUint(v.Uint(), 10))
		}
		return appendWhole(b, int64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v.Float())
	case reflect.Bool:
		return appendBool(b, v.Bool()), nil
	case reflect.String:
		return appendText(b, v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return appendParam(b, v.Bytes())
		}
	}
	return nil, fmt.Errorf("D1 cannot store a %s", v.Type())
}

func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("the text is not UTF-8; bytes are stored as []byte")
	}
	return jsonwire.AppendString(b, s), nil
}

func appendWhole(b []byte, n int64) ([]byte, error) {
	if n > maxWhole || n < -maxWhole {
		return nil, tooLarge(strconv.FormatInt(n, 10))
	}
	return strconv.AppendInt(b, n, 10), nil
}

func tooLarge(number string) error {
	return fmt.Errorf("%s is beyond 2^53, where D1 rounds numbers; it can be stored as a text", number)
}

func appendFloat(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("D1 cannot store %v", f)
	}
	return jsonwire.AppendFloat(b, f), nil
}

// appendBool writes what D1 makes of a boolean.
func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, '1')
	}
	return append(b, '0')
}
