// Package clock is the time of the local cloud: the machine's, unless it was made to
// run faster or was moved ahead, so that what takes minutes on Cloudflare can be
// tried in seconds.
package clock

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// MaxScale is how much faster than the machine's a clock may run.
const MaxScale = 100_000

// end is the last moment that there is: times are kept as nanoseconds in many places,
// which end in 2262.
var end = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock tells the cloud's time. Its zero value is the machine's clock. It is safe
// for concurrent use, and never goes back.
type Clock struct {
	mu      sync.Mutex
	since   time.Time     // when scale or ahead was changed last, by the machine
	at      time.Time     // what the cloud's time was then
	scale   float64       // 0 is 1
	changed chan struct{} // closed by the next change; nil while nobody waits
	kept    keeping
}

// Now is the cloud's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.since.IsZero() {
		return time.Now().UTC()
	}
	passed, rest := float64(time.Since(c.since))*c.scale, end.Sub(c.at)
	if passed >= float64(rest) {
		return end
	}
	t := c.at.Add(time.Duration(passed))
	if c.scale > 1 {
		c.kept.running(time.Until(t), c.scale)
	}
	return t
}

// Scale is how many seconds of the cloud pass in one of the machine.
func (c *Clock) Scale() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.scale == 0 {
		return 1
	}
	return c.scale
}

// SetScale makes the cloud's time run scale times as fast as the machine's, from 1
// to MaxScale. Who waits is told.
func (c *Clock) SetScale(scale float64) error {
	if err := CheckScale(scale); err != nil {
		return err
	}
	return c.change(func(at time.Time, _ float64) (time.Time, float64) { return at, scale })
}

// CheckScale says what is wrong with a scale.
func CheckScale(scale float64) error {
	if !(scale >= 1 && scale <= MaxScale) { // not a number is refused too
		return fmt.Errorf("time can run 1 to %d times as fast, not %v", MaxScale, scale)
	}
	return nil
}

// Advance moves the cloud's time ahead at once, at most to the end of the year 2261.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("time cannot be moved back: %v", d)
	}
	return c.change(func(at time.Time, scale float64) (time.Time, float64) { return at.Add(d), scale })
}

// change lets edit say what the cloud's time is from now on and how fast it runs.
func (c *Clock) change(edit func(at time.Time, scale float64) (time.Time, float64)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, scale := edit(c.now(), max(c.scale, 1))
	if at.After(end) {
		return fmt.Errorf("time ends with the year 2261; it is %s", c.now().Format(time.RFC3339))
	}
	if err := c.kept.promise(time.Until(at), scale); err != nil {
		return err
	}
	c.at, c.since, c.scale = at, time.Now(), scale
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
	return nil
}

// Wait returns nil when the cloud's time has reached until, or the error of ctx.
func (c *Clock) Wait(ctx context.Context, until time.Time) error {
	for {
		rest, changed := c.rest(until)
		if rest <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// rest is how long the machine has to wait for until, as things are.
func (c *Clock) rest(until time.Time) (time.Duration, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	d := until.Sub(c.now())
	if c.scale > 1 && d > 0 {
		d = max(time.Duration(float64(d)/c.scale), 1)
	}
	return d, c.changed
}

// Sleep waits for d of the cloud's time, or until ctx ends.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	return c.Wait(ctx, c.Now().Add(d))
}
