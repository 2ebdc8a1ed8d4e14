package data

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SQLTable is a table as SQL makes it.
type SQLTable struct {
	Name        string
	Columns     []SQLColumn
	Constraints []string // of the whole table
	Indexes     []SQLIndex
}

// SQLColumn is a column of a table.
type SQLColumn struct {
	Name       string
	Definition string // with the quoted name, such as `"age" INTEGER NOT NULL DEFAULT 0`
	Default    string // an expression; "" when rows without a value have NULL or cannot be
	Required   bool   // it cannot be NULL and has no default
	Addable    bool   // ALTER TABLE can add it to a table with rows
}

// SQLIndex is an index of a table.
type SQLIndex struct {
	Name    string
	Columns []string
	Unique  bool
}

// Tables are the tables of models, of the models that their relations lead to, and those
// between two models of a manyToMany. It is an error when two of them have one name.
func Tables(models ...*Schema) ([]SQLTable, error) {
	all := reachable(models)
	byTable := map[string]*Schema{}
	for _, s := range all {
		byTable[s.Table] = s
	}
	var tables []SQLTable
	made := map[string][]byte{}
	for _, s := range all {
		told, err := json.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("the model %s: %w", s.Name, err)
		}
		key := strings.ToLower(s.Table)
		if before, ok := made[key]; ok {
			if string(before) != string(told) {
				return nil, fmt.Errorf("two different models have the table %q", s.Table)
			}
			continue
		}
		made[key] = told
		tables = append(tables, s.table())
	}
	for _, s := range all {
		for _, r := range s.Relations {
			if r.Kind != ManyToMany || made[strings.ToLower(r.Through)] != nil {
				continue
			}
			target := byTable[r.TargetTable]
			if target == nil {
				return nil, fmt.Errorf("the relation %q of %s leads to the table %q, of which there is no model", r.Name, s.Name, r.TargetTable)
			}
			made[strings.ToLower(r.Through)] = []byte{}
			tables = append(tables, between(s, target, r))
		}
	}
	return tables, nil
}

// DDL are the statements that make the tables and indexes of models in an empty
// database. It panics where [Tables] has an error.
func DDL(models ...*Schema) []string {
	tables, err := Tables(models...)
	if err != nil {
		panic("data: " + err.Error())
	}
	var all []string
	for _, t := range tables {
		all = append(all, t.Create(t.Name))
		for _, i := range t.Indexes {
			all = append(all, i.Create(t.Name))
		}
	}
	return all
}

// reachable are models and those that relations lead to, as far as these are known.
func reachable(models []*Schema) []*Schema {
	all := slices.Clone(models)
	for i := 0; i < len(all); i++ {
		for _, r := range all[i].Relations {
			if r.Target != nil && !slices.ContainsFunc(all, func(s *Schema) bool { return s == r.Target || s.typ != nil && s.typ == r.Target.typ }) {
				all = append(all, r.Target)
			}
		}
	}
	return all
}

// Create is the statement that makes the table under a name.
func (t *SQLTable) Create(name string) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + Quote(name) + " (")
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  " + c.Definition)
	}
	for _, c := range t.Constraints {
		b.WriteString(",\n  " + c)
	}
	return b.String() + "\n)"
}

// Create is the statement that makes the index on a table.
func (i *SQLIndex) Create(table string) string {
	unique := ""
	if i.Unique {
		unique = "UNIQUE "
	}
	return "CREATE " + unique + "INDEX " + Quote(i.Name) + " ON " + Quote(table) + " (" + quoteAll(i.Columns) + ")"
}

// Quote is the name of a table or column in SQL.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteAll(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = Quote(n)
	}
	return strings.Join(all, ", ")
}

// literal is a text in SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// table is the model's table. Unique columns have indexes of their own, as SQLite can
// add and remove those and not the option UNIQUE.
func (s *Schema) table() SQLTable {
	t := SQLTable{Name: s.Table}
	add := func(columns []string, unique bool) {
		kind := "index"
		if unique {
			kind = "unique"
		}
		i := SQLIndex{Name: s.Table + "_" + strings.Join(columns, "_") + "_" + kind, Columns: columns, Unique: unique}
		if !slices.ContainsFunc(t.Indexes, func(other SQLIndex) bool { return other.Name == i.Name }) {
			t.Indexes = append(t.Indexes, i)
		}
	}
	for i := range s.Columns {
		t.Columns = append(t.Columns, s.sqlColumn(i))
		if c := &s.Columns[i]; c.Unique && i != s.Key {
			add([]string{c.Name}, true)
		}
	}
	for _, i := range s.Indexes {
		add(i.Columns, i.Unique)
	}
	for _, r := range s.Relations { // the other side looks for its rows by the foreign key
		covered := func(i SQLIndex) bool { return i.Columns[0] == r.Key }
		if r.Kind == BelongsTo && !slices.ContainsFunc(t.Indexes, covered) && (s.Key < 0 || s.Columns[s.Key].Name != r.Key) {
			add([]string{r.Key}, false)
		}
	}
	return t
}

// sqlTypes are the types that columns have in SQLite.
var sqlTypes = [...]string{Text: "TEXT", Integer: "INTEGER", Real: "REAL", Blob: "BLOB", Boolean: "INTEGER", Datetime: "TEXT", JSON: "TEXT", UUID: "TEXT", Enum: "TEXT"}

// now is the time in SQL, as a Datetime is stored.
const now = "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"

func (s *Schema) sqlColumn(i int) SQLColumn {
	c := &s.Columns[i]
	made := SQLColumn{Name: c.Name, Default: s.sqlDefault(i)}
	b := Quote(c.Name) + " " + sqlTypes[c.Type]
	switch {
	case i == s.Key && c.Type == Integer: // exactly these words make it the row's number
		made.Definition = b + " PRIMARY KEY"
		return made
	case i == s.Key:
		b += " NOT NULL PRIMARY KEY"
		made.Required = true
	case !c.Nullable:
		b += " NOT NULL"
		made.Required = made.Default == ""
	}
	if made.Default != "" {
		b += " DEFAULT " + made.Default
	}
	foreign := false
	for _, r := range s.Relations {
		if r.Kind == BelongsTo && r.Key == c.Name && !foreign {
			foreign = true
			b += references(r.TargetTable, r.TargetKey, r.OnDelete)
		}
	}
	switch c.Type {
	case Boolean:
		b += " CHECK (" + Quote(c.Name) + " IN (0, 1))"
	case Enum:
		values := make([]string, len(c.Values))
		for i, v := range c.Values {
			values[i] = literal(v)
		}
		b += " CHECK (" + Quote(c.Name) + " IN (" + strings.Join(values, ", ") + "))"
	}
	made.Definition = b
	made.Addable = i != s.Key && !made.Required && made.Default != now && (!foreign || made.Default == "")
	return made
}

func references(table, key, onDelete string) string {
	b := " REFERENCES " + Quote(table) + " (" + Quote(key) + ")"
	if onDelete != "" {
		b += " ON DELETE " + strings.ToUpper(onDelete)
	}
	return b
}

// sqlDefault is the default of column i as SQL; what is neither required nor null has
// the empty value of its type.
func (s *Schema) sqlDefault(i int) string {
	c := &s.Columns[i]
	text := ""
	switch {
	case i == s.Created || i == s.Updated || c.Type == Datetime && c.Default != nil:
		if !c.Nullable {
			return now
		}
		return ""
	case c.Default != nil:
		text = *c.Default
	case c.Required || c.Nullable || i == s.Key:
		return ""
	}
	switch c.Type {
	case Integer:
		if text == "" {
			return "0"
		}
		return text
	case Real:
		v, _ := strconv.ParseFloat(text, 64) // what a tag has was read before
		return strconv.FormatFloat(v, 'g', -1, 64)
	case Boolean:
		if text == "true" {
			return "1"
		}
		return "0"
	case Blob:
		return "x''"
	case Datetime:
		return literal("0001-01-01T00:00:00.000Z")
	case JSON:
		if text == "" {
			text = "null"
		}
	}
	return literal(text)
}

// between is the table of a manyToMany.
func between(from, to *Schema, r Relation) SQLTable {
	column := func(name string, s *Schema) SQLColumn {
		key := &s.Columns[s.Key]
		return SQLColumn{Name: name, Required: true, Definition: Quote(name) + " " + sqlTypes[key.Type] + " NOT NULL" + references(s.Table, key.Name, "cascade")}
	}
	return SQLTable{
		Name: r.Through, Columns: []SQLColumn{column(r.Key, from), column(r.OtherKey, to)},
		Constraints: []string{"PRIMARY KEY (" + quoteAll([]string{r.Key, r.OtherKey}) + ")"},
		Indexes:     []SQLIndex{{Name: r.Through + "_" + r.OtherKey + "_index", Columns: []string{r.OtherKey}}},
	}
}
