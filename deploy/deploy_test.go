package deploy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// calls sums up what reached the account, in order.
func calls(w *world) string { return strings.Join(w.account.Calls(), ", ") }

func TestAReleaseMakesExactlyTheCallsOfItsPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	full := []func(*project.Target){withDatabase(t, dir, "CREATE TABLE a (x);"), withDomain("api.example.com"), withRoute("example.com/api/*"), withCron("*/5 * * * *")}

	first := w.deploy(target("api", full...))
	if got, want := calls(w), "create d1, query, query, upload, update workers.dev, attach domain, attach route, update crons, update workers.dev"; got != want {
		t.Errorf("calls of the first release:\n got %s\nwant %s", got, want)
	}
	rec := first.Targets[0]
	if rec.Outcome != deploy.Released || rec.Smoked != "passed" || rec.Verified != "passed" {
		t.Errorf("record of the first release: %+v", rec)
	}
	if want := []string{"https://api.example.com", "https://example.com/api"}; !slices.Equal(rec.Addresses, want) {
		t.Errorf("addresses: got %v, want %v", rec.Addresses, want)
	}

	again := w.deploy(target("api", full...))
	if got := calls(w); got != "" || again.Targets[0].Outcome != deploy.Unchanged {
		t.Errorf("an unchanged release made calls %q and ended %s", got, again.Targets[0].Outcome)
	}

	w.source.Code["api"] = "v2"
	w.deploy(target("api", full...))
	if got, want := calls(w), "upload, deploy, deploy"; got != want {
		t.Errorf("calls of the second release: got %s, want %s", got, want)
	}
	worker := w.account.State.Workers["api"]
	if len(worker.Versions) != 2 || worker.Versions[1].Main != "v2" {
		t.Errorf("versions: %+v", worker.Versions)
	}
	if got := worker.Deployments[len(worker.Deployments)-1]; len(got) != 1 || got[0].Version != worker.Versions[1].ID || got[0].Percent != 100 {
		t.Errorf("what serves: %v", got)
	}
}

func TestAVersionThatDoesNotWorkIsUndone(t *testing.T) {
	t.Parallel()
	broken := func(v deploytest.Version) int {
		if v.Main == "broken" {
			return 500
		}
		return 200
	}
	t.Run("a first release is removed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.account.Healthy, w.source.Code["api"] = broken, "broken"
		r, err := w.deployer().Deploy(t.Context(), w.plan(target("api", withDomain("api.example.com"))))
		if diag.ExitOf(err) != diag.ExitRolledBack || r.Targets[0].Outcome != deploy.RolledBack {
			t.Errorf("exit %d, outcome %s: %v", diag.ExitOf(err), r.Targets[0].Outcome, err)
		}
		if len(w.account.State.Workers) != 0 || len(w.account.State.Domains) != 0 {
			t.Errorf("left behind: %+v", w.account.State)
		}
		var de *diag.Error
		if !errors.As(err, &de) || de.Code != "D201" || !strings.Contains(de.Why, "500") {
			t.Errorf("error: %+v", de)
		}
	})
	t.Run("on this machine the reason can be seen", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.account.Healthy, w.source.Code["api"] = broken, "broken"
		_, err := w.deployer().Deploy(t.Context(), w.plan(target("api", func(t *project.Target) { t.Local = true })))
		var de *diag.Error
		if !errors.As(err, &de) || !strings.Contains(de.Fix, "`clodo dev api` shows") {
			t.Errorf("error: %+v", de)
		}
	})
	t.Run("on this machine what the Worker logged is the reason", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.account.Healthy, w.source.Code["api"] = broken, "broken"
		w.account.Logs = []string{"begins", "TypeError: \x1b[31mKEY is not set\n    at fetch (index.js:1:1)", strings.Repeat("x", 200), "4", "5", "6", "7"}
		_, err := w.deployer().Deploy(t.Context(), w.plan(target("api", func(t *project.Target) { t.Local = true })))
		want := "last answer 500 \"version 00000001-0000-4000-8000-000000000000\", and the Worker logged\nbegins\nTypeError: [31mKEY is not set\n" +
			"    at fetch (index.js:1:1)\n" + strings.Repeat("x", 160) + "…\n4\n5\n…"
		var de *diag.Error
		if !errors.As(err, &de) || de.Code != "D201" || de.Why != want || de.Fix != "repair that, then deploy again" {
			t.Errorf("error: %+v\nwant the reason %s", de, want)
		}
	})
	t.Run("a Worker elsewhere that stays can be listened to", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.account.Healthy, w.account.Logs = broken, []string{"is not read"}
		w.deploy(target("api"))
		w.source.Code["api"] = "broken"
		_, err := w.deployer().Deploy(t.Context(), w.plan(target("api")))
		var de *diag.Error
		if !errors.As(err, &de) || !strings.Contains(de.Fix, "`wrangler tail api`") || strings.Contains(de.Why, "is not read") {
			t.Errorf("error: %+v", de)
		}
	})
	t.Run("a later release gives the traffic back before it gets any", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.account.Healthy = broken
		w.deploy(target("api"))
		before := w.account.State.Workers["api"].Deployments[0]
		w.source.Code["api"] = "broken"
		r, err := w.deployer().Deploy(t.Context(), w.plan(target("api")))
		if diag.ExitOf(err) != diag.ExitRolledBack || r.Targets[0].Outcome != deploy.RolledBack {
			t.Errorf("exit %d, outcome %s: %v", diag.ExitOf(err), r.Targets[0].Outcome, err)
		}
		all := w.account.State.Workers["api"].Deployments
		if got := all[len(all)-1]; !cmp.Equal(got, before) {
			t.Errorf("what serves: %v, want %v", got, before)
		}
		for _, d := range all[1:] {
			if d[0].Version != before[0].Version || d[0].Percent != 100 {
				t.Errorf("the broken version got traffic: %v", d)
			}
		}
	})
	t.Run("what was attached comes off again when the real address does not answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.deploy(target("api", withDomain("old.example.com"), withCron("0 1 * * *")))
		asked := 0
		w.account.Healthy = func(v deploytest.Version) int {
			if asked++; v.Main == "v2" && asked > 1 { // the smoke test passes, the check after it does not
				return 503
			}
			return 200
		}
		w.source.Code["api"] = "v2"
		_, err := w.deployer().Deploy(t.Context(), w.plan(target("api", withDomain("new.example.com"), withCron("0 2 * * *"))))
		if diag.ExitOf(err) != diag.ExitRolledBack {
			t.Fatalf("exit %d: %v", diag.ExitOf(err), err)
		}
		if d := w.account.State.Domains; len(d) != 1 || d[0].Hostname != "old.example.com" {
			t.Errorf("domains: %v", d)
		}
		if c := w.account.State.Workers["api"].Crons; !slices.Equal(c, []string{"0 1 * * *"}) {
			t.Errorf("crons: %v", c)
		}
	})
	for name, exists := range map[string]bool{
		"what somebody deployed meanwhile is left alone and named":            true,
		"a Worker to which somebody deployed meanwhile is not removed either": false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			api := target("api", withDomain("api.example.com"))
			if exists {
				w.deploy(api)
			}
			theirs := deploy.Split{{Version: "77777777-theirs", Percent: 100}}
			w.account.Healthy = func(v deploytest.Version) int {
				if api := w.account.State.Workers["api"]; v.Main == "broken" {
					api.Versions = append(api.Versions, deploytest.Version{ID: theirs[0].Version})
					api.Deployments = append(api.Deployments, theirs)
				}
				if v.Main == "v1" {
					return 200
				}
				return 500
			}
			w.source.Code["api"] = "broken"
			_, err := w.deployer().Deploy(t.Context(), w.plan(api))
			var de *diag.Error
			if !errors.As(err, &de) || !strings.Contains(de.State, "77777777 100% serves") {
				t.Errorf("state: %+v", de)
			}
			left := w.account.State.Workers["api"]
			if left == nil || !cmp.Equal(left.Deployments[len(left.Deployments)-1], theirs) {
				t.Errorf("what serves: %+v", left)
			}
		})
	}
	t.Run("an answer of what somebody deployed meanwhile verifies nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		api := target("api", withDomain("api.example.com"))
		w.deploy(api)
		theirs := deploy.Split{{Version: "77777777-theirs", Percent: 100}}
		w.account.Healthy = func(v deploytest.Version) int {
			api := w.account.State.Workers["api"]
			if now := api.Deployments[len(api.Deployments)-1]; v.Main == "v2" && len(now) == 1 && now[0].Version == v.ID {
				api.Versions = append(api.Versions, deploytest.Version{ID: theirs[0].Version})
				api.Deployments = append(api.Deployments, theirs)
			}
			return 200
		}
		w.source.Code["api"] = "v2"
		r, err := w.deployer().Deploy(t.Context(), w.plan(api))
		var de *diag.Error
		if !errors.As(err, &de) || de.Code != "D209" || !strings.Contains(de.State, "77777777 100% serves") || r.Targets[0].Verified == "passed" {
			t.Errorf("%+v: %+v", de, r.Targets[0])
		}
		left := w.account.State.Workers["api"]
		if !cmp.Equal(left.Deployments[len(left.Deployments)-1], theirs) {
			t.Errorf("what serves: %+v", left)
		}
	})
	t.Run("when going back fails too a person must act", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.account.Healthy, w.source.Code["api"] = broken, "broken"
		w.account.Fault = func(call string, _ int) deploytest.Fault {
			if call == "delete worker" {
				return deploytest.Refused
			}
			return deploytest.None
		}
		r, err := w.deployer().Deploy(t.Context(), w.plan(target("api")))
		if diag.ExitOf(err) != diag.ExitStuck || r.Targets[0].Outcome != deploy.Stuck {
			t.Errorf("exit %d, outcome %s: %v", diag.ExitOf(err), r.Targets[0].Outcome, err)
		}
	})
}

func TestAWorkerWithoutAddressIsNeverSaidToHavePassed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.State.WorkersDev = ""
	off := false
	r := w.deploy(target("api", func(t *project.Target) { t.Worker.WorkersDev = &off }, withCron("* * * * *")))
	if rec := r.Targets[0]; rec.Smoked != "no address" || rec.Verified != "no address" || rec.Outcome != deploy.Released {
		t.Errorf("smoked %q, verified %q, outcome %s", rec.Smoked, rec.Verified, rec.Outcome)
	}
}

func TestServicesInACircleAreReleasedInTwoPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(target("a", bindingTo("b")), target("b", bindingTo("a")))
	if got := len(w.account.State.Workers); got != 2 {
		t.Fatalf("%d Workers", got)
	}
	for name, worker := range w.account.State.Workers {
		if len(worker.Versions) != 2 || worker.Versions[1].Main != "v1" {
			t.Errorf("%s: %+v", name, worker.Versions)
		}
	}
	w.account.Calls()
	if w.deploy(target("a", bindingTo("b")), target("b", bindingTo("a"))); calls(w) != "" {
		t.Error("an unchanged circle was released again")
	}
}

func TestATargetWhoseNeedFailedIsNotStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.Healthy = func(v deploytest.Version) int {
		if v.Main == "bad" {
			return 500
		}
		return 200
	}
	w.source.Code["api"] = "bad"
	r, err := w.deployer().Deploy(t.Context(), w.plan(target("web", bindingTo("api")), target("api"), target("a")))
	got := map[string]deploy.Outcome{}
	for _, rec := range r.Targets {
		got[rec.Target.Service] = rec.Outcome
	}
	want := map[string]deploy.Outcome{"api": deploy.RolledBack, "web": deploy.Unchanged, "a": deploy.Released}
	if !cmp.Equal(got, want) || diag.ExitOf(err) != diag.ExitPartial {
		t.Errorf("exit %d, %s", diag.ExitOf(err), cmp.Diff(want, got))
	}
	if w.account.State.Workers["web"] != nil {
		t.Error("web was uploaded")
	}
}

func TestAPlanIsRefusedWhenTheWorldMovedSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(target("api"))
	w.source.Code["api"] = "v2"
	mine := w.plan(target("api"))
	w.source.Code["api"] = "v3"
	w.deploy(target("api"))
	w.account.Calls()
	_, err := w.deployer().Deploy(t.Context(), mine)
	var de *diag.Error
	if !errors.As(err, &de) || de.Code != "D302" || de.Exit != diag.ExitBusy || de.State != diag.NothingChanged {
		t.Errorf("error: %+v", de)
	}
	if got := calls(w); got != "" {
		t.Errorf("calls: %s", got)
	}
}

func TestTheSecondDeployerIsToldWhoIsDeployingAndSinceWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.plan(target("api"))
	if _, err := w.store.Acquire(t.Context(), "worker:/api", deploy.Holder{User: "ann", Host: "desk", PID: 77}, 1e12); err != nil {
		t.Fatal(err)
	}
	_, err := w.deployer().Deploy(t.Context(), c)
	var de *diag.Error
	if !errors.As(err, &de) || de.Code != "D301" || !strings.Contains(de.Message, "ann@desk") || !strings.Contains(de.Why, "77") || calls(w) != "" {
		t.Errorf("error: %+v", de)
	}
}

func TestNothingIsSentWhenNothingCanBeRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.plan(target("api"))
	w.store.Full = true
	_, err := w.deployer().Deploy(t.Context(), c)
	var de *diag.Error
	if !errors.As(err, &de) || de.State != diag.NothingChanged || calls(w) != "" {
		t.Errorf("error: %+v", de)
	}
}

func TestInterruptingStopsBetweenStepsAndResumeGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.account.Fault = func(call string, _ int) deploytest.Fault {
		if call == "upload" {
			cancel() // Ctrl-C while the call is under way
		}
		return deploytest.None
	}
	r, err := w.deployer().Deploy(ctx, w.plan(target("api")))
	if diag.ExitOf(err) != diag.ExitInterrupted || r.Targets[0].Outcome != deploy.Running {
		t.Fatalf("exit %d, outcome %s: %v", diag.ExitOf(err), r.Targets[0].Outcome, err)
	}
	if got := calls(w); got != "upload" {
		t.Errorf("calls: %s", got)
	}
	for _, code := range []string{"v1", "v2"} { // v1 is live already, but nobody verified it
		w.source.Code["api"] = code
		plan := w.plan(target("api"))
		if !slices.ContainsFunc(plan.Plan.Findings, func(f diag.Finding) bool { return f.Code == "D303" && f.Severity == diag.SeverityWarning }) {
			t.Errorf("the plan of %s says nothing of the unfinished release: %v", code, plan.Plan.Findings)
		}
		_, err = w.deployer().Deploy(t.Context(), plan)
		var de *diag.Error
		if !errors.As(err, &de) || de.Code != "D303" {
			t.Errorf("a new release of %s over an unfinished one: %v", code, err)
		}
	}
	w.account.Fault = nil
	r, err = w.deployer().Resume(t.Context(), "")
	if err != nil || r.Targets[0].Outcome != deploy.Released {
		t.Fatalf("resume: %v, %+v", err, r.Targets)
	}
	if n := len(w.account.State.Workers["api"].Versions); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestRollbackPutsBackVersionRoutesDomainsAndCrons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := target("api", withDomain("one.example.com"), withRoute("example.com/one/*"), withCron("0 1 * * *"))
	v2 := target("api", withDomain("two.example.com"), withRoute("example.com/two/*"), withCron("0 2 * * *"))
	w.deploy(v1)
	before := w.account.State.Workers["api"].Versions[0].ID
	w.source.Code["api"] = "v2"
	w.deploy(v2)
	c, err := w.deployer().PlanRollback(t.Context(), []project.Target{v2}, []deploy.Wave{{Targets: []project.TargetID{v2.TargetID}}}, "")
	if err != nil || c.Err() != nil {
		t.Fatal(err, c.Err())
	}
	if _, err := w.deployer().Deploy(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := w.account.State
	all := s.Workers["api"].Deployments
	if got := all[len(all)-1]; len(got) != 1 || got[0].Version != before {
		t.Errorf("what serves: %v, want %s", got, before)
	}
	if len(s.Domains) != 1 || s.Domains[0].Hostname != "one.example.com" || len(s.Routes) != 1 || s.Routes[0].Pattern != "example.com/one/*" || !slices.Equal(s.Workers["api"].Crons, []string{"0 1 * * *"}) {
		t.Errorf("attached: %+v %+v %v", s.Domains, s.Routes, s.Workers["api"].Crons)
	}
}
