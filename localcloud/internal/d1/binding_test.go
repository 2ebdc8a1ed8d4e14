package d1

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ask is a call as workerd's binding makes it.
func ask(t testing.TB, db *DB, path, session, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if session != "" {
		r.Header.Set(sessionHeader, session)
	}
	w := httptest.NewRecorder()
	db.store.Binding(w, r, db.id)
	return w
}

func TestASessionSeesABookmarkThatGrows(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	defer func() { store.Close() }()
	last := ""
	session := func(constraint, sql string) string {
		t.Helper()
		got := ask(t, db, "/query", constraint, `{"sql":"`+sql+`"}`).Header().Get(sessionHeader)
		if got < last {
			t.Errorf("%s: bookmark %s follows %s", sql, got, last)
		}
		last = got
		return got
	}
	made := session("first-primary", "CREATE TABLE t(x)")
	if read := session("first-unconstrained", "SELECT * FROM t"); read != made {
		t.Errorf("reading moved the bookmark from %s to %s", made, read)
	}
	if wrote := session(made, "INSERT INTO t VALUES (1)"); wrote <= made {
		t.Errorf("after writing it is %s, and was %s", wrote, made)
	}
	if nothing := ask(t, db, "/query", " ", `{"sql":"SELECT 1"}`).Header().Get(sessionHeader); nothing != "" {
		t.Errorf("without a session it is %s", nothing)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	before := last
	store, db = openStore(t, store.dir, 0)
	if after := session("first-unconstrained", "SELECT * FROM t"); after < before {
		t.Errorf("after a restart it is %s, and was %s", after, before)
	}
	if _, _, err := db.Restore(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	before = last
	if after := session("first-unconstrained", "SELECT * FROM t"); after <= before {
		t.Errorf("after a restore it is %s, and was %s", after, before)
	}
}

func TestACallThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for name, c := range map[string]struct{ path, body, want string }{
		"not JSON":              {"/query", "SELECT 1", `{"success":false,"error":"invalid character 'S' looking for beginning of value"}`},
		"nothing":               {"/query", "", `{"success":false,"error":"unexpected end of JSON input"}`},
		"an empty batch":        {"/query", "[]", `{"success":false,"error":"No SQL statements detected."}`},
		"a number as SQL":       {"/query", `{"sql":1}`, `{"success":false,"error":"json: cannot unmarshal number into Go struct field Statement.sql of type string"}`},
		"half an array":         {"/execute", `[{"sql":"SELECT 1"}`, `{"success":false,"error":"unexpected end of JSON input"}`},
		"an unknown form of it": {"/query?resultsFormat=XML", `{"sql":"SELECT 1 WHERE 0"}`, ""},
	} {
		w := ask(t, db, c.path, "", c.body)
		got := strings.TrimSpace(w.Body.String())
		if c.want == "" && strings.HasPrefix(got, `[{"success":true,"results":[],`) {
			continue
		}
		if diff := cmp.Diff(c.want, got); w.Code != http.StatusOK || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", name, w.Code, diff)
		}
	}
	if w := ask(t, db, "/dump", "", ""); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "SQLite format 3\x00") {
		t.Errorf("the dump is %d %.200q", w.Code, w.Body)
	}
	if err := db.store.Delete("db"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, db, "/query", "", `{"sql":"SELECT 1"}`).Body.String(); got != `{"success":false,"error":"the database does not exist"}` {
		t.Errorf("a database that is gone answers %s", got)
	}
}

// Calls as workerd makes them, 16 at a time over loopback.
func BenchmarkBinding(b *testing.B) {
	for name, c := range map[string]struct{ path, body string }{
		"read":  {"/query?resultsFormat=ROWS_AND_COLUMNS", `{"sql":"SELECT * FROM t WHERE id = ?","params":[1]}`},
		"write": {"/execute?resultsFormat=NONE", `{"sql":"INSERT INTO t(name) VALUES (?)","params":["ann"]}`},
		"batch": {"/query?resultsFormat=ROWS_AND_COLUMNS", "[" + strings.Repeat(`{"sql":"INSERT INTO t(name) VALUES (?)","params":["ann"]},`, 9) + `{"sql":"SELECT 1"}]`},
	} {
		b.Run(name, func(b *testing.B) {
			db := newDB(b)
			results(b, db, Request{Batch: []Statement{statement("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'ann')")}})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { db.store.Binding(w, r, "db") }))
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetParallelism(8)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					res, err := client.Post(server.URL+c.path, "application/json", strings.NewReader(c.body))
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
						b.Fatal(err, res.Status)
					}
					_ = res.Body.Close()
				}
			})
		})
	}
}
