package d1

import "strings"

// skipBlank is text without the blanks, comments and empty statements it begins
// with. A comment may lack its end.
func skipBlank(text string) string {
	rest, _ := cutBlank(text)
	return rest
}

// cutBlank is skipBlank that also gives the comment that did not end, if it is one
// that may go on in text that follows.
func cutBlank(text string) (rest, open string) {
	for {
		text = strings.TrimLeft(text, " \t\n\r\f;")
		end := ""
		switch {
		case strings.HasPrefix(text, "--"):
			end = "\n"
		case strings.HasPrefix(text, "/*"):
			end = "*/"
		default:
			return text, ""
		}
		_, after, found := strings.Cut(text[2:], end)
		if !found {
			return "", text
		}
		text = after
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
