package d1

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func TestAnObserverSeesEveryCall(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	var got []Call
	db.store.Observe(func(c Call) { got = append(got, c) })
	results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(a)"), statement("INSERT INTO t VALUES (1), (2)"), statement("SELECT a FROM t")}})
	results(t, db, Request{Batch: []Statement{statement("SELEC")}})
	want := []Call{
		{Database: "db", Reads: 1, Writes: 2, RowsRead: 3, RowsWritten: 4, Executed: []Executed{
			{Text: "CREATE TABLE t(a)", RowsRead: 1, RowsWritten: 2}, {Text: "INSERT INTO t VALUES (1), (2)", RowsWritten: 2}, {Text: "SELECT a FROM t", RowsRead: 2, RowsReturned: 2},
		}},
		{Database: "db", Err: &Error{`near "SELEC": syntax error at offset 0: SQLITE_ERROR`}},
	}
	sameText := cmp.Comparer(func(a, b error) bool { return a == b || a != nil && b != nil && a.Error() == b.Error() })
	if diff := cmp.Diff(want, got, sameText, cmpopts.IgnoreFields(Call{}, "At", "Duration", "ResponseBytes"), cmpopts.IgnoreFields(Executed{}, "Duration")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c := got[0]; time.Since(c.At) > time.Minute || c.Duration <= 0 || c.ResponseBytes < 100 {
		t.Errorf("the first call: %+v", c)
	}
}

func TestADeletedDatabaseIsNotFound(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	defer store.Close()
	results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(a)")}})
	if err := store.Delete("db"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get("db"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(store.dir, "db.*")); err != nil || len(files) != 0 {
		t.Errorf("files that are left: %v, %v", files, err)
	}
}

// newStore is a store with the empty database "db".
func newStore(t testing.TB) (*Store, *DB) {
	t.Helper()
	store, err := NewStore(filepath.Join(t.TempDir(), "d1"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Create("db"); err != nil {
		t.Fatal(err)
	}
	db, err := store.Get("db")
	if err != nil {
		t.Fatal(err)
	}
	return store, db
}

// edit changes a database as another program would.
func edit(t testing.TB, path, sql string) {
	t.Helper()
	conn, err := sqlite.Open(sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.Exec(sql), conn.Close()); err != nil {
		t.Fatal(err)
	}
}
