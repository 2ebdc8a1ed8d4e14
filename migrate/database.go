// Package migrate applies SQL files to D1 databases the way wrangler does, so that
// both can be used on the same database, and refuses files that changed after they
// ran: their checksums are kept in a table of the database itself, where everybody
// who works on it finds them.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// ErrUnknownOutcome is wrapped by a Database's error when the query may have run.
var ErrUnknownOutcome = errors.New("the outcome is unknown")

// Database is one D1 database.
type Database interface {
	// Query runs the statements of sql in one transaction, with one attempt unless it
	// only reads, and returns the rows of the last one. Errors wrap ErrUnknownOutcome
	// when it may have run; otherwise nothing of it was applied. The error's text is
	// SQLite's, such as "near \"FOO\": syntax error at offset 3: SQLITE_ERROR".
	Query(ctx context.Context, sql string, params ...any) ([]map[string]any, error)
}

// DefaultTable is where wrangler keeps the names of applied files.
const DefaultTable = "d1_migrations"

// checksumTable is ours; wrangler does not know it. It holds one row per file that
// clodo applied.
const checksumTable = "clodo_migrations"

// Applied is what ran in a database, as far as its tables say.
type Applied struct {
	Names   []string          // in the order in which they ran
	Records map[string]Record // of those that clodo applied, by name
}

// Has reports whether the file called name ran.
func (a Applied) Has(name string) bool { return slices.Contains(a.Names, name) }

// Record is how clodo remembers a file that it applied.
type Record struct {
	Checksum string // of File, when it ran
	Release  string
	At       string // UTC, as SQLite writes CURRENT_TIMESTAMP
	Text     string // the SQL that ran, when this machine still has it
}

var tableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Read asks db which files ran. A database without the tables has none.
func Read(ctx context.Context, db Database, table string) (Applied, error) {
	if !tableName.MatchString(table) {
		return Applied{}, fmt.Errorf("migrations table %q: letters, digits and _ only, at most 63", table)
	}
	there, err := db.Query(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('"+table+"', '"+checksumTable+"')")
	if err != nil {
		return Applied{}, fmt.Errorf("look for migration tables: %w", err)
	}
	a := Applied{Records: map[string]Record{}}
	for _, row := range there {
		switch text(row["name"]) {
		case table:
			rows, err := db.Query(ctx, `SELECT name FROM "`+table+`" ORDER BY id`)
			if err != nil {
				return Applied{}, fmt.Errorf("read applied migrations: %w", err)
			}
			for _, r := range rows {
				a.Names = append(a.Names, text(r["name"]))
			}
		case checksumTable:
			rows, err := db.Query(ctx, "SELECT name, checksum, release, applied_at FROM "+checksumTable+" WHERE migrations_table = '"+table+"'")
			if err != nil {
				return Applied{}, fmt.Errorf("read checksums of migrations: %w", err)
			}
			for _, r := range rows {
				a.Records[text(r["name"])] = Record{Checksum: text(r["checksum"]), Release: text(r["release"]), At: text(r["applied_at"])}
			}
		}
	}
	return a, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// quote is s as an SQL string.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
