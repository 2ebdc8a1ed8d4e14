package durable

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write tables.sql")

// script is the statements that make the tables of a database and fill them with its rows.
func script(t *testing.T, path string) string {
	t.Helper()
	db := open(t, path)
	defer db.Close()
	var b strings.Builder
	b.WriteString("-- Written by `go test ./internal/durable -update` from what DBOS makes.\n")
	for _, statement := range column(t, db, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid") {
		b.WriteString(statement + ";\n")
	}
	for _, table := range column(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid") {
		for _, row := range column(t, db, "SELECT * FROM "+table) {
			fmt.Fprintf(&b, "INSERT INTO %s VALUES (%s);\n", table, row)
		}
	}
	return b.String()
}

// column is a result of one column. It fails on one of more, and on NULL.
func column(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// migrate has DBOS make its tables.
func migrate(t *testing.T, path string) {
	t.Helper()
	c, err := dbos.NewContext(context.WithoutCancel(t.Context()), dbos.Config{AppName: "clodo", SQLiteSystemDB: open(t, path), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := dbos.Shutdown(c, time.Minute); err != nil {
		t.Fatal(err)
	}
}

// makeTablesIn makes them with our script.
func makeTablesIn(t *testing.T, path string) error {
	t.Helper()
	db := open(t, path)
	return errors.Join(makeTables(t.Context(), db), db.Close())
}

func TestTheTablesAreThoseThatDBOSMakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	theirs, ours := filepath.Join(dir, "theirs.db"), filepath.Join(dir, "ours.db")
	migrate(t, theirs)
	want := script(t, theirs)
	if *update {
		if err := os.WriteFile("tables.sql", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("go test ./internal/durable -update writes tables.sql anew (- DBOS, + the file):\n%s", diff)
	}
	if err := makeTablesIn(t, ours); err != nil {
		t.Fatal(err)
	}
	migrate(t, ours) // has nothing to do
	if diff := cmp.Diff(want, script(t, ours)); diff != "" {
		t.Errorf("the file makes something else (- DBOS, + the file):\n%s", diff)
	}
}

func TestTablesThatDBOSHasBegunToMakeAreLeftToIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE dbos_migrations (version INTEGER NOT NULL PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	fatal(t, db.Close())
	before := script(t, path)
	fatal(t, makeTablesIn(t, path))
	if diff := cmp.Diff(before, script(t, path)); diff != "" {
		t.Errorf("something was made: %s", diff)
	}
	migrate(t, path)
	if got, want := strings.Count(script(t, path), "\nCREATE "), strings.Count(tables, "\nCREATE "); got != want {
		t.Errorf("DBOS goes on to %d tables and indexes, want %d", got, want)
	}
}

func TestManyMakeTheTablesAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	fatal(t, db.PingContext(t.Context())) // now it has a write-ahead log
	defer db.Close()
	var all sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		all.Go(func() { errs[i] = makeTablesIn(t, path) })
	}
	all.Wait()
	fatal(t, errors.Join(errs...))
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
