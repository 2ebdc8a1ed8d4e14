package data

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unsafe"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// Create makes a row and gives it as the database has it. A key that is empty is made:
// a UUID that sorts by time, or the next number. Times of creation and change, and the
// first version, are set.
func (s *Store[T]) Create(ctx context.Context, row T) (T, error) {
	statement, err := s.creation(ctx, &row)
	if err != nil {
		return row, err
	}
	rows, err := s.write(ctx, []*d1.Stmt{statement})
	if err != nil {
		return row, err
	}
	s.after(ctx, s.event(OpCreate, &rows[0]))
	return rows[0], nil
}

// CreateMany makes up to MaxBulk rows in one transaction: all of them or none.
func (s *Store[T]) CreateMany(ctx context.Context, rows []T) ([]T, error) {
	if len(rows) > MaxBulk {
		return nil, tooMany(len(rows))
	}
	rows = append([]T(nil), rows...)
	statements := make([]*d1.Stmt, len(rows))
	for i := range rows {
		statement, err := s.creation(ctx, &rows[i])
		if err != nil {
			return nil, at(i, err)
		}
		statements[i] = statement
	}
	written, err := s.write(ctx, statements)
	if err != nil {
		return nil, err
	}
	for i := range written {
		s.after(ctx, s.event(OpCreate, &written[i]))
	}
	return written, nil
}

// creation completes and checks a new row, and makes the statement that inserts it.
func (s *Store[T]) creation(ctx context.Context, row *T) (*d1.Stmt, error) {
	e := s.event(OpCreate, row)
	if err := s.before(ctx, e); err != nil {
		return nil, err
	}
	sc, p := s.schema, rowOf(row)
	fields := sc.All()
	if key := &sc.Columns[sc.Key]; key.Type == Integer {
		if sc.value(p, sc.Key) == int64(0) {
			fields = fields.Without(sc.Key) // the database counts
		}
	} else if sc.value(p, sc.Key) == "" {
		key.field.setText(p, newUUID())
	}
	sc.touch(p, sc.Created, sc.Updated)
	if sc.Version >= 0 {
		sc.Columns[sc.Version].field.setInt(p, 1)
	}
	if sc.Deleted >= 0 {
		sc.Columns[sc.Deleted].field.null(p)
	}
	if err := s.check(row, fields); err != nil {
		return nil, err
	}
	sql := s.plans.text(shape('I', fields), func(b *builder) { b.insert(fields) })
	return s.statement(ctx, sql, s.values(p, fields)...), nil
}

// Update writes all fields of a row that has been read, but its key and its time of
// creation, and gives it as the database has it then. When the model has a version, the
// row must still have the version that it was read with; else it is ErrConflict. A
// version 0 is any.
func (s *Store[T]) Update(ctx context.Context, row T) (T, error) {
	return s.change(ctx, row, s.schema.changeable(), lock{version: s.schema.version(rowOf(&row))})
}

// Patch writes the columns named of a row, and is otherwise as Update. Of the row's
// other fields it only looks at the key and, when there is one, the version.
func (s *Store[T]) Patch(ctx context.Context, row T, columns ...string) (T, error) {
	var fields Mask
	for _, name := range columns {
		i, ok := s.schema.Column(name)
		if !ok || !s.schema.changeable().Has(i) {
			return row, invalidQuery(*unknownField(name))
		}
		fields = fields.With(i)
	}
	return s.change(ctx, row, fields, lock{version: s.schema.version(rowOf(&row))})
}

// UpdateMany writes up to MaxBulk rows as Update does, in one transaction: when one is
// gone or has another version, none is written.
func (s *Store[T]) UpdateMany(ctx context.Context, rows []T) ([]T, error) {
	return s.updateMany(ctx, rows, s.schema.changeable())
}

// updateMany is UpdateMany of some columns.
func (s *Store[T]) updateMany(ctx context.Context, rows []T, columns Mask) ([]T, error) {
	if len(rows) > MaxBulk {
		return nil, tooMany(len(rows))
	}
	rows = append([]T(nil), rows...)
	statements := make([]*d1.Stmt, 0, len(rows)+1)
	statements = append(statements, s.present(ctx, pointers(rows)))
	for i := range rows {
		fields := columns
		statement, err := s.changing(ctx, &rows[i], &fields, lock{}) // present has looked at the versions
		if err != nil {
			return nil, at(i, err)
		}
		statements = append(statements, statement)
	}
	written, err := s.write(ctx, statements)
	if err != nil {
		if isMalformed(err) {
			return nil, conflictOfMany(s.schema)
		}
		return nil, err
	}
	for i := range written {
		s.after(ctx, s.event(OpUpdate, &written[i]))
	}
	return written, nil
}

// Delete deletes the row with a key: softly when the model has a column for it.
func (s *Store[T]) Delete(ctx context.Context, id any) error {
	key, err := s.id(id)
	if err != nil {
		return err
	}
	return s.delete(ctx, key, lock{})
}

// DeleteMany deletes the rows with up to MaxBulk keys in one statement, and says how
// many there were.
func (s *Store[T]) DeleteMany(ctx context.Context, ids ...any) (int, error) {
	if len(ids) > MaxBulk {
		return 0, tooMany(len(ids))
	}
	keys := make([]any, len(ids))
	for i, id := range ids {
		key, err := s.id(id)
		if err != nil {
			return 0, at(i, err)
		}
		keys[i] = key
		if err := s.before(ctx, &Event{Model: s.schema.Table, Operation: OpDelete, ID: key}); err != nil {
			return 0, at(i, err)
		}
	}
	rows, err := s.write(ctx, []*d1.Stmt{s.removal(ctx, keys)})
	if err != nil {
		return 0, err
	}
	for i := range rows {
		s.after(ctx, s.event(OpDelete, &rows[i]))
	}
	return len(rows), nil
}

// event is what hooks are told of a row.
func (s *Store[T]) event(o Operation, row *T) *Event {
	return &Event{Model: s.schema.Table, Operation: o, ID: s.schema.value(rowOf(row), s.schema.Key), Row: row}
}

// check finds what is wrong with the fields of a row; rules need all of them.
func (s *Store[T]) check(row *T, fields Mask) error {
	if wrong := s.schema.check(rowOf(row), fields); len(wrong) > 0 {
		return &ValidationError{wrong}
	}
	if whole := s.schema.changeable(); fields&whole == whole {
		return s.schema.checkRules(rowOf(row))
	}
	return nil
}

// lock is what has to be as it was for a change to be made.
type lock struct {
	version int64          // of the row; 0 is any
	guard   Mask           // these columns
	was     unsafe.Pointer // a row with their values
}

// lockOn is the lock that row be as it is: its version, or else all that may change.
func (s *Store[T]) lockOn(row *T) lock {
	if v := s.schema.version(rowOf(row)); v != 0 {
		return lock{version: v}
	}
	was := *row
	s.schema.detach(rowOf(&was), s.schema.All())
	return lock{guard: s.schema.changeable(), was: rowOf(&was)}
}

// change is an update of some columns.
func (s *Store[T]) change(ctx context.Context, row T, fields Mask, l lock) (T, error) {
	statement, err := s.changing(ctx, &row, &fields, l)
	if err != nil {
		return row, err
	}
	key := s.schema.value(rowOf(&row), s.schema.Key)
	rows, err := s.write(ctx, []*d1.Stmt{statement})
	if err != nil {
		return row, err
	}
	if len(rows) == 0 {
		return row, s.missed(ctx, key, l)
	}
	e := s.event(OpUpdate, &rows[0])
	e.Fields = fields
	s.after(ctx, e)
	return rows[0], nil
}

// missed is why a change found no row.
func (s *Store[T]) missed(ctx context.Context, key any, l lock) error {
	if l.version != 0 || l.guard != 0 {
		if there, err := s.Exists(ctx, key); err != nil || there {
			if err != nil {
				return err
			}
			return conflict(s.schema, key)
		}
	}
	return notFound(s.schema, key)
}

// changing completes and checks a changed row, and makes the statement that writes the
// fields, to which hooks may add.
func (s *Store[T]) changing(ctx context.Context, row *T, fields *Mask, l lock) (*d1.Stmt, error) {
	sc := s.schema
	e := s.event(OpUpdate, row)
	e.Fields = *fields
	if err := s.before(ctx, e); err != nil {
		return nil, err
	}
	*fields = e.Fields & sc.changeable()
	*fields |= sc.touch(rowOf(row), sc.Updated)
	if err := s.check(row, *fields); err != nil {
		return nil, err
	}
	if *fields == 0 && sc.Version < 0 {
		*fields = Mask(0).With(sc.Key) // it is written as it is, to be read
	}
	params := s.values(rowOf(row), *fields)
	params = append(params, s.locks(s.schema.value(rowOf(row), sc.Key), l)...)
	sql := s.plans.text(append(shape('U', *fields, l.guard), flag(l.version != 0)), func(b *builder) { b.update(*fields, l) })
	return s.statement(ctx, sql, params...), nil
}

func (s *Store[T]) delete(ctx context.Context, key any, l lock) error {
	if err := s.before(ctx, &Event{Model: s.schema.Table, Operation: OpDelete, ID: key}); err != nil {
		return err
	}
	sc := s.schema
	var row T
	params := s.locks(key, l)
	var sql string
	if sc.Deleted >= 0 {
		fields := sc.touch(rowOf(&row), sc.Deleted, sc.Updated)
		params = append(s.values(rowOf(&row), fields), params...)
		sql = s.plans.text(append(shape('U', fields, l.guard), flag(l.version != 0)), func(b *builder) { b.update(fields, l) })
	} else {
		sql = s.plans.text(append(shape('D', l.guard), flag(l.version != 0)), func(b *builder) { b.remove(l) })
	}
	rows, err := s.write(ctx, []*d1.Stmt{s.statement(ctx, sql, params...)})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return s.missed(ctx, key, l)
	}
	s.after(ctx, s.event(OpDelete, &rows[0]))
	return nil
}

// write runs statements that change rows, in one transaction, and gives the rows that
// they return. Whatever becomes of it, the cache does not answer from before.
func (s *Store[T]) write(ctx context.Context, statements []*d1.Stmt) ([]T, error) {
	defer s.written()
	if len(statements) == 0 {
		return []T{}, nil
	}
	var results []*d1.Rows
	if len(statements) == 1 {
		rows, err := statements[0].Raw(ctx)
		if err != nil {
			return nil, s.refused(err)
		}
		results = append(results, rows)
	} else {
		all, err := s.batch(ctx, statements...)
		if err != nil {
			return nil, s.refused(err)
		}
		for _, r := range all {
			results = append(results, &r.Rows)
		}
	}
	rows := make([]T, 0, len(results))
	for _, r := range results {
		if columns := r.Columns(); len(columns) == 1 && columns[0] == presentColumn {
			continue
		}
		if err := s.scan(r, s.schema.All(), grow(&rows)); err != nil {
			return nil, err
		}
	}
	return rows, nil
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
	numbered.Detail = fmt.Sprintf("Row %d: %s", i, p.Detail)
	return &numbered
}

func flag(set bool) byte {
	if set {
		return '1'
	}
	return '0'
}

// newUUID makes a UUID of version 7, which sorts by the time of its making: new rows
// stand together in an index.
func newUUID() string {
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

// removal is the statement that deletes the rows with these keys.
func (s *Store[T]) removal(ctx context.Context, keys []any) *d1.Stmt {
	sc := s.schema
	var row T
	var params []any
	fields := Mask(0)
	if sc.Deleted >= 0 {
		fields = sc.touch(rowOf(&row), sc.Deleted, sc.Updated)
		params = s.values(rowOf(&row), fields)
	}
	sql := s.plans.text(shape('M', fields), func(b *builder) { b.removeMany(fields) })
	return s.statement(ctx, sql, append(params, jsonArray(keys))...)
}
