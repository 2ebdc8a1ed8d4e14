package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/diag"
)

// Ensure makes the tables that remember what ran. It may be repeated.
func Ensure(ctx context.Context, db Database, table string) error {
	if !tableName.MatchString(table) {
		return fmt.Errorf("migrations table %q: letters, digits and _ only, at most 63", table)
	}
	// The first is wrangler's own definition.
	sql := `CREATE TABLE IF NOT EXISTS "` + table + `"(
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT UNIQUE,
	applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS ` + checksumTable + `(
	migrations_table TEXT NOT NULL,
	name             TEXT NOT NULL,
	checksum         TEXT NOT NULL,
	release          TEXT NOT NULL,
	applied_at       TEXT DEFAULT CURRENT_TIMESTAMP NOT NULL,
	PRIMARY KEY (migrations_table, name)
);`
	var err error
	for range 3 { // may be repeated blindly: it makes only what is missing
		if _, err = db.Query(ctx, sql); !errors.Is(err, ErrUnknownOutcome) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("make migration tables: %w", err)
	}
	return nil
}

// attempts is how often a file is sent when the outcome stays unknown. Sending it
// again is safe: the name in table is unique, so a second run fails as a whole.
const attempts = 3

// settle is how long to wait before looking what became of a lost query.
const settle = 200 * time.Millisecond

// Apply runs f and notes it in the same transaction. ran is false when it had run
// before, also in a call of ours whose answer was lost. The tables must exist. An
// error is a *FailedError when the SQL was refused: then nothing of f is applied.
func Apply(ctx context.Context, db Database, table, release string, f File) (ran bool, err error) {
	sql := terminated(f.SQL) +
		`INSERT INTO "` + table + `" (name) VALUES (` + quote(f.Name) + ");\n" +
		"INSERT INTO " + checksumTable + " (migrations_table, name, checksum, release) VALUES (" +
		quote(table) + ", " + quote(f.Name) + ", " + quote(f.Checksum) + ", " + quote(release) + ");"
	var cause error // of the last try
	for try := 1; ; try++ {
		before, err := Read(ctx, db, table)
		if err != nil {
			return false, err
		}
		if before.Has(f.Name) {
			r, ours := before.Records[f.Name]
			if ours && r.Checksum != f.Checksum {
				return false, fmt.Errorf("%s ran meanwhile with another content", f.Path)
			}
			return ours && r.Release == release, nil
		}
		if try > attempts {
			return false, fmt.Errorf("apply %s: %w", f.Path, cause)
		}
		_, cause = db.Query(ctx, sql)
		switch {
		case cause == nil:
			return true, nil
		case !errors.Is(cause, ErrUnknownOutcome):
			if now, rerr := Read(ctx, db, table); rerr == nil && now.Has(f.Name) {
				continue // somebody else ran it between our look and our call
			}
			return false, &FailedError{File: f, Err: cause}
		}
		select {
		case <-time.After(settle):
		case <-ctx.Done():
			return false, fmt.Errorf("apply %s: %w", f.Path, cause)
		}
	}
}

// FailedError is a migration that the database refused.
type FailedError struct {
	File File
	Err  error // SQLite's text
}

func (e *FailedError) Error() string { return fmt.Sprintf("apply %s: %v", e.File.Path, e.Err) }

// Unwrap is the database's error.
func (e *FailedError) Unwrap() error { return e.Err }

// Finding tells it to a person.
func (e *FailedError) Finding(database string) diag.Finding {
	pos := locate(e.File, e.Err.Error())
	return diag.Finding{
		Code: "M104", Severity: diag.SeverityError,
		Message: fmt.Sprintf("%s was refused by database %q", e.File.Path, database),
		Why:     e.Err.Error(),
		Fix:     "correct the file and deploy again: nothing of it was applied",
		Pos:     pos, Source: lineAt(e.File.SQL, pos.Line),
	}
}
