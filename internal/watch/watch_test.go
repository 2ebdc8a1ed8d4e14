package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
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

// collector reads what a watcher tells.
type collector struct {
	*Watcher
	changed []string // so far: one write can be told twice, as it is two events
}

// want reads changes until all of files were told, and nothing that never changed.
func (c *collector) want(t *testing.T, files ...string) {
	t.Helper()
	c.changed = append(c.changed, files...)
	deadline := time.After(10 * time.Second)
	for missing := slices.Clone(files); len(missing) > 0; {
		select {
		case batch, ok := <-c.Changes:
			if !ok {
				t.Fatalf("it ended: %v", c.Err())
			}
			if len(batch) == 0 || !slices.IsSorted(batch) {
				t.Errorf("the batch %q is not sorted, or empty", batch)
			}
			for _, path := range batch {
				if !slices.Contains(c.changed, path) {
					t.Errorf("%s was told, which did not change", path)
				}
			}
			missing = slices.DeleteFunc(missing, func(path string) bool { return slices.Contains(batch, path) })
		case <-deadline:
			t.Fatalf("%q were not told", missing)
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
	c := collector{Watcher: w}

	write(t, filepath.Join(dir, "a.txt"), "2")
	c.want(t, "a.txt")
	write(t, filepath.Join(dir, "deep/er/b.txt"), "2")
	c.want(t, "deep/er/b.txt")
	if err := os.Remove(filepath.Join(dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	c.want(t, "a.txt")

	// A folder that is new is watched, with what it held before anybody knew of it.
	write(t, filepath.Join(dir, "new/one/d.txt"), "1")
	c.want(t, "new/one/d.txt")
	write(t, filepath.Join(dir, "new/one/d.txt"), "2")
	c.want(t, "new/one/d.txt")

	// Editors save by renaming; what they leave beside the file is no change.
	write(t, filepath.Join(dir, "skipped/c.txt"), "2")
	write(t, filepath.Join(dir, ".e.txt.swp"), "1")
	write(t, filepath.Join(dir, "e.txt~"), "1")
	write(t, filepath.Join(dir, "e.txt.tmp"), "1")
	if err := os.Rename(filepath.Join(dir, "e.txt.tmp"), filepath.Join(dir, "e.txt")); err != nil {
		t.Fatal(err)
	}
	c.want(t, "e.txt")
}

func TestManyChangesAreToldTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const quiet, pause = 100 * time.Millisecond, 90 * time.Millisecond
		events := make(chan fsnotify.Event)
		w := &Watcher{
			options: Options{Dir: "/dir", Quiet: quiet, Ignore: func(string) bool { return false }},
			notify:  &fsnotify.Watcher{Events: events}, changes: make(chan []string), done: make(chan struct{}),
		}
		go w.run()
		change := func(names ...string) {
			for _, name := range names {
				time.Sleep(pause)
				events <- fsnotify.Event{Name: "/dir/" + name, Op: fsnotify.Write}
			}
		}
		want := func(after time.Duration, files ...string) {
			t.Helper()
			began := time.Now()
			got := <-w.changes
			if diff := cmp.Diff(files, got); diff != "" || time.Since(began) != after {
				t.Errorf("after %v, want %v (-want +got):\n%s", time.Since(began), after, diff)
			}
		}
		change("c", "a", "b")
		want(quiet, "a", "b", "c")
		go change("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n")
		want(pause+10*quiet, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l") // they do not wait for ever
		want(3*pause, "m", "n")
		close(events)
		<-w.done
	})
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
