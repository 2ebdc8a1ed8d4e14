package secret

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tamylaa/clodo/diag"
)

// ParseDevVars reads a .dev.vars file, which is in dotenv form: NAME=value lines,
// `export ` before the name, comments, and values in single, double or back
// quotes, which may span lines; in double quotes \n and \r stand for line ends.
// The last of two lines for one name wins, as dotenv has it. Findings never hold a
// value.
func ParseDevVars(file string, data []byte) (map[string]Value, []diag.Finding) {
	vars := map[string]Value{}
	var findings []diag.Finding
	report := func(line int, message, fix string) {
		findings = append(findings, diag.Finding{
			Code: "C002", Severity: diag.SeverityError, Message: message, Fix: fix,
			Pos: diag.Position{File: file, Line: line, Column: 1},
		})
	}
	if !utf8.Valid(data) {
		report(1, "the file is not UTF-8 text", "save it as UTF-8")
		return vars, findings
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n", "\n")
	for line := 1; text != ""; line++ {
		var row string
		row, text, _ = strings.Cut(text, "\n")
		trimmed := strings.TrimSpace(row)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		name, rest, ok := strings.Cut(strings.TrimPrefix(trimmed, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || !validName(name) {
			report(line, "this line is not NAME=value", "write NAME=value, or # before a comment")
			continue
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || !strings.ContainsRune("'\"`", rune(rest[0])) {
			vars[name] = New(strings.TrimSpace(cutComment(rest)))
			continue
		}
		quote, start := rest[0], line
		body := rest[1:]
		for {
			if end := closing(body, quote); end >= 0 {
				value := body[:end]
				if quote == '"' {
					value = strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(value)
				}
				vars[name] = New(value)
				break
			}
			if text == "" {
				report(start, fmt.Sprintf("the quote that %s opens is never closed", name), "close the quote at the end of the value")
				break
			}
			row, text, _ = strings.Cut(text, "\n")
			body += "\n" + row
			line++
		}
	}
	return vars, findings
}

// cutComment drops " # …" from an unquoted value.
func cutComment(s string) string {
	if strings.HasPrefix(s, "#") {
		return ""
	}
	if i := strings.Index(s, " #"); i >= 0 {
		return s[:i]
	}
	return s
}

// closing is the index of the first quote in s that no backslash escapes, or -1.
func closing(s string, quote byte) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == quote:
			return i
		}
	}
	return -1
}

func validName(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || (r < '0' || '9' < r) && r != '.' && r != '-') {
			return false
		}
	}
	return name != ""
}
