package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/sqlite"
)

// CreateOptions say what models cannot.
type CreateOptions struct {
	// Drop are tables, and columns as TABLE.COLUMN, that go with their data.
	Drop []string
	// Rename are new names of tables, and of columns given as TABLE.COLUMN.
	Rename map[string]string
	// Fill are the values of columns, given as TABLE.COLUMN, for rows that have none.
	Fill map[string]string
}

// Creation is a migration that makes tables what models say.
type Creation struct {
	SQL     string   // "" when nothing has to change
	Changes []string // what it does, for people
	Left    []string // what stays though no model has it, for people
}

// Create makes the migration that comes after files. It compares the models with the
// schema that the files give an empty database, and tries the result on that. A finding
// says what a person has to decide or repair.
func Create(files []File, models []*data.Schema, o CreateOptions) (made Creation, found []diag.Finding, err error) {
	want, err := data.Tables(models...)
	if err != nil {
		return Creation{}, []diag.Finding{modelFinding(err.Error(), "give one of them another table, with a field `_ data.Table`")}, nil
	}
	wanted, err := wantedSchema(want)
	if err != nil {
		return Creation{}, nil, err
	}
	db, err := sqlite.Open(sqlite.Options{DoubleQuotedStrings: true})
	if err != nil {
		return Creation{}, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, f := range files {
		if err := transaction(db, f.SQL); err != nil {
			pos := locate(f, err.Error())
			return Creation{}, []diag.Finding{{
				Code: "M112", Severity: diag.SeverityError, Message: fmt.Sprintf("%s does not run on an empty database", f.Path),
				Why: err.Error(), Fix: "correct the file: the next migration is made from the schema that those before it give",
				Pos: pos, Source: lineAt(f.SQL, pos.Line),
			}}, nil
		}
	}
	c := &change{db: db, want: want, wanted: wanted, options: o}
	if err := db.Exec("BEGIN"); err != nil { // as D1 will run it
		return Creation{}, nil, err
	}
	c.run()
	if len(c.found) > 0 || c.err != nil {
		return Creation{}, c.found, c.err
	}
	if err := db.Exec("COMMIT"); err != nil {
		return Creation{}, nil, fmt.Errorf("trying the migration: %w", err)
	}
	made = Creation{Changes: c.changes, Left: c.left}
	if len(c.statements) > 0 {
		made.SQL = strings.Join(c.statements, ";\n") + ";\n"
	}
	return made, nil, nil
}

func modelFinding(message, fix string) diag.Finding {
	return diag.Finding{Code: "M111", Severity: diag.SeverityError, Message: message, Fix: fix}
}

// wantedSchema is the schema of a database with these tables alone.
func wantedSchema(tables []data.SQLTable) (*snapshot, error) {
	db, err := sqlite.Open(sqlite.Options{})
	if err != nil {
		return nil, err
	}
	var script strings.Builder
	for _, t := range tables {
		script.WriteString(t.Create(t.Name) + ";\n")
		for _, i := range t.Indexes {
			script.WriteString(i.Create(t.Name) + ";\n")
		}
	}
	err = transaction(db, script.String())
	var s *snapshot
	if err == nil {
		s, err = inspect(db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("make the tables of the models: %w", err)
	}
	return s, nil
}

// transaction runs statements as D1 runs a migration: all of them or none, with foreign
// keys looked after.
func transaction(c *sqlite.Conn, text string) error {
	if err := c.Exec("BEGIN"); err != nil {
		return err
	}
	err := script(c, text)
	if err == nil {
		err = c.Exec("COMMIT")
	}
	if err != nil && !c.Autocommit() {
		err = errors.Join(err, c.Exec("ROLLBACK"))
	}
	return err
}

func script(c *sqlite.Conn, text string) error {
	for {
		stmt, rest, err := c.Prepare(text)
		if err != nil {
			return err
		}
		for more := !sqlite.Empty(stmt); more && err == nil; {
			more, err = stmt.Step()
		}
		if err = errors.Join(err, stmt.Finalize()); err != nil {
			return err
		}
		if rest == 0 {
			return nil
		}
		text = text[len(text)-rest:]
	}
}

// change is a migration while it is made. Each statement is tried at once.
type change struct {
	db      *sqlite.Conn
	want    []data.SQLTable
	wanted  *snapshot // of want
	options CreateOptions
	current *snapshot
	used    []string // names of options that were of use

	statements []string
	changes    []string
	left       []string
	found      []diag.Finding
	err        error
}

// run makes the migration.
func (c *change) run() {
	if c.look(); c.err != nil {
		return
	}
	c.renames()
	if c.look(); c.err != nil || len(c.found) > 0 {
		return
	}
	todo := c.compare()
	c.unused()
	if len(c.found) > 0 {
		return
	}
	c.perform(todo)
	if c.look(); c.err != nil {
		return
	}
	// What is left to do after the migration would be a mistake of ours.
	again := &change{db: c.db, want: c.want, wanted: c.wanted, current: c.current}
	if rest := again.compare(); len(again.found) > 0 || !rest.empty() {
		c.err = fmt.Errorf("the migration would not give what the models say: %v %q, by\n%s", again.found, again.changes, strings.Join(c.statements, ";\n"))
	}
}

// look reads the schema as it is now.
func (c *change) look() {
	if c.err == nil {
		c.current, c.err = inspect(c.db)
	}
}

// do adds a statement, and runs it.
func (c *change) do(statement string) {
	if c.err != nil {
		return
	}
	c.statements = append(c.statements, statement)
	if err := script(c.db, statement); err != nil {
		c.err = fmt.Errorf("trying the migration: %w, in\n%s", err, statement)
	}
}

func (c *change) say(format string, args ...any) {
	c.changes = append(c.changes, fmt.Sprintf(format, args...))
}

// asks reports whether the options name something, as TABLE or TABLE.COLUMN.
func (c *change) asks(list []string, name string) bool {
	i := slices.IndexFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
	if i >= 0 {
		c.used = append(c.used, list[i])
	}
	return i >= 0
}

// fill is what an option says for rows without a value.
func (c *change) fill(table, column string) (value string, ok bool) {
	for name, v := range c.options.Fill {
		if strings.EqualFold(name, table+"."+column) {
			c.used = append(c.used, name)
			return v, true
		}
	}
	return "", false
}

// renames gives tables and columns their new names.
func (c *change) renames() {
	names := make([]string, 0, len(c.options.Rename))
	for name := range c.options.Rename {
		names = append(names, name)
	}
	slices.Sort(names) // a table before its columns
	for _, name := range names {
		to := c.options.Rename[name]
		tableName, columnName, isColumn := strings.Cut(name, ".")
		t := c.current.find(tableName)
		if _, after, ok := strings.Cut(to, "."); ok && isColumn {
			to = after
		}
		switch {
		case t == nil, isColumn && t.column(columnName) == nil:
			c.found = append(c.found, optionFinding("--rename", name, "no migration makes it"))
		case isColumn && t.column(to) != nil && !strings.EqualFold(to, columnName), !isColumn && c.current.find(to) != nil && !strings.EqualFold(to, tableName):
			c.found = append(c.found, optionFinding("--rename", name, "the migrations make "+to+" already, so it would have to go first"))
		case isColumn:
			c.do("ALTER TABLE " + data.Quote(t.name) + " RENAME COLUMN " + data.Quote(t.column(columnName).name) + " TO " + data.Quote(to))
			c.say("%s: column %s is called %s", t.name, columnName, to)
		default:
			c.do("ALTER TABLE " + data.Quote(t.name) + " RENAME TO " + data.Quote(to))
			c.say("table %s is called %s", t.name, to)
		}
		c.used = append(c.used, name)
		c.look()
		if c.err != nil {
			return
		}
	}
}

// unused finds options that would change nothing.
func (c *change) unused() {
	for _, name := range c.options.Drop {
		if !slices.Contains(c.used, name) {
			c.found = append(c.found, optionFinding("--drop", name, "it is no table or column that the migrations make and the models do not have"))
		}
	}
	for name := range c.options.Fill {
		if !slices.Contains(c.used, name) {
			c.found = append(c.found, optionFinding("--fill", name, "no row of that column is without a value"))
		}
	}
}

func optionFinding(flag, name, why string) diag.Finding {
	return diag.Finding{
		Code: "M113", Severity: diag.SeverityError, Message: fmt.Sprintf("%s %s has nothing to do", flag, name), Why: why,
		Fix: "correct the name, as TABLE or TABLE.COLUMN, or leave it out",
	}
}

// NextName is the name of a file that comes after all others: 0003_name.sql.
func NextName(files []File, name string) string {
	next := 1
	for _, f := range files {
		if n, ok := number(f.Name); ok && n >= next {
			next = n + 1
		}
	}
	return fmt.Sprintf("%04d_%s.sql", next, name)
}
