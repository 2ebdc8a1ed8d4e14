// Package queue is Cloudflare Queues on this machine: messages in one SQLite file, sent
// by Workers through workerd's own binding and by the REST API, and handed in batches
// to consumers. A message that was accepted is on disk, and it is there until somebody
// acknowledged it, its attempts are used up or it is too old: it is delivered at least
// once, also across a kill of the cloud.
package queue

import (
	"fmt"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// Cloudflare's limits; a KB has 1,000 bytes.
const (
	MaxBody      = 128_000 // bytes of a message
	MaxBatch     = 100     // messages of one send, and of one delivery
	MaxBatchSize = 256_000 // bytes of their bodies
	MaxDelay     = 24 * time.Hour
	MaxVisible   = 12 * time.Hour // that pulled messages are hidden from others
	MaxRetries   = 100
	MaxWait      = 60 * time.Second
	MaxWorkers   = 250 // concurrent deliveries
	MinRetention = time.Minute
	MaxRetention = 14 * 24 * time.Hour
)

// Queue is a queue as the API keeps it; its messages are in the Store, under its id.
type Queue struct {
	ID         string // 32 hex
	Account    string
	Name       string
	CreatedOn  time.Time
	ModifiedOn time.Time
	Settings   Settings
	Consumers  []Consumer // at most one: a queue has one consumer
}

// Settings of a queue.
type Settings struct {
	Delay     int // seconds that messages wait which do not say themselves
	Paused    bool
	Retention int // seconds
}

// DefaultSettings are those of a queue that was made without any.
func DefaultSettings() Settings { return Settings{Retention: 4 * 24 * 3600} }

// Consumer types.
const (
	Worker   = "worker"
	HTTPPull = "http_pull"
)

// Consumer is who takes messages out of a queue, and how.
type Consumer struct {
	ID          string // 32 hex
	CreatedOn   time.Time
	Type        string // Worker or HTTPPull
	Script      string // of a Worker
	DeadLetter  string // name of the queue for messages whose attempts are used up; "" drops them
	BatchSize   int
	MaxRetries  int
	RetryDelay  int // seconds
	WaitMS      int // how long a Worker's batch may wait to become full
	Concurrency int // 0 leaves it to the broker
	Visibility  int // milliseconds that pulled messages are invisible to others
}

// DefaultConsumer has Cloudflare's defaults.
func DefaultConsumer(kind string) Consumer {
	return Consumer{Type: kind, BatchSize: 10, MaxRetries: 3, WaitMS: 5000, Visibility: 30_000}
}

// Check says what is wrong with a consumer's settings.
func (c Consumer) Check() error {
	delay := int(MaxDelay / time.Second)
	for _, s := range []struct {
		name            string
		value, low, top int
		counts          bool
	}{
		{"batch_size", c.BatchSize, 1, MaxBatch, true},
		{"max_retries", c.MaxRetries, 0, MaxRetries, true},
		{"retry_delay", c.RetryDelay, 0, delay, true},
		{"max_wait_time_ms", c.WaitMS, 0, int(MaxWait / time.Millisecond), c.Type == Worker},
		{"max_concurrency", c.Concurrency, 0, MaxWorkers, c.Type == Worker},
		{"visibility_timeout_ms", c.Visibility, 0, int(MaxVisible / time.Millisecond), c.Type == HTTPPull},
	} {
		if s.counts && (s.value < s.low || s.value > s.top) {
			return fmt.Errorf("%s must be from %d to %d, got %d", s.name, s.low, s.top, s.value)
		}
	}
	return nil
}

// Check says what is wrong with a queue's settings.
func (s Settings) Check() error {
	if top := int(MaxDelay / time.Second); s.Delay < 0 || s.Delay > top {
		return fmt.Errorf("delivery_delay must be from 0 to %d, got %d", top, s.Delay)
	}
	if low, top := int(MinRetention/time.Second), int(MaxRetention/time.Second); s.Retention < low || s.Retention > top {
		return fmt.Errorf("message_retention_period must be from %d to %d, got %d", low, top, s.Retention)
	}
	return nil
}

var name = lazyregexp.New(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidName reports whether s can be a queue's name: lower-case letters, digits and
// hyphens between them, up to 63.
func ValidName(s string) bool { return name.MatchString(s) }

// Error is a request that a queue refuses. Code is Cloudflare's, and a Worker sees it in
// its exception.
type Error struct {
	Code    int
	Message string
}

// Cloudflare's codes of an Error.
const (
	CodeNoQueue   = 10104
	CodeMetadata  = 10203 // content type or delay
	CodeSize      = 10204
	CodeBatchSize = 10205
	CodeCount     = 10206
	CodeSchema    = 10207
	CodeMalformed = 10208
)

// Status is the HTTP status of the answer.
func (e *Error) Status() int {
	switch e.Code {
	case CodeNoQueue:
		return http.StatusNotFound
	case CodeSize, CodeBatchSize, CodeCount:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

func (e *Error) Error() string { return e.Message }
