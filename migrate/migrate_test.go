package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	_ "modernc.org/sqlite" // D1's engine

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/diag"
)

// d1 is a database that runs the statements of a query in one transaction, as D1
// does. lose decides about each query that changes something: what is lost.
type d1 struct {
	t    *testing.T
	path string
	lose func(n int) lost
	n    int
}

type lost string

const (
	nothingLost lost = ""
	request     lost = "the request"
	answer      lost = "the answer"
)

func newD1(t *testing.T) *d1 {
	t.Helper()
	return &d1{t: t, path: filepath.Join(t.TempDir(), "d1.sqlite")}
}

func (d *d1) Query(ctx context.Context, text string, params ...any) (out []map[string]any, err error) {
	reads := strings.HasPrefix(text, "SELECT")
	what := nothingLost
	if !reads && d.lose != nil {
		what = d.lose(d.n)
		d.n++
	}
	if what == request {
		return nil, fmt.Errorf("reset: %w", ErrUnknownOutcome)
	}
	db, err := sql.Open("sqlite", d.path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if reads {
		return rows(ctx, db, text, params)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, text, params...); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	if what == answer {
		return nil, fmt.Errorf("reset: %w", ErrUnknownOutcome)
	}
	return nil, nil
}

func rows(ctx context.Context, db *sql.DB, text string, params []any) (out []map[string]any, err error) {
	r, err := db.QueryContext(ctx, text, params...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		return nil, err
	}
	for r.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := r.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, c := range columns {
			row[c] = values[i]
		}
		out = append(out, row)
	}
	return out, r.Err()
}

func (d *d1) count(query string) string {
	d.t.Helper()
	got, err := d.Query(d.t.Context(), "SELECT "+query+" AS n")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(got[0]["n"])
}

func apply(t *testing.T, d *d1, f File) (bool, error) {
	t.Helper()
	if err := Ensure(t.Context(), d, DefaultTable); err != nil {
		t.Fatal(err)
	}
	return Apply(t.Context(), d, DefaultTable, "r_1", f)
}

func TestAFileAndItsNoteAreAppliedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sql string }{
		{"with a semicolon at the end", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);"},
		{"without a semicolon at the end", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1)"},
		{"with a comment at the end", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1) -- done;"},
		{"with semicolons in text", "CREATE TABLE a (x);\nINSERT INTO a VALUES ('a;--b'';')"},
		{"with a trigger", "CREATE TABLE a (x);CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = 2; END;INSERT INTO a VALUES (1);"},
		{"with CRLF", "CREATE TABLE a (x);\r\nINSERT INTO a VALUES (1);\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newD1(t)
			f := NewFile("0001_a.sql", "migrations/0001_a.sql", tt.sql)
			if ran, err := apply(t, d, f); !ran || err != nil {
				t.Fatal(ran, err)
			}
			if got := d.count("(SELECT count(*) FROM a)"); got != "1" {
				t.Errorf("%s rows", got)
			}
			a, err := Read(t.Context(), d, DefaultTable)
			if err != nil || !slices.Equal(a.Names, []string{"0001_a.sql"}) || a.Records["0001_a.sql"].Checksum != f.Checksum {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	t.Run("a statement that fails takes the whole file back", func(t *testing.T) {
		t.Parallel()
		d := newD1(t)
		f := NewFile("0001_a.sql", "migrations/0001_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);")
		_, err := apply(t, d, f)
		var failed *FailedError
		if !errors.As(err, &failed) {
			t.Fatal(err)
		}
		got := failed.Finding("shop")
		if want := (diag.Position{File: "migrations/0001_a.sql", Line: 3, Column: 13}); got.Pos != want || got.Source != "INSERT INTO nowhere VALUES (1);" || got.Code != "M104" {
			t.Errorf("finding: %+v", got)
		}
		if got := d.count("(SELECT count(*) FROM sqlite_master WHERE name = 'a')"); got != "0" {
			t.Error("the table stayed")
		}
		if a, err := Read(t.Context(), d, DefaultTable); err != nil || len(a.Names) != 0 {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestAFileRunsOnceWhateverIsLost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		calls []lost
		ran   bool
	}{
		{"nothing", nil, true},
		{"the request", []lost{nothingLost, request}, true},
		{"the answer", []lost{nothingLost, answer}, true},
		{"two requests and an answer", []lost{nothingLost, request, request, answer}, true},
		{"the making of the tables", []lost{request, answer, nothingLost}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newD1(t)
				d.lose = func(n int) lost {
					if n < len(tt.calls) {
						return tt.calls[n]
					}
					return nothingLost
				}
				f := NewFile("0001_a.sql", "0001_a.sql", "CREATE TABLE IF NOT EXISTS a (x); INSERT INTO a VALUES (1);")
				for range 2 { // the second is a resumed release
					if ran, err := apply(t, d, f); ran != tt.ran || err != nil {
						t.Error(ran, err)
					}
				}
				if got := d.count("(SELECT count(*) FROM a)"); got != "1" {
					t.Errorf("ran %s times", got)
				}
			})
		})
	}
}

func TestWranglerAndClodoWorkOnTheSameDatabase(t *testing.T) {
	t.Parallel()
	d := newD1(t)
	// What wrangler sends.
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT,name TEXT UNIQUE,applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);",
		"CREATE TABLE a (x); INSERT INTO d1_migrations (name) values ('0001_a.sql');",
	} {
		if _, err := d.Query(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	files := []File{NewFile("0001_a.sql", "0001_a.sql", "CREATE TABLE a (x);"), NewFile("0002_b.sql", "0002_b.sql", "CREATE TABLE b (x);")}
	a, err := Read(t.Context(), d, DefaultTable)
	if err != nil {
		t.Fatal(err)
	}
	pending, found := Pending(files, a, "production")
	if len(pending) != 1 || pending[0].Name != "0002_b.sql" || len(found) != 0 {
		t.Fatalf("%v, %v", pending, found)
	}
	if _, err := apply(t, d, pending[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Query(t.Context(), "CREATE TABLE c (x); INSERT INTO d1_migrations (name) values ('0003_c.sql');"); err != nil {
		t.Errorf("wrangler after clodo: %v", err)
	}
	if got := d.count("(SELECT group_concat(name) FROM d1_migrations)"); got != "0001_a.sql,0002_b.sql,0003_c.sql" {
		t.Errorf("d1_migrations: %s", got)
	}
}

func TestWhatRanIsCheckedAgainstTheFiles(t *testing.T) {
	t.Parallel()
	one, two, three := NewFile("0001_a.sql", "m/0001_a.sql", "A;\nB;"), NewFile("0002_b.sql", "m/0002_b.sql", "C;"), NewFile("0003_c.sql", "m/0003_c.sql", "D;")
	ran := func(fs ...File) Applied {
		a := Applied{Records: map[string]Record{}}
		for _, f := range fs {
			a.Names = append(a.Names, f.Name)
			a.Records[f.Name] = Record{Checksum: f.Checksum, At: "2026-11-02 10:11:12", Text: f.SQL}
		}
		return a
	}
	named := func(f File, name string) File {
		f.Name, f.Path = name, "m/"+name
		return f
	}
	tests := []struct {
		name    string
		files   []File
		applied Applied
		pending string
		found   string
	}{
		{"nothing ran", []File{one, two}, ran(), "0001_a.sql 0002_b.sql", ""},
		{"some ran", []File{one, two, three}, ran(one), "0002_b.sql 0003_c.sql", ""},
		{"an applied file was edited", []File{NewFile("0001_a.sql", "m/0001_a.sql", "A;\nB2;"), two}, ran(one), "0002_b.sql", "M105 m/0001_a.sql:2:1"},
		{"an applied file is gone", []File{two}, ran(one), "0002_b.sql", "M106 "},
		{"an applied file was renamed", []File{named(one, "0001_z.sql")}, ran(one), "0001_z.sql", "M107 m/0001_z.sql"},
		{"a file comes before one that ran", []File{one, two, three}, ran(one, three), "0002_b.sql", "M108 m/0002_b.sql"},
		{"what wrangler applied has no checksum to compare", []File{NewFile("0001_a.sql", "m/0001_a.sql", "other")}, Applied{Names: []string{"0001_a.sql"}}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pending, found := Pending(tt.files, tt.applied, "production")
			var names, codes []string
			for _, f := range pending {
				names = append(names, f.Name)
			}
			for _, f := range found {
				codes = append(codes, f.Code+" "+f.Pos.String())
			}
			if got := strings.Join(names, " "); got != tt.pending {
				t.Errorf("pending: got %q, want %q", got, tt.pending)
			}
			if got := strings.Join(codes, ", "); got != tt.found {
				t.Errorf("found: got %q, want %q", got, tt.found)
			}
		})
	}
}

func TestFilesAreReadInWranglersOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"10_c.sql": "C", "2_b.sql": "B", "0001_a.sql": "A", "0001_b.sql": "A", "notes.md": "", "0011_d.sql": "BEGIN; X; COMMIT;", "init.sql": "I"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "3_dir.sql"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, found := ReadDir(dir, "services/api/migrations")
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if want := []string{"init.sql", "0001_a.sql", "0001_b.sql", "2_b.sql", "10_c.sql", "0011_d.sql"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	var codes []string
	for _, f := range found {
		codes = append(codes, f.Code+" "+f.Pos.String())
	}
	if want := []string{"M101 services/api/migrations/init.sql", "M109 services/api/migrations/0011_d.sql:1:1"}; !slices.Equal(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
	if files, found := ReadDir(filepath.Join(dir, "none"), "none"); files != nil || found != nil {
		t.Errorf("a folder that is not there: %v, %v", files, found)
	}
	if _, found := ReadDir(filepath.Join(dir, "notes.md"), "notes.md"); len(found) != 1 || found[0].Code != "M102" {
		t.Errorf("a folder that is a file: %v", found)
	}
}

func TestLineEndsDoNotChangeTheChecksum(t *testing.T) {
	t.Parallel()
	if a, b := NewFile("a", "a", "A;\nB;\n"), NewFile("a", "a", "A;\r\nB;\r\n"); a != b {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestTheTableOfMigrationsIsAnIdentifier(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"", "a b", `a"; DROP TABLE x; --`, "1a", strings.Repeat("a", 64)} {
		if _, err := Read(t.Context(), newD1(t), table); err == nil {
			t.Errorf("read from %q", table)
		}
		if err := Ensure(t.Context(), newD1(t), table); err == nil {
			t.Errorf("made %q", table)
		}
	}
}

func TestPlacesOfErrors(t *testing.T) {
	t.Parallel()
	f := NewFile("1.sql", "m/1.sql", "CREATE TABLE a (x);\nSELEC 1;\nINSERT INTO orders VALUES ('orders');\nALTER TABLE a ADD COLUMN x;")
	for message, want := range map[string]diag.Position{
		`near "SELEC": syntax error at offset 20: SQLITE_ERROR`: {File: "m/1.sql", Line: 2, Column: 1},
		`near "SELEC": syntax error at offset 0: SQLITE_ERROR`:  {File: "m/1.sql", Line: 2, Column: 1},
		`near "VALUES": syntax error`:                           {File: "m/1.sql", Line: 3, Column: 20},
		`no such table: main.orders: SQLITE_ERROR`:              {File: "m/1.sql"}, // twice in the file
		`duplicate column name: x`:                              {File: "m/1.sql"},
		`table a already exists at offset 13: SQLITE_ERROR`:     {File: "m/1.sql", Line: 1, Column: 14},
		`something else`: {File: "m/1.sql"},
	} {
		if got := locate(f, message); got != want {
			t.Errorf("%s: got %v, want %v", message, got, want)
		}
	}
}

// FuzzStatements: splitting never fails, and statements lie in the text in order.
func FuzzStatements(f *testing.F) {
	for _, s := range []string{"", ";", "a;b", "'", `"a;b"`, "-- x", "/* x", "[a;b];c", "`", "CREATE TABLE a (x);\n-- end"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := -1
		for i, s := range statements(text) {
			if s.start <= last || s.start >= len(text) {
				t.Fatalf("statement %d of %q begins at %d after %d", i, text, s.start, last)
			}
			last = s.start
		}
		locate(NewFile("a", "a", text), text)
	})
}

func TestSplittingFindsTheStatementsThatWereJoined(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"SELECT 1", "INSERT INTO a VALUES ('x;y''z')", "UPDATE \"a;b\" SET `c;` = [d;]", "DELETE FROM a -- no; end\n", "/* a;b */ DROP TABLE a"})
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces")
		list := statements(strings.Join(pieces, ";\n"))
		var got, want []string
		for _, s := range list {
			got = append(got, s.first)
		}
		for _, p := range pieces {
			want = append(want, strings.Fields(strings.TrimPrefix(p, "/* a;b */ "))[0])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if list[len(list)-1].ended {
			t.Fatal("the last one has no semicolon")
		}
	})
}
