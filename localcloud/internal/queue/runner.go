package queue

import (
	"context"
	"errors"
	"sync"
	"time"
)

// runner pushes the messages of one queue to its Worker.
type runner struct {
	broker *Broker
	queue  string // id
	stop   chan struct{}
	awake  chan struct{} // holds a token when something may have changed

	mu     sync.Mutex
	busy   int  // deliveries under way
	absent bool // the Worker could not be reached: wait for a change
}

// again is how long a runner waits for a Worker to be deployed before it looks by itself,
// and after an error of the disk. It is the machine's time.
const again = 5 * time.Second

func (r *runner) wake() {
	select {
	case r.awake <- struct{}{}:
	default:
	}
}

func (r *runner) run() {
	b := r.broker
	for {
		q, c, ok := b.served(r)
		if !ok {
			return
		}
		if r.blocked(c) {
			r.pause()
			continue
		}
		at, some, err := b.store.ready(q.ID, c.BatchSize, time.Duration(c.WaitMS)*time.Millisecond)
		switch {
		case err != nil:
			b.log.Error("the messages of a queue cannot be read", "queue", q.Name, "error", err)
			r.pause()
		case !some:
			r.sleep()
		case b.clock.Now().Before(at):
			r.until(at)
		default:
			r.take(q, c)
		}
	}
}

// blocked reports that no more deliveries can begin now.
func (r *runner) blocked(c Consumer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := c.Concurrency
	if limit == 0 {
		limit = concurrency
	}
	return r.busy >= limit || r.absent
}

// sleep waits for a change.
func (r *runner) sleep() {
	select {
	case <-r.awake:
	case <-r.stop:
	}
}

// pause waits for a change, but not for ever.
func (r *runner) pause() {
	timer := time.NewTimer(again)
	defer timer.Stop()
	select {
	case <-r.awake:
	case <-r.stop:
	case <-timer.C:
		r.retry()
	}
}

// retry makes the runner try its Worker again.
func (r *runner) retry() {
	r.mu.Lock()
	r.absent = false
	r.mu.Unlock()
	r.wake()
}

// until waits for the cloud's clock, or for a change.
func (r *runner) until(at time.Time) {
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	defer watching.Wait() // so that the token of a later change is not taken by this watch
	defer cancel()
	watching.Go(func() {
		select {
		case <-r.awake:
		case <-r.stop:
		case <-ctx.Done():
		}
		cancel()
	})
	_ = r.broker.clock.Wait(ctx, at) // either way the runner looks again
}

// take begins one delivery.
func (r *runner) take(q Queue, c Consumer) {
	b := r.broker
	terms := b.terms(q, c)
	taken, fate, err := b.store.Lease(q.ID, c.BatchSize, 0, terms)
	if err != nil {
		b.log.Error("the messages of a queue cannot be taken", "queue", q.Name, "error", err)
		r.pause()
		return
	}
	b.tell(q, c, fate)
	if len(taken) == 0 {
		return
	}
	r.mu.Lock()
	r.busy++
	r.mu.Unlock()
	b.work.Go(func() {
		r.deliver(q, c, terms, taken)
		r.mu.Lock()
		r.busy--
		r.mu.Unlock()
		r.wake()
	})
}

// deliver is one delivery to its end.
func (r *runner) deliver(q Queue, c Consumer, terms Terms, taken []Delivered) {
	b := r.broker
	metrics, err := b.store.Metrics(q.ID)
	if err != nil {
		b.log.Error("the messages of a queue cannot be counted", "queue", q.Name, "error", err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, deliveryTime)
	defer cancel()
	result, err := b.deliver(ctx, q.Account, c.Script, Batch{Queue: q.Name, Messages: taken, Metrics: metrics})
	switch {
	case errors.Is(err, ErrNotServed):
		r.mu.Lock()
		r.absent = true
		r.mu.Unlock()
		b.log.Warn("the messages of a queue wait: "+err.Error(), "queue", q.Name, "script", c.Script)
		var leases []string
		for _, m := range taken {
			leases = append(leases, m.Lease)
		}
		if err := b.store.Return(q.ID, leases...); err != nil {
			b.log.Error("messages of a queue stay leased until the cloud starts again", "queue", q.Name, "error", err)
		}
		return
	case b.ctx.Err() != nil:
		return // the cloud is closing: they are due again when it starts
	case err != nil:
		b.log.Error("a delivery did not come to its end", "queue", q.Name, "script", c.Script, "error", err)
		result = Result{Outcome: "exception"}
	}
	settled, acked := result.settle(c, taken)
	_, fate, err := b.store.Settle(q.ID, terms, settled...)
	if err != nil {
		b.log.Error("messages of a queue stay leased until the cloud starts again", "queue", q.Name, "error", err)
		return
	}
	b.tell(q, c, fate)
	b.log.Info("a batch was delivered", "queue", q.Name, "script", c.Script, "outcome", result.Outcome, "messages", len(taken), "acknowledged", acked)
}

// settle says what becomes of each message: what was said of the message itself stands
// before what was said of the batch, and that before how the handler ended.
func (r Result) settle(c Consumer, taken []Delivered) (all []Settled, acked int) {
	usual := time.Duration(c.RetryDelay) * time.Second
	for _, m := range taken {
		one := Settled{Lease: m.Lease, Delay: usual}
		delay, retried := r.Retries[m.ID]
		switch {
		case r.Acks[m.ID]:
		case retried:
			one.Retry = true
			if delay != nil {
				one.Delay = *delay
			}
		case r.AckAll:
		case r.RetryAll:
			one.Retry = true
			if r.RetryDelay != nil {
				one.Delay = *r.RetryDelay
			}
		default:
			one.Retry = r.Outcome != "ok"
		}
		if !one.Retry {
			acked++
		}
		all = append(all, one)
	}
	return all, acked
}
