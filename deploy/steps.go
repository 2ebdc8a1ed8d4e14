package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/migrate"
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
	return w.leases[leaseKey(j.Release, j.Target.Script.resource())]
}

// resource is the name of the lease on a Worker.
func (s Script) resource() string { return "worker:" + s.Account + "/" + s.Name }

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

func (w *worker) begin(ctx context.Context, c call[none]) (outcome[none], error) {
	return outcome[none]{}, w.unmoved(ctx, c.job)
}

// unmoved is the optimistic lock: what serves must still be what the plan was made
// for. A placeholder is ours.
func (w *worker) unmoved(ctx context.Context, j job) error {
	now, err := w.Traffic.Split(ctx, j.Target.Script)
	if err != nil || now.equal(j.Target.Base) {
		return err
	}
	if j.Target.Placeholder && len(now) == 1 {
		v, found, err := w.findVersion(ctx, j.Target.Script, j.placeholderTag())
		if err != nil || found && v.ID == now[0].Version {
			return err
		}
	}
	return fmt.Errorf("%w: %s, and %s when the plan was made", errMoved, splitWords(now), splitWords(j.Target.Base))
}

// placeholderModule is what a Worker in a circle is made of until its own code comes.
const placeholderModule = `export default { fetch() { return new Response("This Worker is being deployed.", { status: 503 }); } };`

func (j job) placeholderTag() string { return versionTag(j.Release, j.Plan, "placeholder") }

func (w *worker) makePlaceholder(ctx context.Context, c call[none]) (outcome[none], error) {
	module := NewModule("index.js", "application/javascript+module", []byte(placeholderModule))
	raw, err := json.Marshal(map[string]any{
		"main_module": module.Name, "bindings": []any{}, "compatibility_date": "2024-01-01",
		"annotations": map[string]string{"workers/tag": c.placeholderTag(), "workers/message": c.message()},
	})
	if err != nil {
		return outcome[none]{}, fmt.Errorf("write metadata: %w", err)
	}
	_, _, err = certain(ctx, func() error { return w.fenced(c.job) },
		func(ctx context.Context) (Version, bool, error) {
			return w.findVersion(ctx, c.Target.Script, c.placeholderTag())
		},
		func(ctx context.Context) (Version, error) {
			if now, err := w.Traffic.Split(ctx, c.Target.Script); err != nil || len(now) > 0 {
				return Version{}, cmp.Or(err, fmt.Errorf("%w: %s", errMoved, splitWords(now)))
			}
			return w.Versions.Upload(ctx, Upload{
				Script: c.Target.Script, Target: c.Target.Target, Mode: UploadPut, Metadata: raw, Tag: c.placeholderTag(),
				Artifact: Artifact{MainModule: module.Name, Modules: []Module{module}, Size: module.Size},
			})
		})
	return outcome[none]{Detail: "placeholder"}, err
}

func (w *worker) findVersion(ctx context.Context, s Script, tag string) (Version, bool, error) {
	v, err := w.Versions.FindVersion(ctx, s, tag)
	if errors.Is(err, ErrNotFound) {
		return v, false, nil
	}
	return v, err == nil, err
}

func (w *worker) makeResource(ctx context.Context, c call[int]) (outcome[string], error) {
	r := c.Target.Resources[c.Arg]
	id, did, err := certain(ctx, func() error { return w.fenced(c.job) },
		func(ctx context.Context) (string, bool, error) {
			id, err := w.Resources.FindResource(ctx, c.Target.Script.Account, r.Kind, r.Name)
			if errors.Is(err, ErrNotFound) {
				return "", false, nil
			}
			return id, err == nil, err
		},
		func(ctx context.Context) (string, error) {
			return w.Resources.CreateResource(ctx, c.Target.Script.Account, r.Kind, r.Name)
		})
	return outcome[string]{Value: id, Detail: r.Kind.words() + " " + r.Name, Skipped: err == nil && !did}, err
}

// fileArg is one migration file in a database.
type fileArg struct {
	Database string `json:"database"` // id
	Table    string `json:"table"`
	File     MigrationRef
}

func (a fileArg) label() (Step, string) { return StepMigrate, a.File.Name }

func (w *worker) runMigration(ctx context.Context, c call[fileArg]) (outcome[string], error) {
	text, err := w.Blobs.Get(ctx, c.Arg.File.Digest)
	if err != nil {
		return outcome[string]{}, fmt.Errorf("read migration: %w", err)
	}
	db := w.Databases.Database(c.Target.Script.Account, c.Arg.Database)
	if err := migrate.Ensure(ctx, db, c.Arg.Table); err != nil {
		return outcome[string]{}, err
	}
	ran, err := migrate.Apply(ctx, db, c.Arg.Table, c.Release, migrate.NewFile(c.Arg.File.Name, c.Arg.File.Path, string(text)))
	o := outcome[string]{Value: c.Arg.File.Name, Skipped: err == nil && !ran}
	if o.Skipped {
		o.Detail = "ran before"
	}
	return o, err
}

// sendVersion uploads the version, whose resources have the ids in c.Arg.
func (w *worker) sendVersion(ctx context.Context, c call[map[string]string]) (outcome[Version], error) {
	meta, err := withIDs(c.Target.Metadata, c.Arg, c.tag(), c.message())
	if err != nil {
		return outcome[Version]{}, err
	}
	v, _, err := certain(ctx, func() error { return w.fenced(c.job) },
		func(ctx context.Context) (Version, bool, error) {
			return w.findVersion(ctx, c.Target.Script, c.tag())
		},
		func(ctx context.Context) (Version, error) {
			if err := w.unmoved(ctx, c.job); err != nil {
				return Version{}, err
			}
			a, err := loadArtifact(ctx, w.Blobs, c.Target)
			if err != nil {
				return Version{}, err
			}
			return w.Versions.Upload(ctx, Upload{
				Script: c.Target.Script, Target: c.Target.Target, Mode: c.Target.Mode, Metadata: meta, Artifact: a, Secrets: c.Target.Secrets, Tag: c.tag(),
			})
		})
	return outcome[Version]{Value: v, Detail: "version " + shortID(v.ID)}, err
}

// loadArtifact reads an artifact with its bytes back; Blobs verifies each digest.
func loadArtifact(ctx context.Context, blobs Blobs, t TargetPlan) (Artifact, error) {
	raw, err := blobs.Get(ctx, t.Artifact)
	if err != nil {
		return Artifact{}, fmt.Errorf("read artifact: %w", err)
	}
	var a Artifact
	if err := json.Unmarshal(raw, &a); err != nil {
		return Artifact{}, fmt.Errorf("read artifact: %w", err)
	}
	for i := range a.Modules {
		if a.Modules[i].Bytes, err = blobs.Get(ctx, a.Modules[i].Digest); err != nil {
			return Artifact{}, fmt.Errorf("read module %s: %w", a.Modules[i].Name, err)
		}
	}
	a.AssetDir = t.AssetDir
	return a, nil
}

// splitArg is a deployment to be made: From must be active before.
type splitArg struct {
	Step Step  `json:"step"`
	From Split `json:"from"`
	To   Split `json:"to"`
}

func (a splitArg) label() (Step, string) { return a.Step, "" }

func (w *worker) setSplit(ctx context.Context, c call[splitArg]) (outcome[none], error) {
	_, _, err := certain(ctx, func() error { return w.fenced(c.job) },
		func(ctx context.Context) (none, bool, error) {
			now, err := w.Traffic.Split(ctx, c.Target.Script)
			if err == nil && !now.equal(c.Arg.To) && !now.equal(c.Arg.From) {
				err = fmt.Errorf("%w: %s instead of %s", errMoved, splitWords(now), splitWords(c.Arg.From))
			}
			return none{}, now.equal(c.Arg.To), err
		},
		func(ctx context.Context) (none, error) {
			return none{}, w.Traffic.SetSplit(ctx, c.Target.Script, c.Arg.To, c.message())
		})
	return outcome[none]{Detail: splitWords(c.Arg.To)}, err
}

// equal compares splits; the order of shares and versions at 0 % count.
func (s Split) equal(t Split) bool {
	if len(s) != len(t) {
		return false
	}
	for _, share := range s {
		if !slices.Contains(t, share) {
			return false
		}
	}
	return true
}

// triggerArg is one change of what is attached.
type triggerArg struct {
	Step   Step          `json:"step"`
	Change TriggerChange `json:"change"`
}

func (a triggerArg) label() (Step, string) {
	return a.Step, string(a.Change.Action) + " " + a.Change.Name()
}

func (w *worker) setTrigger(ctx context.Context, c call[triggerArg]) (outcome[none], error) {
	did, err := w.trigger(ctx, c.job, c.Arg.Change)
	return outcome[none]{Skipped: err == nil && !did}, err
}

// trigger makes one change unless it is so already. Calls of this kind may be made
// blindly, but what was lost is looked up all the same.
func (w *worker) trigger(ctx context.Context, j job, change TriggerChange) (did bool, err error) {
	_, did, err = certain(ctx, func() error { return w.fenced(j) },
		func(ctx context.Context) (none, bool, error) {
			now, err := w.Triggers.Triggers(ctx, j.Target.Script, j.Target.Zones)
			if errors.Is(err, ErrNotFound) && change.Action == Detach {
				return none{}, true, nil
			}
			if err != nil {
				return none{}, false, err
			}
			if change.Route != nil { // with the id of today
				r := *change.Route
				r.ID = ""
				if i := slices.IndexFunc(now.Routes, func(x Route) bool { return x.Pattern == r.Pattern && x.ZoneID == r.ZoneID }); i >= 0 {
					r.ID = now.Routes[i].ID
				}
				change.Route = &r
			}
			if change.Domain != nil {
				d := *change.Domain
				d.ID = ""
				if i := slices.IndexFunc(now.Domains, func(x Domain) bool { return x.Hostname == d.Hostname }); i >= 0 {
					d.ID = now.Domains[i].ID
				}
				change.Domain = &d
			}
			return none{}, change.done(now), nil
		},
		func(ctx context.Context) (none, error) {
			return none{}, w.Triggers.SetTrigger(ctx, j.Target.Script, change)
		})
	return did, err
}

// probeArg is a health check; Version asks for a version that serves nothing yet.
type probeArg struct {
	Step    Step   `json:"step"`
	URL     string `json:"url"`
	Version string `json:"version,omitempty"`
}

func (a probeArg) label() (Step, string) { return a.Step, "" }

// overrideHeader makes Cloudflare send a request to one version of a Worker.
const overrideHeader = "Cloudflare-Workers-Version-Overrides"

func (w *worker) ask(ctx context.Context, c call[probeArg]) (outcome[string], error) {
	r := check.Request{URL: c.Arg.URL}
	if c.Arg.Version != "" {
		r.Header = map[string]string{overrideHeader: fmt.Sprintf("%s=%q", c.Target.Script.Name, c.Arg.Version)}
	}
	polling, stop := context.WithCancel(ctx)
	defer stop()
	if stopping := flow.Stopping(ctx); stopping != nil {
		go func() {
			select {
			case <-stopping:
				stop()
			case <-polling.Done():
			}
		}()
	}
	expect := check.Expect{Status: c.Target.HealthStatus, Wait: c.Target.HealthWait}
	if c.Arg.Step == StepSmoke {
		expect.Wait = c.Target.SmokeWait
	}
	res, err := check.Poll(polling, w.Prober, r, expect, func(last string) {
		w.tell(c.job, c.Arg.Step, Waiting, "last answer "+last, 0, nil)
	})
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return outcome[string]{}, flow.ErrInterrupted
	}
	var unhealthy *check.UnhealthyError
	if errors.As(err, &unhealthy) && c.Arg.Step == StepSmoke {
		p := problemOf(err, c.Target, StepSmoke, "")
		p.Finding.Code = "D201"
		return outcome[string]{}, &diag.Error{Finding: p.Finding, Exit: p.Exit}
	}
	return outcome[string]{Value: passed, Detail: fmt.Sprintf("%s answered %d", c.Arg.URL, res.Answer.Status)}, err
}

// passed is what TargetRecord.Smoked and Verified say of a check that was done.
const passed = "passed"

// save writes the outcome of the target: the last thing that a release does for it.
func (w *worker) save(ctx context.Context, c call[TargetRecord]) (outcome[none], error) {
	rec := c.Arg
	rec.Ended = time.Now()
	e := audit.Event{
		Time: rec.Ended, Actor: c.By, Action: "target." + string(rec.Outcome), Release: c.Release, Target: rec.Target.String(),
		Detail: map[string]string{"script": rec.Script.Name, "version": rec.Version, "before": rec.Before, "content": rec.Content},
	}
	if rec.Problem != nil {
		e.Detail["problem"] = strings.TrimSpace(rec.Problem.Finding.Code + " " + rec.Problem.Finding.Message)
	}
	if err := w.Recorder.SaveTarget(ctx, c.Release, rec, w.lease(c.job), e); err != nil {
		return outcome[none]{}, &flow.EngineError{ID: runID(c.Release, c.Target), Err: fmt.Errorf("record the outcome: %w", err)}
	}
	return outcome[none]{Detail: string(rec.Outcome)}, nil
}

// runID is the id of a target's flow.
func runID(release string, t TargetPlan) string { return release + "/" + t.Target.String() }
