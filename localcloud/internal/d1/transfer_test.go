package d1

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// imported runs a script and waits for its end.
func imported(t testing.TB, db *DB, script io.Reader) *Job {
	t.Helper()
	j, err := db.Import(t.Context(), func() (io.ReadCloser, error) { return io.NopCloser(script), nil })
	if err != nil {
		t.Fatal(err)
	}
	if !j.Wait(t.Context(), time.Minute) {
		t.Fatal("the import does not end")
	}
	return j
}

func exported(t testing.TB, db *DB, o ExportOptions) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "export.sql")
	j, err := db.Export(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	if !j.Wait(t.Context(), time.Minute) {
		t.Fatal("the export does not end")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), j.Err
}

const shop = `CREATE TABLE "order"(id INTEGER PRIMARY KEY AUTOINCREMENT, customer REFERENCES customer(name), note TEXT DEFAULT 'no;ne', total GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE customer(name TEXT PRIMARY KEY, "odd ""name""", data BLOB) WITHOUT ROWID;
CREATE INDEX by_note ON "order"(note) WHERE note IS NOT NULL;
CREATE VIEW notes AS SELECT note FROM "order";
CREATE TRIGGER gone INSTEAD OF DELETE ON notes BEGIN DELETE FROM "order" WHERE note = old.note; SELECT ';'; END;
INSERT INTO customer VALUES ('ann', 'it''s', x'00ff'), ('bob', 1.0, NULL);
INSERT INTO "order"(customer, note) VALUES ('ann', 'two
lines'), ('bob', NULL);
DELETE FROM "order" WHERE id = 2;`

func TestAnExportIsLikeCloudflares(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	if j := imported(t, db, strings.NewReader(shop)); j.Err != nil || j.Queries != 8 {
		t.Fatalf("%d queries, %v", j.Queries, j.Err)
	}
	schema := strings.Split(shop, "\n")
	tables := strings.Join(schema[:2], "\n") + "\n"
	rest := strings.Join(schema[2:5], "\n") + "\n"
	for name, c := range map[string]struct {
		options ExportOptions
		want    string
	}{
		"everything": {ExportOptions{}, schema[0] + `
INSERT INTO "order" ("id","customer","note") VALUES(1,'ann','two
lines');
` + schema[1] + `
INSERT INTO "customer" ("name","odd ""name""","data") VALUES('ann','it''s',X'00ff');
INSERT INTO "customer" ("name","odd ""name""","data") VALUES('bob',1.0,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" ("name","seq") VALUES('order',2);
` + rest},
		"the schema alone": {ExportOptions{NoData: true}, tables + "DELETE FROM sqlite_sequence;\n" + rest},
		"one table": {ExportOptions{NoSchema: true, Tables: []string{"customer"}}, `INSERT INTO "customer" ("name","odd ""name""","data") VALUES('ann','it''s',X'00ff');
INSERT INTO "customer" ("name","odd ""name""","data") VALUES('bob',1.0,NULL);
`},
	} {
		got, err := exported(t, db, c.options)
		if diff := cmp.Diff("PRAGMA defer_foreign_keys=TRUE;\n"+c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	results(t, db, Request{Batch: []Statement{statement("CREATE VIRTUAL TABLE words USING fts5(word)")}})
	if _, err := exported(t, db, ExportOptions{}); !errors.Is(err, errVirtual) {
		t.Errorf("with a virtual table: %v", err)
	}
}

func TestAnExportMakesTheSameDatabase(t *testing.T) {
	t.Parallel()
	from, to := newDB(t), newDB(t)
	results(t, from, Request{Batch: []Statement{statement("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT, c REAL, d NUMERIC); CREATE UNIQUE INDEX i ON t(id, a)")}})
	content := func(db *DB) string {
		return results(t, db, Request{Rows: true, Batch: []Statement{
			statement("SELECT name, sql FROM sqlite_master ORDER BY name"),
			statement("SELECT id, typeof(a), quote(a), hex(a), typeof(b), hex(b), typeof(c), quote(c), typeof(d), quote(d), hex(d) FROM t"),
		}})
	}
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(
			rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
			rapid.Map(rapid.Float64(), func(f float64) string { return string(appendReal(nil, f)) }),
			rapid.Map(rapid.String(), func(s string) string { return "CAST(" + string(appendBlob(nil, []byte(s))) + " AS TEXT)" }),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(appendBlob(nil, b)) }),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return "CAST(" + string(appendBlob(nil, b)) + " AS TEXT)" }),
			rapid.SampledFrom([]string{"NULL", "-9223372036854775808", "9e999", "-9e999", "1.0", "''", "';--'", "0.1", string(appendReal(nil, math.SmallestNonzeroFloat64))}),
		)
		batch := []Statement{statement("DELETE FROM t")}
		for range rapid.IntRange(0, 4).Draw(rt, "rows") {
			batch = append(batch, statement(fmt.Sprintf("INSERT INTO t(a, b, c, d) VALUES (%s, %s, %s, %s)",
				value.Draw(rt, "a"), value.Draw(rt, "b"), value.Draw(rt, "c"), value.Draw(rt, "d"))))
		}
		if got := results(t, from, Request{Batch: batch}); strings.Contains(got, "SQLITE") {
			rt.Fatal(got)
		}
		script, err := exported(t, from, ExportOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		results(t, to, Request{Batch: []Statement{statement("DROP TABLE IF EXISTS t")}})
		if j := imported(t, to, iotest.OneByteReader(strings.NewReader(script))); j.Err != nil {
			rt.Fatalf("%v\n%s", j.Err, script)
		}
		if diff := cmp.Diff(content(from), content(to)); diff != "" {
			rt.Fatalf("(-exported +imported):\n%s\n%s", diff, script)
		}
	})
}

func TestAnImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, want string }{
		"a mistake at its end":             {"CREATE TABLE t(x); INSERT INTO t VALUES (1); SELEC", `near "SELEC": syntax error at offset 0: SQLITE_ERROR`},
		"nothing":                          {" -- nothing\n", "No SQL statements detected."},
		"a transaction of its own":         {"BEGIN TRANSACTION; CREATE TABLE t(x); COMMIT;", errTransaction.Message},
		"a parameter":                      {"SELECT ?", "Wrong number of parameter bindings for SQL query."},
		"a statement that is too long":     {"CREATE TABLE t(x); INSERT INTO t VALUES ('" + strings.Repeat("x", 300_000) + "');", "statement too long: SQLITE_TOOBIG"},
		"a row that points nowhere":        {"PRAGMA defer_foreign_keys=TRUE; CREATE TABLE p(id PRIMARY KEY); CREATE TABLE t(p REFERENCES p); INSERT INTO t VALUES (1)", "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"},
		"a file that cannot be read":       {"", "the disk is gone"},
		"a row that points to a later one": {"PRAGMA defer_foreign_keys=TRUE; CREATE TABLE t(id PRIMARY KEY, p REFERENCES t); INSERT INTO t VALUES (1, 2); INSERT INTO t VALUES (2, 1)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			before := mark(t, db)
			in := io.Reader(strings.NewReader(c.script))
			if c.script == "" {
				in = io.MultiReader(strings.NewReader("CREATE TABLE t(x);"), iotest.ErrReader(errors.New(c.want)))
			}
			j := imported(t, db, in)
			if got := fmt.Sprint(j.Err); c.want == "" && j.Err != nil || c.want != "" && got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if after := mark(t, db); c.want != "" && after != before || c.want == "" && (after == before || j.Final != after) {
				t.Errorf("the bookmark was %s, is %s, and was said to be %s", before, after, j.Final)
			}
		})
	}
}

func TestAnImportTellsWhatItDid(t *testing.T) {
	t.Parallel()
	j := imported(t, newDB(t), strings.NewReader("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2); SELECT * FROM t"))
	var m map[string]any
	if err := json.Unmarshal(j.Meta, &m); err != nil {
		t.Fatal(err)
	}
	if m["changes"] != 2.0 || m["changed_db"] != true || m["size_after"].(float64) < 4096 {
		t.Errorf("meta is %v", m)
	}
}

// Closing a store does not wait for the end of a long import.
func TestAnImportEndsWithItsStore(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	r, w := io.Pipe()
	j, err := db.Import(t.Context(), func() (io.ReadCloser, error) { return r, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Import(t.Context(), nil); !errors.Is(err, ErrBusy) {
		t.Errorf("a second import: %v", err)
	}
	if _, err := io.WriteString(w, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c;"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if !j.Wait(t.Context(), 0) || j.Err == nil {
		t.Errorf("the import goes on: %v", j.Err)
	}
}

func FuzzAScriptIsReadAsItIsWritten(f *testing.F) {
	for _, seed := range []string{"SELECT 1; SELECT 2", "/* ; */ 'a;' -- ;\n;", "[;] `;` \";\" '", "/*", "--", ";;", "-", "/", "--\n--", "-- x\n/* y", "SELECT '" + strings.Repeat("x", 500) + "'; --" + strings.Repeat("y", 500)} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, blocks int) {
		// The window is short here, so that everything happens at its edges.
		var got []string
		for s := (&script{in: iotest.OneByteReader(strings.NewReader(text)), ahead: 16, block: blocks&15 + 1}); ; {
			part, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			if part == "" {
				break
			}
			end := nextSemicolon(part, 0)
			got = append(got, part[:min(end, 16)])
			s.advance(part[end:])
		}
		var want []string
		for part := skipBlank(text); part != ""; {
			end := nextSemicolon(part, 0)
			want = append(want, part[:min(end, 16)])
			if end > 16 {
				return // what is longer than the window is refused
			}
			part = skipBlank(part[end:])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
