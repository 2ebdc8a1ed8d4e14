package d1

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/history"
)

// state is a moment of a database: its bookmark, and all that it held.
type state struct{ bookmark, content string }

func look(t testing.TB, db *DB) state {
	t.Helper()
	schema := results(t, db, Request{Batch: []Statement{statement("SELECT name, sql FROM sqlite_master ORDER BY name")}})
	content := schema
	if strings.Contains(schema, `"a"`) {
		content += results(t, db, Request{Batch: []Statement{statement("SELECT rowid, * FROM a ORDER BY rowid")}})
	}
	return state{mark(t, db), content}
}

func openStore(t testing.TB, dir string, minSegment int64) (*Store, *DB) {
	t.Helper()
	store, err := NewStore(dir, &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	store.keep.MinSegment = minSegment
	db, err := store.Get("db")
	if err != nil {
		t.Fatal(err)
	}
	return store, db
}

// copyFolder is what a process that is killed now leaves behind.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// steps are what is done to a database between its states.
var steps = []string{
	"CREATE TABLE a(id INTEGER PRIMARY KEY, n, text); CREATE INDEX i ON a(n)",
	"INSERT INTO a(n, text) SELECT 7, hex(randomblob(400)) FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 40) SELECT x FROM c)",
	"INSERT INTO a(n) VALUES (random())",
	"UPDATE a SET n = n + 1 WHERE id % 3 = 0",
	"UPDATE a SET text = hex(randomblob(5000)) WHERE id = (SELECT max(id) FROM a)",
	"DELETE FROM a WHERE id % 2 = 0",
	"DELETE FROM a",
	"DROP TABLE IF EXISTS a",
	"CREATE TABLE IF NOT EXISTS b(x)",
}

// Whatever is done to a database, checkpointed, closed, killed: each of its states
// can be had again, and undone.
func TestEveryStateCanBeRestored(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			store, db := newStore(t)
			store.keep.MinSegment = int64(seed % 2) // few segments, or many
			defer func() { store.Close() }()
			store, db = step(t, -1, store, db)
			states := []state{look(t, db)}
			for range 25 {
				store, db = step(t, random.IntN(len(steps)+3)-3, store, db)
				s, last := look(t, db), states[len(states)-1]
				switch {
				case s.bookmark < last.bookmark:
					t.Fatalf("bookmark %s follows %s", s.bookmark, last.bookmark)
				case s.bookmark > last.bookmark:
					states = append(states, s)
				case s.content != last.content:
					t.Fatal("a change without a new bookmark")
				}
			}
			for range 4 {
				there(t, db, states[random.IntN(len(states))])
			}
		})
	}
}

// step does the action of that number: those below zero change nothing.
func step(t *testing.T, action int, store *Store, db *DB) (*Store, *DB) {
	t.Helper()
	dir := store.dir
	switch action {
	case -1, -2:
		if action == -2 {
			dir = copyFolder(t, dir)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		store, db = openStore(t, dir, store.keep.MinSegment)
	case -3:
		db.turn.Lock()
		defer db.turn.Unlock()
		if err := db.archive(); err != nil {
			t.Fatal(err)
		}
	default:
		results(t, db, Request{Batch: []Statement{statement(steps[action])}})
	}
	return store, db
}

// there goes to a state and back.
func there(t *testing.T, db *DB, want state) {
	t.Helper()
	before := look(t, db)
	now, previous, err := db.Restore(t.Context(), want.bookmark)
	if err != nil {
		t.Fatal(err)
	}
	got := look(t, db)
	if got.content != want.content {
		t.Fatalf("restored to %s:\n%s\nwant\n%s", want.bookmark, got.content, want.content)
	}
	if previous != before.bookmark || got.bookmark != now || now <= previous {
		t.Fatalf("restored to %s: before %s, said %s; after %s, said %s", want.bookmark, before.bookmark, previous, got.bookmark, now)
	}
	if _, _, err := db.Restore(t.Context(), previous); err != nil {
		t.Fatal(err)
	}
	if undone := look(t, db); undone.content != before.content {
		t.Fatalf("undone:\n%s\nwant\n%s", undone.content, before.content)
	}
}

// The process dies while it writes history, with any number of bytes written.
func TestATornHistoryIsWrittenAgain(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	var states []state
	for i, step := range steps[:5] {
		results(t, db, Request{Batch: []Statement{statement(step)}})
		states = append(states, look(t, db))
		if i == 1 {
			db.turn.Lock()
			if err := db.archive(); err != nil {
				t.Error(err)
			}
			db.turn.Unlock()
		}
	}
	killed := copyFolder(t, store.dir)
	logs, err := filepath.Glob(filepath.Join(store.dir, "db.history", "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	from, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil { // archives
		t.Fatal(err)
	}
	whole, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	moved, err := os.ReadFile(store.path("db"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range cuts(len(from), len(whole)) {
		dir := copyFolder(t, killed)
		if cut == len(whole) { // the history is whole, and the checkpoint half done
			if err := os.WriteFile(filepath.Join(dir, "db.sqlite"), moved[:len(moved)/2/pageSize*pageSize], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		torn := filepath.Join(dir, "db.history", filepath.Base(logs[0]))
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		store, db := openStore(t, dir, 0)
		for _, want := range states {
			if _, _, err := db.Restore(t.Context(), want.bookmark); err != nil {
				t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
			}
			if got := look(t, db); got.content != want.content {
				t.Errorf("cut at %d of %d: state %s is another", cut, len(whole), want.bookmark)
			}
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cuts are some lengths from one to another, with both.
func cuts(from, to int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for cut := from; cut < to; cut += max(1, (to-from)/12) {
			if !yield(cut) {
				return
			}
		}
		yield(to)
	}
}

func TestATimeNamesTheStateThen(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	defer store.Close()
	ahead := func(d time.Duration) {
		if err := store.clock.Advance(d); err != nil {
			t.Fatal(err)
		}
	}
	born := store.clock.Now()
	var states []state
	var at []time.Time
	for i := range 6 {
		ahead(time.Hour)
		results(t, db, Request{Batch: []Statement{statement(fmt.Sprintf("CREATE TABLE t%d(x)", i))}})
		states, at = append(states, look(t, db)), append(at, store.clock.Now())
		if i == 3 {
			if err := db.archive(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range states {
		for _, after := range []time.Duration{time.Second, 59 * time.Minute} {
			if i == len(states)-1 && after > time.Second {
				continue // in the future
			}
			if got, err := db.Bookmark(t.Context(), at[i].Add(after)); err != nil && i < len(states)-1 || err == nil && got != states[i].bookmark {
				t.Errorf("%v after change %d: %s, %v; want %s", after, i, got, err, states[i].bookmark)
			}
		}
	}
	refusals := map[string]struct {
		at   time.Time
		want string
	}{
		"before the database": {born.Add(-time.Hour), "begins at"},
		"the future":          {store.clock.Now().Add(time.Hour), "in the future"},
		"long ago":            {born.Add(-31 * 24 * time.Hour), "more than 30 days ago"},
	}
	for name, c := range refusals {
		var unknown *history.UnknownError
		if _, err := db.Bookmark(t.Context(), c.at); !errors.As(err, &unknown) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	ahead(31 * 24 * time.Hour)
	var unknown *history.UnknownError
	if _, _, err := db.Restore(t.Context(), states[2].bookmark); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "30 days") {
		t.Errorf("after a month: %v", err)
	}
	// The last state lasts until now.
	if _, _, err := db.Restore(t.Context(), states[5].bookmark); err != nil {
		t.Error(err)
	}
}

func TestADatabaseIsRestoredTenTimesInTenMinutes(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	defer store.Close()
	empty := mark(t, db)
	for range maxRestores {
		if _, _, err := db.Restore(t.Context(), empty); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := db.Restore(t.Context(), empty); !errors.Is(err, ErrTooManyRestores) {
		t.Errorf("the eleventh: %v", err)
	}
	killed, again := openStore(t, copyFolder(t, store.dir), 0)
	defer killed.Close()
	if _, _, err := again.Restore(t.Context(), empty); !errors.Is(err, ErrTooManyRestores) {
		t.Errorf("the eleventh, of a cloud that was killed and started anew: %v", err)
	}
	if err := store.clock.Advance(restoreWindow); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Restore(t.Context(), empty); err != nil {
		t.Errorf("ten minutes later: %v", err)
	}
}

func TestRestoresOfATimeThatIsYetToComeDoNotCount(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	empty := mark(t, db)
	if err := store.clock.Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	for range maxRestores {
		if _, _, err := db.Restore(t.Context(), empty); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store, db = openStore(t, store.dir, 0) // its clock is the machine's
	defer store.Close()
	if _, _, err := db.Restore(t.Context(), empty); err != nil {
		t.Error(err)
	}
}

func TestADatabaseThatIsMadeAgainWasNeverRestored(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	defer store.Close()
	if _, _, err := db.Restore(t.Context(), mark(t, db)); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete("db"); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(store.dir, "db*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestABookmarkOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	defer store.Close()
	own := mark(t, db)
	for name, c := range map[string]struct{ bookmark, want string }{
		"no bookmark":         {"yesterday", "is not a bookmark"},
		"of another database": {own[:27] + strings.Repeat("0", 32), "is not of this database"},
		"of what is to come":  {"00000000-0000ffff-00000000-" + own[27:], "that this database ever had"},
		"of the right length": {strings.Repeat("x", len(own)), "is not a bookmark"},
	} {
		var unknown *history.UnknownError
		if _, _, err := db.Restore(t.Context(), c.bookmark); !errors.As(err, &unknown) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// Somebody edits the file with another program while the cloud is down.
func TestAFileChangedFromOutsideBeginsANewHistory(t *testing.T) {
	t.Parallel()
	store, db := newStore(t)
	results(t, db, Request{Batch: []Statement{statement(steps[0]), statement(steps[1])}})
	first := look(t, db)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, store.path("db"), "DELETE FROM a")
	store, db = openStore(t, store.dir, 0)
	defer func() { store.Close() }()
	edited := look(t, db)
	if edited.content == first.content {
		t.Fatal("nothing was edited")
	}
	results(t, db, Request{Batch: []Statement{statement(steps[2])}})
	for _, want := range []state{first, edited} {
		if _, _, err := db.Restore(t.Context(), want.bookmark); err != nil {
			t.Fatal(err)
		}
		if got := look(t, db); got.content != want.content {
			t.Errorf("%s: got %s, want %s", want.bookmark, got.content, want.content)
		}
	}
}
