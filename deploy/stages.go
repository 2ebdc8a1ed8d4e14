package deploy

import (
	"cmp"
	"errors"
	"slices"

	"github.com/tamylaa/clodo/flow"
)

// The stages of one target's release. Each can only be given what the stage before
// it made, so that leaving one out does not compile.
type (
	// planned is where a release begins: a plan that passed the gate.
	planned struct{ job }
	// begun: the version that the plan was made for still serves.
	begun struct{ planned }
	// equipped: databases, namespaces, buckets and queues exist; ids is by binding name.
	equipped struct {
		begun
		ids map[string]string
	}
	// migrated: the databases have the tables that the new code needs.
	migrated struct{ equipped }
	// uploaded: the version exists. It serves only when it went up by PUT.
	uploaded struct {
		migrated
		version Version
	}
	// ready: the version showed that it works, or smoked says why it was not asked.
	ready struct {
		uploaded
		smoked string
	}
	// serving: all traffic goes to the version.
	serving struct{ ready }
	// attached: routes, domains, crons and settings are as planned.
	attached struct{ serving }
	// verified: the real address answers, or how says why it was not asked.
	verified struct {
		attached
		how string
	}
)

// flowName is the name of the flow of one target; a change in the order of its steps
// needs a new name, and keeps this one for runs that were stored.
const flowName = "release.1"

// placeholderFlow makes the placeholder of one target in a circle, before the flows of
// all targets of the circle, which are bound to each other.
const placeholderFlow = "placeholder.1"

// In a circle every target needs every other one, so that none is released unless all
// can be: all go forward first, and then all end.
const (
	circleFlow    = "circle.1"
	circleEndFlow = "circle-end.1"
)

// run is one execution of a target's flow.
type run struct {
	steps
	c    flow.Ctx
	undo undoStack
	kept []string
	// changed: a step succeeded that changes what people can reach.
	changed bool
}

// defineFlows registers the flows of one target.
func (s steps) defineFlows(set *flow.Set) {
	flow.DefineFlow(set, placeholderFlow, func(c flow.Ctx, j job) (none, error) {
		// What went wrong comes up again, and is undone, in the flow of the target.
		_, err := s.placeholder(c, call[none]{job: j})
		return none{}, err
	})
	flow.DefineFlow(set, flowName, func(c flow.Ctx, j job) (TargetRecord, error) {
		h, err := s.goForward(c, j)
		if err != nil {
			return h.Record, err
		}
		return s.end(c, ending{job: j, Half: h})
	})
	flow.DefineFlow(set, circleFlow, s.goForward)
	flow.DefineFlow(set, circleEndFlow, s.end)
}

// halfway is a target after its last stage, or after the one that failed, before its
// outcome is decided.
type halfway struct {
	Record  TargetRecord `json:"record"`
	Undo    undoStack    `json:"undo,omitempty"`
	Changed bool         `json:"changed,omitempty"`
	Problem *Problem     `json:"problem,omitempty"`
}

// ending is the input of the flow that decides. Because is why the target goes back
// although nothing is wrong with itself.
type ending struct {
	job
	Half    halfway  `json:"half"`
	Because *Problem `json:"because,omitempty"`
}

// goForward goes through all stages. Its error is only that they did not end.
func (s steps) goForward(c flow.Ctx, j job) (halfway, error) {
	r := &run{steps: s, c: c}
	h := halfway{Record: TargetRecord{
		Target: j.Target.Target, Script: j.Target.Script, Content: j.Target.Content, Before: mainVersion(j.Target.Base),
		Version: mainVersion(j.Target.Base), Attached: j.Target.Before,
	}}
	done, err := r.forward(planned{j})
	if flow.NoOutcome(err) {
		return h, err
	}
	h.Undo, h.Changed = r.undo, r.changed
	rec := &h.Record
	var f failed
	switch {
	case errors.As(err, &f):
		h.Problem = f.problem
	case err != nil:
		h.Problem = problemOf(err, j.Target, StepRecord, "release "+j.Target.Target.String())
	default:
		rec.Version, rec.Attached = done.version.ID, j.Target.After
		rec.Smoked, rec.Verified, rec.Addresses = done.smoked, done.how, j.Target.Addresses
	}
	rec.Kept = r.kept
	return h, nil
}

// end records the release of the target, or undoes it and records that.
func (s steps) end(c flow.Ctx, e ending) (TargetRecord, error) {
	r := &run{steps: s, c: c, undo: e.Half.Undo, changed: e.Half.Changed}
	rec := e.Half.Record
	if cause := cmp.Or(e.Half.Problem, e.Because); cause != nil {
		rec.Version, rec.Attached, rec.Addresses = mainVersion(e.Target.Base), e.Target.Before, nil
		if err := r.back(e.job, cause, &rec); err != nil {
			return rec, err
		}
	} else {
		rec.Outcome, rec.Kept = Released, nil
	}
	return rec, r.take(s.record(c, call[TargetRecord]{job: e.job, Arg: rec}))
}

// failed is a problem that a step ended with, on its way to undo.
type failed struct{ problem *Problem }

func (f failed) Error() string { return f.problem.Finding.Message }

// changes is take for a step that changes what people can reach.
func (r *run) changes(o outcome[none], err error) error {
	err = r.take(o, err)
	r.changed = r.changed || err == nil
	return err
}

// take is the error of a step without a value.
func (r *run) take(o outcome[none], err error) error {
	_, err = value(o, err)
	return err
}

// value is what a step ended with.
func value[T any](o outcome[T], err error) (T, error) {
	if err == nil && o.Problem != nil {
		err = failed{o.Problem}
	}
	return o.Value, err
}

// mainVersion is the version with the largest share.
func mainVersion(s Split) string {
	if len(s) == 0 {
		return ""
	}
	return slices.MaxFunc(s, func(a, b Share) int { return cmp.Compare(a.Percent, b.Percent) }).Version
}

// forward goes through all stages.
func (r *run) forward(p planned) (verified, error) {
	b, err := r.begin(p)
	if err != nil {
		return verified{}, err
	}
	e, err := r.equip(b)
	if err != nil {
		return verified{}, err
	}
	m, err := r.applyMigrations(e)
	if err != nil {
		return verified{}, err
	}
	u, err := r.send(m)
	if err != nil {
		return verified{}, err
	}
	s, err := r.smoke(u)
	if err != nil {
		return verified{}, err
	}
	v, err := r.shift(s)
	if err != nil {
		return verified{}, err
	}
	a, err := r.connect(v)
	if err != nil {
		return verified{}, err
	}
	return r.verify(a)
}

func (r *run) begin(p planned) (begun, error) {
	if p.Target.Placeholder {
		r.undo.push(undoArg{Worker: true, Placeholder: true})
		return begun{p}, r.changes(r.placeholder(r.c, call[none]{job: p.job}))
	}
	return begun{p}, r.take(r.steps.begin(r.c, call[none]{job: p.job}))
}

func (r *run) equip(b begun) (equipped, error) {
	t := b.Target
	e := equipped{begun: b, ids: map[string]string{}}
	for i, res := range t.Resources {
		if res.ID != "" {
			e.ids[res.Binding] = res.ID
			continue
		}
		id, err := value(r.resource(r.c, call[int]{job: b.job, Arg: i}))
		if err != nil {
			return e, err
		}
		r.kept = append(r.kept, res.Kind.words()+" "+res.Name)
		e.ids[res.Binding] = id
	}
	return e, nil
}

func (r *run) applyMigrations(e equipped) (migrated, error) {
	for _, m := range e.Target.Migrations {
		for _, f := range m.Files {
			arg := fileArg{Database: e.ids[m.Binding], Table: m.Table, File: f}
			name, err := value(r.migrate(r.c, call[fileArg]{job: e.job, Arg: arg}))
			if err != nil {
				return migrated{e}, err
			}
			r.kept = append(r.kept, "migration "+name)
		}
	}
	return migrated{e}, nil
}

func (r *run) send(m migrated) (uploaded, error) {
	t := m.Target
	switch t.Mode {
	case UploadNone:
		return uploaded{m, Version{ID: cmp.Or(t.Existing, mainVersion(t.Base))}}, nil
	case UploadPut: // serves at once
		if t.First && !t.Placeholder {
			r.undo.push(undoArg{Worker: true})
		} else if !t.First {
			r.undo.push(undoArg{Split: t.Base})
		}
	}
	v, err := value(r.upload(r.c, call[map[string]string]{job: m.job, Arg: m.ids}))
	if err == nil {
		r.undo.uploaded(v.ID)
		r.changed = r.changed || t.Mode == UploadPut
	}
	return uploaded{m, v}, err
}

// noHandler is why a Worker that only has crons or queues is not asked.
const noHandler = "no fetch handler"

// asks reports whether the version answers requests, as far as the upload told.
func (u uploaded) asks() bool {
	return u.version.Handlers == nil || slices.Contains(u.version.Handlers, "fetch")
}

func (r *run) smoke(u uploaded) (ready, error) {
	t := u.Target
	if t.SmokeURL == "" || !u.asks() {
		why := t.NotSmoked
		if t.SmokeURL != "" {
			why = noHandler
		}
		return ready{u, why}, nil
	}
	arg := probeArg{Step: StepSmoke, URL: t.SmokeURL}
	if t.SmokeDev {
		// When it stays on, it is put as it stays, so that the trigger has nothing to do.
		on := TriggerChange{Action: Update, Kind: TriggerWorkersDev, WorkersDev: true, PreviewURLs: t.After.WorkersDev && t.After.PreviewURLs}
		r.undo.push(undoArg{Trigger: &TriggerChange{Action: Update, Kind: TriggerWorkersDev}})
		if err := r.changes(r.attach(r.c, call[triggerArg]{job: u.job, Arg: triggerArg{Step: StepSmoke, Change: on}})); err != nil {
			return ready{}, err
		}
	} else {
		arg.Version = u.version.ID
		r.undo.push(undoArg{Split: t.Base, Version: u.version.ID})
		offer := splitArg{Step: StepSmoke, From: t.Base, To: t.Base.with(u.version.ID)}
		if err := r.changes(r.split(r.c, call[splitArg]{job: u.job, Arg: offer})); err != nil {
			return ready{}, err
		}
	}
	how, err := value(r.probe(r.c, call[probeArg]{job: u.job, Arg: arg}))
	return ready{u, how}, err
}

// with is s with a version that serves nothing; a deployment has two at most.
func (s Split) with(version string) Split {
	return Split{{Version: mainVersion(s), Percent: 100}, {Version: version, Percent: 0}}
}

func (r *run) shift(s ready) (serving, error) {
	t := s.Target
	if !t.shifts() {
		return serving{s}, nil
	}
	r.undo.push(undoArg{Split: t.Base, Version: s.version.ID})
	arg := splitArg{Step: StepShift, From: t.Base, To: Split{{Version: s.version.ID, Percent: 100}}}
	if s.smoked == passed {
		arg.From = t.Base.with(s.version.ID)
	}
	return serving{s}, r.changes(r.split(r.c, call[splitArg]{job: s.job, Arg: arg}))
}

func (r *run) connect(s serving) (attached, error) {
	t := s.Target
	for i := range t.Triggers {
		if t.Triggers[i].Kind == TriggerWorkersDev && t.SmokeDev && s.smoked == passed && t.After.WorkersDev {
			continue // done by the smoke test
		}
		r.undo.push(undoArg{Trigger: &t.Undo[i]})
		if err := r.changes(r.attach(r.c, call[triggerArg]{job: s.job, Arg: triggerArg{Step: StepTriggers, Change: t.Triggers[i]}})); err != nil {
			return attached{}, err
		}
	}
	dev := TriggerChange{Action: Update, Kind: TriggerWorkersDev, WorkersDev: t.After.WorkersDev, PreviewURLs: t.After.PreviewURLs}
	if t.SmokeDev && s.smoked == passed && !slices.ContainsFunc(t.Triggers, func(c TriggerChange) bool { return c.Kind == TriggerWorkersDev }) {
		if err := r.changes(r.attach(r.c, call[triggerArg]{job: s.job, Arg: triggerArg{Step: StepTriggers, Change: dev}})); err != nil {
			return attached{}, err
		}
	}
	return attached{s}, nil
}

func (r *run) verify(a attached) (verified, error) {
	t := a.Target
	switch {
	case t.VerifyURL == "":
		return verified{a, t.NotVerified}, nil
	case !a.asks():
		return verified{a, noHandler}, nil
	}
	how, err := value(r.probe(r.c, call[probeArg]{job: a.job, Arg: probeArg{Step: StepVerify, URL: t.VerifyURL, Serving: a.version.ID}}))
	return verified{a, how}, err
}
