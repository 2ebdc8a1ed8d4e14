package clock_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func TestTheZeroClockIsTheMachines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		began := time.Now()
		if err := c.Sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != time.Minute || !c.Now().Equal(time.Now()) || c.Scale() != 1 {
			t.Errorf("a minute took %v, the time is %v, the scale %v", took, c.Now(), c.Scale())
		}
	})
}

func TestTimeCanRunFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		began := c.Now()
		if err := c.SetScale(60); err != nil {
			t.Fatal(err)
		}
		real := time.Now()
		if err := c.Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(real); took != time.Minute {
			t.Errorf("an hour at 60 times the speed took %v", took)
		}
		if got := c.Now().Sub(began); got != time.Hour {
			t.Errorf("the clock moved by %v, want an hour", got)
		}
	})
}

func TestWhoWaitsNoticesAChange(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*clock.Clock) error{
		"a jump ahead":    func(c *clock.Clock) error { return c.Advance(2 * time.Hour) },
		"a faster clock":  func(c *clock.Clock) error { return c.SetScale(clock.MaxScale) },
		"one and another": func(c *clock.Clock) error { return errors.Join(c.SetScale(2), c.Advance(time.Hour)) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var c clock.Clock
				done := make(chan error)
				go func() { done <- c.Sleep(t.Context(), time.Hour) }()
				synctest.Wait()
				began := time.Now()
				if err := change(&c); err != nil {
					t.Fatal(err)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("it went on waiting for %v", took)
				}
			})
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTimeDoesNotGoBackOrStand(t *testing.T) {
	t.Parallel()
	var c clock.Clock
	for _, scale := range []float64{0, 0.5, -1, clock.MaxScale + 1, math.NaN(), math.Inf(1)} {
		if c.SetScale(scale) == nil {
			t.Errorf("a scale of %v was taken", scale)
		}
	}
	if c.Advance(-time.Second) == nil {
		t.Error("the clock was moved back")
	}
}
