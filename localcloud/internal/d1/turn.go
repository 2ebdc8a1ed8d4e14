package d1

import (
	"context"
	"sync/atomic"
	"time"
)

// What waits for its turn at a database. Cloudflare has such limits and does not say
// where they are: these are ours.
const (
	maxWaiting = 1000
	maxWait    = 10 * time.Second
)

// What Cloudflare says when too much is asked of a database.
var (
	errTooMany = &Error{"D1 DB is overloaded. Too many requests queued."}
	errTooLong = &Error{"D1 DB is overloaded. Requests queued for too long."}
)

// turn is had by one call at a time, in the order in which they came.
type turn struct {
	taken   chan struct{}
	waiting atomic.Int64
}

func newTurn() turn { return turn{taken: make(chan struct{}, 1)} }

// take waits for the turn. Whoever goes away meanwhile leaves the queue.
func (t *turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t.taken <- struct{}{}:
		return nil
	default:
	}
	if t.waiting.Add(1) > maxWaiting {
		t.waiting.Add(-1)
		return errTooMany
	}
	defer t.waiting.Add(-1)
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errTooLong
	}
}

// Lock is take for what has to be done, however long it waits.
func (t *turn) Lock() { t.taken <- struct{}{} }

// Unlock gives the turn to the next one.
func (t *turn) Unlock() { <-t.taken }
