package data

import (
	"context"
	"fmt"
	"log/slog"
	"time"
	"unsafe"

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
	table
}

// table is what a store does without knowing the Go type of a row.
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
	s := m.Schema()
	if s.Key < 0 {
		panic("data: a store needs a model with a key, and " + s.Name + " has none: give a column the option key")
	}
	if o.Hooks == nil {
		o.Hooks = &Hooks{}
	}
	return &Store[T]{m, table{schema: s, db: db, cache: o.Cache, key: o.CursorKey, hooks: o.Hooks, plans: newPlans(s)}}
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

// scan reads the columns of fields from all rows; next gives the memory of each.
func (t *table) scan(rows *d1.Rows, fields Mask, next func() unsafe.Pointer) error {
	for rows.Next() {
		if err := t.schema.scanRow(next(), fields, rows.JSON()); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", t.schema.Table, err)
	}
	return nil
}

// detach gives a copied row memory of its own for what its fields point at.
func (s *Schema) detach(row unsafe.Pointer, fields Mask) {
	for i := range s.Columns {
		c := &s.Columns[i]
		if !fields.Has(i) || !c.field.pointer && c.Type != Blob && c.Type != JSON {
			continue
		}
		v := s.value(row, i)
		if b, ok := v.([]byte); ok {
			v = append([]byte{}, b...)
		}
		if err := s.setValue(row, i, v); err != nil {
			panic(err) // it is a value that the row had
		}
	}
}

// touch sets the columns of a row that tell the time.
func (s *Schema) touch(row unsafe.Pointer, columns ...int) (touched Mask) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, i := range columns {
		if i >= 0 {
			s.Columns[i].field.setTime(row, now)
			touched = touched.With(i)
		}
	}
	return touched
}
