package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Journal is the storage of Memory engines. It outlives them, as a disk outlives
// processes: give it to the next engine to go on where the last one was killed.
type Journal struct {
	mu   sync.Mutex
	runs map[string]*run
}

// run is one flow's stored state.
type run struct {
	Flow  string
	Input json.RawMessage
	Steps []outcome
	End   *outcome
}

// outcome is what a step or a flow ended with.
type outcome struct {
	Step   string
	Output json.RawMessage
	Failed bool
	Error  string
}

func (o outcome) result() (json.RawMessage, error) {
	if o.Failed {
		return nil, errors.New(o.Error)
	}
	return o.Output, nil
}

// NewJournal makes an empty journal.
func NewJournal() *Journal { return &Journal{runs: map[string]*run{}} }

// Memory is an engine without a disk, for simulation: its Journal is what would be
// stored. Moment, if not nil, is asked at each moment of a step; when it returns
// true the engine behaves like a process that is killed there.
type Memory struct {
	Set     *Set
	Journal *Journal
	Moment  func(Moment) (kill bool)

	mu     sync.Mutex
	killed bool
}

// Moment is a point at which a process could die: Before a step runs, or after it
// ran and before its outcome is written, or after that (Recorded).
type Moment struct {
	Run, Step string
	Number    int // of the step in its run, from 0
	When      When
}

// When is the part of a step that a Moment is in.
type When string

// The moments of each step.
const (
	Before   When = "before"
	Ran      When = "ran"
	Recorded When = "recorded"
)

// memoryCtx is one execution of a flow.
type memoryCtx struct {
	ctx  context.Context
	e    *Memory
	id   string
	r    *run
	next int
}

// Run implements Engine.
func (m *Memory) Run(ctx context.Context, id, flow string, input json.RawMessage) (json.RawMessage, error) {
	f, ok := m.Set.Flows[flow]
	if !ok {
		return nil, &EngineError{ID: id, Err: fmt.Errorf("flow %q is not defined", flow)}
	}
	if m.isKilled() {
		return nil, ErrInterrupted
	}
	m.Journal.mu.Lock()
	r, known := m.Journal.runs[id]
	if !known {
		r = &run{Flow: flow, Input: input}
		m.Journal.runs[id] = r
	}
	end := r.End
	m.Journal.mu.Unlock()
	if r.Flow != flow {
		return nil, &EngineError{ID: id, Err: fmt.Errorf("the stored run is of flow %q, not %q", r.Flow, flow)}
	}
	if end != nil {
		return end.result()
	}
	out, err := f(&memoryCtx{ctx: ctx, e: m, id: id, r: r}, r.Input)
	if m.isKilled() {
		return nil, ErrInterrupted
	}
	if NoOutcome(err) {
		return nil, err
	}
	m.Journal.mu.Lock()
	defer m.Journal.mu.Unlock()
	r.End = &outcome{Output: out}
	if err != nil {
		r.End = &outcome{Failed: true, Error: err.Error()}
	}
	return r.End.result()
}

// Run implements Ctx.
func (c *memoryCtx) Run(name string, input json.RawMessage) (json.RawMessage, error) {
	number := c.next
	c.next++
	c.e.Journal.mu.Lock()
	var stored *outcome
	if number < len(c.r.Steps) {
		stored = &c.r.Steps[number]
	}
	c.e.Journal.mu.Unlock()
	if stored != nil {
		if stored.Step != name {
			return nil, &EngineError{ID: c.id, Err: fmt.Errorf("step %d was %q when it ran and is %q now: the flow is not deterministic", number, stored.Step, name)}
		}
		return stored.result()
	}
	step, ok := c.e.Set.Steps[name]
	if !ok {
		return nil, &EngineError{ID: c.id, Err: fmt.Errorf("step %q is not defined", name)}
	}
	if c.ctx.Err() != nil || c.e.at(c.id, name, number, Before) {
		return nil, ErrInterrupted
	}
	out, err := step(StepContext(c.ctx), input)
	if c.e.at(c.id, name, number, Ran) {
		return nil, ErrInterrupted
	}
	if NoOutcome(err) {
		return nil, err
	}
	o := outcome{Step: name, Output: out}
	if err != nil {
		o = outcome{Step: name, Failed: true, Error: err.Error()}
	}
	c.e.Journal.mu.Lock()
	c.r.Steps = append(c.r.Steps, o)
	c.e.Journal.mu.Unlock()
	if c.e.at(c.id, name, number, Recorded) {
		return nil, ErrInterrupted
	}
	return o.result()
}

// at reports whether the process is dead at this moment.
func (m *Memory) at(id, step string, number int, when When) bool {
	if m.isKilled() {
		return true
	}
	if m.Moment != nil && m.Moment(Moment{Run: id, Step: step, Number: number, When: when}) {
		m.mu.Lock()
		m.killed = true
		m.mu.Unlock()
	}
	return m.isKilled()
}

func (m *Memory) isKilled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.killed
}

// Close implements Engine.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.killed = true
	return nil
}
