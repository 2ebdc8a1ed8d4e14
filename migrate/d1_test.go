package migrate_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/clodotest"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/migrate"
)

type order struct {
	_     data.Table `data:"orders"`
	ID    string     `data:"id,key"`
	State string     `data:"state,required,enum=new|paid|gone"`
}

type item struct {
	_       data.Table `data:"items"`
	ID      int64      `data:"id,key"`
	OrderID string     `data:"order_id,required"`
	Order   *order     `data:"order,belongsTo=order_id,onDelete=cascade"`
}

// D1 looks after foreign keys during a migration too: a table that is made anew must not
// take with it the rows that point at it.
func TestAMigrationOnD1KeepsTheRowsThatPointAtATableThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	const before = `CREATE TABLE orders (id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('new', 'paid')));
CREATE TABLE items (id INTEGER PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE);
CREATE TABLE notes (item INTEGER REFERENCES items ON DELETE SET NULL, text TEXT);
CREATE TRIGGER told AFTER INSERT ON items BEGIN INSERT INTO notes VALUES (new.id, 'told; really'); END;
CREATE VIRTUAL TABLE words USING fts5 (text);
`
	files := []migrate.File{migrate.NewFile("0001_first.sql", "migrations/0001_first.sql", before)}
	made, findings, err := migrate.Create(files, []*data.Schema{data.Define(data.Options[item]{}).Schema()}, migrate.CreateOptions{})
	if err != nil || len(findings) > 0 || made.SQL == "" {
		t.Fatal(made, findings, err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"wrangler.jsonc":            `{"name": "shop", "main": "main.go", "compatibility_date": "2026-11-01", "d1_databases": [{"binding": "DB", "database_name": "shop"}]}`,
		"main.go":                   "package main\n\nfunc main() {}\n",
		"migrations/0001_first.sql": before,
		"migrations/0002_rows.sql":  "INSERT INTO orders VALUES ('a', 'new'), ('b', 'paid'); INSERT INTO items (order_id) VALUES ('a'), ('b'), ('b');",
		"migrations/0003_made.sql":  made.SQL,
		"migrations/0004_rows.sql":  "INSERT INTO orders VALUES ('c', 'gone'); INSERT INTO items (order_id) VALUES ('c');",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := clodotest.StartWith(t, func() (http.Handler, error) { return http.NotFoundHandler(), nil }, clodotest.Options{Dir: dir, Runtime: clodotest.Native})
	count := func(what string) (n int) {
		if err := d1.Open("DB").Prepare("SELECT count(*) FROM "+what).First(app.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for what, want := range map[string]int{
		"orders": 3, "items": 4, "notes WHERE item IS NOT NULL AND text = 'told; really'": 4, "items JOIN orders ON orders.id = order_id": 4,
		"sqlite_master WHERE name LIKE '%_before%'": 0, "sqlite_master WHERE type = 'trigger'": 1, "pragma_foreign_key_check": 0,
	} {
		if got := count(what); got != want {
			t.Errorf("%d rows of %s, want %d, after\n%s", got, what, want, made.SQL)
		}
	}
	if _, err := d1.Open("DB").Prepare("DELETE FROM orders WHERE id = 'b'").Run(app.Context()); err != nil {
		t.Fatal(err)
	}
	if items, notes := count("items"), count("notes WHERE item IS NULL"); items != 2 || notes != 2 {
		t.Errorf("foreign keys do not work any more: %d items, %d notes of none", items, notes)
	}
}
