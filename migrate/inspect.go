package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// snapshot is what a database has.
type snapshot struct {
	tables []*table // in the order in which they were made
	others []object // views and triggers
}

// object is a view or a trigger.
type object struct{ kind, name, sql string }

// table is a table as SQLite describes it.
type table struct {
	name        string
	columns     []column
	constraints []string // of the whole table, as they stand in its SQL
	suffix      string   // what follows its columns, such as STRICT
	indexes     []index
	foreign     []foreignKey
	virtual     bool // or part of a virtual one
	rowid       bool // rows have numbers of their own, beside the columns
}

// column is a column as SQLite describes it.
type column struct {
	name       string
	definition string // as it stands in the table's SQL
	typ        string
	notNull    bool
	preset     string // the default; "" is none
	key        int    // its place in the primary key, from 1; 0 when it is in none
	hidden     bool   // computed from others
	checks     []check
}

type index struct {
	name    string
	columns []string // nil when it is over expressions or has a condition
	unique  bool
	own     bool // made by CREATE INDEX
	sql     string
}

// foreignKey is one over a single column; of others only the table is known.
type foreignKey struct {
	column, table, to  string // column is "" of one over several
	onDelete, onUpdate string
}

// find is the table called name, nil when there is none.
func (s *snapshot) find(name string) *table {
	for _, t := range s.tables {
		if strings.EqualFold(t.name, name) {
			return t
		}
	}
	return nil
}

// column is the column called name, nil when there is none.
func (t *table) column(name string) *column {
	for i := range t.columns {
		if strings.EqualFold(t.columns[i].name, name) {
			return &t.columns[i]
		}
	}
	return nil
}

// reference is the foreign key of a column, the zero value when it has none.
func (t *table) reference(column string) foreignKey {
	for _, f := range t.foreign {
		if f.column != "" && strings.EqualFold(f.column, column) {
			return f
		}
	}
	return foreignKey{}
}

// inspect reads what a database has.
func inspect(c *sqlite.Conn) (*snapshot, error) {
	s := &snapshot{}
	kinds := map[string]string{}
	without := map[string]bool{}
	err := c.Query(func(row *sqlite.Stmt) error {
		kinds[row.ColumnText(1)], without[row.ColumnText(1)] = row.ColumnText(2), row.ColumnInt(4) != 0
		return nil
	}, "PRAGMA main.table_list")
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	err = c.Query(func(row *sqlite.Stmt) error {
		kind, name, sql := row.ColumnText(0), row.ColumnText(1), row.ColumnText(2)
		switch {
		case ownedByOthers(name):
		case kind == "table":
			t := &table{name: name, virtual: kinds[name] == "virtual" || kinds[name] == "shadow", rowid: !without[name]}
			var list []string
			list, t.suffix = items(sql)
			t.constraints = append(t.constraints, list...) // columns are taken out below
			s.tables = append(s.tables, t)
		case kind == "view" || kind == "trigger":
			s.others = append(s.others, object{kind, name, sql})
		}
		return nil
	}, "SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY rowid")
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	for _, t := range s.tables {
		if err := t.inspect(c); err != nil {
			return nil, fmt.Errorf("read table %q: %w", t.name, err)
		}
	}
	for _, t := range s.tables {
		for i := range t.foreign {
			s.complete(&t.foreign[i])
		}
	}
	return s, nil
}

// ownedByOthers are tables that SQLite, D1, wrangler and clodo have for themselves.
func ownedByOthers(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "_cf_") || name == DefaultTable || name == checksumTable
}

// complete names the column that a reference without one means.
func (s *snapshot) complete(f *foreignKey) {
	if target := s.find(f.table); f.to == "" && target != nil {
		for _, c := range target.columns {
			if c.key == 1 {
				f.to = c.name
			}
		}
	}
}

func (t *table) inspect(c *sqlite.Conn) error {
	if t.virtual {
		t.constraints = nil
		return nil
	}
	definitions := t.constraints
	err := c.Query(func(row *sqlite.Stmt) error {
		col := column{
			name: row.ColumnText(1), typ: strings.ToUpper(row.ColumnText(2)), notNull: row.ColumnInt(3) != 0,
			preset: row.ColumnText(4), key: row.ColumnInt(5), hidden: row.ColumnInt(6) != 0,
		}
		if n := len(t.columns); n < len(definitions) { // SQL has columns first
			col.definition, col.checks = definitions[n], checks(definitions[n])
		}
		t.columns = append(t.columns, col)
		return nil
	}, "SELECT * FROM pragma_table_xinfo(?)", t.name)
	if err != nil {
		return err
	}
	t.constraints = definitions[min(len(t.columns), len(definitions)):]
	parts := map[int]int{}
	err = c.Query(func(row *sqlite.Stmt) error {
		id := row.ColumnInt(0)
		if parts[id]++; parts[id] > 1 {
			t.foreign[len(t.foreign)-1].column = ""
			return nil
		}
		t.foreign = append(t.foreign, foreignKey{
			table: row.ColumnText(2), column: row.ColumnText(3), to: row.ColumnText(4),
			onUpdate: row.ColumnText(5), onDelete: row.ColumnText(6),
		})
		return nil
	}, "SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq", t.name)
	if err != nil {
		return err
	}
	err = c.Query(func(row *sqlite.Stmt) error {
		t.indexes = append(t.indexes, index{name: row.ColumnText(0), unique: row.ColumnInt(1) != 0, own: row.ColumnText(2) == "c", sql: row.ColumnText(4)})
		if row.ColumnInt(3) != 0 { // it has a condition
			t.indexes[len(t.indexes)-1].columns = []string{}
		}
		return nil
	}, "SELECT l.name, l.\"unique\", l.origin, l.partial, coalesce(m.sql, '') FROM pragma_index_list(?) l LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name ORDER BY l.seq DESC", t.name)
	if err != nil {
		return err
	}
	for i := range t.indexes {
		if err := t.indexes[i].inspect(c); err != nil {
			return err
		}
	}
	return nil
}

func (i *index) inspect(c *sqlite.Conn) error {
	special := i.columns != nil
	err := c.Query(func(row *sqlite.Stmt) error {
		if row.ColumnInt(1) < 0 || row.ColumnInt(3) != 0 || !strings.EqualFold(row.ColumnText(4), "BINARY") {
			special = true // an expression, an order, a collation
		}
		i.columns = append(i.columns, strings.ToLower(row.ColumnText(2)))
		return nil
	}, "SELECT seqno, cid, coalesce(name, ''), desc, coalesce(coll, '') FROM pragma_index_xinfo(?) WHERE key = 1", i.name)
	if special {
		i.columns = nil
	}
	return err
}

// over reports whether the index is over these columns in this order.
func (i *index) over(columns []string) bool {
	return len(i.columns) == len(columns) && slices.EqualFunc(i.columns, columns, strings.EqualFold)
}
