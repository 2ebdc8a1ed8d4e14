package d1

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tamylaa/clodo/internal/jsonwire"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"pgregory.net/rapid"
)

func newDB(t testing.TB) *DB {
	t.Helper()
	store, err := NewStore(t.TempDir(), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Create("db"); err != nil {
		t.Fatal(err)
	}
	db, err := store.Get("db")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func statement(sql string, params ...string) Statement {
	s := Statement{SQL: sql}
	for _, p := range params {
		s.Params = append(s.Params, json.RawMessage(p))
	}
	return s
}

// results runs r and gives the results member of each statement, or the error.
func results(t testing.TB, db *DB, r Request) string {
	t.Helper()
	out, err := db.Query(t.Context(), r)
	if err != nil {
		return err.Error()
	}
	var all []struct{ Results json.RawMessage }
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	parts := make([]string, len(all))
	for i, one := range all {
		parts[i] = string(one.Results)
	}
	return strings.Join(parts, " ")
}

// mark is the bookmark of the present.
func mark(t testing.TB, db *DB) string {
	t.Helper()
	b, err := db.Bookmark(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAStatementAnswersAsD1Does(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql    string
		params []string
		rows   bool
		want   string
	}{
		"numbers are bound as REAL":                          {sql: "SELECT ? a, typeof(?) b", params: []string{"1", "2"}, want: `[{"a":1,"b":"real"}]`},
		"every kind of value":                                {sql: "SELECT 1 a, 1.5 b, 'é\"' c, x'01ff' d, null e, 9e999 f", want: `[{"a":1,"b":1.5,"c":"é\"","d":[1,255],"e":null,"f":null}]`},
		"every kind of parameter":                            {sql: "SELECT ? a, ? b, typeof(?) c, ? d", params: []string{`"x\u00e9"`, "null", "[1,2]", "true"}, want: `[{"a":"xé","b":null,"c":"blob","d":1}]`},
		"columns and rows keep a name that occurs twice":     {sql: "SELECT 1 a, 2 a", rows: true, want: `{"columns":["a","a"],"rows":[[1,2]]}`},
		"an object keeps the last of a name":                 {sql: "SELECT 1 a, 2 b, 3 a", want: `[{"a":3,"b":2}]`},
		"the last of several statements has the parameters":  {sql: "SELECT 1; SELECT ? a", params: []string{"5"}, want: `[{"a":5}]`},
		"a statement before the last has a parameter":        {sql: "SELECT ?; SELECT 2", params: []string{"5"}, want: "When executing multiple SQL statements in a single call, only the last statement can have parameters."},
		"a comment after the last statement":                 {sql: "SELECT 1 a; -- done", want: `[{"a":1}]`},
		"a string in double quotes":                          {sql: `SELECT "foo" a`, want: `[{"a":"foo"}]`},
		"too few parameters":                                 {sql: "SELECT ?2", params: []string{"1"}, want: "Wrong number of parameter bindings for SQL query."},
		"nothing":                                            {sql: " ; -- c", want: "No SQL statements detected."},
		"a misspelt word":                                    {sql: "SELEC 1", want: `near "SELEC": syntax error at offset 0: SQLITE_ERROR`},
		"the offset counts from the statement":               {sql: "SELECT 1; CREATE TABLE sqlite_x(a)", want: "object name reserved for internal use: sqlite_x: SQLITE_ERROR"},
		"a table that is not there":                          {sql: "SELECT * FROM nope", want: "no such table: nope: SQLITE_ERROR"},
		"a transaction":                                      {sql: "BEGIN", want: errTransaction.Message},
		"a savepoint":                                        {sql: "SAVEPOINT a", want: errTransaction.Message},
		"the end of a transaction":                           {sql: "SELECT 1; COMMIT", want: errTransaction.Message},
		"another file":                                       {sql: "ATTACH ':memory:' AS x", want: "not authorized: SQLITE_AUTH"},
		"a temporary table":                                  {sql: "CREATE TEMP TABLE x(a)", want: "not authorized: SQLITE_AUTH"},
		"a table of Cloudflare":                              {sql: "CREATE TABLE _cf_x(a)", want: "not authorized: SQLITE_AUTH"},
		"the pages of the file":                              {sql: "UPDATE sqlite_dbpage SET data = zeroblob(4096) WHERE pgno = 1", want: "no such table: sqlite_dbpage: SQLITE_ERROR"},
		"a function that D1 lacks":                           {sql: "SELECT sqlite_version()", want: "not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR"},
		"a name of Cloudflare for another table":             {sql: "CREATE TABLE t(a); ALTER TABLE t RENAME TO \"_cf_t\"", want: "not authorized: SQLITE_AUTH"},
		"a column may have any name":                         {sql: "CREATE TABLE t(a); ALTER TABLE t RENAME COLUMN a TO _cf_a", want: "[]"},
		"a pragma that D1 answers":                           {sql: "PRAGMA foreign_keys", want: `[{"foreign_keys":1}]`},
		"a pragma that it refuses":                           {sql: "PRAGMA journal_mode", want: "not authorized: SQLITE_AUTH"},
		"foreign keys cannot be switched off":                {sql: "PRAGMA foreign_keys=off; PRAGMA foreign_keys", want: `[{"foreign_keys":1}]`},
		"101 parameters":                                     {sql: "SELECT max(?" + strings.Repeat(",?", 30) + "), ?101", want: "variable number must be between ?1 and ?100 at offset 75: SQLITE_ERROR"},
		"6 terms in a compound select":                       {sql: "SELECT 1" + strings.Repeat(" UNION SELECT 1", 5), want: "too many terms in compound SELECT: SQLITE_ERROR"},
		"a statement of 100,001 bytes":                       {sql: "SELECT '" + strings.Repeat("x", 99_992) + "'", want: "statement too long: SQLITE_TOOBIG"},
		"a long pattern":                                     {sql: "SELECT 'a' LIKE '" + strings.Repeat("x", 51) + "'", want: "LIKE or GLOB pattern too complex: SQLITE_ERROR"},
		"an object as parameter":                             {sql: "SELECT ?", params: []string{"{}"}, want: "parameter 1 is an object, which D1 cannot store"},
		"a number that is no byte":                           {sql: "SELECT ?", params: []string{"[256]"}, want: "parameter 1: json: cannot unmarshal number 256 into Go value of type d1.blobByte"},
		"a trigger with semicolons in it":                    {sql: "CREATE TABLE a(x); CREATE TRIGGER r AFTER INSERT ON a BEGIN UPDATE a SET x = 'b;'; SELECT 1; END; INSERT INTO a VALUES (1); SELECT x FROM a", want: `[{"x":"b;"}]`},
		"a semicolon in a string, a name and comments":       {sql: `SELECT ';' "a;" /* ; */ -- ;` + "\n, 1 [b;], 2 `c;`;", want: `[{"a;":";","b;":1,"c;":2}]`},
		"an unfinished statement":                            {sql: "SELECT (1; SELECT 2", want: `near ";": syntax error at offset 9: SQLITE_ERROR`},
		"an unfinished string":                               {sql: "SELECT 'a; SELECT 2", want: `unrecognized token: "'a; SELECT 2" at offset 7: SQLITE_ERROR`},
		"a unique constraint names both its codes":           {sql: "CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (1)", want: "UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)"},
		"a foreign key that points nowhere":                  {sql: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p); INSERT INTO c VALUES (1)", want: "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"},
		"foreign keys may be checked at the end of the call": {sql: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p); PRAGMA defer_foreign_keys=on; INSERT INTO c VALUES (1); INSERT INTO p VALUES (1); SELECT count(*) n FROM c", want: `[{"n":1}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := results(t, newDB(t), Request{Batch: []Statement{statement(c.sql, c.params...)}, Rows: c.rows})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACallIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Request{
		"a batch":      {Batch: []Statement{statement("INSERT INTO t VALUES (1)"), statement("INSERT INTO t VALUES (1)")}},
		"one text":     {Batch: []Statement{statement("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)")}},
		"a table made": {Batch: []Statement{statement("CREATE TABLE u(a); INSERT INTO u VALUES (1); SELEC 1")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(id INTEGER PRIMARY KEY)")}})
			before := mark(t, db)
			var failed *Error
			if _, err := db.Query(t.Context(), r); !errors.As(err, &failed) {
				t.Fatalf("got %v, want an *Error", err)
			}
			got := results(t, db, Request{Batch: []Statement{statement("SELECT count(*) n FROM t"), statement("SELECT count(*) n FROM sqlite_master")}})
			if want := `[{"n":0}] [{"n":1}]`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if mark(t, db) != before {
				t.Error("the bookmark moved though nothing changed")
			}
		})
	}
}

func TestEveryStatementOfATextHasAResultWhenAskedFor(t *testing.T) {
	t.Parallel()
	batch := []Statement{statement("CREATE TABLE t(a); INSERT INTO t VALUES (7); SELECT a FROM t"), statement("SELECT 2 b")}
	if got, want := results(t, newDB(t), Request{Batch: batch, EveryStatement: true}), `[] [] [{"a":7}] [{"b":2}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := results(t, newDB(t), Request{Batch: batch}), `[{"a":7}] [{"b":2}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A statement is compiled once, until the table is another.
func TestANewColumnIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	all, alter := statement("SELECT * FROM t"), statement("ALTER TABLE t ADD COLUMN b DEFAULT 2")
	results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(a); INSERT INTO t VALUES (1)")}})
	results(t, db, Request{Batch: []Statement{all}})
	failing := Request{Batch: []Statement{alter, all, statement("SELEC")}}
	if got, want := results(t, db, failing), `near "SELEC": syntax error at offset 0: SQLITE_ERROR`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, want := range []string{`[{"a":1}]`, `[] [{"a":1,"b":2}]`, `[{"a":1,"b":2}]`} {
		r := Request{Batch: []Statement{all}}
		if strings.HasPrefix(want, "[] ") {
			r.Batch = []Statement{alter, all}
		}
		if got := results(t, db, r); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMetaTellsWhatChanged(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(id INTEGER PRIMARY KEY, n); CREATE TABLE log(x); CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END")}})
	for _, c := range []struct{ sql, want string }{
		{"INSERT INTO t(n) VALUES (1)", `{"changed_db":true,"changes":2,"last_row_id":1}`},
		{"UPDATE t SET n = 2 WHERE id = 9", `{"changed_db":false,"changes":0,"last_row_id":1}`},
		{"SELECT * FROM t", `{"changed_db":false,"changes":0,"last_row_id":1}`},
		{"CREATE TABLE u(a)", `{"changed_db":true,"changes":0,"last_row_id":1}`},
	} {
		out, err := db.Query(t.Context(), Request{Batch: []Statement{statement(c.sql)}})
		if err != nil {
			t.Fatal(err)
		}
		var all []struct{ Meta map[string]any }
		if err := json.Unmarshal(out, &all); err != nil {
			t.Fatal(err)
		}
		m := all[0].Meta
		got, err := json.Marshal(map[string]any{"changes": m["changes"], "last_row_id": m["last_row_id"], "changed_db": m["changed_db"]})
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.sql, got, c.want)
		}
		if m["size_after"].(float64) < 4096 {
			t.Errorf("%s: size_after is %v", c.sql, m["size_after"])
		}
	}
}

func TestADatabaseSurvivesItsStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 2 {
		store, err := NewStore(dir, &clock.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if err := store.Create("db"); err != nil {
				t.Fatal(err)
			}
		} else if err := store.Create("db"); !errors.Is(err, ErrExists) {
			t.Errorf("creating it again: %v, want ErrExists", err)
		}
		db, err := store.Get("db")
		if err != nil {
			t.Fatal(err)
		}
		got := results(t, db, Request{Batch: []Statement{statement("CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1); SELECT count(*) n FROM t")}})
		if want := fmt.Sprintf(`[{"n":%d}]`, round+1); got != want {
			t.Errorf("round %d: got %s, want %s", round, got, want)
		}
		if info, err := db.Info(t.Context()); err != nil || info.Tables != 1 || info.Size < 4096 {
			t.Errorf("info %+v, %v", info, err)
		}
		if round == 1 {
			if err := store.Delete("db"); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Get("db"); !errors.Is(err, ErrNotFound) {
				t.Errorf("after Delete: %v, want ErrNotFound", err)
			}
			if _, err := db.Query(t.Context(), Request{Batch: []Statement{statement("SELECT 1")}}); !errors.Is(err, ErrNotFound) {
				t.Errorf("an old handle after Delete: %v, want ErrNotFound", err)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnIDCannotLeaveTheFolder(t *testing.T) {
	t.Parallel()
	store, err := NewStore(t.TempDir(), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "..", "../x", "a/b", `a\b`, ".hidden", strings.Repeat("a", 65)} {
		if err := store.Create(id); err == nil {
			t.Errorf("Create(%q) made a database", id)
		}
		if _, err := store.Get(id); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q): %v, want ErrNotFound", id, err)
		}
	}
}

func TestCallsFromManyGoroutinesRunOneByOne(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(n); INSERT INTO t VALUES (0)")}})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				results(t, db, Request{Batch: []Statement{statement("UPDATE t SET n = n + 1"), statement("SELECT n FROM t")}})
			}
		})
	}
	group.Wait()
	if got, want := results(t, db, Request{Batch: []Statement{statement("SELECT n FROM t")}}), `[{"n":160}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A long query is stopped, its changes are undone, and the database goes on.
func TestAnInterruptedCallLeavesNothing(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	results(t, db, Request{Batch: []Statement{statement("CREATE TABLE t(n)")}})
	db.turn.Lock()
	close(db.cancel) // what the timer of run does after QueryTimeout
	err := (&query{db: db, request: Request{Batch: []Statement{statement("INSERT INTO t VALUES (1)"), statement("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c")}}}).all()
	db.resetInterrupt()
	settled := db.settle(err)
	db.turn.Unlock()
	if got, want := explain(err).Error(), "D1 DB storage operation exceeded timeout which caused object to be reset."; got != want || settled != nil {
		t.Errorf("got %q (%v), want %q", got, settled, want)
	}
	if got, want := results(t, db, Request{Batch: []Statement{statement("SELECT count(*) n FROM t")}}), `[{"n":0}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAStringIsWrittenAsEncodingJSONReadsIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "s")
		var got string
		if err := json.Unmarshal(jsonwire.AppendString(nil, want), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func FuzzSplittingKeepsEveryByte(f *testing.F) {
	for _, seed := range []string{"SELECT 1; SELECT 2", "/* ; */ 'a;' -- ;\n;", "[;] `;` \";\" '", "/*", "--", ";;", "-", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for end := 0; end < len(text); {
			next := nextSemicolon(text, end)
			if next <= end || next > len(text) {
				t.Fatalf("nextSemicolon(%q, %d) = %d", text, end, next)
			}
			if next < len(text) && text[next-1] != ';' {
				t.Fatalf("%q is cut at %d, which follows no semicolon", text, next)
			}
			end = next
		}
		if rest := skipBlank(text); !strings.HasSuffix(text, rest) {
			t.Fatalf("skipBlank(%q) = %q", text, rest)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	db := newDB(b)
	results(b, db, Request{Batch: []Statement{statement("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'ann')")}})
	r := Request{Batch: []Statement{statement("SELECT * FROM t WHERE id = ?", "1")}, Rows: true}
	for b.Loop() {
		if _, err := db.Query(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	db := newDB(b)
	results(b, db, Request{Batch: []Statement{statement("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)")}})
	r := Request{Batch: []Statement{statement("INSERT INTO t(name) VALUES (?)", `"ann"`)}}
	for b.Loop() {
		if _, err := db.Query(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	db := newDB(b)
	results(b, db, Request{Batch: []Statement{statement(`CREATE TABLE t(id INTEGER PRIMARY KEY, kind INTEGER, note TEXT);
		CREATE INDEX kinds ON t(kind);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i, i % 2, 'a note' FROM n`)}})
	for name, sql := range map[string]string{
		"all rows":               "SELECT count(*) FROM t",
		"rows of an index":       "SELECT count(*) FROM t WHERE kind = 1",
		"rows that are filtered": "SELECT count(*) FROM t WHERE note = 'a note'",
	} {
		r := Request{Batch: []Statement{statement(sql)}, Rows: true}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := db.Query(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
