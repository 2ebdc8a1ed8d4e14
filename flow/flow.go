// Package flow is the port for work that must survive a crash. A flow is a
// deterministic function that calls registered steps; an engine writes each step's
// outcome down, so that after a crash the flow runs again and skips what is done.
//
// Steps run at least once: a step must find what it would make before it makes it,
// and find again when the outcome of making it is unknown. Inputs and outputs are
// stored as JSON and must never hold secrets, only references to them.
package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrInterrupted is what Ctx.Run and Engine.Run return when the work stops before it
// has an outcome: the process ends, or the caller gave up. Nothing is recorded for
// it, and the next Engine.Run of the same id goes on after the last recorded step.
var ErrInterrupted = errors.New("interrupted before an outcome")

// Ctx is what a running flow calls steps through. Only engines make one.
type Ctx interface {
	// Run runs the step called name with JSON input, or returns its recorded outcome.
	// A step's error is an outcome too, kept as its text only, unless it is NoOutcome:
	// then nothing is recorded, and the flow must return that error at once.
	Run(name string, input json.RawMessage) (json.RawMessage, error)
}

// NoOutcome reports whether err means that a step or flow has not ended: it was
// interrupted, or the engine could not do its work. Engines do not record it.
func NoOutcome(err error) bool {
	var broken *EngineError
	return errors.Is(err, ErrInterrupted) || errors.As(err, &broken)
}

// stopping is the key of the channel that StepContext keeps.
type stopping struct{}

// StepContext is the context that an engine runs a step with: it is not cancelled
// when ctx is, so that a call in hand is finished, but Stopping tells of it.
func StepContext(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), stopping{}, ctx.Done())
}

// Stopping is closed when the work should stop. A step that only waits and looks may
// then return ErrInterrupted; it runs again later. nil outside an engine.
func Stopping(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(stopping{}).(<-chan struct{})
	return done
}

// Set is the steps and flows that an engine can run, by name. Names are a contract
// with stored runs: a step whose meaning changes gets a new name.
type Set struct {
	Steps map[string]func(context.Context, json.RawMessage) (json.RawMessage, error)
	Flows map[string]func(Ctx, json.RawMessage) (json.RawMessage, error)
}

// NewSet makes an empty set.
func NewSet() *Set {
	return &Set{
		Steps: map[string]func(context.Context, json.RawMessage) (json.RawMessage, error){},
		Flows: map[string]func(Ctx, json.RawMessage) (json.RawMessage, error){},
	}
}

// Step is the typed handle of a registered step.
type Step[I, O any] func(Ctx, I) (O, error)

// DefineStep registers f under name and returns the handle that flows call.
func DefineStep[I, O any](s *Set, name string, f func(context.Context, I) (O, error)) Step[I, O] {
	if _, twice := s.Steps[name]; twice {
		panic("flow: step " + name + " is defined twice")
	}
	s.Steps[name] = func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
		var in I
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("read input of step %s: %w", name, err)
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
	return func(c Ctx, in I) (O, error) {
		var out O
		raw, err := json.Marshal(in)
		if err != nil {
			return out, fmt.Errorf("write input of step %s: %w", name, err)
		}
		res, err := c.Run(name, raw)
		if err != nil {
			return out, err
		}
		return out, json.Unmarshal(res, &out)
	}
}

// DefineFlow registers f under name.
func DefineFlow[I, O any](s *Set, name string, f func(Ctx, I) (O, error)) {
	if _, twice := s.Flows[name]; twice {
		panic("flow: flow " + name + " is defined twice")
	}
	s.Flows[name] = func(c Ctx, raw json.RawMessage) (json.RawMessage, error) {
		var in I
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("read input of flow %s: %w", name, err)
		}
		out, err := f(c, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// Engine runs flows of a Set durably. Its methods are safe for concurrent use.
type Engine interface {
	// Run starts the flow with this id, or goes on with the stored run of that id, and
	// waits for its outcome. A run that has ended returns its stored outcome; input
	// counts only the first time. When ctx ends, the step in hand is finished and
	// recorded, no further one begins, and Run returns ErrInterrupted.
	//
	// The caller makes sure that no other process runs the same id, with a lease: a
	// stored run without outcome is taken over at once.
	//
	// An error of the flow itself is an outcome; an error of the engine, such as a
	// full disk, is an *EngineError and leaves the run to be gone on with.
	Run(ctx context.Context, id, flow string, input json.RawMessage) (json.RawMessage, error)
	// Close stops taking work, waits for steps in hand and releases what it holds.
	Close() error
}

// EngineError says that the engine could not do its own work; nothing is said about
// the flow, which goes on where it was when it is run again.
type EngineError struct {
	ID  string // of the run
	Err error
}

func (e *EngineError) Error() string { return fmt.Sprintf("run %s: %v", e.ID, e.Err) }

// Unwrap is what went wrong.
func (e *EngineError) Unwrap() error { return e.Err }
