package assets

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ignoreList is the patterns of an .assetsignore in the order written: gitignore's
// rules, without regard to case.
type ignoreList []pattern

type pattern struct {
	re      *regexp.Regexp
	negated bool // "!": takes back what an earlier pattern left out
	folders bool // "/" at the end: folders only
}

// parseIgnore reads patterns. Empty lines and comments are none; a pattern that is
// no valid one matches nothing, as in git.
func parseIgnore(lines []string) ignoreList {
	var list ignoreList
	for _, line := range lines {
		if p, ok := parsePattern(strings.TrimSuffix(line, "\r")); ok {
			list = append(list, p)
		}
	}
	return list
}

func parsePattern(line string) (p pattern, ok bool) {
	line = trimSpaces(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return p, false
	}
	if rest, negated := strings.CutPrefix(line, "!"); negated {
		p.negated, line = true, rest
	}
	if rest, folders := strings.CutSuffix(line, "/"); folders {
		p.folders, line = true, rest
	}
	if line == "" {
		return p, false
	}
	// A slash at the beginning or in the middle ties the pattern to the top folder.
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	prefix := "^"
	if !anchored {
		prefix = "^(?:.*/)?"
	}
	re, err := regexp.Compile("(?is)" + prefix + segments(line) + "$")
	if err != nil {
		return p, false
	}
	p.re = re
	return p, true
}

// trimSpaces drops spaces at the end unless a backslash keeps them.
func trimSpaces(line string) string {
	trimmed := strings.TrimRight(line, " \t")
	if strings.HasSuffix(trimmed, `\`) && len(trimmed) < len(line) {
		return trimmed + line[len(trimmed):len(trimmed)+1]
	}
	return trimmed
}

// segments is a pattern as a regular expression over a slash-separated path.
func segments(p string) string {
	var re strings.Builder
	for i := 0; i < len(p); {
		switch rest := p[i:]; {
		case strings.HasPrefix(rest, "**/") && (i == 0 || p[i-1] == '/'):
			re.WriteString("(?:.*/)?")
			i += 3
		case rest == "**" && i > 0 && p[i-1] == '/':
			re.WriteString(".+")
			i += 2
		case rest[0] == '*':
			re.WriteString("[^/]*")
			for i < len(p) && p[i] == '*' {
				i++
			}
		case rest[0] == '?':
			re.WriteString("[^/]")
			i++
		case rest[0] == '[':
			class, n := class(rest)
			re.WriteString(class)
			i += n
		case rest[0] == '\\' && len(rest) > 1:
			_, n := utf8.DecodeRuneInString(rest[1:])
			re.WriteString(regexp.QuoteMeta(rest[1 : 1+n]))
			i += 1 + n
		default:
			_, n := utf8.DecodeRuneInString(rest)
			re.WriteString(regexp.QuoteMeta(rest[:n]))
			i += n
		}
	}
	return re.String()
}

// class is a character class such as [a-z] or [!0-9] and its length in the pattern.
// A bracket that is never closed stands for itself.
func class(p string) (re string, n int) {
	start := 1
	if len(p) > 1 && (p[1] == '!' || p[1] == '^') {
		start = 2
	}
	end := strings.IndexByte(p[min(start+1, len(p)):], ']')
	if end < 0 {
		return `\[`, 1
	}
	end += start + 1
	var b strings.Builder
	b.WriteString("[")
	if start == 2 {
		b.WriteString("^/")
	}
	for _, r := range p[start:end] {
		switch r {
		case '[', ']', '^', '\\', '&', '~':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteString("]")
	return b.String(), end + 1
}

// matches reports whether a path, slash-separated and below the folder, is left out.
// What lies in a folder that is left out is left out with it.
func (l ignoreList) matches(path string, folder bool) bool {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' && l.last(path[:i], true) {
			return true
		}
	}
	return l.last(path, folder)
}

// last decides by the last pattern that fits.
func (l ignoreList) last(path string, folder bool) bool {
	ignored := false
	for _, p := range l {
		if p.negated == ignored && (folder || !p.folders) && p.re.MatchString(path) {
			ignored = !p.negated
		}
	}
	return ignored
}

// validText reports whether b is UTF-8 without a zero byte.
func validText(b []byte) bool { return utf8.Valid(b) && !bytes.Contains(b, []byte{0}) }
