// Package durable is the flow engine on DBOS Transact: each step's outcome is written
// to a database before the next step begins, so that a killed process's flows go on
// in another one.
package durable

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // how DBOS understands the errors of *sql.DB

	"github.com/tamylaa/clodo/flow"
)

// schema names what stored runs look like. It takes the place of DBOS's default, the
// hash of the program, with which an upgraded clodo would not find its own runs.
const schema = "flows-1"

// Options is what an Engine needs.
type Options struct {
	// DB is a handle of its own on a SQLite database in WAL mode with synchronous=FULL;
	// Close closes it.
	DB *sql.DB
	// Scope is the work that this engine may take over from dead processes, such as
	// the id of a release. The caller holds a lease so that no two living processes
	// have the same: DBOS would run the other one's flows a second time.
	Scope string
}

// Engine implements flow.Engine.
type Engine struct {
	set *flow.Set
	c   dbos.Context

	mu      sync.Mutex
	runs    map[string]*execution
	closing bool
	inHand  sync.WaitGroup // steps
}

// execution is a run that somebody waits for.
type execution struct {
	ready   chan struct{}   // closed when ctx is set
	ctx     context.Context // of the caller of Run
	stopped chan error      // told why the run stopped without an outcome
}

// stored is what DBOS keeps as input of a run and as outcome of runs and steps. A
// step's own error is a part of its outcome here, so that every error which DBOS
// reports is the engine's.
type stored struct {
	Flow   string          `json:"flow,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`
	Failed bool            `json:"failed,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func (s stored) result() (json.RawMessage, error) {
	if s.Failed {
		return nil, errors.New(s.Error)
	}
	return s.JSON, nil
}

func outcome(out json.RawMessage, err error) stored {
	if err != nil {
		return stored{Failed: true, Error: err.Error()}
	}
	return stored{JSON: out}
}

// New makes the engine and takes over what a dead process of the same scope left; it
// goes on when Run asks for it.
func New(ctx context.Context, set *flow.Set, o Options) (*Engine, error) {
	e := &Engine{set: set, runs: map[string]*execution{}}
	if err := makeTables(ctx, o.DB); err != nil {
		return nil, errors.Join(fmt.Errorf("open flow engine: %w", err), o.DB.Close())
	}
	o.DB.SetMaxOpenConns(4)
	var err error
	e.c, err = dbos.NewContext(context.WithoutCancel(ctx), dbos.Config{
		AppName: "clodo", SQLiteSystemDB: o.DB, Logger: slog.New(slog.DiscardHandler),
		// The version is a part of what DBOS looks for when it takes work: with the scope
		// in it no other process, which has no lease for this work, takes it.
		ApplicationVersion: schema + "/" + o.Scope, ExecutorID: o.Scope,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open flow engine: %w", err), o.DB.Close())
	}
	dbos.RegisterWorkflow(e.c, e.workflow, dbos.WithWorkflowName("clodo"))
	if err := dbos.Launch(e.c); err != nil {
		return nil, fmt.Errorf("start flow engine: %w", err)
	}
	return e, nil
}

// execution is the run with this id, made when it is first asked for.
func (e *Engine) execution(id string) *execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	x, ok := e.runs[id]
	if !ok {
		x = &execution{ready: make(chan struct{}), stopped: make(chan error, 1)}
		e.runs[id] = x
	}
	return x
}

// Run implements flow.Engine.
func (e *Engine) Run(ctx context.Context, id, name string, input json.RawMessage) (json.RawMessage, error) {
	if _, ok := e.set.Flows[name]; !ok {
		return nil, &flow.EngineError{ID: id, Err: fmt.Errorf("flow %q is not defined", name)}
	}
	x := e.execution(id)
	e.mu.Lock()
	if x.ctx == nil {
		x.ctx = ctx
		close(x.ready)
	}
	closing := e.closing
	e.mu.Unlock()
	if closing {
		return nil, flow.ErrInterrupted
	}
	h, err := dbos.RunWorkflow(e.c, e.workflow, stored{Flow: name, JSON: input}, dbos.WithWorkflowID(id))
	if err != nil {
		return nil, &flow.EngineError{ID: id, Err: err}
	}
	type end struct {
		stored
		err error
	}
	ended := make(chan end, 1)
	go func() {
		s, err := h.GetResult(dbos.WithHandlePollingInterval(5 * time.Millisecond))
		ended <- end{s, err}
	}()
	select {
	case err := <-x.stopped:
		return nil, err
	case end := <-ended:
		if end.err != nil {
			return nil, &flow.EngineError{ID: id, Err: end.err}
		}
		if end.Flow != name {
			return nil, &flow.EngineError{ID: id, Err: fmt.Errorf("the stored run is of flow %q, not %q", end.Flow, name)}
		}
		return end.result()
	}
}

// workflow is the only workflow that DBOS knows: it runs the flow named in its input.
func (e *Engine) workflow(c dbos.Context, in stored) (stored, error) {
	id, err := dbos.GetWorkflowID(c)
	if err != nil {
		return stored{}, err
	}
	x := e.execution(id)
	select {
	case <-x.ready:
	case <-c.Done():
		return stored{}, c.Err()
	}
	f, ok := e.set.Flows[in.Flow]
	if !ok {
		return stored{}, e.park(c, x, &flow.EngineError{ID: id, Err: fmt.Errorf("flow %q is not defined", in.Flow)})
	}
	out, err := f(&runCtx{e: e, c: c, x: x, id: id}, in.JSON)
	if flow.NoOutcome(err) {
		return stored{}, e.park(c, x, err)
	}
	end := outcome(out, err)
	end.Flow = in.Flow
	return end, nil
}

// park tells the caller of Run why there is no outcome, and waits for Close: a step or
// workflow that returned would be recorded as ended, unless it was shut down.
func (e *Engine) park(c dbos.Context, x *execution, err error) error {
	select {
	case x.stopped <- err:
	default: // told before
	}
	<-c.Done()
	return c.Err()
}

// runCtx implements flow.Ctx.
type runCtx struct {
	e  *Engine
	c  dbos.Context
	x  *execution
	id string
}

// Run implements flow.Ctx.
func (r *runCtx) Run(name string, input json.RawMessage) (json.RawMessage, error) {
	step, ok := r.e.set.Steps[name]
	if !ok {
		return nil, &flow.EngineError{ID: r.id, Err: fmt.Errorf("step %q is not defined", name)}
	}
	// Until its outcome is recorded the step is in hand: DBOS drops the outcome of a
	// step whose workflow was shut down meanwhile.
	r.e.mu.Lock()
	if r.e.closing {
		r.e.mu.Unlock()
		return nil, flow.ErrInterrupted
	}
	r.e.inHand.Add(1)
	r.e.mu.Unlock()
	release := sync.OnceFunc(r.e.inHand.Done)
	defer release()
	s, err := dbos.RunAsStep(r.c, func(context.Context) (stored, error) {
		if r.x.ctx.Err() != nil {
			release()
			return stored{}, r.e.park(r.c, r.x, flow.ErrInterrupted)
		}
		out, err := r.call(step, input)
		if flow.NoOutcome(err) {
			release()
			return stored{}, r.e.park(r.c, r.x, err)
		}
		return outcome(out, err), nil
	}, dbos.WithStepName(name))
	if err != nil {
		return nil, &flow.EngineError{ID: r.id, Err: err}
	}
	return s.result()
}

// call runs a step. A panic is no outcome: a repaired clodo goes on from there.
func (r *runCtx) call(step func(context.Context, json.RawMessage) (json.RawMessage, error), input json.RawMessage) (out json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &flow.EngineError{ID: r.id, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return step(flow.StepContext(r.x.ctx), input)
}

// Close implements flow.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.inHand.Wait()
	return dbos.Shutdown(e.c, 5*time.Second)
}
