package runtime

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

// rowsCode runs statements and answers the rows that each read and wrote.
const rowsCode = `
export default { async fetch(request, env) {
	const out = [];
	const run = async (sql) => { const { meta } = await env.DB.prepare(sql).run(); out.push([sql, meta.rows_read, meta.rows_written]) };
	for (const sql of %s) await run(sql);
	return Response.json(out);
} }`

// The rows of these statements are exactly what D1's own SQLite counts, but for those
// that near names.
var rowsCounted = []string{
	"CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT UNIQUE, city TEXT, age INTEGER)",
	"CREATE TABLE posts(id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER REFERENCES users(id) ON DELETE CASCADE, title TEXT)",
	"INSERT INTO users(email, city, age) VALUES ('ann@x', 'Rome', 30)",
	"INSERT INTO users(email, city, age) VALUES ('bob@x', 'Rome', 40), ('cem@x', 'Bonn', 50), ('dan@x', 'Oslo', 60)",
	"INSERT INTO users(id, email) VALUES (10, 'eve@x')",
	"SELECT * FROM users",
	"SELECT * FROM users WHERE id = 2",
	"SELECT * FROM users WHERE id = 99",
	"SELECT * FROM users WHERE email = 'bob@x'",
	"SELECT * FROM users WHERE age > 45",
	"SELECT * FROM users LIMIT 2",
	"SELECT * FROM users ORDER BY city",
	"SELECT count(*) FROM users",
	"SELECT max(id) FROM users",
	"SELECT city, count(*) FROM users GROUP BY city",
	"SELECT * FROM users WHERE id IN (1, 2, 99)",
	"SELECT 1",
	"CREATE INDEX by_city ON users(city)",
	"SELECT * FROM users WHERE city = 'Rome'",
	"INSERT INTO users(email, city) VALUES ('fay@x', 'Rome')",
	"UPDATE users SET age = 31 WHERE id = 1",
	"UPDATE users SET city = 'Bern' WHERE city = 'Rome'",
	"UPDATE users SET age = age + 1",
	"INSERT INTO posts(user, title) VALUES (1, 'a')",
	"INSERT INTO posts(user, title) VALUES (1, 'b'), (2, 'c')",
	"SELECT title, email FROM posts JOIN users ON users.id = posts.user",
	"INSERT INTO users(id, email) VALUES (1, 'ann@y') ON CONFLICT(id) DO UPDATE SET email = excluded.email",
	"INSERT OR IGNORE INTO users(id, email) VALUES (1, 'x')",
	"INSERT OR REPLACE INTO users(id, email) VALUES (4, 'dan@y')",
	"DELETE FROM users WHERE id = 3",
	"DELETE FROM posts WHERE title = 'c'",
	"DELETE FROM users WHERE id = 1",
	"ALTER TABLE users ADD COLUMN note",
	"DELETE FROM posts",
	"DROP INDEX by_city",
	"DROP TABLE posts",
}

// near is by how much the rows read and written may be off: the instructions of some
// statements do not say enough.
func near(sql string) (reads, writes float64) {
	first, _, _ := strings.Cut(sql, " ")
	switch {
	case strings.HasPrefix(sql, "CREATE INDEX"):
		return 2, 1
	case strings.Contains(sql, "ON CONFLICT"):
		return 0, 1
	case strings.Contains(sql, "OR REPLACE"), strings.HasPrefix(sql, "DELETE FROM users"), first == "ALTER":
		return 1, 0 // the second with a foreign key's cascade
	case first == "DROP":
		return 1, 1
	}
	return 0, 0
}

func TestRowsAreCountedAsD1CountsThem(t *testing.T) {
	t.Parallel()
	list, err := json.Marshal(rowsCounted)
	if err != nil {
		t.Fatal(err)
	}
	code := fmt.Sprintf(rowsCode, list)
	c := newCloud(t)
	if err := c.d1.Create("db"); err != nil {
		t.Fatal(err)
	}
	c.apply(worker("w", c.version(code, `{"type":"d1","name":"DB","id":"db"}`)))
	_, ours := c.get("http://w.localhost/")
	var got, want [][3]any
	if err := json.Unmarshal([]byte(ours), &got); err != nil {
		t.Fatalf("%v: %s\n%s", err, ours, c.log)
	}
	if err := json.Unmarshal([]byte(bundledD1(t, code)), &want); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		reads, writes := near(fmt.Sprint(want[i][0]))
		off := func(n int) float64 { return math.Abs(got[i][n].(float64) - want[i][n].(float64)) }
		if off(1) > reads || off(2) > writes {
			t.Errorf("%v: read and wrote %v, want %v", got[i][0], got[i][1:], want[i][1:])
		}
	}
}
