package clock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// keeping is what a file holds of a clock: how far it is ahead of the machine's at most,
// so that whoever goes on from there has never told a later time.
type keeping struct {
	file   string // "": nothing is kept
	failed func(error)
	ahead  time.Duration // what the file promises
}

// reserve is of how much of the machine's time ahead a faster clock makes its promise,
// and so how often it writes.
const reserve = time.Second

// lead is the content of the file.
type lead struct {
	Ahead string `json:"ahead"` // a time such as 24h0m0s
}

// Keep goes on from what the file holds and keeps in it how far the clock is ahead of
// the machine's. Then time does not go back either when the process ends and another one
// begins, killed or not. While it runs faster than the machine's, failed is told what
// keeps it from being written.
func (c *Clock) Keep(file string, failed func(error)) error {
	var in lead
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &in)
	}
	var ahead time.Duration
	if err == nil {
		ahead, err = time.ParseDuration(in.Ahead)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("how far the clock is ahead: %s: %w", file, err)
	}
	c.mu.Lock()
	c.kept = keeping{file: file, failed: failed, ahead: ahead}
	c.mu.Unlock()
	return c.LeadBy(max(ahead, 0))
}

// LeadBy moves the cloud's time ahead until it is at least that far ahead of the machine's.
func (c *Clock) LeadBy(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("time cannot be moved back: %v", d)
	}
	if d == 0 {
		return nil // it is the machine's clock, which also knows of a night's sleep
	}
	return c.change(func(at time.Time, scale float64) (time.Time, float64) {
		return at.Add(max(d-time.Until(at), 0)), scale
	})
}

// LetGo writes down where a faster clock has really got to. The clock is not kept any more.
func (c *Clock) LetGo() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := max(time.Until(c.now()), 0) // a moment has passed since it was that time
	k := c.kept
	c.kept = keeping{}
	if k.file == "" || ahead >= k.ahead {
		return nil
	}
	return k.write(ahead)
}

// running keeps the promise of a clock that gets ahead by itself.
func (k *keeping) running(ahead time.Duration, scale float64) {
	if err := k.promise(ahead, scale); err != nil {
		k.failed(err)
		k.ahead = ahead + promised(scale) // not to fail at every look at the clock
	}
}

// promise has the file say that the clock may be that far ahead, before it is.
func (k *keeping) promise(ahead time.Duration, scale float64) error {
	if k.file == "" || ahead <= k.ahead {
		return nil
	}
	if scale > 1 {
		ahead += promised(scale)
	}
	return k.write(ahead)
}

func promised(scale float64) time.Duration { return time.Duration(float64(reserve) * scale) }

// write replaces the file as a whole.
func (k *keeping) write(ahead time.Duration) error {
	b, err := json.Marshal(lead{Ahead: ahead.String()})
	if err != nil {
		return err
	}
	fresh, err := os.OpenFile(k.file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fresh.Write(b)
		// To disk before it is renamed, or a loss of power may leave an empty file.
		err = errors.Join(err, fresh.Sync(), fresh.Close())
	}
	if err == nil {
		err = os.Rename(fresh.Name(), k.file)
	}
	if err != nil {
		return fmt.Errorf("keeping how far the clock is ahead: %w", err)
	}
	k.ahead = ahead
	return nil
}
