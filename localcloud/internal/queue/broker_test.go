package queue

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// consumer is a Worker that says what it was given and answers what it is told.
type consumer struct {
	got    chan string
	answer chan Result
	failed chan error
}

func newConsumer() *consumer {
	return &consumer{got: make(chan string, 100), answer: make(chan Result, 100), failed: make(chan error, 100)}
}

func (c *consumer) deliver(ctx context.Context, _, script string, b Batch) (Result, error) {
	select {
	case err := <-c.failed:
		return Result{}, err
	default:
	}
	var attempts []string
	for _, m := range b.Messages {
		attempts = append(attempts, fmt.Sprintf("%s#%d", m.Body, m.Attempts))
	}
	c.got <- script + " " + b.Queue + " " + strings.Join(attempts, " ")
	select {
	case r := <-c.answer:
		return r, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func (c *consumer) next(t *testing.T) string {
	t.Helper()
	select {
	case s := <-c.got:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was delivered")
		return ""
	}
}

// silent demands that nothing is delivered for a moment.
func (c *consumer) silent(t *testing.T) {
	t.Helper()
	select {
	case s := <-c.got:
		t.Errorf("%q was delivered", s)
	case <-time.After(30 * time.Millisecond):
	}
}

func queueOf(name string, change func(*Consumer)) Queue {
	c := DefaultConsumer(Worker)
	c.Script, c.Concurrency = "web", 1
	if change != nil {
		change(&c)
	}
	return Queue{ID: name, Account: "acc", Name: name, Settings: DefaultSettings(), Consumers: []Consumer{c}}
}

// broker is one over a file, with its Worker.
func broker(t *testing.T, path string, c *clock.Clock, all ...Queue) (*Broker, *consumer) {
	t.Helper()
	s, err := Open(path, c)
	check(t, err)
	b := NewBroker(s, c, slog.New(slog.DiscardHandler))
	w := newConsumer()
	b.Configure(all)
	b.Start(w.deliver)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		b.Close(ctx)
		check(t, s.Close())
	})
	return b, w
}

func TestABatchWaitsToBecomeFull(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	q := queueOf("q", func(c *Consumer) { c.BatchSize, c.WaitMS = 2, 60_000 })
	b, w := broker(t, filepath.Join(t.TempDir(), "queues.db"), c, q)
	check(t, b.Send(q, text("a")))
	w.silent(t)
	check(t, b.Send(q, text("b"), text("c")))
	if got := w.next(t); got != "web q a#1 b#1" {
		t.Errorf("the full batch is %q", got)
	}
	w.answer <- Result{Outcome: "ok"}
	w.silent(t)
	check(t, c.Advance(time.Minute))
	if got := w.next(t); got != "web q c#1" {
		t.Errorf("after its wait the batch is %q", got)
	}
	w.answer <- Result{Outcome: "ok"}
}

func TestMessagesWaitForTheirWorker(t *testing.T) {
	t.Parallel()
	q := queueOf("q", func(c *Consumer) { c.WaitMS = 0 })
	b, w := broker(t, filepath.Join(t.TempDir(), "queues.db"), &clock.Clock{}, q)
	w.failed <- fmt.Errorf("%w: not deployed", ErrNotServed)
	check(t, b.Send(q, text("a")))
	w.silent(t)
	b.Wake()
	if got := w.next(t); got != "web q a#1" {
		t.Errorf("after the deployment: %q; an attempt that was none counts", got)
	}
	w.answer <- Result{Outcome: "ok"}
	paused := q
	paused.Settings.Paused = true
	b.Configure([]Queue{paused})
	check(t, b.Send(q, text("b")))
	w.silent(t)
	b.Configure([]Queue{q})
	if got := w.next(t); got != "web q b#1" {
		t.Errorf("after the pause: %q", got)
	}
	w.failed <- fmt.Errorf("workerd died")
	w.answer <- Result{Outcome: "exception"}
	for w.next(t) != "web q b#3" { // the second attempt died with workerd
		t.Error("a retry is missing")
	}
	w.answer <- Result{Outcome: "ok"}
}

func TestWhatADyingCloudDeliveredComesAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queues.db")
	q := queueOf("q", func(c *Consumer) { c.WaitMS = 0 })
	s, err := Open(path, &clock.Clock{})
	check(t, err)
	first := NewBroker(s, &clock.Clock{}, slog.New(slog.DiscardHandler))
	w := newConsumer()
	first.Configure([]Queue{q})
	first.Start(w.deliver)
	check(t, first.Send(q, text("a")))
	w.next(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	first.Close(ctx) // the Worker never answers
	check(t, s.Close())
	_, again := broker(t, path, &clock.Clock{}, q)
	if got := again.next(t); got != "web q a#2" {
		t.Errorf("after the restart: %q", got)
	}
}

func TestWhatWasSaidOfAMessageStandsBeforeWhatWasSaidOfTheBatch(t *testing.T) {
	t.Parallel()
	c := Consumer{RetryDelay: 7}
	taken := []Delivered{{ID: "a", Lease: "a"}, {ID: "b", Lease: "b"}}
	acked := map[string]bool{"a": true}
	retried := map[string]*time.Duration{"a": new(time.Minute)}
	ack, retry := Settled{Lease: "b", Delay: 7 * time.Second}, Settled{Lease: "b", Retry: true, Delay: 7 * time.Second}
	own := Settled{Lease: "a", Retry: true, Delay: time.Minute}
	done := Settled{Lease: "a", Delay: 7 * time.Second}
	for name, test := range map[string]struct {
		result Result
		want   []Settled
	}{
		"nothing was said":                      {Result{Outcome: "ok"}, []Settled{done, ack}},
		"an exception retries the rest":         {Result{Outcome: "exception", Acks: acked}, []Settled{done, retry}},
		"an exception after all were acked":     {Result{Outcome: "exception", AckAll: true}, []Settled{done, ack}},
		"one is retried and all are acked":      {Result{Outcome: "ok", AckAll: true, Retries: retried}, []Settled{own, ack}},
		"one is acked and all are retried":      {Result{Outcome: "ok", RetryAll: true, Acks: acked}, []Settled{done, retry}},
		"all are retried with a delay":          {Result{Outcome: "ok", RetryAll: true, RetryDelay: new(time.Hour), Retries: retried}, []Settled{own, {Lease: "b", Retry: true, Delay: time.Hour}}},
		"a retry without a delay has the usual": {Result{Outcome: "ok", Retries: map[string]*time.Duration{"b": nil}}, []Settled{done, retry}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := test.result.settle(c, taken)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
