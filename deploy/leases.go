package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// lock takes the leases of all Workers and databases that the release changes, all or
// none, and renews them until the returned function gives them back.
func (d *Deployer) lock(ctx, keep context.Context, w *worker, r Release) (release func(), err error) {
	resources := map[string]project.TargetID{}
	for i, t := range r.Plan.Targets {
		if r.Targets[i].Outcome != Running {
			continue
		}
		resources[t.resource()] = t.Target
		for _, m := range t.Migrations {
			j := slices.IndexFunc(t.Resources, func(x ResourcePlan) bool { return x.Binding == m.Binding })
			resources[t.leased("database", t.Resources[j].Name)] = t.Target
		}
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	give := func() {
		close(stop)
		<-done
		for _, l := range w.leases {
			// A lease that could not be given back runs out by itself.
			_ = d.ports.Leases.Release(keep, l)
		}
	}
	by := r.By
	by.User, by.Host, by.PID = d.o.By.User, d.o.By.Host, d.o.By.PID
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		l, err := d.ports.Leases.Acquire(ctx, name, by, d.o.LeaseTime)
		if err != nil {
			close(done)
			give()
			var held *HeldError
			if errors.As(err, &held) {
				return nil, busy(held, resources[name])
			}
			return nil, unsaved(err)
		}
		w.hold(r.ID, l)
	}
	go func() {
		defer close(done)
		d.renew(keep, w, r, stop)
	}()
	return give, nil
}

// renew extends the leases until stop. A lease that could not be extended is left to
// run out: fenced then stops the steps.
func (d *Deployer) renew(ctx context.Context, w *worker, r Release, stop <-chan struct{}) {
	tick := time.NewTicker(d.o.LeaseTime / 3)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		held := make([]Lease, 0, len(w.leases))
		for _, l := range w.leases {
			held = append(held, l)
		}
		w.mu.Unlock()
		for _, l := range held {
			if longer, err := d.ports.Leases.Renew(ctx, l, d.o.LeaseTime); err == nil {
				w.hold(r.ID, longer)
			}
		}
	}
}

func busy(h *HeldError, t project.TargetID) error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: "D301", Severity: diag.SeverityError,
			Message: fmt.Sprintf("%s is being deployed by %s@%s since %s (%s)", t, h.Holder.User, h.Holder.Host, h.Since.Local().Format("15:04:05"), cmp.Or(h.Holder.Release, "no release")),
			Why:     fmt.Sprintf("two releases of the same target would undo each other; the other is process %d", h.Holder.PID),
			Fix:     "wait for it to end, then deploy again",
		},
		State: diag.NothingChanged, Exit: diag.ExitBusy, Err: h,
	}
}
