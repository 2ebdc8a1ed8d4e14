package durable

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
)

// tables makes DBOS's tables as its version in go.mod has them, and says which version
// that is: a newer DBOS goes on from there.
//
//go:embed tables.sql
var tables string

// makeTables makes DBOS's tables where there are none. DBOS itself would make them the way
// they came to be, in dozens of changes one after the other, which took a third of the
// processor time of a first release.
func makeTables(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil) // which locks out whoever else would make them
	if err != nil {
		return err
	}
	err = tx.QueryRowContext(ctx, "SELECT name FROM sqlite_master WHERE name = 'dbos_migrations'").Scan(new(string))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if _, err = tx.ExecContext(ctx, tables); err == nil {
			return tx.Commit()
		}
		err = fmt.Errorf("make its tables: %w", err)
	case err == nil:
		return tx.Rollback() // they are there
	}
	return errors.Join(err, tx.Rollback())
}
