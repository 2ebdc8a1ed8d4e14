package durable

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/flow/flowtest"
)

type storage struct{ path string }

func (s storage) Open(t *testing.T, set *flow.Set, scope string) flow.Engine {
	t.Helper()
	e, err := New(t.Context(), set, Options{DB: open(t, s.path), Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestDurableEngine(t *testing.T) {
	t.Parallel()
	flowtest.Run(t, func(t *testing.T) flowtest.Storage {
		return storage{filepath.Join(t.TempDir(), "state.db")}
	})
}

func BenchmarkLaunchAndSevenSteps(b *testing.B) {
	set := flow.NewSet()
	step := flow.DefineStep(set, "step", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	flow.DefineFlow(set, "flow", func(c flow.Ctx, n int) (int, error) {
		var err error
		for range 7 {
			if n, err = step(c, n); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	path := filepath.Join(b.TempDir(), "state.db")
	for i := range b.N {
		t0 := time.Now()
		e, err := New(b.Context(), set, Options{DB: open(b, path), Scope: fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		if _, err := e.Run(b.Context(), fmt.Sprint(i), "flow", []byte("0")); err != nil {
			b.Fatal(err)
		}
		t2 := time.Now()
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
		b.Log(i, "launch", t1.Sub(t0), "run", t2.Sub(t1), "close", time.Since(t2))
	}
}
