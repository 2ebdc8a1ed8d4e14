package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// ErrNotServed is a delivery for a Worker that is not deployed, or that has no handler
// for it. The messages stay as they were.
var ErrNotServed = errors.New("the Worker is not served")

// Batch is a delivery to a Worker.
type Batch struct {
	Queue    string // its name
	Messages []Delivered
	Metrics  Metrics // of the queue
}

// Result is what a Worker's queue handler said. Acks and Retries name messages by id;
// a nil delay leaves it to the consumer's settings.
type Result struct {
	Outcome    string // "ok", or how the handler failed
	AckAll     bool
	RetryAll   bool
	RetryDelay *time.Duration
	Acks       map[string]bool
	Retries    map[string]*time.Duration
}

// Deliver hands a batch to the queue handler of a Worker. It fails when the handler did
// not run to an end, with ErrNotServed if it did not even begin.
type Deliver func(ctx context.Context, account, script string, b Batch) (Result, error)

// How long deliveries may take, and how long while the cloud closes, and how many there are at a time when the consumer does
// not say.
const (
	deliveryTime = 15 * time.Minute
	closeTime    = 3 * time.Second
	concurrency  = 5
)

// Broker moves messages: from producers into the Store, and from there to consumers.
type Broker struct {
	store   *Store
	clock   *clock.Clock
	log     *slog.Logger
	deliver Deliver

	mu      sync.Mutex
	queues  map[string]Queue // by id
	runners map[string]*runner
	stop    chan struct{} // closed by Close; nil before Start
	work    sync.WaitGroup
	cancel  context.CancelFunc // ends deliveries
	ctx     context.Context
}

// NewBroker makes a broker over a store. It takes messages at once and delivers them
// after Start.
func NewBroker(s *Store, c *clock.Clock, log *slog.Logger) *Broker {
	b := &Broker{store: s, clock: c, log: log, queues: map[string]Queue{}, runners: map[string]*runner{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	s.sent = b.wake
	return b
}

// Start begins to deliver. Close has to be called.
func (b *Broker) Start(deliver Deliver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliver, b.stop = deliver, make(chan struct{})
	b.start()
}

// Configure tells the broker which queues there are.
func (b *Broker) Configure(all []Queue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queues = map[string]Queue{}
	for _, q := range all {
		b.queues[q.ID] = q
	}
	b.start()
	b.wakeAll()
}

// Wake makes the broker try again what could not be delivered, such as after a Worker was
// deployed.
func (b *Broker) Wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeAll()
}

// Close stops delivering. Deliveries under way get a moment, or as long as ctx lasts if
// that is shorter; what they had is delivered again after the next start.
func (b *Broker) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	b.mu.Lock()
	if b.stop != nil {
		close(b.stop)
		b.stop = nil
	}
	b.wakeAll()
	b.mu.Unlock()
	ended := make(chan struct{})
	go func() { b.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	b.cancel()
	<-ended
}

func (b *Broker) wakeAll() {
	for _, r := range b.runners {
		r.retry()
	}
}

func (b *Broker) wake(queue string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.runners[queue]; r != nil {
		r.wake()
	}
}

// start starts the runners that are missing. The caller holds b.mu.
func (b *Broker) start() {
	if b.stop == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(b.queues)) {
		if _, serves := servedBy(b.queues[id]); serves && b.runners[id] == nil {
			r := &runner{broker: b, queue: id, awake: make(chan struct{}, 1), stop: b.stop}
			b.runners[id] = r
			b.work.Go(r.run)
		}
	}
}

// servedBy is the Worker that a queue's messages are pushed to.
func servedBy(q Queue) (Consumer, bool) {
	i := slices.IndexFunc(q.Consumers, func(c Consumer) bool { return c.Type == Worker })
	if i < 0 || q.Settings.Paused {
		return Consumer{}, false
	}
	return q.Consumers[i], true
}

// served is the queue of a runner. When there is nothing to run for the runner is
// forgotten, and has to end.
func (b *Broker) served(r *runner) (Queue, Consumer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q, ok := b.queues[r.queue]
	c, serves := servedBy(q)
	if !ok || !serves || isClosed(r.stop) {
		delete(b.runners, r.queue)
		return Queue{}, Consumer{}, false
	}
	return q, c, true
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// named is the queue of a name.
func (b *Broker) named(account, name string) (Queue, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.queues {
		if q.Account == account && q.Name == name {
			return q, true
		}
	}
	return Queue{}, false
}

// terms are what counts for the messages of q while c, if there is one, takes them.
func (b *Broker) terms(q Queue, c Consumer) Terms {
	t := Terms{MaxRetries: c.MaxRetries, Retention: time.Duration(q.Settings.Retention) * time.Second}
	if c.DeadLetter == "" {
		return t
	}
	if dead, ok := b.named(q.Account, c.DeadLetter); ok {
		t.DeadLetter = dead.ID
	} else {
		b.log.Warn("the dead letter queue of a queue does not exist", "queue", q.Name, "dead_letter_queue", c.DeadLetter)
	}
	return t
}

// tell writes down what nobody else would learn of.
func (b *Broker) tell(q Queue, c Consumer, f Fate) {
	if f.Dead > 0 {
		b.log.Warn("messages went to the dead letter queue: their attempts are used up", "queue", q.Name, "dead_letter_queue", c.DeadLetter, "messages", f.Dead)
	}
	if f.Dropped > 0 {
		b.log.Warn("messages were dropped: their attempts are used up and the queue has no dead letter queue", "queue", q.Name, "messages", f.Dropped)
	}
	if f.Expired > 0 {
		b.log.Warn("messages were dropped: they were older than the queue keeps them", "queue", q.Name, "messages", f.Expired)
	}
}

// Waiting is the messages of the queue of a name that could be delivered now, the first
// first; at most limit.
func (b *Broker) Waiting(account, name string, limit int) ([]Delivered, error) {
	q, ok := b.named(account, name)
	if !ok {
		return nil, &Error{CodeNoQueue, fmt.Sprintf("the queue %q does not exist", name)}
	}
	return b.store.Peek(q.ID, limit)
}
