package deploy_test

import (
	"context"
	"testing"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/project"
)

// beside is a Cloudflare on this machine whose releases are remembered in w's state
// folder.
func beside(w *world) (*world, func(*project.Target)) {
	l := newWorld(w.t)
	l.store = w.store
	l.account.State.Next = 100 // so that its versions have other ids
	return l, func(t *project.Target) { t.Local = true }
}

func TestARollbackGoesToNoVersionOfAnotherCloudflare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.deploy(target("api")).Targets[0].Version
	w.source.Code["api"] = "v2"
	w.deploy(target("api"))
	local, here := beside(w)
	local.deploy(target("api", here))

	api := target("api")
	waves := []deploy.Wave{{Targets: []project.TargetID{api.TargetID}}}
	c, err := w.deployer().PlanRollback(t.Context(), []project.Target{api}, waves, "")
	if err != nil || c.Err() != nil {
		t.Fatal(err, c.Err())
	}
	if got := c.Plan.Targets[0].Existing; got != first {
		t.Errorf("it goes back to %s, want %s", got, first)
	}
	status, err := w.deployer().Status(t.Context(), []project.Target{api})
	if err != nil {
		t.Fatal(err)
	}
	if len(status[0].Drift) != 0 {
		t.Errorf("a release to the local cloud is told as drift: %v", status[0].Drift)
	}
}

func TestAnInterruptedReleaseKeepsNobodyFromAnotherCloudflare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	local, here := beside(w)
	ctx, cancel := context.WithCancel(t.Context())
	local.account.Fault = func(string, int) deploytest.Fault {
		cancel()
		return deploytest.None
	}
	r, err := local.deployer().Deploy(ctx, local.plan(target("api", here)))
	if err == nil || r.Targets[0].Outcome != deploy.Running {
		t.Fatalf("outcome %s: %v", r.Targets[0].Outcome, err)
	}
	w.deploy(target("api"))
}
