package services

import (
	"sync"
	"time"
)

// breaker keeps calls from a service that is down. It is closed while all is well; after
// some failures in a row it is open, and no call is made; when that time is over it lets
// one through at a time, and either closes after some successes or opens again.
type breaker struct {
	failures  int // in a row that open it; negative: none do
	open      time.Duration
	successes int // in a row that close it

	mu      sync.Mutex
	state   breakerState
	inARow  int       // failures while it is closed, successes while it is half open
	until   time.Time // while it is open
	probing bool      // a call is under way while it is half open
}

type breakerState int

const (
	closed breakerState = iota
	opened
	halfOpen
)

// enter asks whether a call may be made; when it may not, wait is how long it is until
// the next one may be tried. Whoever may must say how it went.
func (b *breaker) enter(now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == opened {
		if wait := b.until.Sub(now); wait > 0 {
			return wait, false
		}
		b.state, b.inARow = halfOpen, 0
	}
	if b.state == halfOpen {
		if b.probing {
			return time.Second, false
		}
		b.probing = true
	}
	return 0, true
}

// outcome is how a call went.
type outcome int

const (
	succeeded outcome = iota
	failed
	abandoned // by the caller: it says nothing about the service
)

// leave says how a call went that enter let through.
func (b *breaker) leave(now time.Time, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch {
	case o == abandoned:
	case b.state == halfOpen && o == failed:
		b.trip(now)
	case b.state == halfOpen:
		if b.inARow++; b.inARow >= b.successes {
			b.state, b.inARow = closed, 0
		}
	case o == succeeded:
		b.inARow = 0
	case b.state == closed:
		if b.inARow++; b.failures > 0 && b.inARow >= b.failures {
			b.trip(now)
		}
	}
}

func (b *breaker) trip(now time.Time) {
	b.state, b.until, b.inARow = opened, now.Add(b.open), 0
}
