package deploy

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/flow"
)

// job is the input of the flow of one target, and part of the input of its steps.
type job struct {
	Release string     `json:"release"`
	Plan    string     `json:"plan"`
	By      string     `json:"by"`
	Message string     `json:"message,omitempty"`
	Target  TargetPlan `json:"target"`
}

func (j job) tag() string { return versionTag(j.Release, j.Plan, j.Target.Content) }

// message is the annotation workers/message of what a release makes.
func (j job) message() string {
	m := "clodo " + j.Release + " by " + j.By
	if j.Message != "" {
		m = j.Message + " (" + m + ")"
	}
	return m
}

// call is the input of a step: the job, and what the call needs besides.
type call[A any] struct {
	job
	Arg A `json:"arg"`
}

// outcome is what a step ends with: a value, or a problem that leads to undo.
type outcome[T any] struct {
	Value   T        `json:"value"`
	Problem *Problem `json:"problem,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Skipped bool     `json:"skipped,omitempty"`
}

// none is the argument or value of a step that has none.
type none struct{}

// worker carries out steps in this process: it holds the ports and the leases of the
// releases that run here, and remembers why one paused.
type worker struct {
	Ports
	mu      sync.Mutex
	leases  map[string]Lease    // by release and resource
	reasons map[string]*Problem // why runs paused, by run
}

// leaseKey is the key of a lease in worker.leases.
func leaseKey(release, resource string) string { return release + " " + resource }

func (w *worker) hold(release string, l Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leases[leaseKey(release, l.Resource)] = l
}

func (w *worker) lease(j job) Lease {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leases[leaseKey(j.Release, j.Target.resource())]
}

// callMargin is how long before the end of its lease a runner stops making calls, so
// that none is under way when somebody else takes over.
const callMargin = 5 * time.Second

// fenced fails with ErrInterrupted when the lease of j's Worker has (nearly) run out.
// It compares wall clocks: Go's monotonic clock stands still while a laptop sleeps.
func (w *worker) fenced(j job) error {
	l := w.lease(j)
	if l.Resource == "" || time.Now().Round(0).Add(callMargin).Before(l.Expires.Round(0)) {
		return nil
	}
	return fmt.Errorf("%w: the lease on %s ran out", flow.ErrInterrupted, l.Resource)
}

// steps are the handles of all registered steps.
type steps struct {
	begin       flow.Step[call[none], outcome[none]]
	placeholder flow.Step[call[none], outcome[none]]
	resource    flow.Step[call[int], outcome[string]]
	migrate     flow.Step[call[fileArg], outcome[string]]
	upload      flow.Step[call[map[string]string], outcome[Version]]
	split       flow.Step[call[splitArg], outcome[none]]
	attach      flow.Step[call[triggerArg], outcome[none]]
	probe       flow.Step[call[probeArg], outcome[string]]
	undo        flow.Step[call[undoArg], outcome[none]]
	record      flow.Step[call[TargetRecord], outcome[none]]
}

// define registers the steps. Their names are a contract with stored runs.
func (w *worker) define(set *flow.Set) steps {
	return steps{
		begin:       define(w, set, "begin.1", StepCheck, w.begin),
		placeholder: define(w, set, "placeholder.1", StepResource, w.makePlaceholder),
		resource:    define(w, set, "resource.1", StepResource, w.makeResource),
		migrate:     define(w, set, "migrate.1", StepMigrate, w.runMigration),
		upload:      define(w, set, "upload.1", StepUpload, w.sendVersion),
		split:       define(w, set, "split.1", StepShift, w.setSplit),
		attach:      define(w, set, "trigger.1", StepTriggers, w.setTrigger),
		probe:       define(w, set, "probe.1", StepVerify, w.ask),
		undo:        define(w, set, "undo.1", StepUndo, w.takeBack),
		record:      define(w, set, "record.1", StepRecord, w.save),
	}
}

// named is what a step's argument calls the step, when it is not the usual one, and
// which of several calls it is.
type named interface{ label() (Step, string) }

// define registers f as a step that is fenced, told to the observer and noted in the
// record. An error of f becomes a problem, unless the work should pause.
func define[A, T any](w *worker, set *flow.Set, name string, usual Step, f func(context.Context, call[A]) (outcome[T], error)) flow.Step[call[A], outcome[T]] {
	return flow.DefineStep(set, name, func(ctx context.Context, c call[A]) (outcome[T], error) {
		at, which := usual, ""
		if n, ok := any(c.Arg).(named); ok {
			at, which = n.label()
		}
		if err := w.fenced(c.job); err != nil {
			return outcome[T]{}, err
		}
		note := StepNote{Release: c.Release, Target: c.Target.Target, Step: at, Name: which, State: Started, At: time.Now()}
		if mutates(name) {
			if err := w.Recorder.SaveStep(ctx, note, w.lease(c.job)); err != nil {
				return outcome[T]{}, &flow.EngineError{ID: runID(c.Release, c.Target), Err: fmt.Errorf("note the intent: %w", err)}
			}
		}
		w.tell(c.job, at, Started, which, 0, nil)
		began := time.Now()
		out, err := f(ctx, c)
		took := time.Since(began)
		switch {
		case flow.NoOutcome(err):
			return out, err
		case err != nil && pauses(err):
			w.pause(c.job, problemOf(err, c.Target, at, describeCall(at, which, c.Target)))
			return out, fmt.Errorf("%w: %w", flow.ErrInterrupted, err)
		case err != nil:
			out.Problem = problemOf(err, c.Target, at, describeCall(at, which, c.Target))
			note.State, note.Detail = Failed, out.Problem.Finding.Message
		case out.Skipped:
			note.State, note.Detail = Skipped, out.Detail
		default:
			note.State, note.Detail = Done, out.Detail
		}
		note.At = time.Now()
		if mutates(name) {
			if err := w.Recorder.SaveStep(ctx, note, w.lease(c.job)); err != nil {
				return out, &flow.EngineError{ID: runID(c.Release, c.Target), Err: fmt.Errorf("note what was done: %w", err)}
			}
		}
		w.tell(c.job, at, note.State, joinWords(which, out.Detail), took, out.Problem)
		return out, nil
	})
}

// mutates reports whether a step changes the account: its intent is then noted first.
func mutates(name string) bool {
	return name != "begin.1" && name != "probe.1" && name != "record.1"
}

func joinWords(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}

// describeCall is what a step does, for "Cloudflare refused to …".
func describeCall(s Step, which string, t TargetPlan) string {
	if which != "" && (s == StepTriggers || s == StepSmoke || s == StepUndo) {
		return which // such as attach example.com
	}
	verb := map[Step]string{
		StepCheck: "read", StepResource: "make", StepMigrate: "migrate", StepUpload: "upload", StepShift: "shift the traffic of",
		StepTriggers: "change", StepSmoke: "test", StepVerify: "test", StepUndo: "undo", StepRecord: "record",
	}[s]
	if which == "" {
		which = fmt.Sprintf("%q", t.Script.Name)
	}
	return verb + " " + which
}

func (w *worker) tell(j job, s Step, state State, detail string, took time.Duration, p *Problem) {
	e := Event{Time: time.Now(), Release: j.Release, Target: j.Target.Target, Step: s, State: state, Detail: detail, Elapsed: took}
	if p != nil {
		e.Error = p.Finding.Message
		e.Findings = append(slices.Clone(p.Findings), p.Finding)
	}
	w.Observer.Observe(e)
}

func (w *worker) pause(j job, p *Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reasons[runID(j.Release, j.Target)] = p
}
