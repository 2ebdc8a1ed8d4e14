package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/diag"
)

// todo is what is different.
type todo struct {
	create      []*data.SQLTable
	add         []addition
	drop        []addition // columns that ALTER TABLE can drop
	dropTables  []*table
	dropIndexes []string
	indexes     []newIndex
	rebuild     []*rebuilt
}

type addition struct {
	table      *table
	name       string
	definition string
	fill       string // SQL of the value that rows get instead of the default; "" is none
}

type newIndex struct {
	table string
	data.SQLIndex
}

func (t *todo) empty() bool {
	return len(t.create)+len(t.add)+len(t.drop)+len(t.dropTables)+len(t.dropIndexes)+len(t.indexes)+len(t.rebuild) == 0
}

// compare finds what is different between the models and the database.
func (c *change) compare() *todo {
	t := &todo{}
	for i := range c.want {
		w := &c.want[i]
		now := c.current.find(w.Name)
		if now == nil {
			t.create = append(t.create, w)
			c.say("table %s is new", w.Name)
			continue
		}
		if now.virtual {
			c.found = append(c.found, modelFinding(fmt.Sprintf("table %q is a virtual one, and a model's table is not", w.Name), "give the model another table, with a field `_ data.Table`"))
			continue
		}
		c.compareTable(t, w, c.wanted.find(w.Name), now)
	}
	for _, now := range c.current.tables {
		if c.wanted.find(now.name) != nil || now.virtual {
			continue
		}
		if c.asks(c.options.Drop, now.name) {
			c.pointedAt(now)
			t.dropTables = append(t.dropTables, now)
			c.say("table %s is dropped with its rows", now.name)
			continue
		}
		c.left = append(c.left, fmt.Sprintf("table %s", now.name))
	}
	c.spread(t)
	return t
}

// pointedAt refuses to drop a table while others point at it: their rows would go too.
func (c *change) pointedAt(gone *table) {
	for _, t := range c.current.tables {
		points := slices.ContainsFunc(t.foreign, func(f foreignKey) bool { return strings.EqualFold(f.table, gone.name) })
		if points && t != gone && c.wanted.find(t.name) == nil && !c.asks(c.options.Drop, t.name) {
			f := optionFinding("--drop", gone.name, fmt.Sprintf("table %q points at it and stays", t.name))
			f.Message, f.Fix = fmt.Sprintf("table %q cannot be dropped", gone.name), "drop that table too, or write the migration by hand"
			c.found = append(c.found, f)
		}
	}
}

// compareTable finds what is different in one table; as is how SQLite describes what
// the model wants.
func (c *change) compareTable(t *todo, want *data.SQLTable, as, now *table) {
	r := &rebuilt{now: now, want: want}
	var adds []addition
	for i := range want.Columns {
		w := &want.Columns[i]
		column := now.column(w.Name)
		if column == nil {
			fill, filled := c.fill(now.name, w.Name)
			switch {
			case w.Required && !filled:
				c.found = append(c.found, diag.Finding{
					Code: "M111", Severity: diag.SeverityError,
					Message: fmt.Sprintf("column %q of table %q is required, and rows that are there already have no value", w.Name, now.name),
					Fix:     fmt.Sprintf("say which with --fill %s.%s=VALUE, or give it a default, or make it a pointer in the model; when it has another name now: --rename %s.OLD=%s", now.name, w.Name, now.name, w.Name),
				})
			case w.Addable && filled:
				adds = append(adds, addition{now, w.Name, w.Definition, c.literal(now.name, w.Name, fill)})
			case w.Addable:
				adds = append(adds, addition{now, w.Name, w.Definition, ""})
			default:
				r.because("%s is new", w.Name)
			}
			c.say("%s: column %s is new", now.name, w.Name)
			continue
		}
		if why := differs(as, as.column(w.Name), now, column); why != "" {
			r.because("%s %s", w.Name, why)
			if _, ok := c.fill(now.name, w.Name); !ok && w.Required && !column.notNull && column.key == 0 {
				c.say("%s: column %s cannot be empty any more: it fails when a row is (--fill %s.%s=VALUE)", now.name, w.Name, now.name, w.Name)
			}
		}
	}
	for i := range now.columns {
		if name := now.columns[i].name; as.column(name) == nil {
			c.extraColumn(t, r, now, &now.columns[i])
		}
	}
	if keyOf(as) != keyOf(now) {
		r.because("the primary key changes")
	}
	if len(r.reasons) > 0 {
		t.rebuild = append(t.rebuild, r)
		c.say("%s: made anew with its rows, as %s", now.name, strings.Join(r.reasons, ", "))
	} else {
		t.add = append(t.add, adds...)
	}
	c.compareIndexes(t, want, now)
}

func keyOf(t *table) string {
	names := make([]string, len(t.columns))
	for _, c := range t.columns {
		if c.key > 0 {
			names[c.key-1] = strings.ToLower(c.name)
		}
	}
	return strings.TrimRight(strings.Join(names, " "), " ")
}

// differs says what a table has to be made anew for, "" when nothing. Another default is
// no reason: the service writes every column of a row.
func differs(as *table, want *column, now *table, is *column) string {
	f, g := as.reference(want.name), now.reference(is.name)
	switch {
	case is.hidden:
		return "is no longer computed"
	case affinity(want.typ) != affinity(is.typ) || want.key > 0 && want.typ != is.typ:
		return "is " + want.typ + " instead of " + is.typ
	case want.notNull && !is.notNull && is.key == 0:
		return "cannot be empty"
	case !want.notNull && is.notNull && want.key == 0:
		return "may be empty"
	case !strings.EqualFold(f.table, g.table) || !strings.EqualFold(f.to, g.to) || f.onDelete != g.onDelete || f.onUpdate != g.onUpdate:
		return "has another foreign key"
	case !slices.Equal(managed(want), managed(is)):
		return "takes other values"
	}
	return ""
}

// managed are the checks of a column that models make: those of a list of values.
func managed(c *column) []string {
	var list []string
	for _, check := range c.checks {
		if check.isList(c) {
			list = append(list, check.plain)
		}
	}
	return list
}

func (c check) isList(of *column) bool {
	return strings.HasPrefix(c.plain, strings.ToLower(of.name)+" in (")
}

// affinity is what SQLite makes of a declared type.
func affinity(typ string) string {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(typ, w) })
	}
	switch {
	case has("INT"):
		return "INTEGER"
	case has("CHAR", "CLOB", "TEXT"):
		return "TEXT"
	case has("BLOB") || typ == "":
		return "BLOB"
	case has("REAL", "FLOA", "DOUB"):
		return "REAL"
	}
	return "NUMERIC"
}

// extraColumn deals with a column that the model does not have.
func (c *change) extraColumn(t *todo, r *rebuilt, now *table, column *column) {
	if !c.asks(c.options.Drop, now.name+"."+column.name) {
		note := fmt.Sprintf("column %s of table %s", column.name, now.name)
		if column.notNull && column.preset == "" && column.key == 0 {
			note += ", which cannot be empty: the service cannot insert rows until it is dropped"
		}
		c.left = append(c.left, note)
		return
	}
	c.say("%s: column %s is dropped with its values", now.name, column.name)
	alone := column.key == 0 && now.reference(column.name).table == "" && len(checks(column.definition)) == 0 && len(c.current.others) == 0
	for _, i := range now.indexes {
		alone = alone && i.columns != nil && !slices.Contains(i.columns, strings.ToLower(column.name))
	}
	for _, item := range now.constraints {
		alone = alone && !mentions(item, column.name)
	}
	if alone {
		t.drop = append(t.drop, addition{table: now, name: column.name})
		return
	}
	r.without = append(r.without, strings.ToLower(column.name))
	r.because("%s goes", column.name)
}

func mentions(sql, name string) bool {
	return slices.ContainsFunc(tokens(sql), func(t token) bool { return t.name && t.plain == strings.ToLower(name) })
}

// compareIndexes finds what is different in the indexes of a table. An index of any
// name over the same columns will do; those whose names models give go when no model
// wants them.
func (c *change) compareIndexes(t *todo, want *data.SQLTable, now *table) {
	for _, w := range want.Indexes {
		fits := func(i index) bool { return i.over(w.Columns) && (i.unique || !w.Unique) && (w.Unique || i.own) }
		if !slices.ContainsFunc(now.indexes, fits) {
			t.indexes = append(t.indexes, newIndex{now.name, w})
			what := "index over"
			if w.Unique {
				what = "no two rows may have the same"
			}
			c.say("%s: %s %s", now.name, what, strings.Join(w.Columns, " + "))
		}
	}
	for _, i := range now.indexes {
		if !i.own {
			continue
		}
		made := strings.HasPrefix(i.name, now.name+"_") && (strings.HasSuffix(i.name, "_index") || strings.HasSuffix(i.name, "_unique"))
		wanted := slices.ContainsFunc(want.Indexes, func(w data.SQLIndex) bool { return i.over(w.Columns) && (i.unique == w.Unique) })
		switch {
		case wanted:
		case made:
			t.dropIndexes = append(t.dropIndexes, i.name)
			c.say("%s: index %s is dropped", now.name, i.name)
		default:
			c.left = append(c.left, fmt.Sprintf("index %s of table %s", i.name, now.name))
		}
	}
}
