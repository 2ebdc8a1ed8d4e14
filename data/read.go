package data

import (
	"context"
	"fmt"
	"strconv"

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

// page is a Page without the Go type of its rows.
type page struct {
	rows    []row
	next    string
	limit   int
	offset  int
	hasPrev bool
	total   *int64
}

// get reads the row with a key, with relations.
func (t *table) get(ctx context.Context, id any, include []string) (row, error) {
	l, err := t.schema.listing(&Query{Include: include}, nil)
	if err != nil {
		return nil, err
	}
	key, err := t.id(id)
	if err != nil {
		return nil, err
	}
	if err := t.before(ctx, &Event{Model: t.schema.Table, Operation: OpGet, ID: key}); err != nil {
		return nil, err
	}
	p, err := t.cachedOne(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := t.load(ctx, l.include, []row{p}); err != nil {
		return nil, err
	}
	t.told(ctx, OpGet, []row{p})
	return p, nil
}

// cachedOne reads the row with a key that D1 has, from the cache if it may.
func (t *table) cachedOne(ctx context.Context, key any) (row, error) {
	all := t.schema.All()
	cached := cachedRead{table: t, ctx: ctx}
	if t.cache != nil {
		if v, ok := cached.get(append(shape('g'), fmt.Sprintf("%T%v", key, key)...)); ok {
			return t.schema.copies(v.([]row), all)[0], nil
		}
	}
	p, err := t.fresh(ctx, key)
	if err == nil && cached.wanted {
		kept := t.schema.copies([]row{p}, all)
		cached.put(kept, t.schema.weight(kept[0]))
	}
	return p, err
}

// fresh reads a row from D1 itself.
func (t *table) fresh(ctx context.Context, key any) (row, error) {
	all := t.schema.All()
	sql := t.plans.text(shape('G', all), func(b *builder) { b.one(all, false) })
	rows, err := t.statement(ctx, sql, key).Raw(ctx)
	if err != nil {
		return nil, err
	}
	a := arena{schema: t.schema, expect: 1}
	if err := t.scan(rows, all, &a); err != nil {
		return nil, err
	}
	if len(a.rows) == 0 {
		return nil, notFound(t.schema, key)
	}
	return a.rows[0], nil
}

func (t *table) exists(ctx context.Context, id any) (bool, error) {
	key, err := t.id(id)
	if err != nil {
		return false, err
	}
	only := Mask(0).With(t.schema.Key)
	sql := t.plans.text(shape('G', only), func(b *builder) { b.one(only, false) })
	rows, err := t.statement(ctx, sql, key).Raw(ctx)
	if err != nil {
		return false, err
	}
	return rows.Next(), rows.Err()
}

func (t *table) countAll(ctx context.Context, f Filter) (int64, error) {
	l, err := t.schema.listing(&Query{Filter: f}, nil)
	if err != nil {
		return 0, err
	}
	var n int64
	err = t.count(ctx, l).First(ctx, &n)
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

// list reads a page of rows.
func (t *table) list(ctx context.Context, q *Query) (*page, error) {
	if err := t.before(ctx, &Event{Model: t.schema.Table, Operation: OpList, Query: q}); err != nil {
		return nil, err
	}
	l, err := t.schema.listing(q, t.key)
	if err != nil {
		return nil, err
	}
	p, err := t.page(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := t.load(ctx, l.include, p.rows); err != nil {
		return nil, err
	}
	if len(t.hooks.all) > 0 {
		t.after(ctx, &Event{Model: t.schema.Table, Operation: OpList, Query: q, Rows: t.schema.slice(p.rows)})
	}
	return p, nil
}

// page reads a page without relations, from the cache if it may.
func (t *table) page(ctx context.Context, l *listing) (*page, error) {
	shape, params, fields := listShape(t.schema, l), listParams(t.schema, l), l.load(t.schema)
	cached := cachedRead{table: t, ctx: ctx}
	if t.cache != nil {
		if v, ok := cached.get(l.cacheKey(shape, params)); ok {
			p := v.(page)
			p.rows = t.schema.copies(p.rows, fields)
			return &p, nil
		}
	}
	list := t.statement(ctx, t.plans.text(shape, func(b *builder) { b.list(l) }), params...)
	p := &page{limit: l.limit, offset: l.offset, hasPrev: l.offset > 0 || l.after != nil}
	rows, err := t.rows(ctx, l, list, &p.total)
	if err != nil {
		return nil, err
	}
	a := arena{schema: t.schema, expect: l.limit + 1}
	if err := t.scan(rows, fields, &a); err != nil {
		return nil, err
	}
	if p.rows = a.rows; len(p.rows) > l.limit {
		p.rows = p.rows[:l.limit]
		values := make([]any, len(l.order))
		for i, by := range l.order {
			values[i] = t.schema.value(p.rows[l.limit-1], by.column)
		}
		p.next = encodeCursor(l.shape, values, t.key)
	}
	if cached.wanted {
		kept, size := *p, int64(0)
		kept.rows = t.schema.copies(p.rows, fields)
		for _, one := range kept.rows {
			size += t.schema.weight(one)
		}
		cached.put(kept, size)
	}
	return p, nil
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
	if n, ok := key.(int64); ok && (n > maxWhole || n < -maxWhole) {
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
	if s := sessionOf(c.ctx, c.db); s != nil && s.resumed {
		return nil, false
	}
	c.key = fmt.Sprintf("%p %d %s %s", c.db, c.cache.scope(host.Bindings(c.ctx)), c.schema.Table, key)
	v, p, ok := c.cache.get(c.key, c.schema.Table)
	c.proof, c.wanted = p, !ok
	return v, ok
}

func (c *cachedRead) put(v any, size int64) { c.cache.put(c.key, v, size, c.proof) }
