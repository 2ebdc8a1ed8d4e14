package data

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo"
)

// Filter is a condition on the rows of a model. The zero value is true of every row.
// Columns are named as the model has them, and values are of the Go types that fields
// of the column may have; whatever else is an error of the query, before there is SQL.
type Filter struct {
	op     op
	column string
	value  any // of opIn []any
	parts  []Filter
}

// op is what a condition does.
type op uint8

const (
	opAll op = iota // every row
	opEq
	opNe
	opGt
	opGte
	opLt
	opLte
	opLike
	opIn
	opAnd
	opOr
	opNot
)

// ops are the endings of parameters in a query of a URL: age_gte=18.
var ops = map[string]op{"eq": opEq, "ne": opNe, "gt": opGt, "gte": opGte, "lt": opLt, "lte": opLte, "like": opLike, "in": opIn}

// Eq is true of rows whose column is value. A nil is null.
func Eq(column string, value any) Filter { return Filter{op: opEq, column: column, value: value} }

// Ne is true of rows whose column is anything but value, null included. A nil is null.
func Ne(column string, value any) Filter { return Filter{op: opNe, column: column, value: value} }

// Gt is true of rows whose column is greater than value.
func Gt(column string, value any) Filter { return Filter{op: opGt, column: column, value: value} }

// Gte is true of rows whose column is value or greater.
func Gte(column string, value any) Filter { return Filter{op: opGte, column: column, value: value} }

// Lt is true of rows whose column is less than value.
func Lt(column string, value any) Filter { return Filter{op: opLt, column: column, value: value} }

// Lte is true of rows whose column is value or less.
func Lte(column string, value any) Filter { return Filter{op: opLte, column: column, value: value} }

// Like is true of rows whose column, which holds text, has part in it. Upper and lower
// case of ASCII letters are the same; % and _ stand for themselves.
func Like(column, part string) Filter { return Filter{op: opLike, column: column, value: part} }

// In is true of rows whose column is one of the values. None of them may be nil. With
// no values it is true of no row.
func In[V any](column string, values ...V) Filter {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return Filter{op: opIn, column: column, value: all}
}

// And is true where all filters are.
func And(filters ...Filter) Filter { return Filter{op: opAnd, parts: filters} }

// Or is true where one of the filters is: with none, nowhere.
func Or(filters ...Filter) Filter { return Filter{op: opOr, parts: filters} }

// Not is true where f is not.
func Not(f Filter) Filter { return Filter{op: opNot, parts: []Filter{f}} }

// condition is a filter whose columns are the model's and whose values are D1's.
type condition struct {
	op     op
	column int
	value  any // for D1; of opIn a JSON array as text
	parts  []condition
}

// Bounds of one filter. D1 takes 100 parameters per query, and each condition has one.
const (
	maxConditions = 60
	maxNesting    = 16
)

// resolver turns filters into conditions and counts them.
type resolver struct {
	schema *Schema
	count  int
}

func (r *resolver) condition(f Filter, depth int) (condition, *clodo.Field) {
	c := condition{op: f.op, column: -1}
	if r.count++; r.count > maxConditions || depth > maxNesting {
		return c, &clodo.Field{Name: "filter", Code: "TOO_MANY_CONDITIONS", Message: fmt.Sprintf("A filter has at most %d conditions, %d deep.", maxConditions, maxNesting)}
	}
	switch f.op {
	case opAll:
		return c, nil
	case opAnd, opOr, opNot:
		for _, part := range f.parts {
			p, wrong := r.condition(part, depth+1)
			if wrong != nil {
				return c, wrong
			}
			c.parts = append(c.parts, p)
		}
		return c, nil
	}
	i, ok := r.schema.Column(f.column)
	if !ok {
		return c, unknownField(f.column)
	}
	c.column = i
	col := &r.schema.Columns[i]
	switch {
	case col.Type == Blob || col.Type == JSON:
		if (f.op == opEq || f.op == opNe) && f.value == nil {
			return c, nil
		}
		return c, &clodo.Field{Name: f.column, Code: "NOT_FILTERABLE", Message: "Rows cannot be chosen by '" + f.column + "', which holds " + col.Type.String() + "."}
	case f.op == opLike && !col.Type.isText():
		return c, &clodo.Field{Name: f.column, Code: "NOT_FILTERABLE", Message: "'" + f.column + "' is no text, so it is not like any."}
	case f.op == opLike:
		c.value = f.value
		return c, nil
	case f.op == opIn:
		return c, r.members(&c, col, f.value.([]any))
	case f.value == nil && (f.op == opEq || f.op == opNe):
		return c, nil
	}
	v, err := col.operand(f.value)
	if err != nil {
		return c, invalidValue(f.column, err)
	}
	c.value = v
	return c, nil
}

// operand is the value of a condition as D1 has it.
func (c *Column) operand(v any) (any, error) {
	p, err := c.param(v)
	if n, ok := p.(int64); ok && (n > maxWhole || n < -maxWhole) {
		return nil, fmt.Errorf("must be a whole number from %d to %d", -maxWhole, maxWhole)
	}
	return p, err
}

// members are the values of an In as one parameter.
func (r *resolver) members(c *condition, col *Column, values []any) *clodo.Field {
	all := make([]any, len(values))
	for i, v := range values {
		p, err := col.operand(v)
		if err != nil {
			return invalidValue(col.Name, err)
		}
		all[i] = p
	}
	c.value = jsonArray(all)
	return nil
}

// params appends the values of c in the order in which its SQL has their places.
func (c *condition) params(all []any) []any {
	switch {
	case c.op == opAnd || c.op == opOr || c.op == opNot:
		for i := range c.parts {
			all = c.parts[i].params(all)
		}
	case c.op != opAll && c.value != nil:
		all = append(all, c.value)
	}
	return all
}

// shape appends what c's SQL depends on.
func (c *condition) shape(b []byte) []byte {
	b = append(b, 'A'+byte(c.op))
	switch c.op {
	case opAnd, opOr, opNot:
		b = append(b, '(')
		for i := range c.parts {
			b = c.parts[i].shape(b)
		}
		return append(b, ')')
	case opAll:
		return b
	}
	b = append(b, byte(c.column))
	if c.value == nil {
		b = append(b, '0')
	}
	return b
}

// write appends c as SQL.
func (c *condition) write(b *builder) {
	switch c.op {
	case opAll:
		b.word("1")
		return
	case opAnd, opOr:
		if len(c.parts) == 0 {
			if c.op == opAnd {
				b.word("1")
			} else {
				b.word("0")
			}
			return
		}
		b.word("(")
		for i := range c.parts {
			switch {
			case i > 0 && c.op == opAnd:
				b.word(" AND ")
			case i > 0:
				b.word(" OR ")
			}
			c.parts[i].write(b)
		}
		b.word(")")
		return
	case opNot:
		// A condition on null is null; NOT would leave it so, and the row out on both sides.
		b.word("NOT coalesce(")
		c.parts[0].write(b)
		b.word(",0)")
		return
	case opLike:
		// LIKE has patterns, of which D1 takes 50 bytes.
		b.word("instr(lower(")
		b.column(c.column)
		b.word("),lower(?))>0")
		return
	}
	b.column(c.column)
	switch c.op {
	case opEq:
		if c.value == nil {
			b.word(" IS NULL")
			return
		}
		b.word("=?")
	case opNe:
		if c.value == nil {
			b.word(" IS NOT NULL")
			return
		}
		b.word(" IS NOT ?")
	case opGt:
		b.word(">?")
	case opGte:
		b.word(">=?")
	case opLt:
		b.word("<?")
	case opLte:
		b.word("<=?")
	case opIn:
		b.word(" IN (SELECT value FROM json_each(?))")
	}
}

func unknownField(name string) *clodo.Field {
	return &clodo.Field{Name: name, Code: UnknownField, Message: "There is no field '" + printable(name) + "'."}
}

func invalidValue(name string, err error) *clodo.Field {
	code := InvalidType
	if err == errNotMember {
		code = EnumViolation
	}
	return &clodo.Field{Name: name, Code: code, Message: "Field '" + name + "' " + err.Error() + "."}
}

// printable is what a client sent, fit to be shown to it again.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\u007f' || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}

// isMember reports whether an enum has the value.
func (c *Column) isMember(v string) bool { return slices.Contains(c.Values, v) }
