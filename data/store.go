package data

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
)

// StoreOptions are what a store may have. The zero value is the default.
type StoreOptions struct {
	// Cache keeps what was read; several stores may share one. nil: every read asks D1.
	Cache *Cache
	// CursorKey seals the cursors of pages. Without one a client can make a cursor that
	// begins a list anywhere, which shows nothing that the list does not.
	CursorKey []byte
	// Hooks run at the store's operations; several stores may share them.
	Hooks *Hooks
}

// Store keeps the rows of a model in D1. It holds nothing of a request and serves all
// of them.
//
// What a client may be told is a *[clodo.Problem], and an error of one of the kinds
// [ErrNotFound], [ErrConflict], [ErrUnique] and [ErrReference].
type Store[T any] struct {
	model *Model[T]
	*table
}

// table is what a store does. It does not know the Go type of a row.
type table struct {
	schema *Schema
	db     *d1.DB
	cache  *Cache
	key    []byte
	hooks  *Hooks
	plans  plans
}

// NewStore makes the store of a model in a database. It panics when the model has no key.
func NewStore[T any](m *Model[T], db *d1.DB, o StoreOptions) *Store[T] {
	return &Store[T]{m, newTable(m.Schema(), db, o)}
}

func newTable(s *Schema, db *d1.DB, o StoreOptions) *table {
	if s.Key < 0 {
		panic("data: a store needs a model with a key, and " + s.Name + " has none: give a column the option key")
	}
	if o.Hooks == nil {
		o.Hooks = &Hooks{}
	}
	return &table{schema: s, db: db, cache: o.Cache, key: o.CursorKey, hooks: o.Hooks, plans: newPlans(s)}
}

// Model is the model that the store was made for.
func (s *Store[T]) Model() *Model[T] { return s.model }

// Statements says how often the text of a statement was there already, and how many
// texts are kept.
func (s *Store[T]) Statements() CacheStats { return s.plans.cache.Stats() }

// CacheStats are the counters of the store's cache, which others may share; zero without
// one.
func (s *Store[T]) CacheStats() CacheStats {
	if s.cache == nil {
		return CacheStats{}
	}
	return s.cache.Stats()
}

// Get reads the row with a key, with its relations of these names.
func (s *Store[T]) Get(ctx context.Context, id any, include ...string) (T, error) {
	return one[T](s.get(ctx, id, include))
}

// Exists reports whether there is a row with a key.
func (s *Store[T]) Exists(ctx context.Context, id any) (bool, error) { return s.exists(ctx, id) }

// Count counts the rows that a filter takes. D1 reads all of them for it.
func (s *Store[T]) Count(ctx context.Context, f Filter) (int64, error) { return s.countAll(ctx, f) }

// List reads a page of rows.
func (s *Store[T]) List(ctx context.Context, q Query) (*Page[T], error) {
	p, err := s.list(ctx, &q)
	if err != nil {
		return nil, err
	}
	return &Page[T]{Rows: values[T](p.rows), Next: p.next, Limit: p.limit, Offset: p.offset, HasPrev: p.hasPrev, Total: p.total}, nil
}

// Create makes a row and gives it as the database has it. A key that is empty is made:
// a UUID that sorts by time, or the next number. Times of creation and change, and the
// first version, are set.
func (s *Store[T]) Create(ctx context.Context, row T) (T, error) {
	return one[T](s.create(ctx, rowOf(&row)))
}

// CreateMany makes up to MaxBulk rows in one transaction: all of them or none.
func (s *Store[T]) CreateMany(ctx context.Context, rows []T) ([]T, error) {
	return several[T](s.createMany(ctx, pointers(append([]T(nil), rows...))))
}

// Update writes all fields of a row that has been read, but its key and its time of
// creation, and gives it as the database has it then. When the model has a version, the
// row must still have the version that it was read with; else it is ErrConflict. A
// version 0 is any.
func (s *Store[T]) Update(ctx context.Context, row T) (T, error) {
	p := rowOf(&row)
	return one[T](s.change(ctx, p, s.schema.changeable(), lock{version: s.schema.version(p)}))
}

// Patch writes the columns named of a row, and is otherwise as Update. Of the row's
// other fields it only looks at the key and, when there is one, the version. Rules, which
// are about whole rows, are not checked.
func (s *Store[T]) Patch(ctx context.Context, row T, columns ...string) (T, error) {
	p := rowOf(&row)
	fields, err := s.schema.mask(columns)
	if err != nil {
		return row, err
	}
	return one[T](s.change(ctx, p, fields, lock{version: s.schema.version(p)}))
}

// UpdateMany writes up to MaxBulk rows as Update does, in one transaction: when one is
// gone or has another version, none is written.
func (s *Store[T]) UpdateMany(ctx context.Context, rows []T) ([]T, error) {
	return several[T](s.updateMany(ctx, pointers(append([]T(nil), rows...)), s.schema.changeable()))
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
	return s.deleteMany(ctx, ids)
}

// one is a row of the type that T is.
func one[T any](p row, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return *(*T)(p), nil
}

// several are rows of the type that T is.
func several[T any](rows []row, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return values[T](rows), nil
}

// before runs the hooks before an operation; their first error refuses it.
func (t *table) before(ctx context.Context, e *Event) error {
	if len(t.hooks.all) == 0 {
		return nil
	}
	return t.hooks.Run(ctx, "before."+string(e.Operation), e, RunOptions{StopOnError: true}).Err()
}

// after runs the hooks after an operation, which stands whatever they say.
func (t *table) after(ctx context.Context, e *Event) {
	if len(t.hooks.all) == 0 {
		return
	}
	x := t.hooks.Run(ctx, "after."+string(e.Operation), e, RunOptions{})
	for _, r := range x.Results {
		if r.Err != nil {
			slog.ErrorContext(ctx, "a hook failed", "hook", r.Name, "point", x.Point, "table", e.Model, "attempts", r.Attempts, "error", r.Err)
		}
	}
}

// event is what hooks are told of a row.
func (t *table) event(o Operation, p row) *Event {
	if len(t.hooks.all) == 0 {
		return &Event{}
	}
	return &Event{Model: t.schema.Table, Operation: o, ID: t.schema.value(p, t.schema.Key), Row: t.schema.any(p)}
}

// told runs the hooks after an operation on rows.
func (t *table) told(ctx context.Context, o Operation, rows []row) {
	if len(t.hooks.all) == 0 {
		return
	}
	for _, p := range rows {
		t.after(ctx, t.event(o, p))
	}
}

// statement is SQL with its parameters, in the session of ctx when there is one.
func (t *table) statement(ctx context.Context, sql string, params ...any) *d1.Stmt {
	if session := sessionOf(ctx, t.db); session != nil {
		return session.Prepare(sql).Bind(params...)
	}
	return t.db.Prepare(sql).Bind(params...)
}

// batch runs statements in one transaction.
func (t *table) batch(ctx context.Context, statements ...*d1.Stmt) ([]*d1.Result, error) {
	if session := sessionOf(ctx, t.db); session != nil {
		return session.Batch(ctx, statements...)
	}
	return t.db.Batch(ctx, statements...)
}

// written ends what the cache has of the model.
func (t *table) written() {
	if t.cache != nil {
		t.cache.Invalidate(t.schema.Table)
	}
}

// scan reads the columns of fields from rows into an arena.
func (t *table) scan(rows *d1.Rows, fields Mask, a *arena) error {
	for rows.Next() {
		if err := t.schema.scanRow(a.next(), fields, rows.JSON()); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", t.schema.Table, err)
	}
	return nil
}

// touch sets the columns of a row that tell the time.
func (s *Schema) touch(p row, columns ...int) (touched Mask) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, i := range columns {
		if i >= 0 {
			s.Columns[i].field.setTime(p, now)
			touched = touched.With(i)
		}
	}
	return touched
}

// mask are the columns of these names, which an update may write.
func (s *Schema) mask(names []string) (fields Mask, err error) {
	for _, name := range names {
		i, ok := s.Column(name)
		if !ok || !s.changeable().Has(i) {
			return 0, invalidQuery(*unknownField(name))
		}
		fields = fields.With(i)
	}
	return fields, nil
}
