package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// maxRows is how many rows an answer can have.
const maxRows = 10_000

// BadQuery is a query that cannot be answered as it is.
type BadQuery struct{ Reason string }

func (e *BadQuery) Error() string { return e.Reason }

// Answer is the result of a query, in the format that it asked for.
type Answer struct {
	ContentType string
	Body        []byte
}

// table is a result before it is written.
type table struct {
	names []string
	rows  [][]any
}

// Query answers SQL about the datasets of an account. A query that makes no sense, or
// asks for what is not there, is a *BadQuery that names it.
func (s *Store) Query(ctx context.Context, account, sql string) (Answer, error) {
	st, err := parse(sql)
	if err != nil {
		return Answer{}, &BadQuery{err.Error()}
	}
	known, err := s.datasets(ctx, account)
	if err != nil {
		return Answer{}, err
	}
	t := table{names: []string{"dataset"}}
	if st.show {
		for _, name := range known {
			t.rows = append(t.rows, []any{name})
		}
		return t.write(st.format)
	}
	if !slices.Contains(known, st.from) {
		return Answer{}, &BadQuery{"unable to find the table " + st.from + ": no data point was written to a dataset of this name"}
	}
	if t, err = s.run(ctx, account, st); err != nil {
		if ctx.Err() != nil {
			return Answer{}, ctx.Err()
		}
		return Answer{}, &BadQuery{err.Error()}
	}
	return t.write(st.format)
}

func (s *Store) run(ctx context.Context, account string, st statement) (table, error) {
	var t table
	aliases := map[string]expr{}
	for _, i := range st.items {
		if i.expr.name == "*" && !i.expr.call {
			return t, errors.New("SELECT * is not there: name the columns")
		}
		t.names = append(t.names, i.alias)
		if i.alias != i.expr.name {
			aliases[i.alias] = i.expr
		}
	}
	now := s.clock.Now().UTC().Truncate(time.Second)
	grouped := len(st.group) > 0 || slices.ContainsFunc(st.items, func(i item) bool { return i.expr.aggregated(aliases, 0) })
	groups, err := s.groups(ctx, account, st, scope{now: now, aliases: aliases}, grouped)
	if err != nil {
		return t, err
	}
	if grouped && len(st.group) == 0 && len(groups) == 0 {
		groups = [][]row{{}} // figures of nothing are figures too
	}
	type line struct{ values, keys []any }
	var lines []line
	for _, rows := range groups {
		sc := scope{now: now, aliases: aliases}
		if len(rows) > 0 {
			sc.row = rows[0]
		}
		if grouped {
			sc.group = append([]row{}, rows...)
		}
		if st.having != nil {
			wanted, err := sc.eval(*st.having)
			if err != nil {
				return t, err
			}
			if !truth(wanted) {
				continue
			}
		}
		var l line
		for _, i := range st.items {
			v, err := sc.eval(i.expr)
			if err != nil {
				return t, err
			}
			l.values = append(l.values, v)
		}
		for _, o := range st.order {
			v, err := sc.eval(o.expr)
			if err != nil {
				return t, err
			}
			l.keys = append(l.keys, v)
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		for i, o := range st.order {
			if n := compare(a.keys[i], b.keys[i]); n != 0 {
				if o.descending {
					return -n
				}
				return n
			}
		}
		return 0
	})
	lines = lines[min(len(lines), st.offset):]
	limit := maxRows
	if st.limit >= 0 {
		limit = min(limit, st.limit)
	}
	for _, l := range lines[:min(len(lines), limit)] {
		t.rows = append(t.rows, l.values)
	}
	return t, nil
}

// groups are the wanted rows by what they are grouped by; each by itself when they
// are not.
func (s *Store) groups(ctx context.Context, account string, st statement, sc scope, grouped bool) ([][]row, error) {
	byKey := map[string]int{}
	var groups [][]row
	err := s.each(ctx, account, st.from, func(r row) error {
		sc.row = r
		if st.where != nil {
			wanted, err := sc.eval(*st.where)
			if err != nil || !truth(wanted) {
				return err
			}
		}
		if !grouped {
			groups = append(groups, []row{r})
			return nil
		}
		var key strings.Builder
		for _, g := range st.group {
			v, err := sc.eval(g)
			if err != nil {
				return err
			}
			key.WriteString(show(v) + "\x00")
		}
		i, ok := byKey[key.String()]
		if !ok {
			i = len(groups)
			byKey[key.String()] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
		return nil
	})
	return groups, err
}

// kind is a value's type in the words of the answer.
func kind(v any) string {
	switch v.(type) {
	case float64:
		return "Float64"
	case time.Time:
		return "DateTime"
	}
	return "String"
}

// plain is a value as JSON has it.
func plain(v any) any {
	n, ok := v.(float64)
	switch {
	case !ok && v == nil, ok && (math.IsNaN(n) || math.IsInf(n, 0)):
		return nil
	case ok:
		return n
	}
	return show(v)
}

func (t table) write(format string) (Answer, error) {
	var b bytes.Buffer
	if format == "TabSeparated" {
		for _, values := range t.rows {
			for i, v := range values {
				if i > 0 {
					b.WriteByte('\t')
				}
				b.WriteString(strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`).Replace(show(v)))
			}
			b.WriteByte('\n')
		}
		return Answer{"text/tab-separated-values; charset=UTF-8", b.Bytes()}, nil
	}
	objects := []map[string]any{}
	for _, values := range t.rows {
		object := map[string]any{}
		for i, v := range values {
			object[t.names[i]] = plain(v)
		}
		objects = append(objects, object)
	}
	encoder := json.NewEncoder(&b)
	if format == "JSONEachRow" {
		for _, o := range objects {
			if err := encoder.Encode(o); err != nil {
				return Answer{}, err
			}
		}
		return Answer{"application/x-ndjson", b.Bytes()}, nil
	}
	meta := []map[string]string{}
	for i, name := range t.names {
		one := map[string]string{"name": name, "type": "String"}
		if len(t.rows) > 0 {
			one["type"] = kind(t.rows[0][i])
		}
		meta = append(meta, one)
	}
	err := encoder.Encode(map[string]any{"meta": meta, "data": objects, "rows": len(objects), "rows_before_limit_at_least": len(objects)})
	return Answer{"application/json", b.Bytes()}, err
}
