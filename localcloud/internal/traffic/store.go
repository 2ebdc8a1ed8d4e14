package traffic

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// Options say how a Store is opened.
type Options struct {
	Path  string       // of its SQLite file
	Clock *clock.Clock // the cloud's time; default: the machine's
	Log   *slog.Logger // default: nothing
	// Keep is how many records of each kind are kept, KeepFor how long, in the cloud's time; what is
	// over either goes. 0 means 100,000 and 7 days.
	Keep    int
	KeepFor time.Duration
}

// How the writer works.
const (
	queued    = 1 << 14               // what requests may be ahead of the writer
	interval  = 50 * time.Millisecond // between two looks at what waits
	much      = 1 << 11               // of that, and the writer does not wait for the interval
	batch     = 1 << 10               // records that are written before the interval is over
	heldBack  = 1 << 16               // records that wait while the file is held
	trimAfter = 1 << 10               // records between two clearings
)

// Store records the traffic of a cloud. It is the runtime's Observer.
type Store struct {
	options     Options
	db          *database
	queue       queue
	stop, ended chan struct{}
	stopped     atomic.Bool
	hub         hub
	dropped     atomic.Int64

	// What follows is the writer's own.
	collector *collector
	dirty     []any // Record or d1.Call
	fresh     int   // written since the last clearing
	failing   bool
}

// Open opens a store, making its file when it is missing. Close has to be called.
func Open(o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = &clock.Clock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Keep == 0 {
		o.Keep = 100_000
	}
	if o.KeepFor == 0 {
		o.KeepFor = 7 * 24 * time.Hour
	}
	db, err := openDatabase(o.Path)
	if err != nil {
		return nil, err
	}
	last, err := db.last()
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	s := &Store{options: o, db: db, queue: queue{wake: make(chan struct{}, 1)}, stop: make(chan struct{}), ended: make(chan struct{})}
	s.collector = newCollector(last, s.keep, s.hub.publish, func() { s.dropped.Add(1) }, s.cloudTime)
	go s.write()
	return s, nil
}

// Close writes what is known and closes the file. The runtime must have ended.
func (s *Store) Close() error {
	if s.stopped.Swap(true) {
		return nil
	}
	close(s.stop)
	<-s.ended
	return s.db.close()
}

// Began is told by the runtime that a request has come. It never waits.
func (s *Store) Began(v runtime.Invoked, ray string) { s.offer(&beginning{v, ray}) }

// Ended is told that a request was answered. It never waits.
func (s *Store) Ended(e runtime.Exchange) { s.offer(&e) }

// Traced is told what workerd says of invocations. It never waits.
func (s *Store) Traced(all []runtime.Trace) {
	for i := range all {
		s.offer(&all[i])
	}
}

// Called is what a D1 database tells of each call. It never waits.
func (s *Store) Called(c d1.Call) { s.offer(&c) }

func (s *Store) offer(item any) {
	if s.queue.offer(item) {
		return
	}
	if n := s.dropped.Add(1); n&(n-1) == 0 { // at each power of two
		s.options.Log.Warn("traffic comes faster than it can be recorded", "lost", n)
	}
}

// Stats says how complete the record is.
type Stats struct {
	Lost int64 `json:"lost"` // of what happened since the start of the cloud, by the number of reports
}

// Stats says how complete the record is.
func (s *Store) Stats() Stats { return Stats{Lost: s.dropped.Load()} }

// write is the one goroutine that owns the collector and the file.
func (s *Store) write() {
	defer close(s.ended)
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-s.queue.wake:
			s.takeAll()
		case <-ticks.C:
			s.takeAll()
			s.collector.tick()
			s.flush()
		case <-s.stop:
			s.takeAll()
			s.collector.settle()
			s.flush()
			return
		}
	}
}

// takeAll takes what has come, and writes it when it is much.
func (s *Store) takeAll() {
	all := s.queue.take()
	for _, item := range all {
		s.take(item)
	}
	s.queue.giveBack(all)
	if len(s.dirty) >= batch {
		s.flush()
	}
}

func (s *Store) take(item any) {
	switch v := item.(type) {
	case *beginning:
		s.collector.begin(v.version, v.ray)
	case *runtime.Exchange:
		s.collector.end(*v)
	case *runtime.Trace:
		s.collector.trace(*v)
	case *d1.Call:
		s.add(*v)
	case *command:
		if v.taken.CompareAndSwap(false, true) {
			v.done <- v.run()
		}
	}
}

// keep is called by the collector.
func (s *Store) keep(r Record) { s.add(r) }

func (s *Store) add(item any) {
	if len(s.dirty) >= heldBack {
		s.dropped.Add(1)
		return
	}
	s.dirty = append(s.dirty, item)
}

func (s *Store) cloudTime(t time.Time) time.Time {
	return s.options.Clock.Now().Add(-time.Since(t))
}

// flush writes what is known. A failure is told once until it works again.
func (s *Store) flush() {
	if len(s.dirty) == 0 {
		return
	}
	err := s.db.change(func(c *sqlite.Conn) error {
		var calls []d1.Call
		for _, item := range s.dirty {
			switch v := item.(type) {
			case Record:
				if err := put(c, v); err != nil {
					return err
				}
			case d1.Call:
				calls = append(calls, v)
			}
		}
		if err := putCalls(c, calls); err != nil {
			return err
		}
		if s.fresh += len(s.dirty); s.fresh < trimAfter {
			return nil
		}
		s.fresh = 0
		return s.trim(c)
	})
	if err != nil {
		s.dropped.Add(int64(len(s.dirty)))
		if !s.failing {
			s.options.Log.Error("the traffic cannot be recorded", "error", err)
		}
	}
	s.failing = err != nil
	clear(s.dirty)
	s.dirty = s.dirty[:0]
}

func (s *Store) trim(c *sqlite.Conn) error {
	before := s.options.Clock.Now().Add(-s.options.KeepFor).UnixMicro()
	for _, table := range tables {
		if err := c.Exec(`DELETE FROM `+table+` WHERE id <= (SELECT max(id) FROM `+table+`) - ?`, s.options.Keep); err != nil {
			return err
		}
		// They are in the order of their times, but for a moment: what is old is in front.
		if err := c.Exec(`DELETE FROM `+table+` WHERE id < coalesce((SELECT id FROM `+table+` WHERE +at >= ? ORDER BY id LIMIT 1), ?)`, before, int64(math.MaxInt64)); err != nil {
			return err
		}
	}
	return nil
}

// do has the writer run a command after all that was told before. An error of its own
// means that the command was not run, and will not be.
func (s *Store) do(ctx context.Context, run func() error) error {
	cmd := &command{run: run, done: make(chan error, 1)}
	s.queue.push(cmd)
	var instead error
	select {
	case err := <-cmd.done:
		return err
	case <-ctx.Done():
		instead = context.Cause(ctx)
	case <-s.ended:
		instead = errClosed
	}
	if cmd.taken.CompareAndSwap(false, true) {
		return instead
	}
	return <-cmd.done // it is run already
}

var errClosed = errors.New("the record of the traffic is closed")

// Sync returns when what was told before can be queried. Requests that have ended,
// and of which workerd may still tell, are among it as far as they are known.
func (s *Store) Sync(ctx context.Context) error {
	return s.do(ctx, func() error {
		s.collector.settle()
		s.flush()
		return nil
	})
}

// Clear forgets everything.
func (s *Store) Clear(ctx context.Context) error {
	return s.do(ctx, func() error {
		s.dirty = s.dirty[:0]
		return s.db.change(func(c *sqlite.Conn) error {
			for _, table := range tables {
				if err := c.Exec(`DELETE FROM ` + table); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
