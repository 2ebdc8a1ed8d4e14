package openapi

import (
	"strconv"
	"strings"
	"unicode"
)

// words splits a name at everything that is no ASCII letter or digit, and where a small
// letter is followed by a capital.
func words(name string) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, b.String())
			b.Reset()
		}
	}
	previous := rune(0)
	for _, c := range name {
		ascii := c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))
		if !ascii || unicode.IsUpper(c) && unicode.IsLower(previous) {
			flush()
		}
		if ascii {
			b.WriteRune(c)
		}
		previous = c
	}
	flush()
	return out
}

// pascal is a name as Go exports it: "user-id" is UserID.
func pascal(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		switch upper := strings.ToUpper(w); upper {
		case "ID", "URL", "URI", "API", "HTTP", "JSON", "UUID", "IP", "HTML", "SQL", "JWT":
			b.WriteString(upper)
		default:
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	s := b.String()
	switch {
	case s == "":
		return "Unnamed"
	case s[0] >= '0' && s[0] <= '9':
		return "N" + s
	}
	return s
}

// Identifier is a name as a type is called: "data-api" is DataAPI.
func Identifier(name string) string { return pascal(name) }

// camel is a name as a variable or a method: "user-id" is userId, as JavaScript has it.
func camel(name string) string {
	var b strings.Builder
	for i, w := range words(name) {
		if i == 0 {
			b.WriteString(strings.ToLower(w[:1]) + w[1:])
			if w == strings.ToUpper(w) {
				b.Reset()
				b.WriteString(strings.ToLower(w))
			}
			continue
		}
		if w == strings.ToUpper(w) {
			w = w[:1] + strings.ToLower(w[1:])
		}
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	s := b.String()
	switch {
	case s == "":
		return "unnamed"
	case s[0] >= '0' && s[0] <= '9':
		return "n" + s
	}
	return s
}

// argument is a name as an argument in Go: "user-id" is userID.
func argument(name string) string {
	list := words(name)
	if len(list) == 0 {
		return "unnamed"
	}
	first := pascal(list[0])
	rest := strings.TrimPrefix(pascal(strings.Join(list, " ")), first)
	if first == strings.ToUpper(first) {
		return strings.ToLower(first) + rest
	}
	return strings.ToLower(first[:1]) + first[1:] + rest
}

// names gives each name once.
type names map[string]bool

// unique is name, or name with the first number from 2 that makes it new.
func (n names) unique(name string) string {
	free := name
	for i := 2; n[free]; i++ {
		free = name + strconv.Itoa(i)
	}
	n[free] = true
	return free
}

// comment is text as lines of a comment, or nothing.
func comment(indent, text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
	if text == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Map(func(c rune) rune {
			if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' { // the latter end a line in JavaScript
				return ' '
			}
			return c
		}, line)
		b.WriteString(strings.TrimRight(indent+"// "+line, " ") + "\n")
	}
	return b.String()
}
