package data

import (
	"reflect"
	"unsafe"
)

// row is the memory of a row of a model whose Go type only its schema knows. What works
// on rows is compiled once, not again for every model: a service's size counts.
type row = unsafe.Pointer

// arena gives memory for rows, several at a time.
type arena struct {
	schema *Schema
	expect int // rows that are wanted, perhaps
	rows   []row
	chunk  reflect.Value
	used   int
}

// next is memory for one row more.
func (a *arena) next() row {
	if !a.chunk.IsValid() || a.used == a.chunk.Len() {
		n := min(max(a.expect-len(a.rows), 1), 64)
		a.chunk, a.used = reflect.MakeSlice(reflect.SliceOf(a.schema.typ), n, n), 0
	}
	p := a.chunk.Index(a.used).Addr().UnsafePointer()
	a.used++
	a.rows = append(a.rows, p)
	return p
}

// any is a row as a pointer to its Go type.
func (s *Schema) any(p row) any { return reflect.NewAt(s.typ, p).Interface() }

// slice is rows as a slice of their Go type.
func (s *Schema) slice(rows []row) any {
	all := reflect.MakeSlice(reflect.SliceOf(s.typ), len(rows), len(rows))
	for i, p := range rows {
		all.Index(i).Set(reflect.NewAt(s.typ, p).Elem())
	}
	return all.Interface()
}

// copies are rows with memory of their own, also for what the columns of fields point at.
func (s *Schema) copies(rows []row, fields Mask) []row {
	a := arena{schema: s, expect: len(rows)}
	for _, from := range rows {
		to := a.next()
		reflect.NewAt(s.typ, to).Elem().Set(reflect.NewAt(s.typ, from).Elem())
		s.detach(to, fields)
	}
	return a.rows
}

// detach gives a copied row memory of its own for what its fields point at.
func (s *Schema) detach(p row, fields Mask) {
	for i := range s.Columns {
		c := &s.Columns[i]
		if !fields.Has(i) || !c.field.pointer && c.Type != Blob && c.Type != JSON {
			continue
		}
		v := s.value(p, i)
		if b, ok := v.([]byte); ok {
			v = append([]byte{}, b...)
		}
		s.mustSet(p, i, v)
	}
}

// mustSet writes a value that a row had.
func (s *Schema) mustSet(p row, i int, v any) {
	if err := s.setValue(p, i, v); err != nil {
		panic(err)
	}
}

// weight is about how many bytes a row takes.
func (s *Schema) weight(p row) int64 {
	size := int64(s.typ.Size())
	for i := range s.Columns {
		switch v := s.value(p, i).(type) {
		case string:
			size += int64(len(v))
		case []byte:
			size += int64(len(v))
		}
	}
	return size
}

// pointers are the places of rows in memory.
func pointers[T any](rows []T) []row {
	all := make([]row, len(rows))
	for i := range rows {
		all[i] = rowOf(&rows[i])
	}
	return all
}

// values are rows of the type that T is.
func values[T any](rows []row) []T {
	all := make([]T, len(rows))
	for i, p := range rows {
		all[i] = *(*T)(p)
	}
	return all
}
