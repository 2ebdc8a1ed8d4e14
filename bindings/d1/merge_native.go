//go:build !js

package d1

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// merge makes of the rows what they are as objects of JavaScript, which is how D1's
// binding gives them except by raw: without rows there are no names, of columns with one
// name the last has the place of the first, and names that are indexes come first.
func (r *Rows) merge() error {
	rows := r.next
	if rows.Peek() == 0 || !rows.Begin('[') {
		r.columns = nil
		return rows.Err()
	}
	pick := objectOrder(r.columns)
	if pick == nil {
		return nil
	}
	out := []byte{'['}
	var cells [][]byte
	for ok := true; ok; ok = rows.More(']') {
		cells = cells[:0]
		for ok := rows.Begin('['); ok; ok = rows.More(']') {
			cells = append(cells, rows.Raw())
		}
		if rows.Err() != nil || len(cells) != len(r.columns) {
			return cmp.Or(rows.Err(), errWidth)
		}
		out = append(out, '[')
		for _, i := range pick {
			out = append(append(out, cells[i]...), ',')
		}
		out[len(out)-1] = ']'
		out = append(out, ',')
	}
	out[len(out)-1] = ']'
	if err := rows.Err(); err != nil {
		return err
	}
	columns := make([]string, len(pick))
	for to, from := range pick {
		columns[to] = r.columns[from]
	}
	r.columns, r.next = columns, jsonwire.NewReader(out)
	return nil
}

// objectOrder is which columns the members of an object are, in their order; nil when
// they are the columns as they stand.
func objectOrder(columns []string) []int {
	type member struct {
		name        string
		from, index int
	}
	members := make([]member, 0, len(columns))
	plain := true
	for i, name := range columns {
		j := slices.IndexFunc(members, func(m member) bool { return m.name == name })
		if j >= 0 {
			members[j].from, plain = i, false
			continue
		}
		index := indexOf(name)
		plain = plain && index < 0
		members = append(members, member{name, i, index})
	}
	if plain {
		return nil
	}
	slices.SortStableFunc(members, func(a, b member) int {
		switch {
		case a.index >= 0 && b.index >= 0:
			return a.index - b.index
		case a.index >= 0:
			return -1
		case b.index >= 0:
			return 1
		}
		return 0
	})
	pick := make([]int, len(members))
	for i, m := range members {
		pick[i] = m.from
	}
	return pick
}

// indexOf is the number that name is as an index of an array; -1 when it is none.
func indexOf(name string) int {
	if len(name) == 0 || len(name) > 10 || name[0] > '9' {
		return -1
	}
	n, err := strconv.ParseUint(name, 10, 32)
	if err != nil || n == 1<<32-1 || strconv.FormatUint(n, 10) != name {
		return -1
	}
	return int(n)
}
