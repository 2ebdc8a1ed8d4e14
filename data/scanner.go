package data

import (
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects of a JSON text may lie in each other.
const maxDepth = 128

// scanner reads JSON from the beginning to the end, once. What is no UTF-8, and half of
// a surrogate pair, becomes U+FFFD, as with encoding/json.
type scanner struct {
	b       []byte
	i       int
	scratch []byte // text that is not in b as it is
	broken  *SyntaxError
}

// fail says that the JSON breaks off here. It is always false.
func (s *scanner) fail(message string) bool {
	if s.broken == nil {
		s.broken = &SyntaxError{Offset: s.i, Message: message}
	}
	return false
}

// space goes on to what is no white space, and returns it; 0 at the end.
func (s *scanner) space() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// text reads a string, at whose quote the scanner is. The bytes are valid until the
// next call.
func (s *scanner) text() (text []byte, ok bool) {
	start := s.i + 1
	for i := start; i < len(s.b); i++ {
		c := s.b[i]
		if c == '"' {
			s.i = i + 1
			return s.b[start:i], true
		}
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			s.i = i
			return s.anyText(start)
		}
	}
	s.i = len(s.b)
	return nil, s.fail("a string does not end")
}

// anyText goes on with a string that began at start, from something that is not a
// simple character.
func (s *scanner) anyText(start int) (text []byte, ok bool) {
	changed := false // what is read is in scratch
	from := start    // from here it is not there yet
	keep := func() {
		if !changed {
			changed, s.scratch = true, s.scratch[:0]
		}
		s.scratch = append(s.scratch, s.b[from:s.i]...)
	}
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			if !changed {
				return s.b[start : s.i-1], true
			}
			return append(s.scratch, s.b[from:s.i-1]...), true
		case c == '\\':
			keep()
			if !s.escape() {
				return nil, false
			}
			from = s.i
		case c < ' ':
			return nil, s.fail("a string has a control character")
		case c < utf8.RuneSelf:
			s.i++
		default:
			r, size := utf8.DecodeRune(s.b[s.i:])
			if r == utf8.RuneError && size == 1 {
				keep()
				s.scratch = utf8.AppendRune(s.scratch, utf8.RuneError)
				s.i++
				from = s.i
				continue
			}
			s.i += size
		}
	}
	return nil, s.fail("a string does not end")
}

// escape reads what follows a backslash.
func (s *scanner) escape() bool {
	if s.i+1 >= len(s.b) {
		return s.fail("a string does not end")
	}
	c := s.b[s.i+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, ok := s.unicode(s.i)
		if !ok {
			return s.fail(`\u needs four hexadecimal digits`)
		}
		s.i += 6
		if utf16.IsSurrogate(r) {
			second, _ := s.unicode(s.i)
			if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
				s.i += 6
			}
		}
		s.scratch = utf8.AppendRune(s.scratch, r)
		return true
	default:
		return s.fail("a string has an escape that JSON does not know")
	}
	s.scratch = append(s.scratch, c)
	s.i += 2
	return true
}

// unicode is the \uXXXX at i.
func (s *scanner) unicode(i int) (r rune, ok bool) {
	if i+6 > len(s.b) || s.b[i] != '\\' || s.b[i+1] != 'u' {
		return 0, false
	}
	for _, c := range s.b[i+2 : i+6] {
		switch {
		case digit(c):
			c -= '0'
		case hex(c):
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads a number; whole when it is written with digits alone.
func (s *scanner) number() (text []byte, whole, ok bool) {
	start := s.i
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return nil, false, s.fail("a number has no digits")
	}
	whole = true
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if whole = false; !s.digits() {
			return nil, false, s.fail("a number has no digits after its point")
		}
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if whole = false; !s.digits() {
			return nil, false, s.fail("a number has no digits in its exponent")
		}
	}
	return s.b[start:s.i], whole, true
}

// digits goes past digits, and reports whether there were any.
func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && digit(s.b[s.i]) {
		s.i++
	}
	return s.i > start
}

// word goes past true, false or null.
func (s *scanner) word(word string) bool {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fail("this is no value")
	}
	s.i += len(word)
	return true
}

// skip goes past a value of any kind, below depth others.
func (s *scanner) skip(depth int) bool {
	switch c := s.space(); c {
	case '"':
		_, ok := s.text()
		return ok
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '{', '[':
		if depth == maxDepth {
			return s.fail("arrays and objects lie too deep in each other")
		}
		s.i++
		end := c + 2 // } or ]
		if s.space() == end {
			s.i++
			return true
		}
		for {
			if c == '{' && !s.key() {
				return false
			}
			if !s.skip(depth + 1) {
				return false
			}
			switch s.space() {
			case ',':
				s.i++
			case end:
				s.i++
				return true
			default:
				return s.fail("a comma or the end of an object or array is missing")
			}
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		_, _, ok := s.number()
		return ok
	}
	return s.fail("a value is missing")
}

// key goes past the key of a member and its colon.
func (s *scanner) key() bool {
	_, ok := s.name()
	return ok
}

// name reads the key of a member and goes past its colon.
func (s *scanner) name() ([]byte, bool) {
	if s.space() != '"' {
		return nil, s.fail("a key is missing")
	}
	name, ok := s.text()
	if !ok {
		return nil, false
	}
	if s.space() != ':' {
		return nil, s.fail("a colon is missing")
	}
	s.i++
	return name, true
}

// end reports whether nothing follows.
func (s *scanner) end() bool {
	if s.space(); s.i < len(s.b) {
		return s.fail("something follows the end")
	}
	return true
}
