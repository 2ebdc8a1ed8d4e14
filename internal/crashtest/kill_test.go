package crashtest

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// deaths are how often the cloud is killed.
func deaths() int {
	if full() {
		return 200
	}
	return 6
}

// A local cloud is written to in every way at once, killed at a random moment and
// started again, over and over. What it acknowledged has to be there each time, a
// batch as a whole, and nothing that nobody wrote. Some of the deaths come while it
// starts, and some hit the runtime alone.
func TestAKilledCloudKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "cloud")
	l := born(t, dir)
	if err := l.ready(); err != nil {
		t.Fatal(err)
	}
	var accounts []*account
	for _, p := range prepare(t, l).promises() {
		accounts = append(accounts, newAccount(p))
	}
	early, alone := 0, 0
	for n := range deaths() {
		if n%8 == 5 { // dies once more, while it starts
			early++
			l.die()
			l = born(t, dir)
			time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond) // the moment is what is tested
			l.die()
			l = born(t, dir)
			if err := l.ready(); err != nil {
				t.Fatalf("life %d: %v", n, err)
			}
		}
		lasts := time.Duration(50+random.IntN(700)) * time.Millisecond
		runtimeOnly := n%8 == 3 && len(l.runtimes()) > 0
		live(t, l, accounts, lasts, runtimeOnly)
		if runtimeOnly {
			alone++
		} else {
			l = born(t, dir)
			if err := l.ready(); err != nil {
				t.Fatalf("life %d: %v", n, err)
			}
		}
		for _, a := range accounts {
			if err := eventually(t.Context(), func(ctx context.Context) error { return a.check(ctx, l) }); err != nil {
				t.Errorf("after death %d: %v", n, err)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, a := range accounts {
		t.Logf("%6d acknowledged: %s", len(a.acked), a.name)
	}
	t.Logf("%d deaths, %d of them of the runtime alone; %d more while starting", deaths(), alone, early)
}

// live writes for as long as the life lasts, then kills it. Before its death no write
// may fail.
func live(t *testing.T, l *life, accounts []*account, lasts time.Duration, runtimeOnly bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	var mu sync.Mutex
	dead := false
	for _, a := range accounts {
		group.Go(func() {
			err := a.work(ctx, l)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !dead {
				t.Errorf("a living cloud failed: %v", err)
			}
		})
	}
	for _, a := range accounts { // what was never acknowledged tests nothing
		select {
		case <-a.begun:
		case <-time.After(time.Minute):
			t.Errorf("%s: not acknowledged in a minute", a.name)
		}
	}
	time.Sleep(lasts) // the moment is what is tested
	mu.Lock()
	dead = true
	mu.Unlock()
	if runtimeOnly {
		for _, pid := range l.runtimes() {
			if p, err := os.FindProcess(pid); err == nil {
				kill(p)
			}
		}
		cancel()
	} else {
		l.die()
	}
	group.Wait()
}

// eventually is for a runtime that has yet to start again: what is asked is right
// within 10 s, or the last error.
func eventually(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := check(context.WithoutCancel(ctx)) // each call has the client's time
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
