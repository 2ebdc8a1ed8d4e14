package migrate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/data"
)

// rebuilt is a table that is made anew, because SQLite cannot alter it so far.
type rebuilt struct {
	now     *table
	want    *data.SQLTable // nil when it only has to follow another table
	without []string       // columns that go
	reasons []string
}

func (r *rebuilt) because(format string, args ...any) {
	r.reasons = append(r.reasons, fmt.Sprintf(format, args...))
}

// spread has the tables whose foreign keys point at a table that is made anew made anew
// too, and so on. D1 always looks after foreign keys: to drop the old table would delete
// the rows that point into it, or be refused, so they must point at the new one first.
func (c *change) spread(t *todo) {
	for n := 0; n < len(t.rebuild); n++ {
		target := t.rebuild[n].now
		for _, now := range c.current.tables {
			points := slices.ContainsFunc(now.foreign, func(f foreignKey) bool { return strings.EqualFold(f.table, target.name) })
			there := slices.ContainsFunc(t.rebuild, func(r *rebuilt) bool { return r.now == now })
			if !points || there {
				continue
			}
			r := &rebuilt{now: now}
			for i := range c.want {
				if strings.EqualFold(c.want[i].Name, now.name) {
					r.want = &c.want[i]
				}
			}
			t.rebuild = append(t.rebuild, r)
			c.say("%s: made anew with its rows, as it points at %s", now.name, target.name)
		}
	}
	// A table that is made anew gets new columns that way, and loses those that go.
	for _, r := range t.rebuild {
		t.add = slices.DeleteFunc(t.add, func(a addition) bool { return a.table == r.now })
		t.drop = slices.DeleteFunc(t.drop, func(a addition) bool {
			if a.table == r.now {
				r.without = append(r.without, strings.ToLower(a.name))
			}
			return a.table == r.now
		})
	}
}

// perform makes the statements.
func (c *change) perform(t *todo) {
	if t.empty() {
		return
	}
	if len(t.rebuild)+len(t.dropTables) > 0 {
		c.do("PRAGMA defer_foreign_keys = on")
	}
	for _, name := range t.dropIndexes {
		c.do("DROP INDEX " + data.Quote(name))
	}
	// Foreign keys to a table that steps aside follow it: new ones come after that.
	c.rebuildAll(t)
	for _, a := range t.add {
		c.do("ALTER TABLE " + data.Quote(a.table.name) + " ADD COLUMN " + a.definition)
		if a.fill != "" {
			c.do("UPDATE " + data.Quote(a.table.name) + " SET " + data.Quote(a.name) + " = " + a.fill)
		}
	}
	for _, a := range t.drop {
		c.do("ALTER TABLE " + data.Quote(a.table.name) + " DROP COLUMN " + data.Quote(a.name))
	}
	c.dropAll(children(t.dropTables), func(t *table) string { return t.name })
	for _, w := range t.create {
		for _, i := range w.Indexes {
			c.do(i.Create(w.Name))
		}
	}
	for _, i := range t.indexes {
		c.do(i.Create(i.table))
	}
}

// children are tables with those that point at another before it.
func children(tables []*table) []*table {
	var order []*table
	visited := map[*table]bool{}
	var visit func(*table)
	visit = func(t *table) {
		if visited[t] {
			return // or in a circle, which deferred foreign keys allow
		}
		visited[t] = true
		for _, other := range tables {
			if slices.ContainsFunc(other.foreign, func(f foreignKey) bool { return strings.EqualFold(f.table, t.name) }) {
				visit(other)
			}
		}
		order = append(order, t)
	}
	for _, t := range tables {
		visit(t)
	}
	return order
}

// rebuildAll makes tables anew: the old ones step aside under other names, and take
// along the foreign keys that point at them; the new ones get the rows, those that are
// pointed at first; then the old ones go, those that point first.
func (c *change) rebuildAll(t *todo) {
	if len(t.rebuild) == 0 {
		c.createAll(t)
		return
	}
	for _, o := range c.current.others { // they would follow the old table
		c.do("DROP " + strings.ToUpper(o.kind) + " IF EXISTS " + data.Quote(o.name))
	}
	of := map[*table]*rebuilt{}
	var tables []*table
	for _, r := range t.rebuild {
		of[r.now] = r
		tables = append(tables, r.now)
		c.do("ALTER TABLE " + data.Quote(r.now.name) + " RENAME TO " + data.Quote(c.aside(r.now)))
	}
	c.createAll(t)
	for _, r := range t.rebuild {
		c.do(c.create(r))
	}
	order := children(tables)
	for _, now := range slices.Backward(order) {
		c.do(c.copyRows(of[now]))
	}
	c.dropAll(order, c.aside)
	for _, now := range tables {
		for _, i := range now.indexes {
			gone := slices.ContainsFunc(of[now].without, func(name string) bool { return mentions(i.sql, name) })
			if i.own && !gone && !slices.Contains(t.dropIndexes, i.name) {
				c.do(i.sql)
			}
		}
		c.uniqueAgain(t, of[now])
	}
	for _, o := range c.current.others {
		c.do(o.sql)
	}
}

// dropAll drops tables, those that point first. SQLite needs what a table points at for
// that: of a circle, the tables that go first are replaced by empty ones for as long.
func (c *change) dropAll(order []*table, named func(*table) string) {
	var empty []string
	for i, now := range order {
		name := data.Quote(named(now))
		c.do("DROP TABLE " + name)
		for _, later := range order[i+1:] {
			f := slices.IndexFunc(later.foreign, func(f foreignKey) bool { return strings.EqualFold(f.table, now.name) })
			if f >= 0 {
				c.do("CREATE TABLE " + name + " (" + data.Quote(later.foreign[f].to) + " PRIMARY KEY)")
				empty = append(empty, name)
				break
			}
		}
	}
	for _, name := range empty {
		c.do("DROP TABLE " + name)
	}
}

// createAll makes the tables that are new.
func (c *change) createAll(t *todo) {
	for _, w := range t.create {
		c.do(w.Create(w.Name))
	}
}

// uniqueAgain makes the indexes that a model wants and the old table had without a
// CREATE INDEX, by the word UNIQUE, which the new one does not have.
func (c *change) uniqueAgain(t *todo, r *rebuilt) {
	if r.want == nil {
		return
	}
	for _, w := range r.want.Indexes {
		there := slices.ContainsFunc(r.now.indexes, func(i index) bool { return i.own && i.over(w.Columns) && (i.unique || !w.Unique) })
		comes := slices.ContainsFunc(t.indexes, func(n newIndex) bool { return n.table == r.now.name && n.Name == w.Name })
		if !there && !comes {
			c.do(w.Create(r.now.name))
		}
	}
}

// aside is the name of an old table meanwhile.
func (c *change) aside(t *table) string {
	name := t.name + "_before"
	for c.current.find(name) != nil || c.wanted.find(name) != nil {
		name += "_"
	}
	return name
}

// create is the statement that makes the new table: the columns of the model, with what
// people have added to them by hand and with what it does not know.
func (c *change) create(r *rebuilt) string {
	var list []string
	for i := range r.now.columns {
		old := &r.now.columns[i]
		if slices.Contains(r.without, strings.ToLower(old.name)) {
			continue
		}
		definition := old.definition
		if w := r.column(old.name); w != nil {
			definition = w.Definition
			for _, check := range old.checks {
				if !check.isList(old) {
					definition += " CHECK (" + check.text + ")"
				}
			}
		}
		list = append(list, definition)
	}
	if r.want != nil {
		for _, w := range r.want.Columns {
			if r.now.column(w.Name) == nil {
				list = append(list, w.Definition)
			}
		}
		list = append(list, r.want.Constraints...)
	}
	for _, item := range r.now.constraints {
		if r.want == nil || c.keeps(r, item) {
			list = append(list, item)
		}
	}
	sql := "CREATE TABLE " + data.Quote(r.now.name) + " (\n  " + strings.Join(list, ",\n  ") + "\n)"
	if r.now.suffix != "" {
		sql += " " + r.now.suffix
	}
	return sql
}

func (r *rebuilt) column(name string) *data.SQLColumn {
	if r.want != nil {
		for i := range r.want.Columns {
			if strings.EqualFold(r.want.Columns[i].Name, name) {
				return &r.want.Columns[i]
			}
		}
	}
	return nil
}

// keeps reports whether a constraint of a whole table stays: one that the model cannot
// say, and that is about no column that goes. Its keys and those over a single column are
// in the columns' definitions.
func (c *change) keeps(r *rebuilt, item string) bool {
	for _, name := range r.without {
		if mentions(item, name) {
			return false
		}
	}
	list := tokens(item)
	if len(list) > 2 && list[0].plain == "constraint" {
		list = list[2:]
	}
	switch list[0].plain {
	case "check":
		return true
	case "primary":
		return false
	}
	return len(list) > 4 && strings.Contains(firstParentheses(list), " , ")
}

// firstParentheses is what stands in the first parentheses.
func firstParentheses(list []token) string {
	var words []string
	inside := false
	for _, t := range list {
		switch t.text {
		case "(":
			inside = true
			continue
		case ")":
			return " " + strings.Join(words, " ") + " "
		}
		if inside {
			words = append(words, t.plain)
		}
	}
	return ""
}

// copyRows is the statement that gives the new table the rows of the old one.
func (c *change) copyRows(r *rebuilt) string {
	var into, from []string
	number := r.now.rowid && !numbered(r.now) && !numbered(c.wanted.find(r.now.name)) // rows keep their numbers: full-text indexes know them by these
	for i := range r.now.columns {
		old := &r.now.columns[i]
		name := strings.ToLower(old.name)
		number = number && name != "rowid"
		if slices.Contains(r.without, name) || old.hidden && r.column(old.name) == nil {
			continue
		}
		value := data.Quote(old.name)
		if w := r.column(old.name); w != nil && !old.notNull {
			fill, ok := c.fill(r.now.name, w.Name)
			switch {
			case ok:
				value = "coalesce(" + value + ", " + c.literal(r.now.name, w.Name, fill) + ")"
			case w.Default != "" && c.wanted.find(r.now.name).column(w.Name).notNull:
				value = "coalesce(" + value + ", " + w.Default + ")"
			}
		}
		into, from = append(into, data.Quote(old.name)), append(from, value)
	}
	if r.want != nil {
		for _, w := range r.want.Columns {
			if fill, ok := c.fill(r.now.name, w.Name); ok && r.now.column(w.Name) == nil {
				into, from = append(into, data.Quote(w.Name)), append(from, c.literal(r.now.name, w.Name, fill))
			}
		}
	}
	if number {
		into, from = append([]string{"rowid"}, into...), append([]string{"rowid"}, from...)
	}
	return "INSERT INTO " + data.Quote(r.now.name) + " (" + strings.Join(into, ", ") + ")\n  SELECT " + strings.Join(from, ", ") + " FROM " + data.Quote(c.aside(r.now))
}

// numbered reports whether the key of a table is the row's number.
func numbered(t *table) bool {
	return t != nil && slices.ContainsFunc(t.columns, func(c column) bool { return c.key == 1 && c.typ == "INTEGER" }) && !strings.Contains(keyOf(t), " ")
}

// literal is a value of an option as SQL: a number where the column has numbers and it
// is one.
func (c *change) literal(table, column, value string) string {
	typ := c.wanted.find(table).column(column).typ
	if _, err := strconv.ParseFloat(value, 64); err == nil && (typ == "INTEGER" || typ == "REAL") {
		return value
	}
	if typ == "INTEGER" && (value == "true" || value == "false") {
		return map[string]string{"true": "1", "false": "0"}[value]
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'"
}
