package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// statusParallel is how many health checks are under way at once.
const statusParallel = 16

// statusWait is how long Status asks one address: it looks, it does not wait for
// something to become well.
const statusWait = 5 * time.Second

// Status reads what serves the selected targets and asks each one's health check
// once. It changes nothing.
func (o *Operator) Status(ctx context.Context, sel project.Selector) (*Status, error) {
	p, err := o.prepare(ctx, sel)
	if err != nil {
		return nil, err
	}
	list, err := p.deployer.Status(ctx, p.targets)
	if err != nil {
		return nil, err
	}
	history, err := o.store().Releases(ctx, 1000)
	if err != nil {
		return nil, err
	}
	asks := &prober{operator: o}
	status := &Status{Targets: make([]TargetStatus, len(list))}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(statusParallel)
	for i, live := range list {
		st := TargetStatus{
			Target: live.Target, Worker: live.Script.Name, Deployed: live.Exists, Drift: live.Drift,
			URLs: o.localAddresses(live.Script.Name, live.Addresses), Last: lastRelease(history, live),
		}
		if !live.Exists {
			st.URLs = nil
		}
		for _, share := range live.Live {
			st.Versions = append(st.Versions, VersionShare{ID: share.Version, Percentage: share.Percent, ReleasedHere: releasedHere(history, share.Version)})
		}
		g.Go(func() error {
			st.Health, st.Healthy = health(gctx, asks, live, p.targets[i].Health)
			status.Targets[i] = st
			return nil
		})
	}
	return status, g.Wait()
}

// health asks a target's best address once. A target without one is not measured,
// and not healthy.
func health(ctx context.Context, p check.Prober, live deploy.TargetStatus, want project.HealthCheck) (string, bool) {
	switch {
	case !live.Exists:
		return "not deployed", false
	case len(live.Addresses) == 0:
		return "not measured: it has no address", false
	}
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	path := want.Path
	if path == "" {
		path = "/"
	}
	expect := check.Expect{Status: want.Status}
	answer, err := p.Get(ctx, check.Request{URL: live.Addresses[0] + path})
	switch {
	case err != nil:
		return "failing: " + err.Error(), false
	case !expect.Met(answer):
		return fmt.Sprintf("failing: %s answered %d", path, answer.Status), false
	}
	return "healthy", true
}

// lastRelease is the newest release that touched the target, nil without one.
func lastRelease(history []deploy.Release, live deploy.TargetStatus) *LastRelease {
	for _, r := range history {
		if live.Last != nil && r.ID == live.Release {
			return &LastRelease{Release: r.ID, Outcome: live.Last.Outcome, Actor: r.By.User + "@" + r.By.Host, Started: r.Started, Ended: r.Ended}
		}
	}
	return nil
}

// releasedHere reports whether a release of this state folder made the version.
func releasedHere(history []deploy.Release, version string) bool {
	return slices.ContainsFunc(history, func(r deploy.Release) bool {
		return slices.ContainsFunc(r.Targets, func(t deploy.TargetRecord) bool { return t.Version == version && t.Outcome == deploy.Released })
	})
}
