package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/internal/sqlite"
)

func memory(t interface{ Fatal(...any) }) *sqlite.Conn {
	db, err := sqlite.Open(sqlite.Options{DoubleQuotedStrings: true})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func file(sql string) []File { return []File{NewFile("0001_a.sql", "migrations/0001_a.sql", sql)} }

// models of tables that are written down briefly: "name:type!?*" where ! is required,
// ? may be null and * is unique.
func model(table string, columns ...data.Column) *data.Schema {
	s := &data.Schema{Name: table, Table: table, Key: 0, Created: -1, Updated: -1, Version: -1, Deleted: -1, Columns: append([]data.Column{{Name: "id", Type: data.Text}}, columns...)}
	for i, c := range s.Columns {
		switch c.Name {
		case "created_at":
			s.Created = i
		case "id":
			s.Key = i
		}
	}
	return s
}

func ptr(s string) *string { return &s }

func TestAMigrationIsMadeOfWhatIsDifferent(t *testing.T) {
	t.Parallel()
	title := data.Column{Name: "title", Type: data.Text, Required: true}
	tests := map[string]struct {
		before  string
		models  []*data.Schema
		options CreateOptions
		sql     string
		changes []string
		left    []string
		found   []string
	}{
		"nothing": {
			before: strings.Join(data.DDL(model("notes", title)), ";\n"), models: []*data.Schema{model("notes", title)},
		},
		"nothing, though written by hand": {
			before: "create table Notes(id text primary key not null, TITLE varchar(20) not null, unique(title)); -- by hand",
			models: []*data.Schema{model("notes", data.Column{Name: "title", Type: data.Text, Required: true, Unique: true})},
		},
		"nothing but another default, which only the service looks at": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL)",
			models: []*data.Schema{model("notes", data.Column{Name: "title", Type: data.Text, Default: ptr("new")})},
		},
		"a new table": {
			models:  []*data.Schema{model("notes", title, data.Column{Name: "kind", Type: data.Enum, Values: []string{"a", "b's"}, Default: ptr("a")}, data.Column{Name: "created_at", Type: data.Datetime})},
			sql:     "CREATE TABLE \"notes\" (\n  \"id\" TEXT NOT NULL PRIMARY KEY,\n  \"title\" TEXT NOT NULL,\n  \"kind\" TEXT NOT NULL DEFAULT 'a' CHECK (\"kind\" IN ('a', 'b''s')),\n  \"created_at\" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))\n);\n",
			changes: []string{"table notes is new"},
		},
		"a new column that is unique": {
			before:  "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL)",
			models:  []*data.Schema{model("notes", title, data.Column{Name: "slug", Type: data.Text, Nullable: true, Unique: true})},
			sql:     "ALTER TABLE \"notes\" ADD COLUMN \"slug\" TEXT;\nCREATE UNIQUE INDEX \"notes_slug_unique\" ON \"notes\" (\"slug\");\n",
			changes: []string{"notes: column slug is new", "notes: no two rows may have the same slug"},
		},
		"a column that is required from now on": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY)", models: []*data.Schema{model("notes", title)},
			found: []string{`M111 column "title" of table "notes" is required, and rows that are there already have no value`},
		},
		"one with a value for the rows that are there": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY)", models: []*data.Schema{model("notes", title)}, options: CreateOptions{Fill: map[string]string{"notes.title": "it's"}},
			sql: "PRAGMA defer_foreign_keys = on;\nALTER TABLE \"notes\" RENAME TO \"notes_before\";\nCREATE TABLE \"notes\" (\n  \"id\" TEXT NOT NULL PRIMARY KEY,\n  \"title\" TEXT NOT NULL\n);\n" +
				"INSERT INTO \"notes\" (rowid, \"id\", \"title\")\n  SELECT rowid, \"id\", 'it''s' FROM \"notes_before\";\nDROP TABLE \"notes_before\";\n",
			changes: []string{"notes: column title is new", "notes: made anew with its rows, as title is new"},
		},
		"an enum with another value, and a table that points at it": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('a')) CHECK (kind <> \"x y\"), extra BLOB DEFAULT x'00', CHECK (length(extra) < 9));\n" +
				"CREATE INDEX by_hand ON notes (kind);\nCREATE TABLE files (name TEXT, note TEXT REFERENCES notes ON DELETE CASCADE);\nCREATE VIEW kinds AS SELECT kind FROM notes;\n",
			models: []*data.Schema{model("notes", data.Column{Name: "kind", Type: data.Enum, Values: []string{"a", "b"}, Required: true})},
			sql: "PRAGMA defer_foreign_keys = on;\nDROP VIEW IF EXISTS \"kinds\";\nALTER TABLE \"notes\" RENAME TO \"notes_before\";\nALTER TABLE \"files\" RENAME TO \"files_before\";\n" +
				"CREATE TABLE \"notes\" (\n  \"id\" TEXT NOT NULL PRIMARY KEY,\n  \"kind\" TEXT NOT NULL CHECK (\"kind\" IN ('a', 'b')) CHECK (kind <> \"x y\"),\n  extra BLOB DEFAULT x'00',\n  CHECK (length(extra) < 9)\n);\n" +
				"CREATE TABLE \"files\" (\n  name TEXT,\n  note TEXT REFERENCES notes ON DELETE CASCADE\n);\n" +
				"INSERT INTO \"notes\" (rowid, \"id\", \"kind\", \"extra\")\n  SELECT rowid, \"id\", \"kind\", \"extra\" FROM \"notes_before\";\n" +
				"INSERT INTO \"files\" (rowid, \"name\", \"note\")\n  SELECT rowid, \"name\", \"note\" FROM \"files_before\";\n" +
				"DROP TABLE \"files_before\";\nDROP TABLE \"notes_before\";\nCREATE INDEX by_hand ON notes (kind);\nCREATE VIEW kinds AS SELECT kind FROM notes;\n",
			changes: []string{"notes: made anew with its rows, as kind takes other values", "files: made anew with its rows, as it points at notes"},
			left:    []string{"column extra of table notes", "index by_hand of table notes", "table files"},
		},
		"what no model has is left": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, old TEXT NOT NULL); CREATE TABLE other (a); CREATE VIRTUAL TABLE search USING fts5(text); CREATE TABLE d1_migrations (id INTEGER)",
			models: []*data.Schema{model("notes")},
			left:   []string{"column old of table notes, which cannot be empty: the service cannot insert rows until it is dropped", "table other"},
		},
		"what no model has goes when it is named": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, old TEXT NOT NULL, older TEXT); CREATE TABLE other (a); CREATE INDEX notes_older_index ON notes (older)",
			models: []*data.Schema{model("notes")}, options: CreateOptions{Drop: []string{"notes.old", "other"}},
			sql:     "PRAGMA defer_foreign_keys = on;\nDROP INDEX \"notes_older_index\";\nALTER TABLE \"notes\" DROP COLUMN \"old\";\nDROP TABLE \"other\";\n",
			changes: []string{"notes: column old is dropped with its values", "notes: index notes_older_index is dropped", "table other is dropped with its rows"},
			left:    []string{"column older of table notes"},
		},
		"a column with another name": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL)", models: []*data.Schema{model("notes", title)}, options: CreateOptions{Rename: map[string]string{"notes.name": "notes.title"}},
			sql: "ALTER TABLE \"notes\" RENAME COLUMN \"name\" TO \"title\";\n", changes: []string{"notes: column name is called title"},
		},
		"a table with another name": {
			before: "CREATE TABLE memos (id TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL)", models: []*data.Schema{model("notes", title)}, options: CreateOptions{Rename: map[string]string{"memos": "notes"}},
			sql: "ALTER TABLE \"memos\" RENAME TO \"notes\";\n", changes: []string{"table memos is called notes"},
		},
		"another name that something else has": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, name TEXT, title TEXT NOT NULL); CREATE TABLE memos (a)", models: []*data.Schema{model("notes", title)},
			options: CreateOptions{Rename: map[string]string{"notes.name": "title", "memos": "Notes"}},
			found:   []string{"M113 --rename memos has nothing to do", "M113 --rename notes.name has nothing to do"},
		},
		"options with nothing to do": {
			before: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL)", models: []*data.Schema{model("notes", title)},
			options: CreateOptions{Drop: []string{"notes.title"}, Fill: map[string]string{"notes.title": "x"}, Rename: map[string]string{"a.b": "c"}},
			found:   []string{"M113 --rename a.b has nothing to do"},
		},
		"a table that others point at": {
			before: "CREATE TABLE other (id TEXT PRIMARY KEY); CREATE TABLE third (o TEXT REFERENCES other)", models: []*data.Schema{model("notes")}, options: CreateOptions{Drop: []string{"other"}},
			found: []string{`M113 table "other" cannot be dropped`},
		},
		"a migration that does not run": {
			before: "CREATE TABLE notes (id TEXT);\nCREATE TABLE notes (id TEXT);", models: []*data.Schema{model("notes")},
			found: []string{"M112 migrations/0001_a.sql does not run on an empty database"},
		},
		"two models with one table": {
			models: []*data.Schema{model("notes"), model("notes", title)}, found: []string{`M111 two different models have the table "notes"`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, findings, err := Create(file(test.before), test.models, test.options)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, f := range findings {
				found = append(found, f.Code+" "+f.Message)
			}
			if diff := cmp.Diff(test.found, found); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(Creation{SQL: test.sql, Changes: test.changes, Left: test.left}, made); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// shape is what a database has, by SQLite's own account: to hold ours against it.
func shape(t interface{ Fatal(...any) }, db *sqlite.Conn) map[string][]string {
	all := map[string][]string{}
	for kind, query := range map[string]string{
		"columns": `SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.type = 'table'`,
		"keys":    `SELECT m.name || ' ' || f."from" || ' ' || f."table" || ' ' || coalesce(f."to", '-') || ' ' || f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`,
		"indexes": `SELECT l.tbl_name || ' ' || l.name || ' ' || coalesce(l.sql, '') FROM sqlite_master l WHERE l.type = 'index'`,
		"checks":  `SELECT name || ' ' || (length(sql) - length(replace(sql, 'CHECK', ''))) / 5 FROM sqlite_master WHERE type = 'table'`,
	} {
		err := db.Query(func(row *sqlite.Stmt) error { all[kind] = append(all[kind], row.ColumnText(0)); return nil }, query)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all[kind])
	}
	return all
}

// contents are the rows of every table, by table, key and column.
func contents(t interface{ Fatal(...any) }, db *sqlite.Conn) map[string]string {
	all := map[string]string{}
	var columns [][2]string
	err := db.Query(func(row *sqlite.Stmt) error {
		columns = append(columns, [2]string{row.ColumnText(0), row.ColumnText(1)})
		return nil
	}, `SELECT m.name, c.name FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		err := db.Query(func(row *sqlite.Stmt) error {
			all[fmt.Sprintf("%s %s %s", c[0], row.ColumnText(0), c[1])] = row.ColumnText(1)
			return nil
		}, fmt.Sprintf(`SELECT rowid, coalesce(%q, 'NULL') FROM %q`, c[1], c[0]))
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// world is a random set of models, and rows that fit them.
type world struct{ models []*data.Schema }

// keys are what the keys of the rows of a table are.
func key(table string, row int) any {
	if table == "b" || table == "d" {
		return row
	}
	return fmt.Sprintf("k%d", row)
}

const rowsOfAWorld = 3

// drawWorld draws models whose columns of one name are alike enough for the rows of one
// world to be taken by another.
func drawWorld(t *rapid.T, label string) world {
	var w world
	tables := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 4, rapid.ID).Draw(t, label+" tables")
	for _, table := range tables {
		s := model(table)
		if key(table, 1) == 1 {
			s.Columns[0].Type = data.Integer
		}
		draw := func(name string, types ...data.Type) {
			if !rapid.Bool().Draw(t, label+table+name) {
				return
			}
			c := data.Column{Name: name, Type: rapid.SampledFrom(types).Draw(t, "type")}
			switch rapid.IntRange(0, 2).Draw(t, "need") {
			case 0:
				c.Nullable = true
			case 1:
				c.Required = true
				c.Unique = rapid.Bool().Draw(t, "unique") && (c.Type == data.Text || c.Type == data.Integer)
			}
			if c.Type == data.Enum {
				c.Values = []string{"x", "y", "z"}[:rapid.IntRange(2, 3).Draw(t, "values")]
			}
			if !c.Required && (c.Type == data.Enum || rapid.Bool().Draw(t, "has a default")) {
				c.Default = ptr(map[data.Type]string{data.Text: "it's", data.Integer: "7", data.Real: "0.5", data.Boolean: "true", data.Enum: "x", data.JSON: "{}", data.Datetime: "now"}[c.Type])
				if *c.Default == "" {
					c.Default = nil
				}
			}
			s.Columns = append(s.Columns, c)
		}
		draw("t", data.Text)
		draw("n", data.Integer, data.Text)
		draw("r", data.Real)
		draw("f", data.Boolean)
		draw("e", data.Enum)
		draw("j", data.JSON)
		draw("w", data.Datetime)
		draw("o", data.Blob)
		if n := len(s.Columns); n > 2 && rapid.Bool().Draw(t, "index") {
			s.Indexes = append(s.Indexes, data.Index{Columns: []string{s.Columns[1].Name, s.Columns[2].Name}})
		}
		for _, target := range tables {
			if rapid.IntRange(0, 2).Draw(t, label+table+target) > 0 {
				continue
			}
			typ := data.Text
			if key(target, 1) == 1 {
				typ = data.Integer
			}
			s.Columns = append(s.Columns, data.Column{Name: target + "_id", Type: typ, Nullable: true})
			s.Relations = append(s.Relations, data.Relation{
				Name: target, Kind: data.BelongsTo, Key: target + "_id", TargetTable: target, TargetKey: "id",
				OnDelete: rapid.SampledFrom([]string{"", "cascade", "set null", "restrict"}).Draw(t, "on delete"),
			})
			if table < target && rapid.Bool().Draw(t, "many") {
				s.Relations = append(s.Relations, data.Relation{Name: target + "s", Kind: data.ManyToMany, Key: table + "_id", Through: table + target, OtherKey: target + "_id", TargetTable: target, TargetKey: "id"})
			}
		}
		w.models = append(w.models, s)
	}
	return w
}

// rows are statements that insert rows.
func (w world) rows(t *rapid.T) []string {
	list := []string{"PRAGMA defer_foreign_keys = on"}
	literal := func(v any) string {
		if s, ok := v.(string); ok {
			return "'" + s + "'"
		}
		return fmt.Sprint(v)
	}
	for _, s := range w.models {
		for row := 1; row <= rowsOfAWorld; row++ {
			var names, values []string
			for i, c := range s.Columns {
				var v any
				switch c.Type {
				case data.Integer:
					v = row
				case data.Real:
					v = float64(row) + 0.25
				case data.Boolean:
					v = row % 2
				case data.Enum:
					v = []string{"x", "y"}[row%2]
				default:
					v = fmt.Sprint(row)
				}
				switch target, isKey := strings.CutSuffix(c.Name, "_id"); {
				case i == 0:
					v = key(s.Table, row)
				case isKey:
					v = key(target, rapid.IntRange(1, rowsOfAWorld).Draw(t, "points at"))
				}
				if c.Nullable && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
					continue
				}
				names, values = append(names, data.Quote(c.Name)), append(values, literal(v))
			}
			list = append(list, fmt.Sprintf("INSERT INTO %q (%s) VALUES (%s)", s.Table, strings.Join(names, ", "), strings.Join(values, ", ")))
		}
		for _, r := range s.Relations {
			if r.Kind == data.ManyToMany {
				list = append(list, fmt.Sprintf("INSERT INTO %q VALUES (%s, %s)", r.Through, literal(key(s.Table, 1)), literal(key(r.TargetTable, 2))))
			}
		}
	}
	return list
}

// For any two sets of models, the migration from the one to the other gives a database
// with rows the schema of the other, keeps every value that has a place, and is followed
// by an empty one.
func TestAnyModelsCanBecomeAnyOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawWorld(t, "before"), drawWorld(t, "after")
		first := strings.Join(data.DDL(before.models...), ";\n")
		db := memory(t)
		defer db.Close()
		if err := transaction(db, first+";\n"+strings.Join(before.rows(t), ";\n")); err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		// Everything that the models after do not have goes, and what they require of
		// rows that are there is said.
		drop, fill := rapid.Bool().Draw(t, "drop"), map[string]string{}
		options := CreateOptions{Fill: fill}
		tables := map[string]*data.Schema{}
		for _, s := range after.models {
			tables[s.Table] = s
			for i := range s.Columns { // the same value for all cannot be unique
				c, old := &s.Columns[i], columnOf(before, s.Table, s.Columns[i].Name)
				if i > 0 && c.Required && (old == nil || old.Nullable) && columnOf(before, s.Table, "id") != nil {
					c.Unique = false
					fill[s.Table+"."+c.Name] = map[data.Type]string{data.Integer: "9", data.Real: "9.5", data.Boolean: "false", data.Enum: "y"}[c.Type]
				}
				if old != nil && c.Unique {
					c.Unique = old.Unique || !old.Nullable
				}
			}
		}
		join := map[string]bool{}
		for _, made := range mustTables(t, after.models) {
			join[made.Name] = true
		}
		if drop {
			for _, made := range mustTables(t, before.models) {
				if !join[made.Name] {
					options.Drop = append(options.Drop, made.Name)
					continue
				}
				for _, c := range made.Columns {
					if s := tables[made.Name]; s != nil && !slices.ContainsFunc(s.Columns, func(other data.Column) bool { return other.Name == c.Name }) {
						options.Drop = append(options.Drop, made.Name+"."+c.Name)
					}
				}
			}
		}
		made, findings, err := Create(file(first), after.models, options)
		if err != nil || len(findings) > 0 {
			t.Fatalf("%v %v", err, findings)
		}
		was := contents(t, db)
		if err := transaction(db, made.SQL); err != nil {
			t.Fatalf("%v in\n%s", err, made.SQL)
		}
		var broken []string
		if err := db.Query(func(row *sqlite.Stmt) error { broken = append(broken, row.ColumnText(0)); return nil }, "PRAGMA foreign_key_check"); err != nil || broken != nil {
			t.Fatalf("rows of %v point at nothing: %v after\n%s", broken, err, made.SQL)
		}
		is := contents(t, db)
		for _, place := range slices.Sorted(maps.Keys(was)) {
			table, rest, _ := strings.Cut(place, " ")
			_, column, _ := strings.Cut(rest, " ")
			value, kept := is[place]
			gone := slices.Contains(options.Drop, table) || slices.Contains(options.Drop, table+"."+column)
			if gone == kept || !gone && value != was[place] && was[place] != "NULL" {
				t.Fatalf("%s was %q and is %q (%v), after\n%s", place, was[place], value, kept, made.SQL)
			}
		}
		again, findings, err := Create(append(file(first), NewFile("0002_b.sql", "migrations/0002_b.sql", made.SQL)), after.models, CreateOptions{})
		if err != nil || len(findings) > 0 || again.SQL != "" {
			t.Fatalf("it is not enough: %v %v\n%s", err, findings, again.SQL)
		}
		if drop {
			fresh := memory(t)
			defer fresh.Close()
			if err := transaction(fresh, strings.Join(data.DDL(after.models...), ";\n")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(shape(t, fresh), shape(t, db)); diff != "" {
				t.Fatalf("(-new database +migrated):\n%s\nafter\n%s", diff, made.SQL)
			}
		}
	})
}

func mustTables(t *rapid.T, models []*data.Schema) []data.SQLTable {
	tables, err := data.Tables(models...)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func columnOf(w world, table, name string) *data.Column {
	for _, s := range w.models {
		if i := slices.IndexFunc(s.Columns, func(c data.Column) bool { return c.Name == name }); s.Table == table && i >= 0 {
			return &s.Columns[i]
		}
	}
	return nil
}

func FuzzSQL(f *testing.F) {
	f.Add(`CREATE TABLE "a""b" (a TEXT CHECK (a IN ('x', 'y''z')), [b c] INT, -- no
 /* or */ UNIQUE (a, "b"), CHECK (a > 1.5e3)) STRICT`)
	f.Add("CREATE TABLE x (a, 'b")
	f.Add("((((")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, tok := range tokens(text) {
			if tok.start < end || tok.end <= tok.start || tok.text != text[tok.start:tok.end] {
				t.Fatalf("%q: a token at %d to %d after %d", text, tok.start, tok.end, end)
			}
			end = tok.end
		}
		list, _ := items(text)
		for _, item := range list {
			for _, c := range checks(item) {
				if !strings.Contains(item, c.text) {
					t.Fatalf("%q has a CHECK %q", item, c.text)
				}
			}
		}
	})
}
