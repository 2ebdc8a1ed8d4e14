package r2

import (
	"strconv"
	"strings"
)

// Span asks for a part of an object: Length bytes from Offset, or the last Suffix
// bytes. Nil is not given; a Suffix stands alone.
type Span struct {
	Offset, Length, Suffix *int64
}

// within gives the offset and length that s means in an object of size bytes.
func (s Span) within(size int64) (offset, length int64, err error) {
	if s.Suffix != nil {
		if *s.Suffix <= 0 {
			return 0, 0, ErrInvalidRange
		}
		length = min(*s.Suffix, size)
		return size - length, length, nil
	}
	if s.Offset != nil {
		offset = *s.Offset
	}
	if offset < 0 || offset > size {
		return 0, 0, ErrInvalidRange
	}
	length = size - offset
	if s.Length != nil {
		length = min(length, *s.Length)
	}
	if length <= 0 {
		return 0, 0, ErrInvalidRange
	}
	return offset, length, nil
}

// parseSpan reads a Range header. As with HTTP, one that cannot be read, or names
// several ranges, asks for everything: the answer is nil.
func parseSpan(header string) *Span {
	unit, set, ok := strings.Cut(strings.TrimSpace(header), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(set), "-")
	if !ok || strings.Contains(last, ",") {
		return nil
	}
	from, okFrom := digits(first)
	to, okTo := digits(last)
	switch {
	case !okFrom || !okTo || from == nil && to == nil:
		return nil
	case from == nil:
		return &Span{Suffix: to}
	case to == nil:
		return &Span{Offset: from}
	case *to < *from:
		return nil
	}
	length := *to - *from + 1
	return &Span{Offset: from, Length: &length}
}

// digits is the number of a text of digits; nil for an empty text.
func digits(text string) (*int64, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, true
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		return nil, false
	}
	v := int64(n)
	return &v, true
}
