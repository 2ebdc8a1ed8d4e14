package data

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// item has columns of every kind that a list is sorted or filtered by.
type item struct {
	_     Table    `data:"items"`
	ID    int64    `data:"id,key"`
	A     int      `data:"a"`
	B     *string  `data:"b"`
	C     *float64 `data:"c"`
	D     bool     `data:"d"`
	Later string   `data:"later"`
}

const itemsSQL = `CREATE TABLE items (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b TEXT, c REAL, d INTEGER NOT NULL, later TEXT NOT NULL);CREATE INDEX items_a ON items (a, id);CREATE INDEX items_b ON items (b);`

// compare is the order of a column: null first.
func (i *item) compare(o *item, column string) int {
	switch column {
	case "id":
		return cmp.Compare(i.ID, o.ID)
	case "a":
		return cmp.Compare(i.A, o.A)
	case "b":
		return compareNull(i.B, o.B)
	case "c":
		return compareNull(i.C, o.C)
	}
	return cmp.Compare(fmt.Sprint(i.D), fmt.Sprint(o.D))
}

func compareNull[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(flag(a != nil), flag(b != nil))
	default:
		return cmp.Compare(*a, *b)
	}
}

// takes is what a filter means.
func (i *item) takes(f Filter) bool {
	one := func(v any) (order int, null bool) {
		switch f.column {
		case "a":
			return cmp.Compare(i.A, v.(int)), false
		case "b":
			if i.B == nil {
				return 0, true
			}
			return cmp.Compare(*i.B, v.(string)), false
		case "c":
			if i.C == nil {
				return 0, true
			}
			return cmp.Compare(*i.C, v.(float64)), false
		}
		return cmp.Compare(fmt.Sprint(i.D), fmt.Sprint(v)), false
	}
	switch f.op {
	case opAnd:
		return !slices.ContainsFunc(f.parts, func(p Filter) bool { return !i.takes(p) })
	case opOr:
		return slices.ContainsFunc(f.parts, i.takes)
	case opNot:
		return !i.takes(f.parts[0])
	case opAll:
		return true
	case opLike:
		return i.B != nil && strings.Contains(strings.ToLower(*i.B), strings.ToLower(f.value.(string)))
	case opIn:
		return slices.ContainsFunc(f.value.([]any), func(v any) bool { order, null := one(v); return !null && order == 0 })
	}
	if f.value == nil {
		return (f.column == "b" && i.B == nil || f.column == "c" && i.C == nil) == (f.op == opEq)
	}
	order, null := one(f.value)
	switch {
	case null:
		return f.op == opNe
	case f.op == opEq:
		return order == 0
	case f.op == opNe:
		return order != 0
	case f.op == opGt:
		return order > 0
	case f.op == opGte:
		return order >= 0
	case f.op == opLt:
		return order < 0
	}
	return order <= 0
}

var (
	someText = rapid.SampledFrom([]string{"", "a", "A", "ab", "b%", "_", "é", "'--", `"`})
	someReal = rapid.SampledFrom([]float64{-1.5, 0, 0.1, 2, 1e20})
	someItem = rapid.Custom(func(t *rapid.T) item {
		return item{A: rapid.IntRange(-2, 3).Draw(t, "a"), B: rapid.Ptr(someText, true).Draw(t, "b"), C: rapid.Ptr(someReal, true).Draw(t, "c"), D: rapid.Bool().Draw(t, "d"), Later: rapid.SampledFrom([]string{"x", "x", "x", "y"}).Draw(t, "later")}
	})
	someValue = func(t *rapid.T, column string) any {
		switch column {
		case "a":
			return rapid.IntRange(-3, 4).Draw(t, "value")
		case "b":
			return someText.Draw(t, "value")
		case "c":
			return someReal.Draw(t, "value")
		}
		return rapid.Bool().Draw(t, "value")
	}
	// someSort often goes one way, where an index helps.
	someSort = rapid.Custom(func(t *rapid.T) (by []Order) {
		columns := rapid.Permutation([]string{"a", "b", "c", "d", "id"}).Draw(t, "columns")
		ways := rapid.SampledFrom([]string{"asc", "desc", "mixed"}).Draw(t, "ways")
		for _, c := range columns[:rapid.IntRange(0, 3).Draw(t, "columns sorted by")] {
			by = append(by, Order{c, ways == "desc" || ways == "mixed" && rapid.Bool().Draw(t, "desc")})
		}
		return by
	})
)

func someFilter(t *rapid.T, depth int) Filter {
	kind := rapid.SampledFrom([]op{opAll, opEq, opNe, opGt, opGte, opLt, opLte, opLike, opIn, opAnd, opOr, opNot}).Draw(t, "op")
	column := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "column")
	switch {
	case kind == opAnd || kind == opOr || kind == opNot:
		if depth == 0 {
			return Filter{}
		}
		n := rapid.IntRange(0, 3).Draw(t, "parts")
		if kind == opNot {
			n = 1
		}
		parts := make([]Filter, n)
		for i := range parts {
			parts[i] = someFilter(t, depth-1)
		}
		return Filter{op: kind, parts: parts}
	case kind == opAll:
		return Filter{}
	case kind == opLike:
		return Like("b", someText.Draw(t, "value"))
	case kind == opIn:
		values := make([]any, rapid.IntRange(0, 3).Draw(t, "members"))
		for i := range values {
			values[i] = someValue(t, column)
		}
		return In(column, values...)
	case (kind == opEq || kind == opNe) && rapid.IntRange(0, 4).Draw(t, "null") == 0:
		return Filter{op: kind, column: column}
	}
	return Filter{op: kind, column: column, value: someValue(t, column)}
}

// Whatever is asked for: a list has the rows that a plain loop over them finds, in its
// order, page by page with a cursor, and also by offset, while rows come elsewhere.
func TestListsAreWhatALoopFinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(w, itemsSQL)
	fatal(t, err)
	model := Define(Options[item]{})
	rapid.Check(t, func(t *rapid.T) {
		_, err := w.db.Exec(w, "DELETE FROM items")
		check(t, err)
		key := rapid.SampledFrom([][]byte{nil, []byte("key")}).Draw(t, "key")
		items := NewStore(model, w.db, StoreOptions{CursorKey: key, Cache: NewCache(CacheOptions{})})
		rows, err := items.CreateMany(w, rapid.SliceOfN(someItem, 0, 25).Draw(t, "rows"))
		check(t, err)
		q := Query{
			Filter: And(Eq("later", "x"), rapid.OneOf(rapid.Just(Filter{}), rapid.Custom(func(t *rapid.T) Filter { return someFilter(t, 2) })).Draw(t, "filter")), Sort: someSort.Draw(t, "sort"), Limit: rapid.IntRange(1, 5).Draw(t, "limit"), Count: true,
		}
		want := []item{}
		for _, row := range rows {
			if row.takes(q.Filter.parts[1]) && row.Later == "x" {
				want = append(want, row)
			}
		}
		slices.SortFunc(want, func(a, b item) int {
			desc := false
			for _, o := range q.Sort {
				desc = o.Desc
				if c := a.compare(&b, o.Column); c != 0 {
					return sign(c, desc)
				}
				if o.Column == "id" {
					break
				}
			}
			return sign(a.compare(&b, "id"), desc)
		})
		got := []item{}
		for page := 0; ; page++ {
			p, err := items.List(w, q)
			check(t, err)
			if *p.Total != int64(len(want)) || p.HasPrev != (page > 0) || len(p.Rows) > q.Limit {
				t.Fatalf("page %d: total %d, want %d; %d rows; a page before: %v", page, *p.Total, len(want), len(p.Rows), p.HasPrev)
			}
			got = append(got, p.Rows...)
			if q.After = p.Next; !p.HasNext() {
				break
			}
			if rapid.Bool().Draw(t, "a row comes elsewhere") {
				elsewhere := someItem.Draw(t, "it")
				elsewhere.Later = "y"
				_, err := items.Create(w, elsewhere)
				check(t, err)
			}
		}
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(item{})); diff != "" {
			t.Fatalf("%+v\n%s", q, diff)
		}
		q.After, q.Offset = "", rapid.IntRange(0, 35).Draw(t, "offset")
		p, err := items.List(w, q)
		check(t, err)
		end := min(q.Offset+q.Limit, len(want))
		if diff := gocmp.Diff(want[min(q.Offset, end):end], p.Rows, gocmp.AllowUnexported(item{})); diff != "" {
			t.Fatalf("from offset %d: %s", q.Offset, diff)
		}
	})
}

func sign(c int, desc bool) int {
	if desc {
		return -c
	}
	return c
}

func check(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
