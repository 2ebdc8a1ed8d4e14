package deploy

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/project"
)

// Options is what a Deployer needs besides its ports.
type Options struct {
	// Engine makes the engine that flows run on. It is called only when something is
	// to be changed, once per Deploy or Resume, and closed afterwards. release is the
	// id of the release whose flows it runs; this process holds its leases.
	Engine func(ctx context.Context, release string, set *flow.Set) (flow.Engine, error)
	// By is who deploys.
	By Holder
	// Message is what people say about the release; it is kept with it and with the
	// versions that it makes.
	Message string
	// Parallel is how many targets go at the same time; 0 means 8.
	Parallel int
	// LeaseTime is how long a lease lasts unless it is renewed; 0 means 30 s.
	LeaseTime time.Duration
}

// Deployer plans releases and carries them out. It is safe for concurrent use.
type Deployer struct {
	ports Ports
	o     Options
}

// New makes a Deployer. Every port must be set.
func New(p Ports, o Options) *Deployer {
	o.Parallel = cmp.Or(o.Parallel, 8)
	o.LeaseTime = cmp.Or(o.LeaseTime, 30*time.Second)
	return &Deployer{ports: p, o: o}
}

// Deploy carries out a checked plan and returns what became of it. When there is
// nothing to do nothing is written, sent or recorded. The error, if any, has the exit
// code and the state for people; the release is filled in also then.
func (d *Deployer) Deploy(ctx context.Context, c Checked) (Release, error) {
	if err := c.Err(); err != nil {
		return Release{}, err
	}
	r := Release{ID: releaseID(time.Now()), Kind: c.Plan.Kind, Plan: c.Plan, By: d.o.By, Message: d.o.Message, Started: time.Now()}
	r.By.Release = r.ID
	for _, t := range c.Plan.Targets {
		rec := TargetRecord{
			Target: t.Target, Script: t.Script, Content: t.Content, Before: mainVersion(t.Base), Version: mainVersion(t.Base),
			Attached: t.Before, Addresses: t.Addresses, Outcome: Running, Started: r.Started,
		}
		if len(t.Changes) == 0 {
			rec.Outcome, rec.Ended = Unchanged, r.Started
		}
		r.Targets = append(r.Targets, rec)
	}
	// Also when there is nothing to change: what an interrupted release has left may
	// look as planned and was never verified.
	if err := d.refuseUnfinished(ctx, r); err != nil {
		return r, err
	}
	if c.Plan.Changes() == 0 {
		r.Ended = time.Now()
		return r, nil
	}
	if err := c.store(ctx, d.ports.Blobs); err != nil {
		return r, unsaved(err)
	}
	return d.carryOut(ctx, r, true)
}

// Resume goes on with a release that was interrupted: forward, unless undo had
// begun; then it finishes the undo. id "" is the newest unfinished one.
func (d *Deployer) Resume(ctx context.Context, id string) (Release, error) {
	list, err := d.ports.History.Unfinished(ctx)
	if err != nil {
		return Release{}, fmt.Errorf("read releases: %w", err)
	}
	for _, r := range list {
		if id == "" || r.ID == id {
			return d.carryOut(ctx, r, false)
		}
	}
	f := diag.Finding{Code: "D215", Severity: diag.SeverityError, Message: "there is no unfinished release to go on with", Fix: "clodo deploy"}
	if id != "" {
		f.Message = fmt.Sprintf("release %q is not unfinished", id)
	}
	return Release{}, &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

func (r Release) unfinished() bool {
	return slices.ContainsFunc(r.Targets, func(t TargetRecord) bool { return t.Outcome == Running })
}

// refuseUnfinished keeps a new release away from Workers that an interrupted one may
// have left half-way.
func (d *Deployer) refuseUnfinished(ctx context.Context, r Release) error {
	list, err := d.ports.History.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("read releases: %w", err)
	}
	for _, old := range list {
		for i, t := range old.Targets {
			left := old.Plan.Targets[i]
			if t.Outcome != Running || !slices.ContainsFunc(r.Plan.Targets, left.sameWorker) {
				continue
			}
			l, err := d.ports.Leases.Acquire(ctx, left.resource(), r.By, d.o.LeaseTime)
			var held *HeldError
			if errors.As(err, &held) {
				return busy(held, t.Target)
			}
			if err != nil {
				return unsaved(err)
			}
			if err := d.ports.Leases.Release(ctx, l); err != nil {
				return unsaved(err)
			}
			return &diag.Error{
				Finding: diag.Finding{
					Code: "D303", Severity: diag.SeverityError,
					Message: fmt.Sprintf("release %s of %s was interrupted and is not finished", old.ID, t.Target),
					Why:     fmt.Sprintf("%s@%s started it %s", old.By.User, old.By.Host, old.Started.Local().Format("2006-01-02 15:04")),
					Fix:     "clodo deploy --resume goes on after its last finished step",
				},
				State: diag.NothingChanged, Exit: diag.ExitBusy,
			}
		}
	}
	return nil
}

// carryOut runs the flows of all targets that have no outcome yet, wave by wave,
// while it holds the leases.
func (d *Deployer) carryOut(ctx context.Context, r Release, fresh bool) (Release, error) {
	// Leases, records and undo go on when ctx is cancelled: only new steps do not begin.
	keep := context.WithoutCancel(ctx)
	w := &worker{Ports: d.ports, leases: map[string]Lease{}, reasons: map[string]*Problem{}}
	release, err := d.lock(ctx, keep, w, r)
	if err != nil {
		return r, err
	}
	defer release()
	if fresh {
		e := audit.Event{
			Time: r.Started, Actor: r.By.actor(), Action: "release.begin", Release: r.ID,
			Detail: map[string]string{"kind": string(r.Kind), "plan": r.Plan.Hash},
		}
		if err := d.ports.Recorder.SaveRelease(keep, r, e); err != nil { // no record, no deploy
			return r, unsaved(err)
		}
	}
	set := flow.NewSet()
	w.define(set).defineFlows(set)
	engine, err := d.o.Engine(keep, r.ID, set)
	if err != nil {
		return r, unsaved(err)
	}
	failed := map[project.TargetID]bool{}
	for _, wave := range r.Plan.Waves {
		var now []int // places of the targets that run now
		for _, id := range wave.Targets {
			i := slices.IndexFunc(r.Targets, func(t TargetRecord) bool { return t.Target == id })
			need := slices.IndexFunc(r.Plan.Targets[i].Needs, func(n project.TargetID) bool { return failed[n] })
			switch {
			case r.Targets[i].Outcome != Running:
			case need >= 0:
				d.notStarted(keep, w, r, i, r.Plan.Targets[i].Needs[need])
			default:
				now = append(now, i)
			}
		}
		if wave.Circle {
			d.circle(ctx, engine, w, r, wave, now)
		} else {
			d.each(now, func(i int) { r.Targets[i] = d.one(ctx, engine, w, r, r.Plan.Targets[i], r.Targets[i]) })
		}
		for _, id := range wave.Targets {
			i := slices.IndexFunc(r.Targets, func(t TargetRecord) bool { return t.Target == id })
			failed[id] = r.Targets[i].Problem != nil || r.Targets[i].Outcome == Running
		}
	}
	err = engine.Close()
	if !r.unfinished() {
		r.Ended = time.Now()
	}
	return r, errors.Join(r.err(ctx), err)
}

// each calls f for every place, several at the same time.
func (d *Deployer) each(places []int, f func(place int)) {
	var g errgroup.Group
	g.SetLimit(d.o.Parallel)
	for _, i := range places {
		g.Go(func() error {
			f(i)
			return nil
		})
	}
	g.Wait() //nolint:errcheck // f has no error
}

// one runs the flow of one target to its outcome, or leaves it Running with the
// problem that it paused for.
func (d *Deployer) one(ctx context.Context, engine flow.Engine, w *worker, r Release, tp TargetPlan, rec TargetRecord) TargetRecord {
	ended, err := runFlow[TargetRecord](ctx, engine, runID(r.ID, tp), flowName, jobOf(r, tp))
	if err != nil {
		rec.Problem = d.paused(ctx, w, r, tp, err)
		return rec
	}
	ended.Started, ended.Ended = rec.Started, time.Now()
	return ended
}

// runFlow runs a flow with typed input and outcome.
func runFlow[O, I any](ctx context.Context, engine flow.Engine, id, name string, in I) (out O, err error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("write input of %s: %w", id, err)
	}
	raw, err = engine.Run(ctx, id, name, raw)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

func jobOf(r Release, tp TargetPlan) job {
	return job{Release: r.ID, Plan: r.Plan.ID, By: r.By.actor(), Message: r.Message, Target: tp}
}

// paused is why a target has no outcome yet.
func (d *Deployer) paused(ctx context.Context, w *worker, r Release, tp TargetPlan, err error) *Problem {
	state := fmt.Sprintf("%s is half-way; clodo deploy --resume goes on.", tp.Target)
	w.mu.Lock()
	p := w.reasons[runID(r.ID, tp)]
	w.mu.Unlock()
	if p != nil {
		p.State = state
		return p
	}
	if notes, err := d.ports.History.Steps(context.WithoutCancel(ctx), r.ID); err == nil && !slices.ContainsFunc(notes, func(n StepNote) bool { return n.Target == tp.Target }) {
		state = fmt.Sprintf("Nothing of %s was changed; clodo deploy --resume goes on.", tp.Target)
	}
	p = &Problem{Exit: diag.ExitInterrupted, State: state, Finding: diag.Finding{
		Code: "D205", Severity: diag.SeverityError, Message: fmt.Sprintf("the release of %s was interrupted", tp.Target),
		Fix: "clodo deploy --resume goes on after the last finished step",
	}}
	var broken *flow.EngineError
	if errors.As(err, &broken) || !errors.Is(err, flow.ErrInterrupted) {
		p.Exit, p.Finding.Why = diag.ExitFailed, err.Error()
		var de *diag.Error
		if errors.As(err, &de) {
			p.Finding, p.Exit = de.Finding, de.Exit
		}
	}
	return p
}

// notStarted records a target whose dependency was not released.
func (d *Deployer) notStarted(ctx context.Context, w *worker, r Release, place int, need project.TargetID) {
	rec, tp := &r.Targets[place], r.Plan.Targets[place]
	if i := slices.IndexFunc(r.Targets, func(t TargetRecord) bool { return t.Target == need }); r.Targets[i].Outcome == Running {
		return // it goes on when the other one does
	}
	rec.Outcome = Unchanged
	rec.Problem = &Problem{Exit: diag.ExitFailed, State: diag.NothingChanged, Finding: diag.Finding{
		Code: "D206", Severity: diag.SeverityError, Message: fmt.Sprintf("%s was not started", tp.Target),
		Why: fmt.Sprintf("it needs %s, which was not released", need), Fix: "put that right, then deploy again",
	}}
	j := jobOf(r, tp)
	w.tell(j, StepCheck, Skipped, rec.Problem.Finding.Why, 0, nil)
	if _, err := w.save(ctx, call[TargetRecord]{job: j, Arg: *rec}); err != nil {
		rec.Outcome = Running // what is not recorded is not decided
	}
}

// unsaved is an error of the state folder before the first change.
func unsaved(err error) error {
	var de *diag.Error
	if errors.As(err, &de) {
		return de
	}
	return &diag.Error{
		Finding: diag.Finding{
			Code: "D320", Severity: diag.SeverityError, Message: "the state folder could not be written", Why: err.Error(),
			Fix: "clodo never changes what it cannot record: make the folder writable, then deploy again",
		},
		State: diag.NothingChanged, Exit: diag.ExitFailed, Err: err,
	}
}

// err is what a release ends with for people: nil, the only problem, or several.
func (r Release) err(ctx context.Context) error {
	var errs []error
	released := 0
	for _, t := range r.Targets {
		if t.Problem != nil {
			errs = append(errs, t.Problem.Err())
		} else if t.Outcome == Released {
			released++
		}
	}
	if len(errs) > 0 && released > 0 {
		var names []string
		for _, t := range r.Targets {
			if t.Problem == nil && t.Outcome == Released {
				names = append(names, t.Target.String())
			}
		}
		errs = append(errs, &diag.Error{
			Finding: diag.Finding{Severity: diag.SeverityError, Code: "D207", Message: fmt.Sprintf("%d of %d targets were not released", len(errs), len(r.Targets))},
			State:   "Released: " + strings.Join(names, ", ") + ".", Exit: diag.ExitPartial,
		})
	}
	if len(errs) > 0 && ctx.Err() != nil && diag.ExitOf(errors.Join(errs...)) != diag.ExitInterrupted { // a target may have told it
		errs = append(errs, &diag.Error{Finding: diag.Finding{Severity: diag.SeverityError, Code: "D205", Message: "the release was interrupted"}, Exit: diag.ExitInterrupted})
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

func (h Holder) actor() string { return h.User + "@" + h.Host }

// releaseID sorts by age: milliseconds in hex, then chance.
func releaseID(now time.Time) string {
	b := make([]byte, 2)
	rand.Read(b) //nolint:errcheck // never fails
	return fmt.Sprintf("r_%011x%s", now.UnixMilli(), hex.EncodeToString(b))
}
