package d1

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// ExportOptions say what an export leaves out; its zero value is everything.
type ExportOptions struct {
	NoSchema bool     `json:"no_schema"`
	NoData   bool     `json:"no_data"`
	Tables   []string `json:"tables"` // only these, and indexes, views and triggers of these names
}

var errVirtual = &Error{"D1 Export error: cannot export databases with Virtual Tables (fts5)"}

// Export begins to write the database as SQL to a file at path. Other calls wait
// until it is done.
func (d *DB) Export(ctx context.Context, path string, o ExportOptions) (*Job, error) {
	return d.begin(ctx, Export, func(context.Context, *Job) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		w := &dump{db: d, options: o, out: bufio.NewWriterSize(f, 1<<18)}
		if err = w.all(); err != nil {
			f.Close()
			return err
		}
		return errors.Join(w.out.Flush(), f.Close())
	})
}

// dump writes a database as the statements that make it.
type dump struct {
	db      *DB
	options ExportOptions
	out     *bufio.Writer // keeps its first error
	line    []byte
}

// object is a row of the schema.
type object struct{ name, sql string }

func (w *dump) all() error {
	w.write("PRAGMA defer_foreign_keys=TRUE;\n")
	tables, err := w.objects("type = 'table' ORDER BY name = 'sqlite_sequence', rowid")
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := w.table(t); err != nil {
			return err
		}
	}
	if w.options.NoSchema {
		return nil
	}
	// Triggers come last: they may be on a view.
	rest, err := w.objects("type <> 'table' ORDER BY type = 'trigger', type, rowid")
	if err != nil {
		return err
	}
	for _, o := range rest {
		w.write(o.sql + ";\n")
	}
	return nil
}

func (w *dump) write(text string) { _, _ = w.out.WriteString(text) } // Flush has the error

// objects are those of the schema that are asked for.
func (w *dump) objects(where string) ([]object, error) {
	var all []object
	err := w.db.each("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND "+where, func(s *sqlite.Stmt) error {
		if name := s.ColumnText(0); len(w.options.Tables) == 0 || slices.Contains(w.options.Tables, name) {
			all = append(all, object{name, s.ColumnText(1)})
		}
		return nil
	})
	return all, err
}

func (w *dump) table(t object) error {
	schema := t.sql + ";\n"
	switch {
	case t.name == "sqlite_sequence":
		schema = "DELETE FROM sqlite_sequence;\n"
	case strings.HasPrefix(t.name, "sqlite_"), reserved(t.name):
		return nil
	case strings.HasPrefix(strings.ToUpper(t.sql), "CREATE VIRTUAL TABLE"):
		return errVirtual
	}
	if !w.options.NoSchema {
		w.write(schema)
	}
	if w.options.NoData {
		return nil
	}
	var columns []string
	err := w.db.each("PRAGMA table_xinfo("+quoted(t.name)+")", func(s *sqlite.Stmt) error {
		if s.GetInt64("hidden") == 0 { // not generated
			columns = append(columns, quoted(s.GetText("name")))
		}
		return nil
	})
	if err != nil {
		return err
	}
	list := strings.Join(columns, ",")
	begin := "INSERT INTO " + quoted(t.name) + " (" + list + ") VALUES("
	return w.db.each("SELECT "+list+" FROM "+quoted(t.name), func(s *sqlite.Stmt) error {
		w.line = append(w.line[:0], begin...)
		for i := range columns {
			if i > 0 {
				w.line = append(w.line, ',')
			}
			w.line = appendLiteral(w.line, s, i)
		}
		_, err := w.out.Write(append(w.line, ");\n"...))
		return err
	})
}

// each runs a statement of our own with the rows it gives.
func (d *DB) each(sql string, row func(*sqlite.Stmt) error) error {
	var stmt *sqlite.Stmt
	if err := d.trusting(func() (err error) {
		stmt, _, err = d.conn.Prepare(sql)
		return err
	}); err != nil {
		return err
	}
	defer func() { _ = stmt.Finalize() }() // repeats the error of Step
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		if err := row(stmt); err != nil {
			return err
		}
	}
}

// quoted is a name in SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// appendLiteral appends a value as SQL that gives exactly that value.
func appendLiteral(b []byte, s *sqlite.Stmt, i int) []byte {
	switch s.ColumnType(i) {
	case driver.TypeInteger:
		return strconv.AppendInt(b, s.ColumnInt64(i), 10)
	case driver.TypeFloat:
		return appendReal(b, s.ColumnFloat(i))
	case driver.TypeText:
		text := s.ColumnText(i)
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return append(appendBlob(append(b, "CAST("...), []byte(text)), " AS TEXT)"...)
		}
		return append(append(append(b, '\''), strings.ReplaceAll(text, "'", "''")...), '\'')
	case driver.TypeBlob:
		blob := make([]byte, s.ColumnLen(i))
		s.ColumnBytes(i, blob)
		return appendBlob(b, blob)
	}
	return append(b, "NULL"...)
}

func appendReal(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "9e999"...)
	case math.IsInf(f, -1):
		return append(b, "-9e999"...)
	}
	from := len(b)
	b = strconv.AppendFloat(b, f, 'g', 17, 64)
	if !strings.ContainsAny(string(b[from:]), ".e") {
		b = append(b, ".0"...)
	}
	return b
}

func appendBlob(b, blob []byte) []byte {
	return append(hex.AppendEncode(append(b, "X'"...), blob), '\'')
}
