package traffic

import (
	"sync"
	"sync/atomic"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// The things that come through the queue besides exchanges, traces and calls.
type (
	beginning struct {
		version runtime.Invoked
		ray     string
	}
	command struct {
		run   func() error // by the writer
		taken atomic.Bool  // by the writer, who runs it, or by who gave up waiting
		done  chan error
	}
)

// queue is what requests hand to the writer. Nobody waits, and the writer sleeps while
// little has come: to be woken by every request would cost more than its record.
type queue struct {
	wake    chan struct{} // when much has come
	mu      sync.Mutex
	waiting []any
	spare   []any // an empty one
}

// offer adds an item unless the queue is full.
func (q *queue) offer(item any) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= queued {
		return false
	}
	q.waiting = append(q.waiting, item)
	if len(q.waiting)%much == 0 {
		q.signal()
	}
	return true
}

// push adds a command, which the writer hears of at once.
func (q *queue) push(c *command) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, c)
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it will come anyway
	}
}

// take empties the queue. What it returns is to be given back.
func (q *queue) take() []any {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting, q.spare = q.spare, nil
	return all
}

func (q *queue) giveBack(all []any) {
	clear(all)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare = all[:0]
}
