package data

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// Operation is what a store does.
type Operation string

// The operations of a store. Hooks run at "before." and "after." one of them.
const (
	OpList   Operation = "list"
	OpGet    Operation = "get"
	OpCreate Operation = "create"
	OpUpdate Operation = "update" // of all fields, or of some
	OpDelete Operation = "delete"
)

// Event is what a hook is told.
type Event struct {
	Model     string // the table of the model
	Operation Operation
	ID        any    // the key, of get, update and delete
	Row       any    // a *T: before a create or update what will be written, which the hook may change; else what was read or written
	Rows      any    // a []T: after a list
	Query     *Query // of a list; before it the hook may change it
	Fields    Mask   // before an update: the columns that will be written; a hook adds to them what it changes
}

// Hook is a function that runs at a point in the work of a store, or of a program.
type Hook struct {
	Name    string        // for records of what ran
	On      string        // the point: "before.create", "after.list", or a name of the program's own
	Model   string        // only for this table; "" is every one
	Order   int           // smaller ones run first; equal ones as they were added
	Timeout time.Duration // of one attempt; default: 5 seconds
	Retries int           // after a failure, with a wait of 50 ms that doubles; default: none
	// Run does it. An error before an operation refuses the operation, and is its error.
	// After one it is logged: what was done is done.
	Run func(ctx context.Context, e *Event) error
}

// Hooks are hooks that were added together. Add is for the time before the first
// request; Run may be called at any time by several goroutines.
type Hooks struct{ all []Hook }

// Add adds hooks.
func (h *Hooks) Add(hooks ...Hook) {
	for _, one := range hooks {
		if one.On == "" || one.Run == nil {
			panic(fmt.Sprintf("data: the hook %q needs a point to run at and a function", one.Name))
		}
	}
	h.all = append(h.all, hooks...)
	slices.SortStableFunc(h.all, func(a, b Hook) int { return cmp.Compare(a.Order, b.Order) })
}

// RunOptions say how hooks run together.
type RunOptions struct {
	Parallel    int  // how many at once; default: one, in their order
	StopOnError bool // begin none after one that failed
}

// Execution is the record of hooks that ran.
type Execution struct {
	ID          string        `json:"executionId"`
	Point       string        `json:"hookName"`
	Duration    time.Duration `json:"executionTime"` // in JSON nanoseconds
	Total       int           `json:"totalHooks"`
	Successful  int           `json:"successful"`
	Failed      int           `json:"failed"` // with those that took too long
	Timeouts    int           `json:"timeouts"`
	Skipped     int           `json:"skipped"`     // after a failure
	SuccessRate float64       `json:"successRate"` // per cent of those that ran; 100 when none did
	Results     []HookResult  `json:"results"`     // in the order of the hooks
}

// HookResult is what one hook did.
type HookResult struct {
	Name     string        `json:"name"`
	OK       bool          `json:"success"`
	TimedOut bool          `json:"timedOut,omitempty"`
	Skipped  bool          `json:"skipped,omitempty"`
	Attempts int           `json:"attempts"`
	Duration time.Duration `json:"executionTime"` // in JSON nanoseconds
	Err      error         `json:"-"`
	Error    string        `json:"error,omitempty"` // the text of Err
}

// Err is the first error, nil when every hook was successful.
func (e *Execution) Err() error {
	for _, r := range e.Results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// Run runs the hooks of a point for the event, and says what became of each.
func (h *Hooks) Run(ctx context.Context, point string, e *Event, o RunOptions) *Execution {
	var chosen []*Hook
	for i := range h.all {
		if one := &h.all[i]; one.On == point && (one.Model == "" || e != nil && one.Model == e.Model) {
			chosen = append(chosen, one)
		}
	}
	x := &Execution{ID: rand.Text(), Point: point, Total: len(chosen), Results: make([]HookResult, len(chosen)), SuccessRate: 100}
	began := time.Now()
	room := make(chan struct{}, max(o.Parallel, 1))
	var running sync.WaitGroup
	var mu sync.Mutex
	failed := false
	for i, one := range chosen {
		room <- struct{}{}
		mu.Lock()
		stop := failed && o.StopOnError
		mu.Unlock()
		if stop {
			x.Results[i] = HookResult{Name: one.Name, Skipped: true}
			<-room
			continue
		}
		running.Go(func() {
			defer func() { <-room }()
			r := one.execute(ctx, e)
			mu.Lock()
			defer mu.Unlock()
			x.Results[i] = r
			failed = failed || !r.OK
		})
	}
	running.Wait()
	x.Duration = time.Since(began)
	for _, r := range x.Results {
		switch {
		case r.Skipped:
			x.Skipped++
		case r.OK:
			x.Successful++
		default:
			x.Failed++
		}
		if r.TimedOut {
			x.Timeouts++
		}
	}
	if ran := x.Successful + x.Failed; ran > 0 {
		x.SuccessRate = 100 * float64(x.Successful) / float64(ran)
	}
	return x
}

// execute runs a hook until it succeeds or its attempts are used up.
func (h *Hook) execute(ctx context.Context, e *Event) HookResult {
	r := HookResult{Name: h.Name}
	began := time.Now()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		r.Attempts++
		r.TimedOut, r.Err = h.attempt(ctx, e)
		if r.Err == nil || r.Attempts > h.Retries || r.TimedOut || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	r.Duration = time.Since(began)
	if r.OK = r.Err == nil; !r.OK {
		r.Error = r.Err.Error()
	}
	return r
}

// errHookTimeout is that of a hook which took too long.
var errHookTimeout = errors.New("the hook took too long")

// attempt runs the hook once. One that does not end with its context is left behind,
// and not tried again: it may still be at work.
func (h *Hook) attempt(ctx context.Context, e *Event) (timedOut bool, err error) {
	limit := h.Timeout
	if limit <= 0 {
		limit = 5 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errHookTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if caught := recover(); caught != nil {
				slog.ErrorContext(ctx, "a hook panicked", "hook", h.Name, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
				host.Spoil(ctx)
				done <- fmt.Errorf("the hook panicked: %v", caught)
			}
		}()
		done <- h.Run(ctx, e)
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if timedOut = context.Cause(ctx) == errHookTimeout && err != nil; timedOut {
		err = fmt.Errorf("%q: %w", h.Name, errHookTimeout)
	}
	return timedOut, err
}
