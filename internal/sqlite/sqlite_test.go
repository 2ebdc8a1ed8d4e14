package sqlite

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// libc is generated together with SQLite; another version of it compiles and then
// corrupts memory.
func TestSQLiteAndItsLibcMoveTogether(t *testing.T) {
	t.Parallel()
	version := func(format string, args ...string) string {
		out, err := exec.Command("go", append([]string{"list", "-m", "-f", format}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	used := version("{{.Version}}", "modernc.org/libc")
	mod, err := exec.Command("go", "mod", "edit", "-json", version("{{.GoMod}}", "modernc.org/sqlite")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, mod)
	}
	if want := `"Path": "modernc.org/libc",` + "\n\t\t\t" + `"Version": "` + used + `"`; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod has libc %s, but modernc.org/sqlite was made with another:\n%s", used, mod)
	}
}

func open(t *testing.T, o Options) *Conn {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "x.sqlite")
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestOpenSetsHowCommitsAreKept(t *testing.T) {
	t.Parallel()
	for full, want := range map[bool]string{true: "wal 2 1", false: "wal 1 1"} {
		c := open(t, Options{Full: full})
		var got []string
		for _, pragma := range []string{"journal_mode", "synchronous", "foreign_keys"} {
			if err := c.Query(func(s *Stmt) error { got = append(got, s.ColumnText(0)); return nil }, "PRAGMA "+pragma); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("full %t: got %q, want %q", full, got, want)
		}
	}
}

func TestAFailureIsInSQLitesOwnWords(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	if err := c.Exec("CREATE TABLE t(a UNIQUE)"); err != nil {
		t.Fatal(err)
	}
	type said struct {
		Message, Code string
		Offset        int
	}
	for sql, want := range map[string]said{
		"INSERT INTO t VALUES (1), (1)": {"UNIQUE constraint failed: t.a", "SQLITE_CONSTRAINT_UNIQUE", -1},
		"SELEC 1":                       {`near "SELEC": syntax error`, "SQLITE_ERROR", 0},
		`SELECT "x"`:                    {`no such column: "x" - should this be a string literal in single-quotes?`, "SQLITE_ERROR", 7},
	} {
		f, ok := FailureOf(c.Exec(sql))
		got := said{f.Message, f.Code.String(), f.Offset}
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: ok %t (-want +got):\n%s", sql, ok, diff)
		}
	}
}

func TestCountsAndNames(t *testing.T) {
	t.Parallel()
	c := open(t, Options{DoubleQuotedStrings: true})
	for _, sql := range []string{"CREATE TABLE t(a)", "CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = 2; END", "INSERT INTO t VALUES (1)"} {
		if err := c.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.TotalChanges(); got != 2 {
		t.Errorf("TotalChanges is %d, want 2: the trigger counts", got)
	}
	s, rest, err := c.Prepare(`SELECT 1 a, "x" a; tail`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "a"}, c.ColumnNames(s)); diff != "" || rest != len(" tail") {
		t.Errorf("rest %d (-want +got):\n%s", rest, diff)
	}
	if err := s.Finalize(); err != nil {
		t.Fatal(err)
	}
	s, _, err = c.Prepare(" -- nothing")
	if err != nil || !Empty(s) {
		t.Errorf("a comment gives a statement (%v)", err)
	}
}
