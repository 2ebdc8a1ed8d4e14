package data

import (
	"fmt"
	"strings"
)

// tag is the text of a data tag in its parts: a name, and options with or without a
// value.
type tag struct {
	name    string
	options []option
}

type option struct{ key, value string }

// parseTag takes a tag apart at its commas. A value in single quotes may have commas;
// a quote inside it is doubled.
func parseTag(text string) (tag, error) {
	var t tag
	for n := 0; ; n++ {
		key, rest, more := text, "", false
		if i := strings.IndexAny(text, ",="); i >= 0 {
			key, rest, more = text[:i], text[i+1:], text[i] == ','
			if text[i] == '=' {
				value, after, err := parseValue(rest)
				if err != nil {
					return t, err
				}
				if n == 0 {
					return t, fmt.Errorf("the tag has to begin with the column's name, or with a comma")
				}
				t.options = append(t.options, option{strings.TrimSpace(key), value})
				if after == "" {
					return t, nil
				}
				text = after[1:]
				continue
			}
		}
		key = strings.TrimSpace(key)
		switch {
		case n == 0:
			t.name = key
		case key == "":
			return t, fmt.Errorf("there is an empty option in its tag")
		default:
			t.options = append(t.options, option{key: key})
		}
		if !more {
			return t, nil
		}
		text = rest
	}
}

// parseValue reads what follows an equals sign; after is "" or begins with a comma.
func parseValue(text string) (value, after string, err error) {
	if !strings.HasPrefix(text, "'") {
		i := strings.IndexByte(text, ',')
		if i < 0 {
			i = len(text)
		}
		return strings.TrimSpace(text[:i]), text[i:], nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		after = text[i+1:]
		if after != "" && after[0] != ',' {
			return "", "", fmt.Errorf("after the quoted value comes %q instead of a comma", after)
		}
		return b.String(), after, nil
	}
	return "", "", fmt.Errorf("the quoted value %s does not end", text)
}

// snake is a Go name as a column's name: UserID is user_id.
func snake(name string) string {
	var b strings.Builder
	lower := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			if i > 0 && (lower(name[i-1]) || i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z' && name[i-1] != '_') {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// maxName is how long the name of a table or a column may be.
const maxName = 63

// isName reports whether s can name a table or a column: letters, digits and _, no
// digit first, at most 63.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= maxName && !strings.HasPrefix(strings.ToLower(s), "sqlite_")
}
