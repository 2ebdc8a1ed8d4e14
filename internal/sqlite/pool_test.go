package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

func openPool(t *testing.T, readers int) *Pool {
	t.Helper()
	p, err := OpenPool(filepath.Join(t.TempDir(), "p.db"), readers, func(c *Conn) error { return c.Script("CREATE TABLE t(a)") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// nested reads with n connections at once and then calls last.
func nested(ctx context.Context, p *Pool, n int, last func() error) error {
	if n == 0 {
		return last()
	}
	return p.Read(ctx, func(c *Conn) error {
		if err := c.Exec("SELECT a FROM t"); err != nil {
			return err
		}
		return nested(ctx, p, n-1, last)
	})
}

func TestAReaderIsOpenedWhenAllOthersAreBusy(t *testing.T) {
	t.Parallel()
	p := openPool(t, 3)
	nothing := func() error { return nil }
	for _, atOnce := range []int{1, 1, 2, 1, 3, 3} {
		before := len(p.readers)
		if err := nested(t.Context(), p, atOnce, nothing); err != nil {
			t.Fatal(err)
		}
		if want := max(before, atOnce); len(p.readers) != want {
			t.Errorf("%d connections after %d at once, want %d", len(p.readers), atOnce, want)
		}
	}
}

func TestWhoFindsAllReadersBusyWaitsForOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openPool(t, 2)
		read := make(chan error)
		if err := nested(t.Context(), p, 2, func() error {
			go func() { read <- nested(t.Context(), p, 1, func() error { return nil }) }()
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return nested(ctx, p, 1, func() error { return nil })
		}); !errors.Is(err, context.Canceled) {
			t.Errorf("a third whose time is over: %v", err)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
	})
}

// A folder that is not there any more is told to each who reads, and to nobody twice.
func TestAReaderThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPool(filepath.Join(dir, "p.db"), 1, func(*Conn) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := nested(t.Context(), p, 1, func() error { return nil }); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
