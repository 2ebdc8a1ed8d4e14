package data

import (
	"context"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/internal/host"
)

// Page is a part of a list.
type Page[T any] struct {
	Rows    []T
	Next    string // the cursor of the page that follows, for Query.After; "" at the end
	Limit   int    // as it was applied
	Offset  int
	HasPrev bool   // it is not the first one
	Total   *int64 // how many rows the filter takes; nil unless Query.Count asked for it
}

// HasNext reports whether another page follows.
func (p *Page[T]) HasNext() bool { return p.Next != "" }

// Get reads the row with a key, with its relations of these names.
func (s *Store[T]) Get(ctx context.Context, id any, include ...string) (T, error) {
	var none T
	l, err := s.schema.listing(&Query{Include: include}, nil)
	if err != nil {
		return none, err
	}
	key, err := s.id(id)
	if err != nil {
		return none, err
	}
	if err := s.before(ctx, &Event{Model: s.schema.Table, Operation: OpGet, ID: key}); err != nil {
		return none, err
	}
	row, err := s.get(ctx, key)
	if err != nil {
		return none, err
	}
	rows := []T{row}
	if err := s.load(ctx, l.include, pointers(rows)); err != nil {
		return none, err
	}
	s.after(ctx, &Event{Model: s.schema.Table, Operation: OpGet, ID: key, Row: &rows[0]})
	return rows[0], nil
}

// get reads the row with a key that D1 has, from the cache if it may.
func (s *Store[T]) get(ctx context.Context, key any) (row T, err error) {
	all := s.schema.All()
	cached := cachedRead{table: &s.table, ctx: ctx}
	if v, ok := cached.get(append(shape('g'), fmt.Sprintf("%T%v", key, key)...)); ok {
		row = v.(T)
		s.schema.detach(rowOf(&row), all)
		return row, nil
	}
	if row, err = s.fresh(ctx, key); err != nil {
		return row, err
	}
	if cached.wanted {
		kept := row
		s.schema.detach(rowOf(&kept), all)
		cached.put(kept, s.schema.weight(rowOf(&kept)))
	}
	return row, nil
}

// Exists reports whether there is a row with a key.
func (s *Store[T]) Exists(ctx context.Context, id any) (bool, error) {
	key, err := s.id(id)
	if err != nil {
		return false, err
	}
	only := Mask(0).With(s.schema.Key)
	sql := s.plans.text(shape('G', only), func(b *builder) { b.one(only, false) })
	rows, err := s.statement(ctx, sql, key).Raw(ctx)
	if err != nil {
		return false, err
	}
	return rows.Next(), rows.Err()
}

// Count counts the rows that a filter takes. D1 reads all of them for it.
func (s *Store[T]) Count(ctx context.Context, f Filter) (int64, error) {
	l, err := s.schema.listing(&Query{Filter: f}, nil)
	if err != nil {
		return 0, err
	}
	var n int64
	err = s.count(ctx, l).First(ctx, &n)
	return n, err
}

func (t *table) count(ctx context.Context, l *listing) *d1.Stmt {
	flags := Mask(0)
	if l.deleted {
		flags = 1
	}
	sql := t.plans.text(l.where.shape(shape('C', flags)), func(b *builder) {
		b.word("SELECT count(*) FROM ")
		b.table()
		b.where(l)
	})
	return t.statement(ctx, sql, l.where.params(nil)...)
}

// List reads a page of rows.
func (s *Store[T]) List(ctx context.Context, q Query) (*Page[T], error) {
	if err := s.before(ctx, &Event{Model: s.schema.Table, Operation: OpList, Query: &q}); err != nil {
		return nil, err
	}
	l, err := s.schema.listing(&q, s.key)
	if err != nil {
		return nil, err
	}
	page, err := s.page(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := s.load(ctx, l.include, pointers(page.Rows)); err != nil {
		return nil, err
	}
	s.after(ctx, &Event{Model: s.schema.Table, Operation: OpList, Query: &q, Rows: page.Rows})
	return page, nil
}

// page reads a page without relations, from the cache if it may.
func (s *Store[T]) page(ctx context.Context, l *listing) (*Page[T], error) {
	shape, params := listShape(s.schema, l), listParams(s.schema, l)
	cached := cachedRead{table: &s.table, ctx: ctx}
	if s.cache != nil {
		if v, ok := cached.get(l.cacheKey(shape, params)); ok {
			page := v.(Page[T])
			page.Rows = append(make([]T, 0, len(page.Rows)), page.Rows...)
			for i := range page.Rows {
				s.schema.detach(rowOf(&page.Rows[i]), l.load(s.schema))
			}
			return &page, nil
		}
	}
	list := s.statement(ctx, s.plans.text(shape, func(b *builder) { b.list(l) }), params...)
	page := &Page[T]{Rows: []T{}, Limit: l.limit, Offset: l.offset, HasPrev: l.offset > 0 || l.after != nil}
	rows, err := s.rows(ctx, l, list, &page.Total)
	if err != nil {
		return nil, err
	}
	err = s.scan(rows, l.load(s.schema), grow(&page.Rows))
	if err != nil {
		return nil, err
	}
	if len(page.Rows) > l.limit {
		page.Rows = page.Rows[:l.limit]
		last := rowOf(&page.Rows[l.limit-1])
		values := make([]any, len(l.order))
		for i, t := range l.order {
			values[i] = s.schema.value(last, t.column)
		}
		page.Next = encodeCursor(l.shape, values, s.table.key)
	}
	if cached.wanted {
		kept, size := *page, int64(0)
		kept.Rows = append(make([]T, 0, len(page.Rows)), page.Rows...)
		for i := range kept.Rows {
			s.schema.detach(rowOf(&kept.Rows[i]), l.load(s.schema))
			size += s.schema.weight(rowOf(&kept.Rows[i]))
		}
		cached.put(kept, size)
	}
	return page, nil
}

// rows runs the statement of a list, together with the count when it is wanted.
func (t *table) rows(ctx context.Context, l *listing, list *d1.Stmt, total **int64) (*d1.Rows, error) {
	if !l.count {
		return list.Raw(ctx)
	}
	results, err := t.batch(ctx, list, t.count(ctx, l))
	if err != nil {
		return nil, err
	}
	n := new(int64)
	if results[1].Next() {
		err = results[1].Scan(n)
	} else {
		err = results[1].Err()
	}
	*total = n
	return &results[0].Rows, err
}

// id is a key as D1 has it.
func (t *table) id(id any) (any, error) {
	c := &t.schema.Columns[t.schema.Key]
	key, err := c.param(id)
	if err != nil {
		return nil, &clodo.Problem{Status: 400, Code: "invalid_id", Detail: "'" + c.Name + "' " + err.Error() + ".", Fields: []clodo.Field{*invalidValue(c.Name, err)}}
	}
	if n, ok := key.(int64); ok && (n > 1<<53-1 || n < -(1<<53-1)) {
		return nil, notFound(t.schema, id) // D1 has no such numbers
	}
	return key, nil
}

// cacheKey tells the answers of lists apart.
func (l *listing) cacheKey(shape []byte, params []any) []byte {
	b := append(append(make([]byte, 0, 128), 'l'), shape...)
	b = strconv.AppendUint(b, l.shape, 36)
	b = strconv.AppendBool(b, l.count)
	for _, v := range params {
		b = fmt.Appendf(append(b, 0), "%T%q", v, fmt.Sprint(v))
	}
	return b
}

// cachedRead is a read that the cache may answer.
type cachedRead struct {
	*table
	ctx    context.Context //nolint:containedctx // it lives as long as the read
	key    string
	proof  proof
	wanted bool // put has to be called with what was read
}

// get is the cache's answer. A client that brings a bookmark has seen something of the
// database that this instance may not know of: it is asked.
func (c *cachedRead) get(key []byte) (any, bool) {
	if c.cache == nil {
		return nil, false
	}
	if s := sessionOf(c.ctx, c.db); s != nil && s.resumed {
		return nil, false
	}
	c.key = fmt.Sprintf("%p %d %s %s", c.db, c.cache.scope(host.Bindings(c.ctx)), c.schema.Table, key)
	v, p, ok := c.cache.get(c.key, c.schema.Table)
	c.proof, c.wanted = p, !ok
	return v, ok
}

func (c *cachedRead) put(v any, size int64) { c.cache.put(c.key, v, size, c.proof) }

// weight is about how many bytes a row takes.
func (s *Schema) weight(row unsafe.Pointer) int64 {
	size := int64(s.typ.Size())
	for i := range s.Columns {
		switch v := s.value(row, i).(type) {
		case string:
			size += int64(len(v))
		case []byte:
			size += int64(len(v))
		}
	}
	return size
}

// pointers are the places of rows in memory.
func pointers[T any](rows []T) []unsafe.Pointer {
	all := make([]unsafe.Pointer, len(rows))
	for i := range rows {
		all[i] = rowOf(&rows[i])
	}
	return all
}

// fresh reads a row from D1 itself.
func (s *Store[T]) fresh(ctx context.Context, key any) (row T, err error) {
	all := s.schema.All()
	sql := s.plans.text(shape('G', all), func(b *builder) { b.one(all, false) })
	rows, err := s.statement(ctx, sql, key).Raw(ctx)
	if err != nil {
		return row, err
	}
	found := false
	if err := s.scan(rows, all, func() unsafe.Pointer { found = true; return rowOf(&row) }); err != nil {
		return row, err
	}
	if !found {
		return row, notFound(s.schema, key)
	}
	return row, nil
}
