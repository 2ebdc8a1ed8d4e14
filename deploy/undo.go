package deploy

import (
	"context"
	"errors"
	"fmt"
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
	for i := len(r.undo) - 1; i >= 0; i-- {
		err := r.take(r.steps.undo(r.c, call[undoArg]{job: j, Arg: r.undo[i]}))
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
		p.State = "Rolled back: " + serves(j.Target) + "."
	default:
		rec.Outcome = Unchanged
		p.State = diag.NothingChanged
		if len(rec.Kept) > 0 {
			p.State = "No Worker was changed."
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

// takeBack undoes one entry. It looks first: what is not ours is left alone.
func (w *worker) takeBack(ctx context.Context, c call[undoArg]) (outcome[none], error) {
	did := false
	var err error
	switch a := c.Arg; {
	case a.Trigger != nil:
		did, err = w.trigger(ctx, c.job, *a.Trigger)
		if errors.Is(err, ErrNotFound) {
			err = nil // there is no Worker to change
		}
	case a.Worker:
		did, err = w.removeWorker(ctx, c.job, a)
	default:
		did, err = w.shiftBack(ctx, c.job, a)
	}
	return outcome[none]{Skipped: err == nil && !did}, err
}

// removeWorker removes a Worker that this release made.
func (w *worker) removeWorker(ctx context.Context, j job, a undoArg) (bool, error) {
	ours := func(ctx context.Context) (bool, error) {
		for _, tag := range []string{j.tag(), j.placeholderTag()} {
			if tag == j.placeholderTag() && !a.Placeholder {
				continue
			}
			if _, found, err := w.findVersion(ctx, j.Target.Script, tag); found || err != nil {
				return found, err
			}
		}
		return false, nil
	}
	_, did, err := certain(ctx, func() error { return w.fenced(j) },
		func(ctx context.Context) (none, bool, error) {
			mine, err := ours(ctx)
			return none{}, !mine, err
		},
		func(ctx context.Context) (none, error) {
			return none{}, w.Versions.DeleteWorker(ctx, j.Target.Script)
		})
	return did, err
}

// shiftBack gives the traffic back to what served before, if it is ours to give.
func (w *worker) shiftBack(ctx context.Context, j job, a undoArg) (bool, error) {
	version := a.Version
	if version == "" {
		v, found, err := w.findVersion(ctx, j.Target.Script, j.tag())
		if err != nil || !found {
			return false, err
		}
		version = v.ID
	}
	_, did, err := certain(ctx, func() error { return w.fenced(j) },
		func(ctx context.Context) (none, bool, error) {
			now, err := w.Traffic.Split(ctx, j.Target.Script)
			return none{}, !now.has(version), err
		},
		func(ctx context.Context) (none, error) {
			return none{}, w.Traffic.SetSplit(ctx, j.Target.Script, a.Split, j.message()+", undone")
		})
	return did, err
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
