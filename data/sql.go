package data

import "strconv"

// keyword is SQL that stands in this package: only a constant becomes one, so that no
// text from elsewhere can.
type keyword string

// builder assembles SQL from keywords and from names that a model has. It has no way to
// take other text; values are parameters.
type builder struct {
	schema *Schema
	text   []byte
}

// word appends a keyword. It is called so often that copies of it would be a part of a
// service's size.
//
//go:noinline
func (b *builder) word(w keyword) { b.text = append(b.text, w...) }

// name appends a name, which a model's definition has found to be letters, digits and _.
//
//go:noinline
func (b *builder) name(s string) { b.text = append(append(append(b.text, '"'), s...), '"') }

// number appends a number.
func (b *builder) number(n int) { b.text = strconv.AppendInt(b.text, int64(n), 10) }

// table appends the name of the model's table.
func (b *builder) table() { b.name(b.schema.Table) }

// column appends the name of column i.
//
//go:noinline
func (b *builder) column(i int) { b.name(b.schema.Columns[i].Name) }

// columns appends the names of a set of columns, with commas.
func (b *builder) columns(m Mask) {
	comma := false
	for i := range b.schema.Columns {
		if m.Has(i) {
			b.comma(&comma)
			b.column(i)
		}
	}
}

func (b *builder) comma(before *bool) {
	if *before {
		b.word(",")
	}
	*before = true
}

// alive appends the condition that a row is not deleted softly.
func (b *builder) alive(deletedToo bool) {
	if !deletedToo && b.schema.Deleted >= 0 {
		b.word(" AND ")
		b.column(b.schema.Deleted)
		b.word(" IS NULL")
	}
}

// where appends the condition of a list.
func (b *builder) where(l *listing) {
	b.word(" WHERE ")
	l.where.write(b)
	b.alive(l.deleted)
}

// list is the statement that reads a page, with one row more to know whether there is
// another page.
func (b *builder) list(l *listing) {
	b.word("SELECT ")
	b.columns(l.load(b.schema))
	b.word(" FROM ")
	b.table()
	b.where(l)
	if l.after != nil {
		b.word(" AND ")
		b.following(l.order, l.after)
	}
	b.word(" ORDER BY ")
	comma := false
	for _, t := range l.order {
		b.comma(&comma)
		b.column(t.column)
		if t.desc {
			b.word(" DESC")
		}
	}
	b.word(" LIMIT ?")
	if l.offset > 0 {
		b.word(" OFFSET ?")
	}
}

// listParams are the parameters of list.
func listParams(s *Schema, l *listing) []any {
	params := l.where.params(make([]any, 0, 8))
	if l.after != nil {
		params = followingParams(s, l.order, l.after, params)
	}
	params = append(params, int64(l.limit+1))
	if l.offset > 0 {
		params = append(params, int64(l.offset))
	}
	return params
}

// listShape is what the text of list depends on.
func listShape(s *Schema, l *listing) []byte {
	b := l.where.shape(shape('L', l.load(s)))
	for i, t := range l.order {
		b = append(b, byte(t.column), direction(t.desc))
		if l.after != nil && l.after[i] == nil {
			b = append(b, '0')
		}
	}
	flags := byte('a')
	for i, set := range []bool{l.after != nil, l.offset > 0, l.deleted} {
		if set {
			flags += 1 << i
		}
	}
	return append(b, flags)
}

// plain reports that comparing rows as values, (a,b)>(?,?), is the order: SQLite then
// goes to the place in an index. It is not when terms go different ways, and not where
// null, which compares with nothing, may come after the row.
func plain(s *Schema, order []term, after []any) bool {
	for i, t := range order {
		if t.desc != order[0].desc || after[i] == nil || t.desc && s.Columns[t.column].Nullable {
			return false
		}
	}
	return true
}

// following appends the condition that a row comes after the one with these values.
func (b *builder) following(order []term, after []any) {
	if plain(b.schema, order, after) {
		b.word("(")
		comma := false
		for _, t := range order {
			b.comma(&comma)
			b.column(t.column)
		}
		if order[0].desc {
			b.word(")<(")
		} else {
			b.word(")>(")
		}
		comma = false
		for range order {
			b.comma(&comma)
			b.word("?")
		}
		b.word(")")
		return
	}
	b.word("(")
	if bounded(b.schema, order[0], after[0]) { // SQLite looks for no range in an OR
		b.column(order[0].column)
		if order[0].desc {
			b.word("<=? AND ")
		} else {
			b.word(">=? AND ")
		}
	}
	b.beyond(order, after)
	b.word(")")
}

// bounded reports that every row after one with v in the first column is in a range.
func bounded(s *Schema, first term, v any) bool {
	return v != nil && (!first.desc || !s.Columns[first.column].Nullable)
}

// beyond is following for terms that go different ways or may be null.
func (b *builder) beyond(order []term, after []any) {
	t, v, last := order[0], after[0], len(order) == 1
	b.word("(")
	switch nullable := b.schema.Columns[t.column].Nullable; {
	case t.desc && v == nil:
		b.word("0") // nothing is before null
	case v == nil:
		b.column(t.column)
		b.word(" IS NOT NULL")
	case t.desc && nullable:
		b.column(t.column)
		b.word("<? OR ")
		b.column(t.column)
		b.word(" IS NULL")
	case t.desc:
		b.column(t.column)
		b.word("<?")
	default:
		b.column(t.column)
		b.word(">?")
	}
	if !last {
		b.word(" OR ")
		b.column(t.column)
		if v == nil {
			b.word(" IS NULL AND ")
		} else {
			b.word("=? AND ")
		}
		b.beyond(order[1:], after[1:])
	}
	b.word(")")
}

// followingParams appends the parameters of following.
func followingParams(s *Schema, order []term, after, params []any) []any {
	if plain(s, order, after) {
		return append(params, after...)
	}
	if bounded(s, order[0], after[0]) {
		params = append(params, after[0])
	}
	for i, v := range after {
		if v == nil {
			continue
		}
		params = append(params, v)
		if i < len(after)-1 {
			params = append(params, v)
		}
	}
	return params
}
