package data

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// create makes a row.
func (t *table) create(ctx context.Context, p row) (row, error) {
	statement, err := t.creation(ctx, p)
	if err != nil {
		return nil, err
	}
	rows, err := t.write(ctx, []*d1.Stmt{statement})
	if err != nil {
		return nil, err
	}
	t.told(ctx, OpCreate, rows)
	return rows[0], nil
}

// createMany makes rows, all or none.
func (t *table) createMany(ctx context.Context, rows []row) ([]row, error) {
	if len(rows) > MaxBulk {
		return nil, tooMany(len(rows))
	}
	statements := make([]*d1.Stmt, len(rows))
	for i, p := range rows {
		statement, err := t.creation(ctx, p)
		if err != nil {
			return nil, at(i, err)
		}
		statements[i] = statement
	}
	written, err := t.write(ctx, statements)
	if err != nil {
		return nil, err
	}
	t.told(ctx, OpCreate, written)
	return written, nil
}

// creation completes and checks a new row, and makes the statement that inserts it.
func (t *table) creation(ctx context.Context, p row) (*d1.Stmt, error) {
	if err := t.before(ctx, t.event(OpCreate, p)); err != nil {
		return nil, err
	}
	s := t.schema
	fields := s.All()
	if key := &s.Columns[s.Key]; key.Type == Integer {
		if s.value(p, s.Key) == int64(0) {
			fields = fields.Without(s.Key) // the database counts
		}
	} else if s.value(p, s.Key) == "" {
		key.field.setText(p, NewUUID())
	}
	s.touch(p, s.Created, s.Updated)
	if s.Version >= 0 {
		s.Columns[s.Version].field.setInt(p, 1)
	}
	if s.Deleted >= 0 {
		s.Columns[s.Deleted].field.null(p)
	}
	if err := s.sound(p, fields); err != nil {
		return nil, err
	}
	sql := t.plans.text(shape('I', fields), func(b *builder) { b.insert(fields) })
	return t.statement(ctx, sql, t.values(p, fields)...), nil
}

// updateMany writes columns of rows, all or none.
func (t *table) updateMany(ctx context.Context, rows []row, columns Mask) ([]row, error) {
	if len(rows) > MaxBulk {
		return nil, tooMany(len(rows))
	}
	statements := []*d1.Stmt{t.present(ctx, rows)}
	for i, p := range rows {
		fields := columns
		statement, err := t.changing(ctx, p, &fields, lock{}) // present has looked at the versions
		if err != nil {
			return nil, at(i, err)
		}
		statements = append(statements, statement)
	}
	written, err := t.write(ctx, statements)
	switch {
	case err != nil && isMalformed(err):
		return nil, conflictOfMany(t.schema)
	case err != nil:
		return nil, err
	}
	t.told(ctx, OpUpdate, written)
	return written, nil
}

// deleteMany deletes the rows with these keys.
func (t *table) deleteMany(ctx context.Context, ids []any) (int, error) {
	if len(ids) > MaxBulk {
		return 0, tooMany(len(ids))
	}
	keys := make([]any, len(ids))
	for i, id := range ids {
		key, err := t.id(id)
		if err != nil {
			return 0, at(i, err)
		}
		keys[i] = key
		if err := t.before(ctx, &Event{Model: t.schema.Table, Operation: OpDelete, ID: key}); err != nil {
			return 0, at(i, err)
		}
	}
	s := t.schema
	var params []any
	fields := Mask(0)
	if s.Deleted >= 0 {
		a := arena{schema: s}
		p := a.next()
		fields = s.touch(p, s.Deleted, s.Updated)
		params = t.values(p, fields)
	}
	sql := t.plans.text(shape('M', fields), func(b *builder) { b.removeMany(fields) })
	rows, err := t.write(ctx, []*d1.Stmt{t.statement(ctx, sql, append(params, jsonArray(keys))...)})
	if err != nil {
		return 0, err
	}
	t.told(ctx, OpDelete, rows)
	return len(rows), nil
}

// sound finds what is wrong with the fields of a row; rules need all of them.
func (s *Schema) sound(p row, fields Mask) error {
	if wrong := s.check(p, fields); len(wrong) > 0 {
		return &ValidationError{wrong}
	}
	if whole := s.changeable(); fields&whole == whole {
		return s.checkRules(p)
	}
	return nil
}

// lock is what has to be as it was for a change to be made.
type lock struct {
	version int64 // of the row; 0 is any
	guard   Mask  // these columns
	was     row   // with their values
}

// lockOn is the lock that a row be as it is: its version, or else all that may change.
func (t *table) lockOn(p row) lock {
	if v := t.schema.version(p); v != 0 {
		return lock{version: v}
	}
	return lock{guard: t.schema.changeable(), was: t.schema.copies([]row{p}, t.schema.All())[0]}
}

// change is an update of some columns.
func (t *table) change(ctx context.Context, p row, fields Mask, l lock) (row, error) {
	statement, err := t.changing(ctx, p, &fields, l)
	if err != nil {
		return nil, err
	}
	rows, err := t.write(ctx, []*d1.Stmt{statement})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, t.missed(ctx, t.schema.value(p, t.schema.Key), l)
	}
	e := t.event(OpUpdate, rows[0])
	e.Fields = fields
	t.after(ctx, e)
	return rows[0], nil
}

// missed is why a change found no row.
func (t *table) missed(ctx context.Context, key any, l lock) error {
	if l.version != 0 || l.guard != 0 {
		there, err := t.exists(ctx, key)
		if err != nil {
			return err
		}
		if there {
			return conflict(t.schema, key)
		}
	}
	return notFound(t.schema, key)
}

// changing completes and checks a changed row, and makes the statement that writes the
// fields, to which hooks may add.
func (t *table) changing(ctx context.Context, p row, fields *Mask, l lock) (*d1.Stmt, error) {
	s := t.schema
	e := t.event(OpUpdate, p)
	e.Fields = *fields
	if err := t.before(ctx, e); err != nil {
		return nil, err
	}
	*fields = e.Fields & s.changeable()
	*fields |= s.touch(p, s.Updated)
	if err := s.sound(p, *fields); err != nil {
		return nil, err
	}
	if *fields == 0 && s.Version < 0 {
		*fields = Mask(0).With(s.Key) // it is written as it is, to be read
	}
	params := append(t.values(p, *fields), t.locks(s.value(p, s.Key), l)...)
	sql := t.plans.text(append(shape('U', *fields, l.guard), flag(l.version != 0)), func(b *builder) { b.update(*fields, l) })
	return t.statement(ctx, sql, params...), nil
}

func (t *table) delete(ctx context.Context, key any, l lock) error {
	if err := t.before(ctx, &Event{Model: t.schema.Table, Operation: OpDelete, ID: key}); err != nil {
		return err
	}
	s := t.schema
	params := t.locks(key, l)
	var sql string
	if s.Deleted >= 0 {
		a := arena{schema: s}
		p := a.next()
		fields := s.touch(p, s.Deleted, s.Updated)
		params = append(t.values(p, fields), params...)
		sql = t.plans.text(append(shape('U', fields, l.guard), flag(l.version != 0)), func(b *builder) { b.update(fields, l) })
	} else {
		sql = t.plans.text(append(shape('D', l.guard), flag(l.version != 0)), func(b *builder) { b.remove(l) })
	}
	rows, err := t.write(ctx, []*d1.Stmt{t.statement(ctx, sql, params...)})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return t.missed(ctx, key, l)
	}
	t.told(ctx, OpDelete, rows)
	return nil
}

// write runs statements that change rows, in one transaction, and gives the rows that
// they return. Whatever becomes of it, the cache does not answer from before.
func (t *table) write(ctx context.Context, statements []*d1.Stmt) ([]row, error) {
	defer t.written()
	a := arena{schema: t.schema, expect: len(statements)}
	if len(statements) == 0 {
		return a.rows, nil
	}
	if len(statements) == 1 {
		rows, err := statements[0].Raw(ctx)
		if err != nil {
			return nil, t.refused(err)
		}
		err = t.scan(rows, t.schema.All(), &a)
		return a.rows, err
	}
	results, err := t.batch(ctx, statements...)
	if err != nil {
		return nil, t.refused(err)
	}
	for _, r := range results {
		if columns := r.Columns(); len(columns) == 1 && columns[0] == presentColumn {
			continue
		}
		if err := t.scan(&r.Rows, t.schema.All(), &a); err != nil {
			return nil, err
		}
	}
	return a.rows, nil
}

// at says which of several rows an error is about.
func at(i int, err error) error {
	var invalid *ValidationError
	if errors.As(err, &invalid) {
		all := append([]FieldError(nil), invalid.Errors...)
		for f := range all {
			all[f].Field = strconv.Itoa(i) + "." + all[f].Field
		}
		return &ValidationError{all}
	}
	var p *clodo.Problem
	if !errors.As(err, &p) {
		return fmt.Errorf("row %d: %w", i, err)
	}
	numbered := *p
	numbered.Detail = fmt.Sprintf("Row %d: %s", i, cmp.Or(p.Detail, p.Title, http.StatusText(p.Status)))
	return &numbered
}

func flag(set bool) byte {
	if set {
		return '1'
	}
	return '0'
}

// NewUUID makes a UUID of version 7, which sorts by the time of its making: new rows
// stand together in an index.
func NewUUID() string {
	var u [16]byte
	_, _ = rand.Read(u[6:]) // never fails
	ms := time.Now().UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6], u[8] = u[6]&0x0f|0x70, u[8]&0x3f|0x80
	b := make([]byte, 0, 36)
	for i, v := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[v>>4], hexDigits[v&0xf])
	}
	return string(b)
}
