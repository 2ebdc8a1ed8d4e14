package runtime

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/workerd"
)

// parityCode runs many statements on env.DB and answers what each gave, without
// what differs from run to run.
const parityCode = `
const plain = (m) => ({ changes: m.changes, last_row_id: m.last_row_id, changed_db: m.changed_db });
async function attempt(f) { try { return await f() } catch (e) { return "threw " + e.message } }
export default { async fetch(request, env) {
	const out = [];
	const run = async (sql, ...params) => out.push([sql.slice(0, 60), params.length, await attempt(async () => {
		const { results, meta } = await env.DB.prepare(sql).bind(...params).all();
		return { results, meta: plain(meta) };
	})]);
	const call = async (name, f) => out.push([name, await attempt(f)]);
	await run("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n REAL, b BLOB, CHECK(n <> 9))");
	await run("CREATE TABLE log(x)");
	await env.DB.prepare("CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END").run(); // workerd's says that the database did not change
	for (const sql of ["BEGIN", "SAVEPOINT x", "COMMIT", "ROLLBACK", "RELEASE x", "ATTACH ':memory:' AS x", "DETACH x",
		"SELEC 1", "SELECT * FROM nope", "SELECT nope FROM t", "SELECT \"foo\"", "", "-- c", " ; ", "SELECT 1; SELECT 2;", "SELECT 1; -- c", "SELECT 1;;",
		"CREATE TABLE t(a)", "DROP TABLE nope", "CREATE TABLE _cf_x(a)", "CREATE TEMP TABLE q(a)", "CREATE TABLE u(a)", "DROP TABLE u",
		"SELECT 1.0, 1e300*1e300, 9007199254740993, -0.0, x'01', 'é', null, 0.1, 1e21, 1e-7, 123456789012345680000", "EXPLAIN QUERY PLAN SELECT 1",
		"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<5) SELECT * FROM c", "SELECT 1 a, 2 b, 3 a",
		"SELECT 'a' LIKE '" + "a".repeat(51) + "'", "SELECT 1" + " UNION ALL SELECT 1".repeat(5), "SELECT 1" + "+1".repeat(100), "SELECT '" + "x".repeat(99992) + "'",
		"CREATE TABLE w(" + Array(101).fill(0).map((_, i) => "c" + i) + ")", "SELECT ?", "SELECT ?2",
		"SELECT length(zeroblob(2000001))", "SELECT length(zeroblob(2200000))", "SELECT ?101", "ANALYZE", "VACUUM", "VACUUM INTO 'x'",
		"CREATE VIRTUAL TABLE f USING fts5(a)", "SELECT * FROM f WHERE f MATCH 'x'", "DROP TABLE f", "CREATE VIRTUAL TABLE r USING rtree(id,a,b)", "CREATE VIRTUAL TABLE g USING geopoly()", "CREATE VIRTUAL TABLE s USING dbstat", "SELECT load_extension('x')", "SELECT writefile('x','y')",
		"SELECT name FROM pragma_table_info('t')", "SELECT count(*) FROM dbstat", "SELECT count(*) FROM sqlite_dbpage", "SELECT count(*)>0 FROM pragma_function_list", "SELECT count(*) FROM sqlite_stmt", "SELECT * FROM bytecode('SELECT 1')",
		"DELETE FROM sqlite_master", "SELECT count(*) > 0 FROM sqlite_schema", "SELECT * FROM _cf_x", "CREATE VIEW _cf_v AS SELECT 1", "CREATE INDEX _cf_i ON t(n)", "CREATE TRIGGER _cf_t AFTER INSERT ON t BEGIN SELECT 1; END", "ALTER TABLE t RENAME TO _cf_t",
		"SELECT json_extract('{\"a\":1}', '$.a')", "SELECT * FROM json_each('[1,2]')", "SELECT unixepoch() > 0", "SELECT sin(1) > 0", "SELECT sqlite_compileoption_used('X')", "SELECT fts3_tokenizer('x')", "SELECT sqlite_version() > ''", "SELECT sqlite_source_id() > ''", "SELECT likelihood(1, 0.5)", "SELECT printf('%d', 5), format('%s', 'x')", "SELECT median(1)", "SELECT string_agg('a', ',')", "SELECT concat('a', 1)", "SELECT timediff('now', 'now')", "SELECT octet_length('é')", "SELECT unistr('a')", "SELECT if(1, 2, 3)", "SELECT total_changes() >= 0", "SELECT changes() >= 0", "SELECT last_insert_rowid() >= 0", "SELECT regexp('a','b')", "SELECT 'a' REGEXP 'a'", "SELECT 'a' MATCH 'a'", "SELECT count(*) OVER () FROM t", "SELECT percentile(1, 50)", "SELECT decimal_add(1, 2)", "SELECT generate_series(1)", "SELECT * FROM generate_series(1, 2)", "SELECT x FROM (VALUES (1), (2)) AS t(x)", "SELECT a FROM (VALUES (1))",
		"SELECT upper('é'), x'ff' || 'a', CAST(x'ff41' AS TEXT)", "SELECT char(0) || 'a'"]) await run(sql);
	for (const name of ["table_info(t)", "table_xinfo(t)", "index_list(t)", "index_info(sqlite_autoindex_t_1)", "foreign_keys", "foreign_keys=off", "foreign_keys", "foreign_key_list(t)", "foreign_key_check",
		"defer_foreign_keys=on", "page_size", "quick_check", "optimize", "journal_mode", "page_count", "user_version", "user_version=3", "integrity_check", "schema_version", "cache_size", "synchronous", "encoding",
		"function_list", "compile_options", "writable_schema=on", "query_only", "freelist_count", "auto_vacuum", "wal_checkpoint", "database_list", "temp_store"]) await run("PRAGMA " + name);
	await run("SELECT ?, typeof(?), typeof(?), typeof(?)", 1, 2, "x", null);
	await run("SELECT ?1, ?1", 1); await run("SELECT ?2", 1); await run("SELECT ?2", 1, 2); await run("SELECT ?", 1, 2);
	await run("SELECT 1; SELECT ?", 5); await run("SELECT ?; SELECT 2", 5);
	await run("SELECT ?, typeof(?)", true, false); await run("SELECT hex(?)", new Uint8Array([1, 255]).buffer); await run("SELECT ?", new Uint8Array([]).buffer);
	await run("INSERT INTO t(name, n) VALUES ('a', 1)"); await run("INSERT INTO t(name, n) VALUES ('a', 1)"); await run("INSERT INTO t(name, n) VALUES ('b', 9)"); await run("INSERT INTO t(id) VALUES (1)");
	await run("INSERT INTO t(id, b) VALUES (7, ?) RETURNING *", new Uint8Array([1, 2]).buffer);
	await run("UPDATE t SET n = 5"); await run("UPDATE t SET n = 5 WHERE id = 99"); await run("SELECT * FROM t ORDER BY id"); await run("DELETE FROM t");
	await run("CREATE TABLE p(id INTEGER PRIMARY KEY)"); await run("CREATE TABLE c(p REFERENCES p(id))"); await run("INSERT INTO c VALUES (4)");
	await call("batch", async () => (await env.DB.batch([env.DB.prepare("INSERT INTO t(name) VALUES ('q')"), env.DB.prepare("SELECT name FROM t"), env.DB.prepare("DELETE FROM t WHERE 0")])).map((r) => [r.results, plain(r.meta)]));
	await call("empty batch", () => env.DB.batch([]));
	await call("failing batch", () => env.DB.batch([env.DB.prepare("INSERT INTO t(name) VALUES ('z')"), env.DB.prepare("INSERT INTO t(name) VALUES ('z')")]));
	await call("after it", () => env.DB.prepare("SELECT count(*) n FROM t").first("n"));
	await call("exec", async () => (await env.DB.exec("SELECT 1;\n-- c\nSELECT 2")).count);
	await call("failing exec", () => env.DB.exec("SELECT 1;\nSELEC 2"));
	await call("run", async () => (await env.DB.prepare("SELECT 1 AS a").run()).results);
	await call("raw", () => env.DB.prepare("SELECT 1 AS a, 2 AS a").raw({ columnNames: true }));
	await call("first of nothing", () => env.DB.prepare("SELECT 1 WHERE 0").first());
	await call("first of no column", () => env.DB.prepare("SELECT 1 AS a").first("b"));
	await call("session", async () => { const s = env.DB.withSession("first-primary"); await s.prepare("SELECT 1").all(); const a = s.getBookmark(); await s.prepare("INSERT INTO p VALUES (1)").run(); return a < s.getBookmark() });
	return Response.json(out);
} }`

// What D1 answers here is what workerd's own D1 answers for the same statements.
func TestD1AnswersLikeWorkerdsOwn(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := c.d1.Create("db"); err != nil {
		t.Fatal(err)
	}
	c.apply(worker("w", c.version(parityCode, `{"type":"d1","name":"DB","id":"db"}`)))
	_, ours := c.get("http://w.localhost/")
	var got, want []any
	if err := json.Unmarshal([]byte(ours), &got); err != nil {
		t.Fatalf("%v: %s\n%s", err, ours, c.log)
	}
	if err := json.Unmarshal([]byte(bundledD1(t, parityCode)), &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d answers, want %d", len(got), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Errorf("%v (-workerd's +ours):\n%s", want[i].([]any)[0], diff)
		}
	}
}

// bundledD1 is the answer of a Worker's code on the D1 that comes with workerd.
func bundledD1(t *testing.T, worker string) string {
	t.Helper()
	dir := t.TempDir()
	code := filepath.Join(dir, "code.js")
	if err := os.WriteFile(code, []byte(worker), 0o600); err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := workerd.Start(t.Context(), workerd.Launch{Binary: npmtest.Workerd(t), Dir: dir, Config: workerd.Config{
		Services: []workerd.Service{
			{Name: "main", Worker: &workerd.Worker{
				Modules: []workerd.Module{{Name: "code.js", Kind: workerd.ESModule, Source: workerd.Source{File: code}}}, CompatibilityDate: "2026-11-01",
				Bindings: []workerd.Binding{{Name: "DB", Wrapped: &workerd.Wrapped{Module: "cloudflare-internal:d1-api", Inner: []workerd.Binding{
					{Name: "fetcher", Service: &workerd.Designator{Service: "d1", Props: `{"database":"id"}`}},
				}}}},
			}},
			{Name: "d1", Worker: &workerd.Worker{
				Modules: []workerd.Module{{Name: "d1.js", Kind: workerd.BundledModule, Source: workerd.Source{Text: "/workerd/d1.js"}}}, CompatibilityDate: "2026-11-01",
				Bindings:   []workerd.Binding{{Name: "DATABASE", Object: &workerd.ObjectNamespace{Class: "D1Database"}}},
				Namespaces: []workerd.Namespace{{Class: "D1Database", Key: "d1", SQLite: true}}, ObjectDisk: "disk",
			}},
			{Name: "disk", Disk: &workerd.Disk{Path: disk, Writable: true}},
		},
		Sockets: []workerd.Socket{{Name: "http", Service: workerd.Designator{Service: "main"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.Kill()
		<-p.Done()
	}()
	res, err := http.Get("http://" + p.Address("http") + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(fmt.Sprint(res.StatusCode, err, string(b), p.Output()))
	}
	return string(b)
}
