// D1Database, D1PreparedStatement, D1DatabaseSession.
import { bytes, refused, shape } from "./observe.js";

// counted are the fields of meta that say what a statement did.
const counted = ({ changes, last_row_id, changed_db }) => ({ changes, last_row_id, changed_db });

// table makes an empty table of its own for a case.
async function table(env, name, columns = "id INTEGER PRIMARY KEY, v") {
  await env.DB.prepare(`DROP TABLE IF EXISTS ${name}`).run();
  await env.DB.prepare(`CREATE TABLE ${name} (${columns})`).run();
}

const one = (env, sql, ...values) => env.DB.prepare(sql).bind(...values).first();
const typed = (env, value) => env.DB.prepare("SELECT ?1 AS v, typeof(?1) AS t").bind(value).first();

export default {
  async prepare(env) {
    await env.DB.exec("DROP TABLE IF EXISTS people");
    await env.DB.exec("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)");
    await env.DB.batch(
      [["Ada", 36], ["Grace", 85], ["Linus", null]].map(([name, age]) => env.DB.prepare("INSERT INTO people (name, age) VALUES (?, ?)").bind(name, age)),
    );
  },

  cases: {
    // first
    "first is the first row": (env) => env.DB.prepare("SELECT * FROM people ORDER BY id").first(),
    "first of a column is its value": (env) => env.DB.prepare("SELECT * FROM people ORDER BY id").first("name"),
    "first of a column that is null": (env) => env.DB.prepare("SELECT age FROM people WHERE name = 'Linus'").first("age"),
    "first of a column that is not there": (env) => env.DB.prepare("SELECT * FROM people").first("nothing"),
    "first without rows": (env) => env.DB.prepare("SELECT * FROM people WHERE id = 99").first(),
    "first of a column without rows": (env) => env.DB.prepare("SELECT * FROM people WHERE id = 99").first("name"),
    "first of a change": async (env) => {
      await table(env, "first_change");
      return env.DB.prepare("INSERT INTO first_change (v) VALUES (1)").first();
    },
    "first with two columns of one name": (env) => env.DB.prepare("SELECT 1 AS a, 2 AS a").first(),

    // all and run
    "all: success and results": async (env) => {
      const { success, results } = await env.DB.prepare("SELECT id, name FROM people ORDER BY id").all();
      return { success, results };
    },
    "all: the keys of an answer": async (env) => Object.keys(await env.DB.prepare("SELECT 1").all()).sort(),
    "all: the keys of meta": async (env) => Object.keys((await env.DB.prepare("SELECT 1").all()).meta).sort(),
    "all: the types in meta": async (env) => {
      const { meta } = await env.DB.prepare("SELECT 1").all();
      const { served_by, duration, changes, last_row_id, changed_db, size_after, rows_read, rows_written } = meta;
      return shape({ served_by, duration, changes, last_row_id, changed_db, size_after, rows_read, rows_written });
    },
    "all without rows": async (env) => (await env.DB.prepare("SELECT * FROM people WHERE 0").all()).results,
    "all with two columns of one name": async (env) => (await env.DB.prepare("SELECT 1 AS a, 2 AS a").all()).results,
    "all with a column that has no name": async (env) => (await env.DB.prepare("SELECT 1 + 1").all()).results,
    "run gives rows too": async (env) => (await env.DB.prepare("SELECT id FROM people ORDER BY id LIMIT 1").run()).results,
    "run of an insert": async (env) => {
      await table(env, "run_insert");
      const { success, results, meta } = await env.DB.prepare("INSERT INTO run_insert (v) VALUES ('a'), ('b')").run();
      return { success, results, meta: counted(meta) };
    },
    "run of an update that finds nothing": async (env) => {
      await table(env, "run_nothing");
      return counted((await env.DB.prepare("UPDATE run_nothing SET v = 1 WHERE id = 99").run()).meta);
    },
    "run of a delete": async (env) => {
      await table(env, "run_delete");
      await env.DB.prepare("INSERT INTO run_delete (v) VALUES (1), (2), (3)").run();
      return counted((await env.DB.prepare("DELETE FROM run_delete WHERE v > 1").run()).meta);
    },
    "a read changes nothing": async (env) => (await env.DB.prepare("SELECT * FROM people").run()).meta.changed_db,
    "meta of a read after a write": async (env) => {
      await table(env, "meta_read");
      await env.DB.prepare("INSERT INTO meta_read (v) VALUES (1), (2)").run();
      return counted((await env.DB.prepare("SELECT * FROM meta_read").run()).meta);
    },
    "meta of CREATE TABLE": async (env) => {
      await env.DB.exec("DROP TABLE IF EXISTS meta_create");
      return (await env.DB.prepare("CREATE TABLE meta_create (a)").run()).meta.changed_db;
    },
    "meta: rows read of a full scan": async (env) => (await env.DB.prepare("SELECT * FROM people").run()).meta.rows_read,
    "meta: rows read by key": async (env) => (await env.DB.prepare("SELECT * FROM people WHERE id = 2").run()).meta.rows_read,
    "meta: rows read by a scan that finds one": async (env) => (await env.DB.prepare("SELECT * FROM people WHERE name = 'Ada'").run()).meta.rows_read,
    "meta: rows written": async (env) => {
      await table(env, "meta_written");
      return (await env.DB.prepare("INSERT INTO meta_written (v) VALUES (1), (2), (3)").run()).meta.rows_written;
    },
    "meta: rows written with an index": async (env) => {
      await table(env, "meta_index");
      await env.DB.prepare("CREATE INDEX meta_index_v ON meta_index (v)").run();
      return (await env.DB.prepare("INSERT INTO meta_index (v) VALUES (1), (2), (3)").run()).meta.rows_written;
    },
    "meta: the size grows": async (env) => {
      await table(env, "meta_size");
      const before = (await env.DB.prepare("SELECT 1").run()).meta.size_after;
      const after = (await env.DB.prepare("INSERT INTO meta_size (v) VALUES (zeroblob(200000))").run()).meta.size_after;
      return after - before >= 200000;
    },

    // raw
    "raw": (env) => env.DB.prepare("SELECT id, name FROM people ORDER BY id").raw(),
    "raw with the names of the columns": (env) => env.DB.prepare("SELECT id, name FROM people ORDER BY id").raw({ columnNames: true }),
    "raw with names and no rows": (env) => env.DB.prepare("SELECT id, name FROM people WHERE 0").raw({ columnNames: true }),
    "raw without rows": (env) => env.DB.prepare("SELECT id FROM people WHERE 0").raw(),
    "raw keeps both columns of one name": (env) => env.DB.prepare("SELECT 1 AS a, 2 AS a").raw({ columnNames: true }),

    // bind
    "bind null": (env) => typed(env, null),
    "bind a whole number": (env) => typed(env, 42),
    "bind a fraction": (env) => typed(env, 1.5),
    "bind a negative number": (env) => typed(env, -7),
    "bind a string": (env) => typed(env, "hello"),
    "bind an empty string": (env) => typed(env, ""),
    "bind a string of emoji": (env) => typed(env, "🦊 ünï"),
    "bind a string with a zero character": async (env) => (await env.DB.prepare("SELECT length(CAST(? AS BLOB)) AS n").bind("a\u0000b").first()).n,
    "bind true": (env) => typed(env, true),
    "bind false": (env) => typed(env, false),
    "bind an ArrayBuffer": (env) => typed(env, bytes(1, 2, 255).buffer),
    "bind a Uint8Array": (env) => typed(env, bytes(0, 128, 255)),
    "bind an array of numbers": (env) => refused(() => typed(env, [1, 2, 3])),
    "bind an empty ArrayBuffer": (env) => typed(env, new ArrayBuffer(0)),
    "bind NaN": (env) => refused(() => typed(env, NaN)),
    "bind Infinity": (env) => refused(() => typed(env, Infinity)),
    "bind a large whole number": (env) => typed(env, 2 ** 53 - 1),
    "bind undefined": (env) => refused(() => typed(env, undefined)),
    "bind an object": (env) => refused(() => typed(env, { a: 1 })),
    "bind a Date": (env) => refused(() => typed(env, new Date(0))),
    "bind a bigint": (env) => refused(() => typed(env, 1n)),
    "bind a symbol": (env) => refused(() => typed(env, Symbol("s"))),
    "bind a function": (env) => refused(() => typed(env, () => 1)),
    "bind too few values": (env) => refused(() => one(env, "SELECT ? AS a, ? AS b", 1)),
    "bind too many values": (env) => refused(() => one(env, "SELECT ? AS a", 1, 2)),
    "bind nothing to a parameter": (env) => refused(() => env.DB.prepare("SELECT ? AS a").first()),
    "bind by number": (env) => one(env, "SELECT ?2 AS a, ?1 AS b, ?2 AS c", "one", "two"),
    "bind by name": (env) => refused(() => one(env, "SELECT :a AS a", 1)),
    "bind gives a new statement": async (env) => {
      const all = env.DB.prepare("SELECT ? AS v");
      const [a, b] = [all.bind(1), all.bind(2)];
      return [a !== all, await a.first("v"), await b.first("v"), await a.first("v")];
    },
    "bind a hundred values": async (env) => (await env.DB.prepare(`SELECT ${Array(100).fill("?").join(" + ")} AS v`).bind(...Array(100).fill(1)).first()).v,
    "bind a hundred and one values": (env) => refused(() => env.DB.prepare(`SELECT ${Array(101).fill("?").join(" + ")} AS v`).bind(...Array(101).fill(1)).first()),

    // values that come back
    "a whole number comes back": (env) => one(env, "SELECT 9007199254740991 AS v"),
    "a number beyond 2^53 comes back": (env) => one(env, "SELECT 9007199254740993 AS v"),
    "the largest integer comes back": (env) => one(env, "SELECT 9223372036854775807 AS v"),
    "a fraction comes back": (env) => one(env, "SELECT 0.1 + 0.2 AS v"),
    "a large float comes back": (env) => one(env, "SELECT 1e300 AS v"),
    "infinity comes back": (env) => one(env, "SELECT 1e999 AS v"),
    "a blob comes back as an array": (env) => one(env, "SELECT x'00ff10' AS v"),
    "an empty blob comes back": (env) => one(env, "SELECT x'' AS v"),
    "a whole number in an INTEGER column": async (env) => {
      await table(env, "back_integer", "v INTEGER");
      await env.DB.prepare("INSERT INTO back_integer VALUES (?)").bind(5).run();
      return one(env, "SELECT v, typeof(v) AS t FROM back_integer");
    },
    "a number in a TEXT column": async (env) => {
      await table(env, "back_text", "v TEXT");
      await env.DB.prepare("INSERT INTO back_text VALUES (?)").bind(5).run();
      return one(env, "SELECT v, typeof(v) AS t FROM back_text");
    },
    "a number in a column without a type": async (env) => {
      await table(env, "back_any", "v");
      await env.DB.prepare("INSERT INTO back_any VALUES (?)").bind(5).run();
      return one(env, "SELECT v, typeof(v) AS t FROM back_any");
    },

    // batch
    "batch gives each statement's answer": async (env) => (await env.DB.batch([env.DB.prepare("SELECT 1 AS a"), env.DB.prepare("SELECT 2 AS b")])).map((r) => r.results),
    "batch: meta of each": async (env) => {
      await table(env, "batch_meta");
      const insert = env.DB.prepare("INSERT INTO batch_meta (v) VALUES (?)");
      return (await env.DB.batch([insert.bind("a"), insert.bind("b")])).map((r) => counted(r.meta));
    },
    "batch: a later statement sees the earlier ones": async (env) => {
      await table(env, "batch_sees");
      const [, { results }] = await env.DB.batch([env.DB.prepare("INSERT INTO batch_sees (v) VALUES ('x')"), env.DB.prepare("SELECT v FROM batch_sees")]);
      return results;
    },
    "batch: a failure takes everything back": async (env) => {
      await table(env, "batch_back");
      const seen = await refused(() => env.DB.batch([env.DB.prepare("INSERT INTO batch_back (v) VALUES (1)"), env.DB.prepare("INSERT INTO nowhere VALUES (1)")]));
      return [seen, await env.DB.prepare("SELECT count(*) AS n FROM batch_back").first("n")];
    },
    "batch of nothing": (env) => refused(() => env.DB.batch([])),
    "batch of something else": async (env) => "refused" in (await refused(() => env.DB.batch(["SELECT 1"]))),

    // exec
    "exec counts statements": async (env) => (await env.DB.exec("SELECT 1;\nSELECT 2;")).count,
    "exec: the keys of its answer": async (env) => Object.keys(await env.DB.exec("SELECT 1")).sort(),
    "exec of one line with two statements": async (env) => (await env.DB.exec("SELECT 1; SELECT 2")).count,
    "exec of a statement over two lines": (env) => refused(() => env.DB.exec("SELECT\n1")),
    "exec of an empty text": (env) => refused(() => env.DB.exec("")),
    "exec of an error in the second line": (env) => refused(() => env.DB.exec("SELECT 1\nSELECT FROM")),
    "exec takes no parameters": (env) => refused(() => env.DB.exec("SELECT ?")),

    // errors
    "a syntax error": (env) => refused(() => env.DB.prepare("SELEC 1").run()),
    "an unfinished statement": (env) => refused(() => env.DB.prepare("SELECT * FROM").run()),
    "a table that is not there": (env) => refused(() => env.DB.prepare("SELECT * FROM nowhere").run()),
    "a column that is not there": (env) => refused(() => env.DB.prepare("SELECT nothing FROM people").run()),
    "an empty statement": (env) => refused(() => env.DB.prepare("").run()),
    "only a comment": (env) => refused(() => env.DB.prepare("-- nothing").run()),
    "a UNIQUE violation": async (env) => {
      await table(env, "unique_v", "v UNIQUE");
      await env.DB.prepare("INSERT INTO unique_v VALUES (1)").run();
      return refused(() => env.DB.prepare("INSERT INTO unique_v VALUES (1)").run());
    },
    "a NOT NULL violation": (env) => refused(() => env.DB.prepare("INSERT INTO people (name) VALUES (NULL)").run()),
    "a CHECK violation": async (env) => {
      await table(env, "check_v", "v CHECK (v > 0)");
      return refused(() => env.DB.prepare("INSERT INTO check_v VALUES (-1)").run());
    },
    "a FOREIGN KEY violation": async (env) => {
      await table(env, "key_child", "parent REFERENCES people (id)");
      return refused(() => env.DB.prepare("INSERT INTO key_child VALUES (999)").run());
    },
    "an error has a cause": async (env) => {
      try {
        await env.DB.prepare("SELECT * FROM nowhere").run();
      } catch (error) {
        return [error.constructor.name, error.cause?.constructor.name, error.cause?.message];
      }
    },
    "a type mismatch in a STRICT table": async (env) => {
      await env.DB.exec("DROP TABLE IF EXISTS strict_v");
      await env.DB.exec("CREATE TABLE strict_v (v INTEGER) STRICT");
      return refused(() => env.DB.prepare("INSERT INTO strict_v VALUES ('x')").run());
    },
    "a statement that is too long": (env) => refused(() => env.DB.prepare(`SELECT '${"x".repeat(100_001)}' AS v`).first()),
    "two statements in prepare": (env) => refused(() => env.DB.prepare("SELECT 1 AS a; SELECT 2 AS a").all().then((r) => r.results)),
    "two statements with a value": (env) => refused(() => env.DB.prepare("SELECT 1 AS a; SELECT ? AS a").bind(7).all().then((r) => r.results)),
    "BEGIN": (env) => refused(() => env.DB.prepare("BEGIN TRANSACTION").run().then((r) => r.success)),
    "SAVEPOINT": (env) => refused(() => env.DB.prepare("SAVEPOINT s").run().then((r) => r.success)),
    "COMMIT": (env) => refused(() => env.DB.prepare("COMMIT").run().then((r) => r.success)),
    "ATTACH": (env) => refused(() => env.DB.prepare("ATTACH DATABASE ':memory:' AS other").run().then((r) => r.success)),
    "VACUUM": (env) => refused(() => env.DB.prepare("VACUUM").run().then((r) => r.success)),
    "load_extension": (env) => refused(() => env.DB.prepare("SELECT load_extension('x')").run()),
    "a table of Cloudflare's own": (env) => refused(() => env.DB.prepare("CREATE TABLE _cf_mine (a)").run().then((r) => r.success)),
    "reading a table of Cloudflare's own": (env) => refused(() => env.DB.prepare("SELECT * FROM _cf_KV").run().then((r) => r.success)),

    // pragmas
    "PRAGMA table_info": async (env) => (await env.DB.prepare("PRAGMA table_info(people)").all()).results,
    "PRAGMA table_list": async (env) => (await env.DB.prepare("PRAGMA table_list").all()).results.filter((r) => r.name === "people"),
    "PRAGMA index_list": async (env) => {
      await env.DB.exec("CREATE INDEX IF NOT EXISTS people_name ON people (name)");
      return (await env.DB.prepare("PRAGMA index_list(people)").all()).results;
    },
    "PRAGMA foreign_keys": async (env) => (await env.DB.prepare("PRAGMA foreign_keys").all()).results,
    "PRAGMA foreign_keys = off": (env) => refused(() => env.DB.prepare("PRAGMA foreign_keys = off").all().then((r) => r.results)),
    "PRAGMA defer_foreign_keys": async (env) => {
      await table(env, "defer_child", "parent REFERENCES people (id)");
      return refused(() => env.DB.batch([
        env.DB.prepare("PRAGMA defer_foreign_keys = on"),
        env.DB.prepare("INSERT INTO defer_child VALUES (1000)"),
        env.DB.prepare("INSERT INTO people (id, name) VALUES (1000, 'late')"),
        env.DB.prepare("DELETE FROM defer_child"),
        env.DB.prepare("DELETE FROM people WHERE id = 1000"),
      ]).then((all) => all.map((r) => r.success)));
    },
    "PRAGMA quick_check": async (env) => refused(() => env.DB.prepare("PRAGMA quick_check").all().then((r) => r.results)),
    "PRAGMA optimize": async (env) => refused(() => env.DB.prepare("PRAGMA optimize").all().then((r) => r.results)),
    "PRAGMA journal_mode": (env) => refused(() => env.DB.prepare("PRAGMA journal_mode = DELETE").all().then((r) => r.results)),
    "PRAGMA user_version": (env) => refused(() => env.DB.prepare("PRAGMA user_version").all().then((r) => r.results)),

    // what SQLite brings
    "json_extract": (env) => one(env, `SELECT json_extract('{"a":[1,2]}', '$.a[1]') AS v`),
    "the arrow of JSON": (env) => one(env, `SELECT '{"a":{"b":3}}' -> '$.a' ->> '$.b' AS v`),
    "json_each": async (env) => (await env.DB.prepare("SELECT value FROM json_each('[1,\"two\",null]')").all()).results,
    "full-text search": async (env) => {
      await env.DB.exec("DROP TABLE IF EXISTS texts");
      await env.DB.exec("CREATE VIRTUAL TABLE texts USING fts5(body)");
      await env.DB.prepare("INSERT INTO texts VALUES ('the quick fox'), ('a slow dog')").run();
      return (await env.DB.prepare("SELECT body FROM texts WHERE texts MATCH 'fox'").all()).results;
    },
    "mathematical functions": (env) => one(env, "SELECT floor(2.7) AS a, pow(2, 10) AS b, sqrt(16) AS c"),
    "RETURNING": async (env) => {
      await table(env, "returning_v");
      return (await env.DB.prepare("INSERT INTO returning_v (v) VALUES ('a'), ('b') RETURNING id, v").all()).results;
    },
    "an upsert": async (env) => {
      await table(env, "upsert_v", "k PRIMARY KEY, n");
      const put = env.DB.prepare("INSERT INTO upsert_v VALUES ('a', 1) ON CONFLICT (k) DO UPDATE SET n = n + 1 RETURNING n");
      return [await put.first("n"), await put.first("n")];
    },
    "a generated column": async (env) => {
      await table(env, "generated_v", "a, b AS (a * 2) STORED");
      await env.DB.prepare("INSERT INTO generated_v (a) VALUES (21)").run();
      return one(env, "SELECT b FROM generated_v");
    },
    "a window function": async (env) => (await env.DB.prepare("SELECT name, row_number() OVER (ORDER BY name DESC) AS n FROM people ORDER BY n").all()).results,
    "a recursive query": (env) => one(env, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT sum(i) AS v FROM n"),
    "a trigger": async (env) => {
      await table(env, "trigger_v");
      await table(env, "trigger_log", "v");
      await env.DB.prepare("CREATE TRIGGER log_v AFTER INSERT ON trigger_v BEGIN INSERT INTO trigger_log VALUES (new.v); END").run();
      const { meta } = await env.DB.prepare("INSERT INTO trigger_v (v) VALUES ('t')").run();
      return [counted(meta), await env.DB.prepare("SELECT v FROM trigger_log").first("v")];
    },
    "a view": async (env) => {
      await env.DB.exec("DROP VIEW IF EXISTS old_people");
      await env.DB.exec("CREATE VIEW old_people AS SELECT name FROM people WHERE age > 50");
      return (await env.DB.prepare("SELECT * FROM old_people").all()).results;
    },
    "a string in double quotes": (env) => refused(() => env.DB.prepare('SELECT "text" AS v').first()),
    "LIKE ignores case": (env) => one(env, "SELECT 'ABC' LIKE 'abc' AS v"),
    "a date function": (env) => one(env, "SELECT strftime('%Y-%m-%d', 0, 'unixepoch') AS v"),
    "ALTER TABLE": async (env) => {
      await table(env, "alter_v");
      await env.DB.prepare("ALTER TABLE alter_v ADD COLUMN extra TEXT DEFAULT 'x'").run();
      await env.DB.prepare("INSERT INTO alter_v (v) VALUES (1)").run();
      return one(env, "SELECT extra FROM alter_v");
    },
    "a temporary table": (env) => refused(() => env.DB.prepare("CREATE TEMP TABLE short (a)").run().then((r) => r.success)),
    "EXPLAIN QUERY PLAN": async (env) => (await env.DB.prepare("EXPLAIN QUERY PLAN SELECT * FROM people WHERE id = 1").all()).results.map((r) => r.detail),

    // sessions
    "a session reads": async (env) => (await env.DB.withSession().prepare("SELECT name FROM people WHERE id = 1").first()).name,
    "a session of first-primary": async (env) => (await env.DB.withSession("first-primary").prepare("SELECT 1 AS a").first()).a,
    "a session of first-unconstrained": async (env) => (await env.DB.withSession("first-unconstrained").prepare("SELECT 1 AS a").first()).a,
    "a session with a constraint that is none": (env) => refused(async () => (await env.DB.withSession("whatever").prepare("SELECT 1 AS a").first()).a),
    "a session has no bookmark before its first query": (env) => env.DB.withSession().getBookmark(),
    "a session has a bookmark afterwards": async (env) => {
      const session = env.DB.withSession();
      await session.prepare("SELECT 1").run();
      return typeof session.getBookmark();
    },
    "a session goes on from a bookmark": async (env) => {
      await table(env, "session_on");
      const first = env.DB.withSession("first-primary");
      await first.prepare("INSERT INTO session_on (v) VALUES ('kept')").run();
      return env.DB.withSession(first.getBookmark()).prepare("SELECT v FROM session_on").first("v");
    },
    "a bookmark grows with a write": async (env) => {
      await table(env, "session_grows");
      const session = env.DB.withSession("first-primary");
      await session.prepare("SELECT 1").run();
      const before = session.getBookmark();
      await session.prepare("INSERT INTO session_grows (v) VALUES (1)").run();
      return session.getBookmark() > before;
    },
    "a session's batch": async (env) => {
      const session = env.DB.withSession();
      return (await session.batch([session.prepare("SELECT 1 AS a"), session.prepare("SELECT 2 AS a")])).map((r) => r.results);
    },
    "a session has no exec": (env) => typeof env.DB.withSession().exec,

    // the objects themselves
    "the methods of a database": (env) => ["prepare", "batch", "exec", "withSession", "dump"].map((m) => typeof env.DB[m]),
    "the methods of a statement": (env) => ["bind", "first", "run", "all", "raw"].map((m) => typeof env.DB.prepare("SELECT 1")[m]),
    "the class of a database": (env) => env.DB.constructor.name,
    "a statement runs many times": async (env) => {
      await table(env, "many_times");
      const insert = env.DB.prepare("INSERT INTO many_times (v) VALUES (1)");
      for (let i = 0; i < 3; i++) await insert.run();
      return env.DB.prepare("SELECT count(*) AS n FROM many_times").first("n");
    },
    "many statements at once": async (env) => {
      await table(env, "at_once");
      await Promise.all(Array.from({ length: 20 }, (_, i) => env.DB.prepare("INSERT INTO at_once (v) VALUES (?)").bind(i).run()));
      return env.DB.prepare("SELECT count(*) AS n, sum(v) AS s FROM at_once").first();
    },
    "a value of a megabyte": async (env) => {
      await table(env, "megabyte");
      await env.DB.prepare("INSERT INTO megabyte (v) VALUES (?)").bind("x".repeat(1_000_000)).run();
      return (await env.DB.prepare("SELECT v FROM megabyte").first("v")).length;
    },
    "a value that is too large": async (env) => {
      await table(env, "too_large");
      return refused(() => env.DB.prepare("INSERT INTO too_large (v) VALUES (?)").bind("x".repeat(2_100_000)).run().then((r) => r.success));
    },
  },
};
