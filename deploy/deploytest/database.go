package deploytest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", also D1's engine

	"github.com/tamylaa/clodo/migrate"
)

// database is a D1 database of an Account: a SQLite file in its folder.
type database struct {
	a  *Account
	id string
}

// Query implements migrate.Database. All statements run in one transaction.
func (d *database) Query(ctx context.Context, text string, params ...any) (rows []map[string]any, err error) {
	if strings.HasPrefix(text, "SELECT") {
		return d.query(ctx, text, params)
	}
	err = d.a.mutate("query", func() (err error) {
		rows, err = d.query(ctx, text, params)
		return err
	})
	return rows, err
}

func (d *database) query(ctx context.Context, text string, params []any) (out []map[string]any, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(d.a.Dir, d.id+".sqlite")+"?_pragma=synchronous(0)&_pragma=journal_mode(MEMORY)")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	defer func() { err = keep(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			err = keep(err, tx.Rollback())
		}
	}()
	if !strings.HasPrefix(text, "SELECT") {
		if _, err := tx.ExecContext(ctx, text, params...); err != nil {
			return nil, err
		}
		return nil, tx.Commit()
	}
	rows, err := tx.QueryContext(ctx, text, params...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, c := range columns {
			row[c] = values[i]
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return out, tx.Commit()
}

// keep is the first of two errors.
func keep(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

var _ migrate.Database = (*database)(nil)
