package data

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// changeable are the columns that an update of a whole row writes.
func (s *Schema) changeable() Mask {
	m := s.All()
	for _, i := range []int{s.Key, s.Created, s.Version, s.Deleted} {
		if i >= 0 {
			m = m.Without(i)
		}
	}
	return m
}

// version is that of a row; 0 without one.
func (s *Schema) version(row unsafe.Pointer) int64 {
	if s.Version < 0 {
		return 0
	}
	v, _ := s.value(row, s.Version).(int64)
	return v
}

// values are the columns of a row for D1.
func (t *table) values(row unsafe.Pointer, fields Mask) []any {
	all := make([]any, 0, 16)
	for i := range t.schema.Columns {
		if fields.Has(i) {
			all = append(all, t.schema.value(row, i))
		}
	}
	return all
}

// locks are the parameters of a change's conditions.
func (t *table) locks(key any, l lock) []any {
	params := []any{key}
	if l.version != 0 {
		params = append(params, l.version)
	}
	if l.guard != 0 {
		params = append(params, t.guarded(l.was, l.guard))
	}
	return params
}

// guarded are the columns that must not have changed as one parameter.
func (t *table) guarded(row unsafe.Pointer, guard Mask) string {
	var all []any
	for i := range t.schema.Columns {
		if !guard.Has(i) {
			continue
		}
		v := t.schema.value(row, i)
		if b, ok := v.([]byte); ok {
			v = fmt.Sprintf("%X", b) // as SQLite's hex has it
		}
		all = append(all, v)
	}
	return jsonArray(all)
}

// presentColumn names the result of the statement that present makes.
const presentColumn = "present"

// present is a statement that fails, and its transaction with it, unless all rows are
// there with the versions that they have here, 0 being any.
func (t *table) present(ctx context.Context, rows []unsafe.Pointer) *d1.Stmt {
	var keys, versions []any
	distinct := map[any]bool{}
	for _, row := range rows {
		k := t.schema.value(row, t.schema.Key)
		keys, versions = append(keys, k), append(versions, t.schema.version(row))
		distinct[k] = true
	}
	sql := t.plans.text(shape('P'), func(b *builder) {
		b.word("SELECT CASE WHEN (SELECT count(*) FROM ")
		b.table()
		b.word(",json_each(?) AS k,json_each(?) AS v WHERE v.key=k.key AND k.value=")
		b.of(b.schema.Table, b.schema.Columns[b.schema.Key].Name)
		if v := b.schema.Version; v >= 0 {
			b.word(" AND v.value IN (0,")
			b.of(b.schema.Table, b.schema.Columns[v].Name)
			b.word(")")
		}
		if d := b.schema.Deleted; d >= 0 {
			b.word(" AND ")
			b.of(b.schema.Table, b.schema.Columns[d].Name)
			b.word(" IS NULL")
		}
		// Not JSON: there is no other way for a plain SELECT to fail.
		b.word(")=? THEN 1 ELSE json('rows have changed') END AS present")
	})
	n := len(rows)
	if len(distinct) != n {
		n = -1 // a row twice: its second change would find another version
	}
	return t.statement(ctx, sql, jsonArray(keys), jsonArray(versions), int64(n))
}

// isMalformed reports the failure of present.
func isMalformed(err error) bool {
	var from *d1.Error
	return errors.As(err, &from) && strings.Contains(from.Message, "malformed JSON")
}

func conflictOfMany(s *Schema) *clodo.Problem {
	return &clodo.Problem{
		Status: 409, Code: "version_conflict", Detail: "A row of " + s.Table + " is gone, was changed meanwhile, or is there twice: nothing was written.", Err: ErrConflict,
	}
}
