package cron

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Job is a cron trigger of a Worker.
type Job struct {
	Account, Script string
	Expression      string
}

// Fire runs a trigger that is due and says how it ended. at is the minute it is due in.
type Fire func(ctx context.Context, j Job, at time.Time) (outcome string, err error)

// runTime is how long a run may take, and runs how many of one trigger there are at a
// time: more would be due faster than they end, when the clock runs fast.
const (
	runTime   = 15 * time.Minute
	runs      = 5
	closeTime = 3 * time.Second // for runs under way when the scheduler is closed
)

// Scheduler fires triggers by the cloud's clock. What was due while it did not run is not
// fired later; when the clock is moved ahead, each trigger that was due meanwhile is fired
// once, for the last time that it was due.
type Scheduler struct {
	clock *clock.Clock
	log   *slog.Logger

	mu      sync.Mutex
	jobs    map[Job]*running
	changed chan struct{}      // closed when jobs change
	stop    context.CancelFunc // ends firing
	cancel  context.CancelFunc // ends runs
	work    sync.WaitGroup
}

// running is a job's schedule and what it is doing.
type running struct {
	schedule Schedule
	since    time.Time // it was fired for, or had not been there before
	now      int       // runs under way
}

// NewScheduler makes a scheduler without jobs.
func NewScheduler(c *clock.Clock, log *slog.Logger) *Scheduler {
	return &Scheduler{clock: c, log: log, jobs: map[Job]*running{}, changed: make(chan struct{})}
}

// Set says which triggers there are. Expressions that cannot be read are left out.
func (s *Scheduler) Set(jobs []Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[Job]*running{}
	for _, j := range jobs {
		if r, known := s.jobs[j]; known {
			next[j] = r
		} else if schedule, err := Parse(j.Expression); err == nil {
			next[j] = &running{schedule: schedule, since: s.clock.Now()}
		} else {
			s.log.Error("a cron trigger cannot be read", "script", j.Script, "cron", j.Expression, "error", err)
		}
	}
	s.jobs = next
	close(s.changed)
	s.changed = make(chan struct{})
}

// Start begins to fire. Close has to be called.
func (s *Scheduler) Start(fire Fire) {
	firing, stop := context.WithCancel(context.Background())
	runs, cancel := context.WithCancel(context.Background())
	s.stop, s.cancel = stop, cancel
	now := s.clock.Now()
	s.mu.Lock()
	for _, r := range s.jobs {
		r.since = now
	}
	s.mu.Unlock()
	s.work.Go(func() { s.run(firing, runs, fire) })
}

// Close stops firing. Runs under way get a moment, or as long as ctx lasts if that is
// shorter; then they are ended.
func (s *Scheduler) Close(ctx context.Context) {
	if s.stop == nil {
		return
	}
	s.stop()
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	s.cancel()
	<-ended
}

// run fires until ctx ends; the runs have a context of their own.
func (s *Scheduler) run(ctx, running context.Context, fire Fire) {
	for ctx.Err() == nil {
		at, changed, some := s.next()
		waiting, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() {
			select {
			case <-changed:
			case <-waiting.Done():
			}
			stop()
		})
		var err error
		if some {
			err = s.clock.Wait(waiting, at)
		} else {
			<-waiting.Done()
			err = waiting.Err()
		}
		stop()
		watching.Wait()
		if err == nil {
			s.fireDue(running, fire)
		}
	}
}

// next is when a job is due next, and what tells that the jobs have changed.
func (s *Scheduler) next() (first time.Time, changed chan struct{}, some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.jobs {
		if at, ok := r.schedule.Next(r.since); ok && (!some || at.Before(first)) {
			first, some = at, true
		}
	}
	return first, s.changed, some
}

// fireDue fires every job that is due by now.
func (s *Scheduler) fireDue(ctx context.Context, fire Fire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	for j, r := range s.jobs {
		at, due := r.schedule.Last(r.since, now)
		if !due || !at.After(r.since) {
			continue
		}
		r.since = at
		if r.now >= runs {
			s.log.Warn("a cron trigger is skipped: its earlier runs have not ended", "script", j.Script, "cron", j.Expression, "scheduled", at)
			continue
		}
		r.now++
		s.work.Go(func() {
			s.once(ctx, fire, j, at)
			s.mu.Lock()
			defer s.mu.Unlock()
			r.now--
		})
	}
}

// once is one run, with its outcome in the log.
func (s *Scheduler) once(ctx context.Context, fire Fire, j Job, at time.Time) {
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	outcome, err := fire(ctx, j, at)
	if err != nil {
		s.log.Error("a cron trigger could not fire", "script", j.Script, "cron", j.Expression, "scheduled", at, "error", err)
		return
	}
	s.log.Info("a cron trigger fired", "script", j.Script, "cron", j.Expression, "scheduled", at, "outcome", outcome)
}
