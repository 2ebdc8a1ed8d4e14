package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// collect reads changes until all of want were told, and wants nothing else.
func collect(t *testing.T, w *Watcher, want ...string) {
	t.Helper()
	seen := map[string]bool{}
	deadline := time.After(10 * time.Second)
	for len(seen) < len(want) {
		select {
		case batch, ok := <-w.Changes:
			if !ok {
				t.Fatalf("it ended: %v", w.Err())
			}
			if len(batch) == 0 || !slices.IsSorted(batch) {
				t.Errorf("the batch %q is not sorted, or empty", batch)
			}
			for _, path := range batch {
				seen[path] = true
				if !slices.Contains(want, path) {
					t.Errorf("%s was told, which did not change", path)
				}
			}
		case <-deadline:
			t.Fatalf("of %q only %v were told", want, seen)
		}
	}
}

func TestAChangeIsToldWhereverItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.txt"), "1")
	write(t, filepath.Join(dir, "deep/er/b.txt"), "1")
	write(t, filepath.Join(dir, "skipped/c.txt"), "1")
	w, err := New(Options{Dir: dir, Ignore: func(path string) bool { return path == "skipped" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })

	write(t, filepath.Join(dir, "a.txt"), "2")
	collect(t, w, "a.txt")
	write(t, filepath.Join(dir, "deep/er/b.txt"), "2")
	collect(t, w, "deep/er/b.txt")
	if err := os.Remove(filepath.Join(dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	collect(t, w, "a.txt")

	// A folder that is new is watched, with what it held before anybody knew of it.
	write(t, filepath.Join(dir, "new/one/d.txt"), "1")
	collect(t, w, "new/one/d.txt")
	write(t, filepath.Join(dir, "new/one/d.txt"), "2")
	collect(t, w, "new/one/d.txt")

	// Editors save by renaming; what they leave beside the file is no change.
	write(t, filepath.Join(dir, "skipped/c.txt"), "2")
	write(t, filepath.Join(dir, ".e.txt.swp"), "1")
	write(t, filepath.Join(dir, "e.txt~"), "1")
	write(t, filepath.Join(dir, "e.txt.tmp"), "1")
	if err := os.Rename(filepath.Join(dir, "e.txt.tmp"), filepath.Join(dir, "e.txt")); err != nil {
		t.Fatal(err)
	}
	collect(t, w, "e.txt")
}

func TestManyChangesAreToldTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := New(Options{Dir: dir, Quiet: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	var want []string
	for _, name := range strings.Split("abcdefghij", "") {
		write(t, filepath.Join(dir, name), "x")
		want = append(want, name)
	}
	select {
	case got := <-w.Changes:
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
	}
}

func TestItEndsWhenItIsClosed(t *testing.T) {
	t.Parallel()
	w, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, ok := <-w.Changes; ok || w.Err() != nil {
		t.Errorf("a change was told, or %v", w.Err())
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	if w, err := New(Options{Dir: filepath.Join(t.TempDir(), "none")}); err == nil {
		_ = w.Close()
		t.Error("there was none")
	}
}
