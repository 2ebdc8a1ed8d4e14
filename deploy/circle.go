package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/flow"
)

// circle releases targets that are bound to each other: first every Worker that does
// not exist yet gets a placeholder, so that the bindings point to something; then all
// go forward; and only when all of them work they are released, else all go back.
// places is those that have not ended; the others of wave did in a process before.
func (d *Deployer) circle(ctx context.Context, engine flow.Engine, w *worker, r Release, wave Wave, places []int) {
	for _, i := range places {
		tp := r.Plan.Targets[i]
		if !tp.Placeholder {
			continue
		}
		// What goes wrong here comes up again in the flow of the target.
		_, err := runFlow[none](ctx, engine, runID(r.ID, tp)+"/placeholder", placeholderFlow, jobOf(r, tp))
		if flow.NoOutcome(err) {
			r.Targets[i].Problem = d.paused(ctx, w, r, tp, err)
			return
		}
	}
	half := make([]halfway, len(r.Targets))
	var mu sync.Mutex
	waits := false
	d.each(places, func(i int) {
		tp := r.Plan.Targets[i]
		h, err := runFlow[halfway](ctx, engine, runID(r.ID, tp)+"/forward", circleFlow, jobOf(r, tp))
		if err != nil {
			r.Targets[i].Problem = d.paused(ctx, w, r, tp, err)
		}
		mu.Lock()
		defer mu.Unlock()
		half[i] = h
		waits = waits || err != nil
	})
	if waits {
		return // the others end when those that paused have gone on
	}
	var because *Problem
	for i, t := range r.Targets {
		cause := cmp.Or(half[i].Problem, t.Problem)
		if cause == nil || !slices.Contains(wave.Targets, t.Target) {
			continue
		}
		because = &Problem{Exit: diag.ExitRolledBack, Finding: diag.Finding{
			Code: "D208", Severity: diag.SeverityError,
			Message: fmt.Sprintf("the release went back together with %s", t.Target),
			Why:     "they are bound to each other; " + cause.Finding.Message,
			Fix:     "put that right, then deploy again",
		}}
		break
	}
	d.each(places, func(i int) {
		tp := r.Plan.Targets[i]
		e := ending{job: jobOf(r, tp), Half: half[i], Because: because}
		ended, err := runFlow[TargetRecord](ctx, engine, runID(r.ID, tp), circleEndFlow, e)
		if err != nil {
			r.Targets[i].Problem = d.paused(ctx, w, r, tp, err)
			return
		}
		ended.Started, ended.Ended = cmp.Or(ended.Started, r.Targets[i].Started), time.Now()
		r.Targets[i] = ended
	})
}
