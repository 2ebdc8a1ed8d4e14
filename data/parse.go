package data

import (
	"errors"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo"
)

// The parameters of a list's URL that are not conditions. A column with one of these
// names is filtered by NAME_eq.
const (
	paramSort    = "sort"
	paramFields  = "fields"
	paramInclude = "include"
	paramLimit   = "limit"
	paramOffset  = "offset"
	paramCursor  = "cursor"
	paramCount   = "count"
)

// maxMembers is how many values an In may have that comes from a URL.
const maxMembers = 1000

// ParseQuery reads the query of a URL:
//
//	age_gt=5&name_like=a&status_in=a,b&sort=-created_at,name&fields=id,name&include=author&limit=20&cursor=…
//
// A condition is a column, or a column with _eq, _ne, _gt, _gte, _lt, _lte, _like or
// _in; all of them have to be true. Only columns that the model shows can be named. What
// is wrong is a problem with status 400 that names each parameter.
func (s *Schema) ParseQuery(raw string) (*Query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalidQuery(clodo.Field{Name: "query", Code: "INVALID_QUERY", Message: "The query of the URL is malformed."})
	}
	p := queryParser{schema: s, query: &Query{}}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // so that the same query is always the same filter
	for _, name := range names {
		p.parameter(name, values[name])
	}
	p.query.Filter = And(p.conditions...)
	if len(p.wrong) > 0 {
		return nil, invalidQuery(p.wrong...)
	}
	return p.query, nil
}

type queryParser struct {
	schema     *Schema
	query      *Query
	conditions []Filter
	wrong      []clodo.Field
}

// refuse is called from everywhere: copies of it would be a part of a service's size.
//
//go:noinline
func (p *queryParser) refuse(name, code, message string) {
	if len(p.wrong) < 20 {
		p.wrong = append(p.wrong, clodo.Field{Name: printable(name), Code: code, Message: message})
	}
}

func (p *queryParser) parameter(name string, values []string) {
	q, value := p.query, values[0]
	switch name {
	case paramSort, paramFields, paramInclude, paramLimit, paramOffset, paramCursor, paramCount:
		if len(values) > 1 {
			p.refuse(name, "REPEATED", "'"+name+"' is given more than once.")
			return
		}
	}
	switch name {
	case paramSort:
		for part := range strings.SplitSeq(value, ",") {
			column, desc := strings.CutPrefix(part, "-")
			if p.visible(name, column) {
				q.Sort = append(q.Sort, Order{column, desc})
			}
		}
	case paramFields:
		for column := range strings.SplitSeq(value, ",") {
			if p.visible(name, column) {
				q.Fields = append(q.Fields, column)
			}
		}
	case paramInclude:
		q.Include = strings.Split(value, ",") // listing knows the relations
	case paramLimit:
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange): // n is the nearest one then
			p.refuse(name, "INVALID_LIMIT", "Invalid limit: "+printable(value)+". Must be a whole number from 1 on; more than 1,000 are 1,000.")
		case n <= 0:
			p.wrong = append(p.wrong, invalidLimit(value))
		}
		q.Limit = int(min(n, math.MaxInt32)) // whose excess is cut off later
	case paramOffset:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			p.refuse(name, "INVALID_OFFSET", "Invalid offset: "+printable(value)+". Must be a whole number.")
		}
		q.Offset = int(min(n, math.MaxInt32))
	case paramCursor:
		q.After = value
	case paramCount:
		switch value {
		case "true", "1":
			q.Count = true
		case "false", "0":
		default:
			p.refuse(name, InvalidType, "'count' must be true or false.")
		}
	default:
		p.condition(name, values)
	}
}

// visible reports whether the model shows a column to clients; if not it is refused.
func (p *queryParser) visible(parameter, column string) bool {
	i, ok := p.schema.Column(column)
	if !ok || !p.schema.visible.Has(i) {
		p.refuse(parameter, UnknownField, "There is no field '"+printable(column)+"'.")
		return false
	}
	return true
}

// condition is a parameter that is named for a column, with or without an operation.
func (p *queryParser) condition(name string, values []string) {
	column, operation := name, opEq
	if _, ok := p.schema.Column(name); !ok {
		if i := strings.LastIndexByte(name, '_'); i > 0 {
			if o, ok := ops[name[i+1:]]; ok {
				column, operation = name[:i], o
			}
		}
	}
	if !p.visible(name, column) {
		return
	}
	for _, text := range values {
		if operation == opIn {
			members := strings.Split(text, ",")
			if len(members) > maxMembers {
				p.refuse(name, "TOO_MANY_VALUES", "'"+name+"' has more than 1000 values.")
				return
			}
			p.conditions = append(p.conditions, In(column, members...))
			continue
		}
		p.conditions = append(p.conditions, Filter{op: operation, column: column, value: text})
	}
}
