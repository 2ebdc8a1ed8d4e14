package deploy

import (
	"context"
	"fmt"

	"github.com/tamylaa/clodo/project"
)

// historySize is how many releases rollback and status look back.
const historySize = 1000

// past is the newest releases, with only those targets that were released to the
// accounts of live. A state folder remembers releases to the Cloudflare on this machine
// and to real accounts side by side, of Workers that have the same names.
func (d *Deployer) past(ctx context.Context, targets []project.Target, live Live) ([]Release, error) {
	list, err := d.ports.History.Releases(ctx, historySize)
	if err != nil {
		return nil, fmt.Errorf("read releases: %w", err)
	}
	here := map[bool]bool{}
	for _, t := range targets {
		here[t.Local] = true
	}
	for i := range list {
		r := &list[i]
		var plans []TargetPlan
		var records []TargetRecord
		for j, tp := range r.Plan.Targets {
			if here[tp.Local] && tp.AccountID == live.Accounts[tp.Script.Account].ID {
				plans, records = append(plans, tp), append(records, r.Targets[j])
			}
		}
		r.Plan.Targets, r.Targets = plans, records
	}
	return list, nil
}

// sameWorker reports whether both are of one Worker in one account.
func (p TargetPlan) sameWorker(o TargetPlan) bool {
	return p.Script == o.Script && p.AccountID == o.AccountID && p.Local == o.Local
}

// resource is the name of the lease on the Worker.
func (p TargetPlan) resource() string { return p.leased("worker", p.Script.Name) }

// leased is the name of the lease on something in the target's account.
func (p TargetPlan) leased(kind, name string) string {
	if p.Local {
		kind = "local " + kind
	}
	return kind + ":" + p.Script.Account + "/" + name
}
