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
	"fmt"
)

// Ctx is what a running flow calls steps through. Only engines make one.
type Ctx interface {
	// Context ends when the flow is cancelled or its process stops.
	Context() context.Context
	// Run runs the step called name with JSON input, or returns its recorded outcome.
	Run(name string, input json.RawMessage) (json.RawMessage, error)
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

// Engine runs flows of a Set durably.
type Engine interface {
	// Run starts the flow with this id, or joins the stored run of that id, and
	// waits for its outcome. A run that has ended returns its stored outcome.
	Run(ctx context.Context, id, flow string, input json.RawMessage) (json.RawMessage, error)
	// Close stops taking work and releases what the engine holds.
	Close() error
}
