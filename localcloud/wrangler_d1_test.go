package localcloud

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// Wrangler moves a database in and out, and back in time.
func TestWranglerD1(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.write("wrangler.jsonc", `{"name": "web", "compatibility_date": "2026-04-01"}`)
			p.run("shop-db", "d1", "create", "shop-db")
			p.write("in.sql", "PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE orders(id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO orders VALUES(1,'first;');\nCREATE INDEX by_name ON orders(name);\n")
			p.run("Executed 4 queries", "d1", "execute", "shop-db", "--remote", "--file", "in.sql", "--yes")
			p.write("bad.sql", "DELETE FROM orders; SELEC")
			if out, err := p.try("", "d1", "execute", "shop-db", "--remote", "--file", "bad.sql", "--yes"); err == nil || !strings.Contains(out, "syntax error") {
				t.Errorf("a file with a mistake: %v\n%s", err, out)
			}
			p.run("", "d1", "export", "shop-db", "--remote", "--output", "out.sql")
			got, err := os.ReadFile(filepath.Join(p.dir, "out.sql"))
			if err != nil {
				t.Fatal(err)
			}
			if want := "PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE orders(id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO \"orders\" (\"id\",\"name\") VALUES(1,'first;');\nCREATE INDEX by_name ON orders(name);\n"; string(got) != want {
				t.Errorf("exported:\n%s\nwant\n%s", got, want)
			}
			var here struct{ Bookmark string }
			p.decode(p.run("bookmark", "d1", "time-travel", "info", "shop-db", "--json"), &here)
			p.write("drop.sql", "DROP TABLE orders;")
			p.run("", "d1", "execute", "shop-db", "--remote", "--file", "drop.sql", "--yes")
			p.run("previous_bookmark", "d1", "time-travel", "restore", "shop-db", "--bookmark", here.Bookmark, "--json")
			p.run("first;", "d1", "execute", "shop-db", "--remote", "--command", "SELECT name FROM orders")
		})
	}
}

// decode reads the JSON object in what wrangler printed.
func (p *project) decode(out string, into any) {
	p.t.Helper()
	begin, end := strings.IndexByte(out, '{'), strings.LastIndexByte(out, '}')
	if begin < 0 || end < begin {
		p.t.Fatalf("no JSON in %s", out)
	}
	if err := json.Unmarshal([]byte(out[begin:end+1]), into); err != nil {
		p.t.Fatalf("%v in %s", err, out)
	}
}
