package jsonwire

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Reader reads a JSON text value after value. Its first error stays, and every read
// after it gives the zero value.
//
//	for ok := r.Begin('{'); ok; ok = r.More('}') {
//		switch r.Key() {
//		case "name":
//			name = r.String()
//		default:
//			r.Skip()
//		}
//	}
//	if err := r.Err(); err != nil { … }
type Reader struct {
	data []byte
	at   int
	err  error
}

// NewReader reads data, which must not change meanwhile.
func NewReader(data []byte) Reader { return Reader{data: data} }

// Err is what was wrong with the text.
func (r *Reader) Err() error { return r.err }

func (r *Reader) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("the JSON is broken at byte %d: %s expected", r.at, want)
	}
	r.at = len(r.data)
}

// Peek is the first byte of the next value, or of what stands there instead; 0 at the
// end.
func (r *Reader) Peek() byte {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\n', '\r', '\t':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// Begin enters an array ('[') or an object ('{') and reports whether it has an element.
func (r *Reader) Begin(open byte) bool {
	if r.Peek() != open {
		r.fail(strconv.QuoteRune(rune(open)))
		return false
	}
	r.at++
	if r.Peek() == open+2 { // the closing one
		r.at++
		return false
	}
	return r.err == nil
}

// More reports whether another element follows in the array or object that closes with
// end.
func (r *Reader) More(end byte) bool {
	if r.err != nil {
		return false
	}
	switch r.Peek() {
	case ',':
		r.at++
		return true
	case end:
		r.at++
		return false
	}
	r.fail("a comma or " + strconv.QuoteRune(rune(end)))
	return false
}

// Key is the name of an object's next member.
func (r *Reader) Key() string {
	key := r.String()
	if r.Peek() != ':' {
		r.fail("a colon")
		return ""
	}
	r.at++
	return key
}

// Null reads a null, if that is what follows.
func (r *Reader) Null() bool { return r.Peek() == 'n' && r.word("null") }

// Bool reads true or false.
func (r *Reader) Bool() bool {
	switch r.Peek() {
	case 't':
		return r.word("true")
	case 'f':
		r.word("false")
	default:
		r.fail("true or false")
	}
	return false
}

func (r *Reader) word(w string) bool {
	if len(r.data)-r.at < len(w) || string(r.data[r.at:r.at+len(w)]) != w {
		r.fail(w)
		return false
	}
	r.at += len(w)
	return true
}

// Number reads a number as its text, which is a part of the data.
func (r *Reader) Number() []byte {
	r.Peek()
	start, at := r.at, r.at
	digits := func() bool {
		from := at
		for at < len(r.data) && r.data[at]-'0' < 10 {
			at++
		}
		return at > from
	}
	next := func(any string) bool {
		for i := 0; i < len(any); i++ {
			if at < len(r.data) && r.data[at] == any[i] {
				at++
				return true
			}
		}
		return false
	}
	next("-")
	ok := next("0") || digits()
	if ok && next(".") {
		ok = digits()
	}
	if ok && next("eE") {
		next("+-")
		ok = digits()
	}
	if !ok {
		r.fail("a number")
		return nil
	}
	r.at = at
	return r.data[start:at]
}

// Int reads a whole number of up to 64 bits.
func (r *Reader) Int() int64 {
	text := r.Number()
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		r.fail("a whole number")
	}
	return n
}

// Float reads a number.
func (r *Reader) Float() float64 {
	text := r.Number()
	if r.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		r.fail("a number that a float64 can hold")
	}
	return f
}

// String reads a string.
func (r *Reader) String() string {
	raw, plain := r.quoted()
	if plain {
		return string(raw)
	}
	return string(r.unescape(raw))
}

// quoted is what stands between the quotes of a string; plain says that nothing in it
// is escaped.
func (r *Reader) quoted() (raw []byte, plain bool) {
	if r.Peek() != '"' {
		r.fail("a string")
		return nil, true
	}
	plain = true
	start := r.at + 1
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			r.at = i + 1
			return r.data[start:i], plain
		case c == '\\':
			plain = false
			i++
		case c < 0x20:
			r.at = i
			r.fail("no control character")
			return nil, true
		}
	}
	r.fail("the end of the string")
	return nil, true
}

func (r *Reader) unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			u, ok := unit(raw[i:])
			if !ok {
				r.fail("four hexadecimal digits")
				return nil
			}
			i += 4
			if utf16.IsSurrogate(u) {
				pair := rune(utf8.RuneError)
				if len(raw) > i+2 && raw[i+1] == '\\' {
					if low, ok := unit(raw[i+2:]); ok {
						pair = utf16.DecodeRune(u, low)
					}
				}
				if u = pair; u != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, u)
		default:
			r.fail("an escape that JSON has")
			return nil
		}
	}
	return out
}

// unit is the code unit of u and four hexadecimal digits.
func unit(b []byte) (rune, bool) {
	if len(b) < 5 || b[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[1:5]), 16, 32)
	return rune(n), err == nil
}

// Raw reads the next value as it is written, which is a part of the data. Only its
// brackets, strings and the like are looked at.
func (r *Reader) Raw() []byte {
	r.Peek()
	start, depth := r.at, 0
	for r.err == nil {
		switch c := r.Peek(); c {
		case '[', '{':
			depth++
			r.at++
			continue // a value, a key or the end follows
		case ']', '}':
			if depth == 0 {
				r.fail("a value")
				return nil
			}
			depth--
			r.at++
		case ',', ':':
			if depth == 0 {
				r.fail("a value")
				return nil
			}
			r.at++
			continue
		case '"':
			r.quoted()
		case 't', 'f':
			r.Bool()
		case 'n':
			r.word("null")
		default:
			r.Number()
		}
		if depth == 0 {
			return r.data[start:r.at]
		}
	}
	return nil
}

// Skip reads the next value and forgets it.
func (r *Reader) Skip() { r.Raw() }

// End fails when something follows.
func (r *Reader) End() {
	if r.Peek(); r.err == nil && r.at < len(r.data) {
		r.fail("the end")
	}
}
