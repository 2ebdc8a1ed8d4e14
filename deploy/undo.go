package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/flow"
)

// undoArg is one thing to take back; exactly one of Worker, Split and Trigger is set.
type undoArg struct {
	// Worker removes the Worker, which did not exist before. With Placeholder it was
	// made by a placeholder.
	Worker      bool `json:"worker,omitempty"`
	Placeholder bool `json:"placeholder,omitempty"`
	// Split is what served before. Version is the one that we gave traffic to, ""
	// when its upload has not answered yet.
	Split   Split          `json:"split,omitempty"`
	Version string         `json:"version,omitempty"`
	Trigger *TriggerChange `json:"trigger,omitempty"`
}

func (a undoArg) label() (Step, string) {
	switch {
	case a.Worker:
		return StepUndo, "remove the Worker"
	case a.Trigger != nil:
		return StepUndo, string(a.Trigger.Action) + " " + a.Trigger.Name()
	}
	return StepUndo, "shift back to " + splitWords(a.Split)
}

// undoStack is what to take back, in the order in which it was pushed: each entry
// before the call that it undoes.
type undoStack []undoArg

func (u *undoStack) push(a undoArg) { *u = append(*u, a) }

// uploaded tells entries that were pushed before the upload which version it made.
func (u undoStack) uploaded(version string) {
	for i := range u {
		if len(u[i].Split) > 0 {
			u[i].Version = version
		}
	}
}

// back takes everything back, last first, and says in rec what became of it. Its own
// error means that it did not end.
func (r *run) back(j job, cause *Problem, rec *TargetRecord) error {
	var stuck []string
	now := serves(j.Target)
	for i := len(r.undo) - 1; i >= 0; i-- {
		o, err := r.steps.undo(r.c, call[undoArg]{job: j, Arg: r.undo[i]})
		if err = r.take(o, err); err == nil && o.Detail != "" {
			now = o.Detail
		}
		switch {
		case flow.NoOutcome(err):
			return err
		case err != nil:
			_, what := r.undo[i].label()
			stuck = append(stuck, what+": "+err.Error())
		}
	}
	p := *cause
	switch {
	case len(stuck) > 0:
		rec.Outcome = Stuck
		p = Problem{
			Finding: diag.Finding{
				Code: "D204", Severity: diag.SeverityError,
				Message: fmt.Sprintf("%s failed, and going back failed too", j.Target.Target),
				Why:     cause.Finding.Message + "; then " + strings.Join(stuck, "; "),
				Fix:     "look at what is live (clodo status) and put it right by hand, then deploy again",
			},
			Findings: append([]diag.Finding{cause.Finding}, cause.Findings...),
			Exit:     diag.ExitStuck,
			State:    "A person must act: " + strings.Join(stuck, "; ") + ".",
		}
	case r.changed:
		rec.Outcome = RolledBack
		p.Exit = diag.ExitRolledBack
		p.State = "Rolled back: " + now + "."
	default:
		rec.Outcome = Unchanged
		p.State = diag.NothingChanged
		if len(rec.Kept) > 0 {
			p.State = diag.NoWorkerChanged
			if p.Exit == diag.ExitConfig { // which promises that nothing at all was changed
				p.Exit = diag.ExitFailed
			}
		}
	}
	if len(rec.Kept) > 0 {
		p.State += " Kept, because data never goes back by itself: " + strings.Join(rec.Kept, ", ") + "."
	}
	rec.Problem = &p
	return nil
}

// serves is what is live after going back.
func serves(t TargetPlan) string {
	if t.First {
		return "Worker " + t.Script.Name + " does not exist, as before"
	}
	return splitWords(t.Base) + " serves again"
}

// takeBack undoes one entry. It looks first: what is not ours is left alone, and told
// in the outcome's detail.
func (w *worker) takeBack(ctx context.Context, c call[undoArg]) (outcome[none], error) {
	did := false
	var others Split // what serves although this release did not make it
	var err error
	switch a := c.Arg; {
	case a.Trigger != nil:
		did, err = w.trigger(ctx, c.job, *a.Trigger)
		if errors.Is(err, ErrNotFound) {
			err = nil // there is no Worker to change
		}
	case a.Worker:
		did, others, err = w.removeWorker(ctx, c.job, a)
	default:
		did, others, err = w.shiftBack(ctx, c.job, a)
	}
	o := outcome[none]{Skipped: err == nil && !did}
	if o.Skipped && len(others) > 0 {
		o.Detail = splitWords(others) + " serves, which was deployed meanwhile and is left alone"
	}
	return o, err
}

// removeWorker removes a Worker that this release made. others is what serves when
// somebody has deployed to it since.
func (w *worker) removeWorker(ctx context.Context, j job, a undoArg) (did bool, others Split, err error) {
	ours := func(ctx context.Context) (bool, error) {
		var made Split
		for _, tag := range []string{j.tag(), j.placeholderTag()} {
			if tag == j.placeholderTag() && !a.Placeholder {
				continue
			}
			v, found, err := w.findVersion(ctx, j.Target.Script, tag)
			if err != nil {
				return false, err
			}
			if found {
				made = append(made, Share{Version: v.ID})
			}
		}
		now, err := w.Traffic.Split(ctx, j.Target.Script)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(now, func(s Share) bool { return !made.has(s.Version) }) {
			others = now
			return false, nil
		}
		return len(made) > 0, nil
	}
	_, did, err = certain(ctx, func() error { return w.fenced(j) },
		func(ctx context.Context) (none, bool, error) {
			mine, err := ours(ctx)
			return none{}, !mine, err
		},
		func(ctx context.Context) (none, error) {
			return none{}, w.Versions.DeleteWorker(ctx, j.Target.Script)
		})
	return did, others, err
}

// shiftBack gives the traffic back to what served before, if it is ours to give. others
// is what serves when somebody has deployed since.
func (w *worker) shiftBack(ctx context.Context, j job, a undoArg) (did bool, others Split, err error) {
	version := a.Version
	if version == "" {
		v, found, err := w.findVersion(ctx, j.Target.Script, j.tag())
		if err != nil || !found {
			return false, nil, err
		}
		version = v.ID
	}
	_, did, err = certain(ctx, func() error { return w.fenced(j) },
		func(ctx context.Context) (none, bool, error) {
			now, err := w.Traffic.Split(ctx, j.Target.Script)
			if err == nil && !now.has(version) && !now.equal(a.Split) {
				others = now
			}
			return none{}, !now.has(version), err
		},
		func(ctx context.Context) (none, error) {
			return none{}, w.Traffic.SetSplit(ctx, j.Target.Script, a.Split, j.message()+", undone")
		})
	return did, others, err
}

// has reports whether version is in s, also at 0 %.
func (s Split) has(version string) bool {
	for _, share := range s {
		if share.Version == version {
			return true
		}
	}
	return false
}
