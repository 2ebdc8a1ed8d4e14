package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/migrate"
)

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
				Script: c.Target.Script, Target: c.Target.Target, Mode: c.Target.Mode, Metadata: meta, Artifact: a, Secrets: c.Target.Secrets, Generated: c.Target.Generated, Tag: c.tag(),
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
			now, err := w.Triggers.Triggers(ctx, j.Target.Script, j.Target.Zones, j.Target.Queues)
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
	// Serving is the version that must have all the traffic when the answer is good;
	// "" does not look.
	Serving string `json:"serving,omitempty"`
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
	if errors.As(err, &unhealthy) {
		p := problemOf(err, c.Target, c.Arg.Step, "")
		if c.Arg.Step == StepSmoke {
			p.Finding.Code = "D201"
		}
		w.explain(ctx, c.Target, unhealthy, &p.Finding)
		return outcome[string]{}, &diag.Error{Finding: p.Finding, Exit: p.Exit}
	}
	if err == nil && c.Arg.Serving != "" {
		// An answer says nothing of which version gave it: that is for the account to say.
		err = w.serves(ctx, c)
	}
	return outcome[string]{Value: passed, Detail: fmt.Sprintf("%s answered %d", c.Arg.URL, res.Answer.Status)}, err
}

// serves fails when not all traffic goes to the version that was checked.
func (w *worker) serves(ctx context.Context, c call[probeArg]) error {
	now, err := w.Traffic.Split(ctx, c.Target.Script)
	if err != nil || now.equal(Split{{Version: c.Arg.Serving, Percent: 100}}) {
		return err
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "D209", Severity: diag.SeverityError, Message: fmt.Sprintf("%s serves another version than the one that was checked", c.Target.Script.Name),
		Why: fmt.Sprintf("%s serves, and %s was released: somebody else deployed meanwhile", splitWords(now), shortID(c.Arg.Serving)),
		Fix: "look at clodo status, then deploy again",
	}, Exit: diag.ExitBusy}
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
