package d1

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Job is an import or an export: it goes on after the call that began it.
type Job struct {
	// Bookmark is the one before it; it is how the job is asked for.
	Bookmark string
	done     chan struct{}

	// What follows is there when Wait says that the job is done.
	Err     error           // an *Error when SQL is to blame
	Queries int             // statements that an import ran
	Meta    json.RawMessage // what they did, as that of a query
	Final   string          // the bookmark after an import
}

// Kind is what a Job does. A database has at most one of each.
type Kind int

// What a job can do.
const (
	Import Kind = iota
	Export
)

// ErrBusy is a job that cannot begin because another of its kind goes on.
var ErrBusy = errors.New("another one is going on")

// Wait waits for the end of the job, at most for d, and says whether it came.
func (j *Job) Wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-j.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// Job is the last job of a kind, when its bookmark is that one; else nil.
func (d *DB) Job(k Kind, bookmark string) *Job {
	d.jobs.Lock()
	defer d.jobs.Unlock()
	if j := d.jobs.last[k]; j != nil && j.Bookmark == bookmark {
		return j
	}
	return nil
}

// mayBegin says why no job of a kind can begin; d.jobs is locked.
func (d *DB) mayBegin(k Kind) error {
	if d.jobs.ctx.Err() != nil {
		return ErrNotFound
	}
	if j := d.jobs.last[k]; j != nil {
		select {
		case <-j.done:
		default:
			return ErrBusy
		}
	}
	return nil
}

// begin has work done when it is its turn.
func (d *DB) begin(ctx context.Context, k Kind, work func(ctx context.Context, j *Job) error) (*Job, error) {
	// First, because the bookmark would wait for the end of the other job.
	d.jobs.Lock()
	err := d.mayBegin(k)
	d.jobs.Unlock()
	if err != nil {
		return nil, err
	}
	bookmark, err := d.Bookmark(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	d.jobs.Lock()
	defer d.jobs.Unlock()
	if err := d.mayBegin(k); err != nil { // another has come meanwhile
		return nil, err
	}
	j := &Job{Bookmark: bookmark, done: make(chan struct{})}
	d.jobs.last[k] = j
	d.jobs.group.Go(func() {
		defer close(j.done)
		j.Err = d.hold(d.jobs.ctx, func() error {
			cancel := d.cancel
			stop := context.AfterFunc(d.jobs.ctx, func() { close(cancel) })
			err := work(d.jobs.ctx, j)
			if !stop() {
				<-cancel
				d.resetInterrupt()
			}
			if rollback := d.settle(err); rollback != nil {
				return rollback
			}
			if err == nil {
				j.Final = d.bookmark()
				d.archiveWhenLong()
				return nil
			}
			return explain(err)
		})
	})
	return j, nil
}
