package feature_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo/feature"
)

// change is the JSON of a change of premium for everybody.
func change(on bool) string { return fmt.Sprintf(`{"v":1,"flags":{"premium":{"environment":%t}}}`, on) }

func TestChangesAreReadOncePerInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		premium := feature.Bool("premium")
		source := &stored{text: change(true)}
		f := open(t, feature.Options{Document: shop, Source: source})
		on := func() bool { return premium.In(f.Evaluate(t.Context(), feature.Context{Domain: "b.example.com"})) }
		if !on() {
			t.Error("the first request does not see the change")
		}
		source.set(change(false), nil)
		for range 29 {
			time.Sleep(time.Second)
			if !on() {
				t.Fatal("a change was seen within the interval: it was read more than once")
			}
		}
		if source.reads != 1 {
			t.Errorf("%d reads within the interval", source.reads)
		}
		time.Sleep(time.Second)
		if on() || source.reads != 2 {
			t.Errorf("after the interval the change is not seen (%d reads)", source.reads)
		}
		time.Sleep(24 * time.Hour)
		source.set(change(true), nil)
		if !on() {
			t.Error("after a day without requests the first one sees what was then")
		}
	})
}

func TestTheFirstRequestsWaitForTheFirstReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		premium := feature.Bool("premium")
		source := &stored{text: change(true), slow: 100 * time.Millisecond}
		f := open(t, feature.Options{Document: shop, Source: source})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				began := time.Now()
				on := premium.In(f.Evaluate(t.Context(), feature.Context{Domain: "b.example.com"}))
				if took := time.Since(began); !on || took != 100*time.Millisecond {
					t.Errorf("%t after %s", on, took)
				}
			})
		}
		wg.Wait()
		if source.reads != 1 {
			t.Errorf("%d reads", source.reads)
		}
	})
}

func TestRequestsDoNotWaitLongForChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		premium := feature.Bool("premium")
		source := &stored{text: change(true), slow: time.Minute}
		f := open(t, feature.Options{Document: shop, Source: source})
		ask := func() (on bool, took time.Duration) {
			began := time.Now()
			on = premium.In(f.Evaluate(t.Context(), feature.Context{Domain: "b.example.com"}))
			return on, time.Since(began)
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if on, took := ask(); on || took != 500*time.Millisecond {
					t.Errorf("%t after %s", on, took)
				}
			})
		}
		wg.Wait()
		if source.reads != 1 {
			t.Errorf("%d reads at a time", source.reads)
		}
		if on, took := ask(); on || took != 0 {
			t.Errorf("right after a failure: %t after %s", on, took)
		}
		source.slow = 100 * time.Millisecond
		time.Sleep(3 * time.Second)
		if on, took := ask(); !on || took != 100*time.Millisecond {
			t.Errorf("when it answers again: %t after %s", on, took)
		}
		// Slightly late: one reads, the others go on with what there is.
		source.set(change(false), nil)
		time.Sleep(31 * time.Second)
		began := time.Now()
		waited := make(chan time.Duration, 10)
		for range 10 {
			wg.Go(func() { ask(); waited <- time.Since(began) })
		}
		wg.Wait()
		long := 0
		for range 10 {
			if <-waited > 0 {
				long++
			}
		}
		if long != 1 {
			t.Errorf("%d of 10 requests waited", long)
		}
	})
}

func TestOldChangesHoldWhileReadingFailsUpToALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		premium := feature.Bool("premium")
		source := &stored{text: change(true)}
		f := open(t, feature.Options{Document: shop, Source: source})
		on := func() bool { return premium.In(f.Evaluate(t.Context(), feature.Context{Domain: "b.example.com"})) }
		if !on() {
			t.Fatal("the change is not seen")
		}
		for _, broken := range []struct {
			text string
			err  error
		}{{"", errors.New("KV is down")}, {"{", nil}, {`{"v":7}`, nil}} {
			source.set(broken.text, broken.err)
			time.Sleep(15 * time.Minute)
			if !on() {
				t.Errorf("after %q, %v the change is forgotten", broken.text, broken.err)
			}
		}
		time.Sleep(16 * time.Minute)
		if on() {
			t.Error("after more than an hour the change still holds")
		}
		source.set(change(true), nil)
		time.Sleep(3 * time.Second)
		if !on() {
			t.Error("the change is not seen when it can be read again")
		}
	})
}
