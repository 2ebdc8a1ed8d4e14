package deploy_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/portfolio"
	"github.com/tamylaa/clodo/project"
)

// world is an account, a state folder and sources, and the processes that deploy.
type world struct {
	t       *testing.T
	account *deploytest.Account
	store   *deploytest.Store
	source  *deploytest.Source
	journal *flow.Journal
	events  *deploytest.Events
	moment  func(flow.Moment) bool
	pid     int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, account: deploytest.New(t.TempDir()), store: deploytest.NewStore(), journal: flow.NewJournal(), events: &deploytest.Events{}, pid: 1,
		source: &deploytest.Source{Code: map[string]string{"api": "v1", "web": "v1", "a": "v1", "b": "v1"}},
	}
}

// deployer is a new process.
func (w *world) deployer() *deploy.Deployer {
	p := w.account.Ports()
	p.Builder, p.Secrets, p.Observer = w.source, w.source, w.events
	p.Blobs, p.Recorder, p.History, p.Leases = w.store, w.store, w.store, w.store.Leases()
	return deploy.New(p, deploy.Options{
		Engine: func(_ context.Context, _ string, s *flow.Set) (flow.Engine, error) {
			return &flow.Memory{Set: s, Journal: w.journal, Moment: w.moment}, nil
		},
		By: deploy.Holder{User: "jo", Host: "laptop", PID: w.pid},
	})
}

func (w *world) plan(targets ...project.Target) deploy.Checked {
	w.t.Helper()
	c, err := w.deployer().Plan(w.t.Context(), targets, portfolio.Order(targets))
	if err != nil {
		w.t.Fatalf("plan: %v", err)
	}
	return c
}

// deploy plans and deploys, which must succeed.
func (w *world) deploy(targets ...project.Target) deploy.Release {
	w.t.Helper()
	r, err := w.deployer().Deploy(w.t.Context(), w.plan(targets...))
	if err != nil {
		w.t.Fatalf("deploy: %v", err)
	}
	return r
}

// target is a service with a health check that does not wait long.
func target(service string, change ...func(*project.Target)) project.Target {
	t := project.Target{
		TargetID: project.TargetID{Service: service}, Health: project.HealthCheck{Timeout: 50 * time.Millisecond},
		Worker: project.Worker{Name: service, CompatibilityDate: project.Value[string]{V: "2026-04-01"}},
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

func withDomain(host string) func(*project.Target) {
	return func(t *project.Target) { t.Domains = append(t.Domains, project.Value[string]{V: host}) }
}

func withRoute(pattern string) func(*project.Target) {
	return func(t *project.Target) { t.Worker.Routes = append(t.Worker.Routes, project.Route{Pattern: pattern}) }
}

func withCron(cron string) func(*project.Target) {
	return func(t *project.Target) { t.Worker.Crons = append(t.Worker.Crons, project.Value[string]{V: cron}) }
}

func bindingTo(service string) func(*project.Target) {
	return func(t *project.Target) {
		t.Needs = append(t.Needs, service)
		t.Worker.Bindings = append(t.Worker.Bindings, project.Binding{Kind: "service", Name: "TO_" + service, Service: service, Portfolio: service})
	}
}

// withDatabase binds DB with migration files of these texts, 0001.sql first.
func withDatabase(t *testing.T, dir string, files ...string) func(*project.Target) {
	t.Helper()
	for i, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "000"+string(rune('1'+i))+"_m.sql"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(tg *project.Target) {
		tg.Root = filepath.Dir(dir)
		tg.Worker.Bindings = append(tg.Worker.Bindings, project.Binding{Kind: "d1", Name: "DB", Resource: "shop", MigrationsDir: dir})
	}
}
