package deploy_test

import (
	"slices"
	"testing"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

func TestARollbackTellsThatAnotherVersionServes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(target("api"))
	w.source.Code["api"] = "v2"
	w.deploy(target("api"))
	api := target("api")
	waves := []deploy.Wave{{Targets: []project.TargetID{api.TargetID}}}
	warned := func() bool {
		c, err := w.deployer().PlanRollback(t.Context(), []project.Target{api}, waves, "")
		if err != nil || c.Err() != nil {
			t.Fatal(err, c.Err())
		}
		return slices.ContainsFunc(c.Plan.Findings, func(f diag.Finding) bool { return f.Code == "D218" })
	}
	if warned() {
		t.Error("it warns though what serves was released")
	}
	state := w.account.State.Workers["api"]
	state.Versions = append(state.Versions, deploytest.Version{ID: "of-a-secret", Tag: ""})
	state.Deployments = append(state.Deployments, deploy.Split{{Version: "of-a-secret", Percent: 100}})
	if !warned() {
		t.Error("it says nothing of the version that a changed secret made")
	}
}

func TestNothingGoesBackBehindADurableObjectMigration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(target("api"))
	w.source.Code["api"] = "v2"
	api := target("api", func(t *project.Target) {
		t.Worker.DOMigrations = append(t.Worker.DOMigrations, project.DOMigration{Tag: "v1", NewSQLiteClasses: []string{"C"}})
	})
	w.deploy(api)
	waves := []deploy.Wave{{Targets: []project.TargetID{api.TargetID}}}
	c, err := w.deployer().PlanRollback(t.Context(), []project.Target{api}, waves, "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(c.Plan.Findings, func(f diag.Finding) bool { return f.Code == "D216" && f.Severity == diag.SeverityError }) {
		t.Errorf("findings %v", c.Plan.Findings)
	}
}
