package migrate

import "strings"

// token is a word, a quoted name, a string, a number or a sign of SQL.
type token struct {
	text       string // as it stands there
	plain      string // to compare: a word or name in small letters and without quotes
	start, end int    // in the text
	name       bool   // a word or a quoted name
}

// tokens takes SQL apart, without comments.
func tokens(text string) []token {
	var list []token
	for i := 0; i < len(text); {
		rest := text[i:]
		n, name := 1, false
		switch c := text[i]; {
		case strings.HasPrefix(rest, "--"):
			i += through(rest, "\n")
			continue
		case strings.HasPrefix(rest, "/*"):
			i += 2 + through(rest[2:], "*/")
			continue
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
			continue
		case c == '\'':
			n = quotedLength(rest)
		case c == '"' || c == '`':
			n, name = quotedLength(rest), true
		case c == '[':
			n, name = 1+through(rest[1:], "]"), true
		case letter(c) || c >= 0x80:
			for n < len(rest) && (letter(rest[n]) || rest[n] >= '0' && rest[n] <= '9' || rest[n] >= 0x80 || rest[n] == '$') {
				n++
			}
			name = true
		case c >= '0' && c <= '9':
			for n < len(rest) && (letter(rest[n]) || rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.') {
				n++
			}
		}
		t := token{text: rest[:n], plain: rest[:n], start: i, end: i + n, name: name}
		if name {
			t.plain = strings.ToLower(unquote(t.text))
		}
		list = append(list, t)
		i += n
	}
	return list
}

// quotedLength is the length of what begins with a quote; a doubled one does not end it.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			continue
		}
		if i+1 < len(s) && s[i+1] == s[0] {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

func unquote(name string) string {
	if len(name) < 2 {
		return name
	}
	switch q := name[:1]; q {
	case `"`, "`":
		return strings.ReplaceAll(name[1:len(name)-1], q+q, q)
	case "[":
		return name[1 : len(name)-1]
	}
	return name
}

// plain is SQL so that it can be compared: tokens in small letters with a space between.
func plain(text string) string {
	var words []string
	for _, t := range tokens(text) {
		words = append(words, t.plain)
	}
	return strings.Join(words, " ")
}

// items are the columns and constraints of a CREATE TABLE, as they stand there, and
// what follows the last parenthesis.
func items(create string) (list []string, suffix string) {
	depth, start := 0, 0
	for _, t := range tokens(create) {
		switch t.text {
		case "(":
			if depth++; depth == 1 {
				start = t.end
			}
		case ")":
			if depth--; depth == 0 {
				return append(list, strings.TrimSpace(create[start:t.start])), strings.TrimSpace(create[t.end:])
			}
		case ",":
			if depth == 1 {
				list = append(list, strings.TrimSpace(create[start:t.start]))
				start = t.end
			}
		}
	}
	return list, ""
}

// check is the condition of a CHECK.
type check struct{ text, plain string }

// checks are the CHECKs in a definition.
func checks(definition string) []check {
	var found []check
	depth, start := 0, -1
	list := tokens(definition)
	for i, t := range list {
		switch t.text {
		case "(":
			if depth++; depth == 1 && i > 0 && list[i-1].plain == "check" && list[i-1].name {
				start = t.end
			}
		case ")":
			if depth--; depth == 0 && start >= 0 {
				found = append(found, check{definition[start:t.start], plain(definition[start:t.start])})
				start = -1
			}
		}
	}
	return found
}
