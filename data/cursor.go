package data

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// A cursor is the place of a row in a sorted list: the row's values of the columns that
// the list is sorted by. It is bound to the list's model, sorting and filter, and with a
// key nobody but its maker can make one. A forged one is no danger even without: it can
// only begin the same list, with the same filter, at another place.
//
//	version 1 | shape of the list, 8 bytes | values | with a key: HMAC-SHA256, 16 bytes

const (
	cursorVersion = 1
	cursorSeal    = 16
	maxCursor     = 64 << 10 // characters of one
)

// errCursor does not say what is wrong: nobody writes cursors by hand.
var errCursor = errors.New("the cursor is not one of this list")

// encodeCursor makes a cursor of values: nil, int64, float64 and string.
func encodeCursor(shape uint64, values []any, key []byte) string {
	b := binary.LittleEndian.AppendUint64([]byte{cursorVersion}, shape)
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.AppendVarint(append(b, 'i'), v)
		case float64:
			b = binary.LittleEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
		case string:
			b = append(binary.AppendUvarint(append(b, 's'), uint64(len(v))), v...)
		}
	}
	return base64.RawURLEncoding.EncodeToString(append(b, seal(b, key)...))
}

// decodeCursor reads the n values of a cursor of the list with this shape.
func decodeCursor(text string, shape uint64, n int, key []byte) ([]any, error) {
	if len(text) > maxCursor {
		return nil, errCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errCursor
	}
	if len(key) > 0 {
		if len(b) < cursorSeal {
			return nil, errCursor
		}
		sealed := b[len(b)-cursorSeal:]
		b = b[:len(b)-cursorSeal]
		if !hmac.Equal(sealed, seal(b, key)) {
			return nil, errCursor
		}
	}
	if len(b) < 9 || b[0] != cursorVersion || binary.LittleEndian.Uint64(b[1:]) != shape {
		return nil, errCursor
	}
	b = b[9:]
	values := make([]any, n)
	for i := range values {
		if values[i], b, err = cursorValue(b); err != nil {
			return nil, err
		}
	}
	if len(b) != 0 {
		return nil, errCursor
	}
	return values, nil
}

// cursorValue reads the first value of b.
func cursorValue(b []byte) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errCursor
	}
	kind, b := b[0], b[1:]
	switch kind {
	case 'n':
		return nil, b, nil
	case 'i':
		v, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, errCursor
		}
		return v, b[n:], nil
	case 'f':
		if len(b) < 8 {
			return nil, nil, errCursor
		}
		f := math.Float64frombits(binary.LittleEndian.Uint64(b))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, nil, errCursor // neither can be bound
		}
		return f, b[8:], nil
	case 's':
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return nil, nil, errCursor
		}
		s := string(b[used : used+int(n)])
		if !utf8.ValidString(s) {
			return nil, nil, errCursor
		}
		return s, b[used+int(n):], nil
	}
	return nil, nil, errCursor
}

func seal(b, key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)[:cursorSeal]
}
