package migrate

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// statement is a piece of SQL text up to a semicolon outside quotes and comments.
// The body of a trigger counts as several.
type statement struct {
	start int    // offset of the first word
	first string // the first word in capitals, "" when it begins otherwise
	ended bool   // by a semicolon
}

// statements splits text, leaving out pieces without any word.
func statements(text string) []statement {
	var list []statement
	cur := statement{start: -1}
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := text[i]; {
		case strings.HasPrefix(rest, "--"):
			i += through(rest, "\n")
			continue
		case strings.HasPrefix(rest, "/*"):
			i += 2 + through(rest[2:], "*/")
			continue
		case c == ';':
			if cur.start >= 0 {
				cur.ended = true
				list = append(list, cur)
				cur = statement{start: -1}
			}
			i++
			continue
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
			continue
		default:
			n := 1
			switch {
			case c == '\'' || c == '"' || c == '`':
				n = 1 + through(rest[1:], string(c))
			case c == '[':
				n = 1 + through(rest[1:], "]")
			case letter(c):
				for n < len(rest) && (letter(rest[n]) || rest[n] >= '0' && rest[n] <= '9') {
					n++
				}
			}
			if cur.start < 0 {
				cur.start = i
				if letter(c) {
					cur.first = strings.ToUpper(rest[:n])
				}
			}
			i += n
		}
	}
	if cur.start >= 0 {
		list = append(list, cur)
	}
	return list
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// through is the length of s up to and including end, or all of it.
func through(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// terminated is text so that more statements can follow it.
func terminated(text string) string {
	list := statements(text)
	if len(list) > 0 && !list[len(list)-1].ended {
		return text + "\n;\n"
	}
	return text + "\n"
}

var (
	errorOffset = lazyregexp.New(`at offset (\d+)`)
	errorNear   = lazyregexp.New(`near "([^"]+)"`)
	errorName   = lazyregexp.New(`(?:no such (?:table|column|index|view|trigger|function|module|collation sequence): |duplicate column name: )([^\s:,]+)`)
	errorExists = lazyregexp.New(`(?:table|index|view|trigger) ["'` + "`" + `]?([^\s"'` + "`" + `]+)["'` + "`" + `]? already exists`)
)

// locate is the place in f that SQLite's message speaks of: the offset when the
// word it names stands there, else that word when the file has it only once. The
// position has no line when the place is not certain.
func locate(f File, message string) diag.Position {
	word := ""
	for _, re := range []*lazyregexp.Regexp{errorNear, errorName, errorExists} {
		if m := re.FindStringSubmatch(message); m != nil {
			word = m[1]
			break
		}
	}
	if i := strings.LastIndexByte(word, '.'); i >= 0 && !strings.Contains(f.SQL, word) {
		word = word[i+1:] // SQLite names main.orders for orders
	}
	if word == "" {
		return diag.Position{File: f.Path}
	}
	if m := errorOffset.FindStringSubmatch(message); m != nil {
		at, err := strconv.Atoi(m[1])
		if err == nil && at < len(f.SQL) && strings.HasPrefix(f.SQL[at:], word) {
			return place(f, at)
		}
	}
	at, times := -1, 0
	for i := 0; i < len(f.SQL); {
		j := strings.Index(f.SQL[i:], word)
		if j < 0 {
			break
		}
		if i += j; whole(f.SQL, i, i+len(word)) {
			at = i
			times++
		}
		i += len(word)
	}
	if times != 1 {
		return diag.Position{File: f.Path}
	}
	return place(f, at)
}

// whole reports whether text[from:to] is not a part of a longer word.
func whole(text string, from, to int) bool {
	isWord := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	first, _ := utf8.DecodeRuneInString(text[from:])
	return !isWord(first) || !isWord(before) && !isWord(after)
}

// place is the position of the byte at offset in f.
func place(f File, offset int) diag.Position {
	before := f.SQL[:offset]
	line := strings.Count(before, "\n") + 1
	return diag.Position{File: f.Path, Line: line, Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
}

// lineAt is a line of text, counted from 1; "" when there is no such line.
func lineAt(text string, line int) string {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}
