package contracttest

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/d1/d1sql"
)

func d1sqlCases() []Case {
	db := d1sql.Open("DB")
	c := func(name, want string, do func(ctx context.Context) (any, error)) Case {
		return Case{name, want, do, ""}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	return []Case{
		c("exec tells what it changed", `[1,2]`, func(ctx context.Context) (any, error) {
			if _, err := db.ExecContext(ctx, "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT UNIQUE, at TEXT, stars REAL, data BLOB)"); err != nil {
				return nil, err
			}
			insert, err := db.PrepareContext(ctx, "INSERT INTO notes(text, at, stars, data) VALUES(?, ?, ?, ?)")
			if err != nil {
				return nil, err
			}
			defer insert.Close()
			if _, err := insert.ExecContext(ctx, "a", at, 1.5, []byte{1}); err != nil {
				return nil, err
			}
			r, err := insert.ExecContext(ctx, sql.NullString{}, d1sql.Time(at), nil, nil)
			if err != nil {
				return nil, err
			}
			changes, err := r.RowsAffected()
			id, err2 := r.LastInsertId()
			return list{changes, id}, errors.Join(err, err2)
		}),
		c("a row is scanned", `["a","2026-01-02T03:04:05.678Z",1.5,"AQ==",1]`, func(ctx context.Context) (any, error) {
			var id int
			var text string
			var when time.Time
			var stars float64
			var data []byte
			err := db.QueryRowContext(ctx, "SELECT id, text, at, stars, data FROM notes WHERE id = ?", 1).Scan(&id, &text, (*d1sql.Time)(&when), &stars, &data)
			return list{text, when, stars, data, id}, err
		}),
		c("rows, with NULLs", `[[1,true],[2,false]]`, func(ctx context.Context) (any, error) {
			rows, err := db.QueryContext(ctx, "SELECT id, text FROM notes ORDER BY id")
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			var all list
			for rows.Next() {
				var id int
				var text sql.NullString
				if err := rows.Scan(&id, &text); err != nil {
					return nil, err
				}
				all = append(all, list{id, text.Valid})
			}
			return all, rows.Err()
		}),
		c("types of columns", `["INTEGER","TEXT","REAL","BLOB","NULL"]`, func(ctx context.Context) (any, error) {
			rows, err := db.QueryContext(ctx, "SELECT id, text, stars, data, NULL FROM notes ORDER BY id")
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			types, err := rows.ColumnTypes()
			var all list
			for _, t := range types {
				all = append(all, t.DatabaseTypeName())
			}
			return all, errors.Join(err, rows.Err())
		}),
		c("no row", `true`, func(ctx context.Context) (any, error) {
			return errors.Is(db.QueryRowContext(ctx, "SELECT id FROM notes WHERE id = 9").Scan(new(int)), sql.ErrNoRows), nil
		}),
		c("a refusal of D1", `"SQLITE_CONSTRAINT_UNIQUE"`, func(ctx context.Context) (any, error) {
			_, err := db.ExecContext(ctx, "INSERT INTO notes(text) VALUES('a')")
			var refused *d1.Error
			if !errors.As(err, &refused) {
				return nil, err
			}
			return refused.Code(), nil
		}),
		c("a transaction", `true`, func(ctx context.Context) (any, error) {
			_, err := db.BeginTx(ctx, nil)
			return errors.Is(err, d1sql.ErrNoTransactions), nil
		}),
		c("a named parameter", `error: sql: converting argument with name "id" type: d1sql: the parameter "id" has a name, and D1 has only numbers`, func(ctx context.Context) (any, error) {
			return nil, db.QueryRowContext(ctx, "SELECT ?", sql.Named("id", 1)).Scan(new(int))
		}),
		c("a ping", `null`, func(ctx context.Context) (any, error) { return nil, db.PingContext(ctx) }),
	}
}
