package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// PlanRollback plans to put back what a target was before its last release: version,
// routes, domains, crons, workers.dev and settings. With release it is that release's
// state instead of the one before. Databases are left as they are.
func (d *Deployer) PlanRollback(ctx context.Context, targets []project.Target, waves []Wave, release string) (Checked, error) {
	live, err := d.ports.Live.Live(ctx, targets)
	if err != nil {
		return Checked{}, unread(err)
	}
	history, err := d.past(ctx, targets, live)
	if err != nil {
		return Checked{}, err
	}
	b := &planBuilder{Request: Request{Targets: targets, Waves: waves, Live: live}}
	p := Plan{Kind: KindRollback, Waves: waves}
	for _, w := range waves {
		for _, id := range w.Targets {
			i := slices.IndexFunc(targets, func(t project.Target) bool { return t.TargetID == id })
			p.Targets = append(p.Targets, b.rollback(targets[i], history, release))
		}
	}
	p.Findings = b.found
	return Checked{Plan: p.sealed()}, nil
}

func (b *planBuilder) rollback(t project.Target, history []Release, release string) TargetPlan {
	account := b.Live.Accounts[AccountName(t)]
	live, exists := account.Workers[t.Worker.Name]
	p := TargetPlan{
		Target: t.TargetID, Script: ScriptOf(t), AccountID: account.ID, Local: t.Local, Base: live.Split, Before: live.Attached, After: live.Attached,
		HealthStatus: t.Health.Status, HealthPos: t.Health.Pos,
	}
	want, since, ok := previous(history, t.TargetID, release, mainVersion(live.Split), live.Attached)
	if !ok || !exists {
		why := "clodo has no record of an earlier release of it here"
		if release != "" {
			why = fmt.Sprintf("release %s did not release it", release)
		}
		b.errorf("D216", diag.Position{}, why, "deploy the code that you want: clodo deploy", "%s has nothing to go back to", t.TargetID)
		return p
	}
	if since.durable {
		b.errorf("D216", diag.Position{}, "Cloudflare serves no version from before a Durable Object migration", "deploy the code that you want: clodo deploy",
			"%s cannot go back: Durable Objects were migrated since version %s", t.TargetID, shortID(want.Version))
		return p
	}
	p.Content = want.Content
	if !live.Split.equal(Split{{Version: want.Version, Percent: 100}}) {
		p.Existing = want.Version
	}
	p.After = want.Attached
	p.Triggers, p.Undo = diff(p.Before, p.After, false)
	for _, list := range [][]Route{p.Before.Routes, p.After.Routes} {
		for _, r := range list {
			p.addZone(Zone{ID: r.ZoneID, Name: zoneName(account, r.ZoneID)})
		}
	}
	addresses(&p, t, account, live)
	if since.foreign {
		b.found = append(b.found, diag.Finding{
			Code: "D218", Severity: diag.SeverityWarning,
			Message: fmt.Sprintf("%s goes back from version %s, which no release made", t.TargetID, shortID(mainVersion(live.Split))),
			Why:     fmt.Sprintf("a changed secret or another tool made it; secrets belong to versions, so what was set since %s is not in effect afterwards", shortID(want.Version)),
			Fix:     "to keep it, go forward with other code instead: clodo deploy",
		})
	}
	if newer := since.migrations; len(newer) > 0 {
		b.found = append(b.found, diag.Finding{
			Code: "M110", Severity: diag.SeverityWarning,
			Message: fmt.Sprintf("%s goes back to code from before %d migrations", t.TargetID, len(newer)),
			Why:     "they stay in the database, because data never goes back by itself: " + newer[0],
			Fix:     "make sure that the old code can read the new tables",
		})
	}
	b.lines(&p, t, live)
	return p
}

// aftermath is what happened to a target after the release that it goes back to.
type aftermath struct {
	migrations []string // of databases
	durable    bool     // Durable Objects were migrated
	foreign    bool     // what serves was made by no release: by a changed secret, or another tool
}

// migratesObjects reports whether an upload has Durable Object migrations.
func migratesObjects(metadata json.RawMessage) bool {
	var m struct {
		Migrations json.RawMessage `json:"migrations"`
	}
	return json.Unmarshal(metadata, &m) == nil && len(m.Migrations) > 0
}

// previous is the record to go back to: of release, or else of the newest release
// before the one that is live. since is what happened after it.
func previous(history []Release, id project.TargetID, release, version string, attached Attached) (rec TargetRecord, since aftermath, ok bool) {
	passedLive := false
	since.foreign = true
	for i, r := range history {
		for j, t := range r.Targets {
			if t.Target != id || t.Outcome != Released {
				continue
			}
			since.foreign = since.foreign && t.Version != version
			switch {
			case release != "":
				if r.ID == release {
					return t, since, true
				}
			case !passedLive && t.Version == version && sameAttached(t.Attached, attached):
				passedLive = true // this is what is live
			case t.Version != version || !sameAttached(t.Attached, attached):
				return t, since, true
			}
			plan := history[i].Plan.Targets[j]
			for _, m := range plan.Migrations {
				for _, f := range m.Files {
					since.migrations = append(since.migrations, f.Name)
				}
			}
			since.durable = since.durable || (!plan.First && migratesObjects(plan.Metadata))
		}
	}
	return rec, since, false
}

// sameAttached compares what is attached, without ids.
func sameAttached(a, b Attached) bool {
	do, _ := diff(a, b, false)
	return len(do) == 0
}
