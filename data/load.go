package data

import (
	"context"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// maxRelated is how many rows of relations are loaded at once. More are refused, as
// leaving some out would look like an answer.
const maxRelated = 10_000

// load fills relations of rows: one statement for each relation, however many the rows
// are, and all of them in one call.
func (t *table) load(ctx context.Context, relations []*Relation, rows []row) error {
	if len(relations) == 0 || len(rows) == 0 {
		return nil
	}
	statements := make([]*d1.Stmt, len(relations))
	for i, r := range relations {
		statements[i] = t.related(ctx, r, rows)
	}
	if len(statements) == 1 {
		found, err := statements[0].Raw(ctx)
		if err != nil {
			return err
		}
		return t.attach(relations[0], rows, found)
	}
	results, err := t.batch(ctx, statements...)
	if err != nil {
		return err
	}
	for i, r := range relations {
		if err := t.attach(r, rows, &results[i].Rows); err != nil {
			return err
		}
	}
	return nil
}

// keyOf is what ties a row to rows of a relation; nil to none.
func (t *table) keyOf(r *Relation, row unsafe.Pointer) any {
	if r.Kind == BelongsTo {
		i, _ := t.schema.Column(r.Key)
		return t.schema.value(row, i)
	}
	return t.schema.value(row, t.schema.Key)
}

// related is the statement that reads the rows of a relation, with the key that ties
// them to ours in front. All our keys are one parameter.
func (t *table) related(ctx context.Context, r *Relation, rows []row) *d1.Stmt {
	var keys []any
	seen := map[any]bool{nil: true}
	for _, row := range rows {
		if k := t.keyOf(r, row); !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	sql := t.plans.text(append(shape('R'), r.Name...), func(b *builder) {
		target := builder{schema: r.Target}
		tie, from := r.TargetTable, r.Key // where the key is that ties
		switch r.Kind {
		case BelongsTo:
			from = r.TargetKey
		case ManyToMany:
			tie = r.Through
		}
		target.word("SELECT ")
		target.of(tie, from)
		target.word(` AS "0"`) // no column is called that; two of one name would be one
		for i := range r.Target.Columns {
			target.word(",")
			target.of(r.TargetTable, r.Target.Columns[i].Name)
		}
		target.word(" FROM ")
		target.name(tie)
		if r.Kind == ManyToMany {
			target.word(" JOIN ")
			target.name(r.TargetTable)
			target.word(" ON ")
			target.of(r.TargetTable, r.TargetKey)
			target.word("=")
			target.of(tie, r.OtherKey)
		}
		target.word(" WHERE ")
		target.of(tie, from)
		target.word(" IN (SELECT value FROM json_each(?))")
		if d := r.Target.Deleted; d >= 0 {
			target.word(" AND ")
			target.of(r.TargetTable, r.Target.Columns[d].Name)
			target.word(" IS NULL")
		}
		target.word(" ORDER BY ")
		target.of(r.TargetTable, r.TargetKey)
		target.word(" LIMIT ?")
		b.text = target.text
	})
	return t.statement(ctx, sql, jsonArray(keys), int64(maxRelated+1))
}

// of appends the name of a column with that of its table.
//
//go:noinline
func (b *builder) of(table, column string) {
	b.name(table)
	b.word(".")
	b.name(column)
}

// attach puts the rows that were read into the fields of ours.
func (t *table) attach(r *Relation, rows []row, found *d1.Rows) error {
	byKey := map[any][]reflect.Value{}
	values := make([]any, 1+len(r.Target.Columns))
	dest := make([]any, len(values))
	for i := range dest {
		dest[i] = &values[i]
	}
	for n := 0; found.Next(); n++ {
		if n == maxRelated {
			return &clodo.Problem{
				Status: 400, Code: "too_many_related", Detail: fmt.Sprintf("More than %d rows of '%s' belong to these rows: ask for them as a list of their own.", maxRelated, r.Name),
				Fields: []clodo.Field{{Name: "include", Code: "TOO_MANY_ROWS", Message: "Too many rows of '" + r.Name + "'."}},
			}
		}
		if err := found.Scan(dest...); err != nil {
			return fmt.Errorf("read %s: %w", r.TargetTable, err)
		}
		row := reflect.New(r.elem)
		for i := range r.Target.Columns {
			if err := r.Target.setValue(row.UnsafePointer(), i, values[1+i]); err != nil {
				return err
			}
		}
		byKey[values[0]] = append(byKey[values[0]], row)
	}
	if err := found.Err(); err != nil {
		return fmt.Errorf("read %s: %w", r.TargetTable, err)
	}
	for _, row := range rows {
		theirs := byKey[t.keyOf(r, row)]
		place := unsafe.Add(row, r.offset)
		if r.Kind == BelongsTo || r.Kind == HasOne {
			if len(theirs) > 0 {
				reflect.NewAt(reflect.PointerTo(r.elem), place).Elem().Set(theirs[0])
			}
			continue
		}
		all := reflect.MakeSlice(reflect.SliceOf(r.elem), len(theirs), len(theirs))
		for i, one := range theirs {
			all.Index(i).Set(one.Elem())
		}
		reflect.NewAt(all.Type(), place).Elem().Set(all)
	}
	return nil
}
