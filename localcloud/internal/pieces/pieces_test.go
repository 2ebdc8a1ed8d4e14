package pieces

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func open(t *testing.T) *Folder {
	t.Helper()
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func made(t *testing.T, f *Folder) Piece {
	t.Helper()
	id, file, err := f.Create()
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return Piece{ID: id}
}

func (f *Folder) has(t *testing.T, p Piece) bool {
	t.Helper()
	_, err := os.Stat(f.Path(p.ID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestAPieceStaysAsLongAsSomebodyReadsOrHoldsIt(t *testing.T) {
	t.Parallel()
	f := open(t)
	p := made(t, f)
	lease := func() {
		if err := f.Look(func() error { f.Lease([]Piece{p}); return nil }); err != nil {
			t.Error(err)
		}
	}
	there := func(when string, want bool) {
		t.Helper()
		if got := f.has(t, p); got != want {
			t.Errorf("%s: it is there: %t", when, got)
		}
	}
	lease()
	lease()
	f.Remove(p)
	there("two read it", true)
	f.Release([]Piece{p})
	there("one reads it", true)
	f.Release([]Piece{p})
	there("nobody reads it", false)
}

func TestWhatIsUsedIsNotSwept(t *testing.T) {
	t.Parallel()
	f := open(t)
	used, unused := made(t, f), made(t, f)
	if err := f.Sweep(map[string]bool{used.ID: true}); err != nil {
		t.Fatal(err)
	}
	if !f.has(t, used) || f.has(t, unused) {
		t.Errorf("used: %t, unused: %t", f.has(t, used), f.has(t, unused))
	}
}
