package history

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAPageIsMadeOfItsChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(rapid.Byte(), 512, 512).Draw(t, "before")
		page := bytes.Clone(before)
		for range rapid.IntRange(0, 5).Draw(t, "runs") {
			copy(page[rapid.IntRange(0, 511).Draw(t, "at"):], rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		}
		delta := append(appendDelta(nil, before, page), "rest"...)
		in := bufio.NewReader(bytes.NewReader(delta))
		if err := applyDelta(before, in); err != nil || !bytes.Equal(before, page) {
			t.Fatalf("%v: %x, want %x", err, before, page)
		}
		if rest, _ := in.Peek(5); string(rest) != "rest" {
			t.Fatalf("%q is left", rest)
		}
	})
}

func FuzzAChangeStaysInItsPage(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{5, 2, 1, 2, 0, 0})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 9})
	f.Fuzz(func(_ *testing.T, delta []byte) {
		_ = applyDelta(make([]byte, 512), bufio.NewReader(bytes.NewReader(delta))) // must not panic
	})
}

func FuzzABookmarkIsReadAsItWasWritten(f *testing.F) {
	l := &Log{archived: 1<<40 + 7, lineage: [16]byte{1, 2, 3}}
	f.Add(l.Bookmark(1<<40+7), uint64(3))
	f.Add("", uint64(0))
	f.Add("00000000-+0000001-00000000-01020300000000000000000000000000", uint64(1<<33))
	f.Fuzz(func(t *testing.T, text string, n uint64) {
		if seq, err := l.Parse(text); err == nil && l.Bookmark(seq) != text {
			t.Errorf("%q was read as %q", text, l.Bookmark(seq))
		}
		n %= l.archived
		if seq, err := l.Parse(l.Bookmark(n)); err != nil || seq != n {
			t.Errorf("commit %d was read as %d, %v", n, seq, err)
		}
		if l.Bookmark(n) >= l.Bookmark(n+1) {
			t.Errorf("%s does not sort before %s", l.Bookmark(n), l.Bookmark(n+1))
		}
	})
}

func FuzzADamagedSegmentIsCutOrRefused(f *testing.F) {
	db, err := os.Create(filepath.Join(f.TempDir(), "db"))
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	s, err := newSegment(f.TempDir(), db, segmentHead{seq: 9, time: 1})
	if err != nil {
		f.Fatal(err)
	}
	head, err := os.ReadFile(s.file.Name())
	if err != nil {
		f.Fatal(err)
	}
	c := chunk{at: s.size, salt: 1, page: 512, end: 1, first: 10, commits: 1, changes: 3}
	f.Add(head)
	f.Add(append(append(bytes.Clone(head), c.head()...), make([]byte, 19)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "0.log")
		for _, name := range []string{path, filepath.Join(filepath.Dir(path), "0.base")} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := openSegment(path, true)
		if err != nil {
			return
		}
		defer s.file.Close()
		for _, c := range s.chunks {
			if !s.whole(c) {
				t.Error("a chunk that is not whole was kept")
			}
		}
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		_ = s.replay(out, s.lastSeq()) // must not panic
	})
}

func FuzzAWriteAheadLogIsReadToItsLastCommit(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, walHeader+frameHeader+512))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "db-wal")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := openWAL(path, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		if w.frames > 0 {
			if f, err := w.frame(w.frames - 1); err != nil || f.pages == 0 {
				t.Errorf("the last of %d frames ends no commit: %v", w.frames, err)
			}
		}
	})
}

func TestTheOldestHistoryGoesWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(filepath.Join(dir, "history"), path, Options{Now: time.Now, MaxSize: 2500})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each has a copy of 1000 bytes
		l.archived++
		if err := l.begin(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.prune(); err != nil {
		t.Fatal(err)
	}
	var unknown *UnknownError
	for seq, kept := range []bool{false, false, true, true} {
		err := l.Restore(filepath.Join(dir, "restored"), uint64(seq))
		if kept != (err == nil) || err != nil && !errors.As(err, &unknown) {
			t.Errorf("state %d: kept %v, got %v", seq, kept, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "history", "*.base")); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}
