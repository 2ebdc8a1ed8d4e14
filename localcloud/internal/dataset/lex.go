package dataset

import (
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

var tokens = lazyregexp.New(`^(?:\s+|--[^\n]*)|^(?:'(?:[^'\\]|''|\\.)*'|"[^"]*"|` + "`[^`]*`" + `|[A-Za-z_][A-Za-z0-9_]*|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|<=|>=|!=|<>|==|[-+*/%(),=<>;.])`)

type token struct{ text, raw string } // raw is where the token is in the query

func lex(query string) ([]token, error) {
	if len(query) > maxQuery {
		return nil, fmt.Errorf("a query can have %d bytes", maxQuery)
	}
	var all []token
	for query != "" {
		t := tokens.FindString(query)
		if t == "" {
			return nil, fmt.Errorf("cannot read the query at %.20q", query)
		}
		if s := strings.TrimSpace(t); s != "" && !strings.HasPrefix(s, "--") {
			all = append(all, token{s, query})
		}
		query = query[len(t):]
	}
	return all, nil
}

func unquote(t string) string {
	var b strings.Builder
	for i := 1; i < len(t)-1; i++ {
		if (t[i] == '\\' || t[i] == '\'') && i+1 < len(t)-1 {
			i++
		}
		b.WriteByte(t[i])
	}
	return b.String()
}

// written is the text between two places of a query.
func written(from, to []token) string {
	if len(from) == len(to) || len(from) == 0 {
		return ""
	}
	text := from[0].raw
	if len(to) > 0 {
		text = text[:len(text)-len(to[0].raw)]
	}
	return strings.TrimSpace(text)
}
