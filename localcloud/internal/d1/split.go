package d1

import "strings"

// skipBlank is text without the blanks, comments and empty statements it begins
// with. A comment that does not end is left to SQLite.
func skipBlank(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\n\r\f;")
		switch {
		case strings.HasPrefix(text, "--"):
			_, after, found := strings.Cut(text, "\n")
			if !found {
				return ""
			}
			text = after
		case strings.HasPrefix(text, "/*"):
			_, after, found := strings.Cut(text[2:], "*/")
			if !found {
				return ""
			}
			text = after
		default:
			return text
		}
	}
}

// nextSemicolon is the index after the first semicolon at or after from that is in
// no string, name or comment, or the length of text. from has to be a result of
// nextSemicolon, or 0.
func nextSemicolon(text string, from int) int {
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == ';':
			return i + 1
		case c == '\'' || c == '"' || c == '`':
			i = closing(text, i, string(c))
		case c == '[':
			i = closing(text, i, "]")
		case c == '-' && strings.HasPrefix(text[i:], "--"):
			i = closing(text, i+1, "\n")
		case c == '/' && strings.HasPrefix(text[i:], "/*"):
			i = closing(text, i+1, "*/")
		}
	}
	return len(text)
}

// closing is the index of the last byte of the first mark after i. A doubled quote
// closes and opens again, which comes to the same.
func closing(text string, i int, mark string) int {
	n := strings.Index(text[i+1:], mark)
	if n < 0 {
		return len(text)
	}
	return i + n + len(mark)
}
