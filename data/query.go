package data

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/tamylaa/clodo"
)

// Limits of a list.
const (
	DefaultLimit = 100       // rows of a page when nothing else is asked for
	MaxLimit     = 1000      // rows of a page; who asks for more gets these
	MaxOffset    = 1_000_000 // rows that a page can begin after, without a cursor
)

// Query is which rows of a model are wanted, and how. The zero value is the first page
// of all rows, by their key.
type Query struct {
	Filter  Filter
	Sort    []Order  // default: by the key; the key also decides between rows that are equal
	Fields  []string // columns to read; the others have the zero value. Default: all
	Include []string // relations to load
	Limit   int      // default: DefaultLimit
	Offset  int      // rows to leave out; D1 reads them all, see After
	After   string   // the cursor of a page: the page that follows it
	Count   bool     // also count all rows that the filter takes, which reads them
	Deleted bool     // with the rows that are deleted softly
}

// Order is a column to sort by: null comes before everything else.
type Order struct {
	Column string
	Desc   bool // the other way round
}

// Asc sorts by a column.
func Asc(column string) Order { return Order{Column: column} }

// Desc sorts by a column, the largest value first.
func Desc(column string) Order { return Order{Column: column, Desc: true} }

// term is a column of an ORDER BY.
type term struct {
	column int
	desc   bool
}

// listing is a query whose names and values are the model's.
type listing struct {
	where   condition
	order   []term // ends with the key
	fields  Mask
	include []*Relation
	limit   int
	offset  int
	after   []any // the values of order's columns in the row before; nil without one
	count   bool
	deleted bool // the deleted rows too
	shape   uint64
}

// listing checks q. Its errors are problems with status 400.
func (s *Schema) listing(q *Query, key []byte) (*listing, error) {
	l := &listing{count: q.Count, deleted: q.Deleted || s.Deleted < 0, limit: q.Limit, offset: max(q.Offset, 0)}
	var wrong []clodo.Field
	r := resolver{schema: s}
	where, field := r.condition(q.Filter, 0)
	if field != nil {
		wrong = append(wrong, *field)
	}
	l.where = where
	wrong = append(wrong, l.sort(s, q.Sort)...)
	wrong = append(wrong, l.choose(s, q.Fields)...)
	for _, name := range q.Include {
		relation := s.Relation(name)
		switch {
		case relation == nil:
			wrong = append(wrong, unknownRelation(name))
		case !slices.Contains(l.include, relation):
			l.include = append(l.include, relation)
		}
	}
	switch {
	case q.Limit < 0:
		wrong = append(wrong, invalidLimit(fmt.Sprint(q.Limit)))
	case q.Limit == 0:
		l.limit = DefaultLimit
	case q.Limit > MaxLimit:
		l.limit = MaxLimit
	}
	if l.offset > MaxOffset {
		wrong = append(wrong, clodo.Field{Name: "offset", Code: "INVALID_OFFSET", Message: fmt.Sprintf("Offset too large: %d. Maximum allowed offset is 1,000,000.", l.offset)})
	}
	if len(wrong) > 0 {
		return nil, invalidQuery(wrong...)
	}
	l.shape = l.identity(s)
	if q.After == "" {
		return l, nil
	}
	if q.Offset != 0 {
		return nil, invalidQuery(clodo.Field{Name: "cursor", Code: "INVALID_CURSOR", Message: "A page begins after a cursor or at an offset, not both."})
	}
	after, err := decodeCursor(q.After, l.shape, len(l.order), key)
	if err == nil {
		err = l.fits(s, after)
	}
	if err != nil {
		return nil, invalidQuery(clodo.Field{Name: "cursor", Code: "INVALID_CURSOR", Message: "The cursor is not one of this list: it belongs to the same sorting and filter."})
	}
	l.after = after
	return l, nil
}

// sort takes the order, and completes it so that no two rows are equal in it.
func (l *listing) sort(s *Schema, by []Order) (wrong []clodo.Field) {
	if len(by) > 8 {
		return []clodo.Field{{Name: "sort", Code: "TOO_MANY_FIELDS", Message: "A list is sorted by at most 8 fields."}}
	}
	desc := false
	for _, o := range by {
		i, ok := s.Column(o.Column)
		switch {
		case !ok:
			wrong = append(wrong, clodo.Field{Name: "sort", Code: UnknownField, Message: "There is no field '" + printable(o.Column) + "' to sort by."})
			continue
		case s.Columns[i].Type == Blob || s.Columns[i].Type == JSON:
			wrong = append(wrong, clodo.Field{Name: "sort", Code: "NOT_SORTABLE", Message: "'" + o.Column + "' holds " + s.Columns[i].Type.String() + ", which has no order."})
			continue
		case slices.ContainsFunc(l.order, func(t term) bool { return t.column == i }):
			continue // equal in it already
		}
		l.order = append(l.order, term{i, o.Desc})
		desc = o.Desc
		if i == s.Key {
			return wrong
		}
	}
	// The key goes the way of the column before it: one index serves both.
	l.order = append(l.order, term{s.Key, desc})
	return wrong
}

// choose takes the columns that are wanted.
func (l *listing) choose(s *Schema, names []string) (wrong []clodo.Field) {
	if len(names) == 0 {
		l.fields = s.All()
		return nil
	}
	for _, name := range names {
		i, ok := s.Column(name)
		if !ok {
			wrong = append(wrong, clodo.Field{Name: "fields", Code: UnknownField, Message: "There is no field '" + printable(name) + "'."})
			continue
		}
		l.fields = l.fields.With(i)
	}
	return wrong
}

// load are the columns to read: those wanted, those of the cursor, and the keys of
// relations.
func (l *listing) load(s *Schema) Mask {
	m := l.fields.With(s.Key)
	for _, t := range l.order {
		m = m.With(t.column)
	}
	for _, r := range l.include {
		if i, ok := s.Column(r.Key); ok && r.Kind == BelongsTo {
			m = m.With(i)
		}
	}
	return m
}

// identity is a number for the list that pages are parts of: its model, its filter with
// its values, and its order.
func (l *listing) identity(s *Schema) uint64 {
	h := fnv.New64a()
	b := append([]byte(s.Table), 0)
	for _, t := range l.order {
		b = append(append(b, s.Columns[t.column].Name...), direction(t.desc))
	}
	b = l.where.shape(append(b, 0))
	for _, v := range l.where.params(nil) {
		b = fmt.Appendf(append(b, 0), "%T%q", v, fmt.Sprint(v))
	}
	if l.deleted {
		b = append(b, 1)
	}
	_, _ = h.Write(b) // never fails
	return h.Sum64()
}

func direction(desc bool) byte {
	if desc {
		return '-'
	}
	return '+'
}

// fits checks that a cursor's values are such as the columns have.
func (l *listing) fits(s *Schema, values []any) error {
	for i, t := range l.order {
		c := &s.Columns[t.column]
		ok := false
		switch v := values[i].(type) {
		case nil:
			ok = c.Nullable
		case int64:
			ok = c.Type == Integer || c.Type == Boolean
			ok = ok && v <= maxWhole && v >= -maxWhole
		case float64:
			ok = c.Type == Real
		case string:
			ok = c.Type.isText() || c.Type == Datetime
		}
		if !ok {
			return errCursor
		}
	}
	return nil
}

func unknownRelation(name string) clodo.Field {
	return clodo.Field{Name: "include", Code: "UNKNOWN_RELATION", Message: "There is no relation '" + printable(name) + "'."}
}

func invalidLimit(text string) clodo.Field {
	return clodo.Field{Name: "limit", Code: "INVALID_LIMIT", Message: "Invalid limit: " + printable(text) + ". Must be positive."}
}

// invalidQuery is the problem of a query that cannot be answered.
func invalidQuery(fields ...clodo.Field) *clodo.Problem {
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = f.Message
	}
	return &clodo.Problem{Status: 400, Code: "invalid_query", Detail: strings.Join(words, " "), Fields: fields}
}
