package deploy_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/project"
)

// The crash proof kills a release at every moment of every step, and loses the
// answer of every mutating call with and without its effect, and both together. After
// each, a resumed run must end as a run without any of it does: nothing lost, nothing
// done twice. Without CLODO_PROOF=full only the diagonal of "both" is run.
func full() bool { return os.Getenv("CLODO_PROOF") == "full" }

// scenario is a release to be disturbed: before is deployed undisturbed first.
type scenario struct {
	name          string
	before, after func(t *testing.T) []project.Target
	broken        bool // the new version does not work: the release must end undone
}

func scenarios() []scenario {
	none := func(*testing.T) []project.Target { return nil }
	api := func(change ...func(*project.Target)) func(*testing.T) []project.Target {
		return func(*testing.T) []project.Target { return []project.Target{target("api", change...)} }
	}
	withDB := func(t *testing.T) []project.Target {
		return []project.Target{target("api", withDatabase(t, t.TempDir(), "CREATE TABLE a (x);", "INSERT INTO a VALUES (1);"), withDomain("api.example.com"), withCron("0 1 * * *"))}
	}
	circle := func(*testing.T) []project.Target {
		return []project.Target{target("a", bindingTo("b")), target("b", bindingTo("a"))}
	}
	return []scenario{
		{"first", none, withDB, false},
		{"first, broken", none, withDB, true},
		{"next", api(withDomain("one.example.com"), withRoute("example.com/one/*")), api(withDomain("two.example.com"), withCron("0 2 * * *")), false},
		{"next, broken", api(withDomain("one.example.com")), api(withDomain("two.example.com")), true},
		{"circle", none, circle, false},
		{"circle, broken", none, circle, true},
	}
}

// disturb is what happens to one run: the process dies at the moment kill (from 0),
// and mutating call lose has this fault; -1 for neither.
type disturb struct {
	kill, lose int
	fault      deploytest.Fault
}

// play runs the scenario and returns the account, how many moments and mutating
// calls it had, and what became of it.
func (s scenario) play(t *testing.T, targets []project.Target, d disturb) (w *world, moments, lost int, outcomes []deploy.Outcome) {
	t.Helper()
	w = newWorld(t)
	if before := s.before(t); before != nil {
		w.deploy(before...)
	}
	for name := range w.source.Code {
		w.source.Code[name] = "new"
	}
	if s.broken {
		w.account.Healthy = func(v deploytest.Version) int {
			if v.Main == "new" && (len(targets) == 1 || !strings.Contains(string(v.Metadata), "TO_a")) { // of a circle only a
				return 500
			}
			return 200
		}
	}
	w.account.Calls()
	var mu sync.Mutex // the flows of a circle run at the same time
	w.moment = func(flow.Moment) bool {
		mu.Lock()
		defer mu.Unlock()
		moments++
		return moments == d.kill+1
	}
	w.account.Fault = func(string, int) deploytest.Fault {
		lost++
		if lost == d.lose+1 {
			return d.fault
		}
		return deploytest.None
	}
	r, err := w.deployer().Deploy(t.Context(), w.plan(targets...))
	if r.ID == "" {
		t.Fatalf("%+v: did not begin: %v", d, err)
	}
	total := moments
	for round := 0; ; round++ { // each round is a new process
		list, err := w.store.Releases(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = nil
		running := false
		for _, rec := range list[0].Targets {
			outcomes = append(outcomes, rec.Outcome)
			running = running || rec.Outcome == deploy.Running
		}
		if !running {
			break
		}
		if round == 3 {
			t.Fatalf("%+v: still unfinished after %d rounds: %v", d, round, err)
		}
		w.store.Dead[w.pid] = true
		w.pid++
		if _, err := w.deployer().Resume(t.Context(), ""); err != nil && diag.ExitOf(err) != diag.ExitRolledBack && !s.broken {
			t.Fatalf("%+v: resume: %v", d, err)
		}
	}
	return w, total, lost, outcomes
}

// essence is the account without ids, so that two runs can be compared: what exists,
// how often, what serves.
func essence(a *deploytest.Account) string {
	text := ""
	for _, db := range a.State.Databases {
		rows, err := a.Database("", db.ID).Query(context.Background(), "SELECT (SELECT count(*) FROM a) AS rows, count(*) AS files FROM d1_migrations")
		text += fmt.Sprintf("database %s %v %v\n", db.Name, rows, err)
	}
	for _, r := range a.State.Routes {
		text += "route " + r.Pattern + " " + r.Script + "\n"
	}
	for _, d := range a.State.Domains {
		text += "domain " + d.Hostname + " " + d.Script + "\n"
	}
	for _, name := range []string{"a", "api", "b"} {
		w := a.State.Workers[name]
		if w == nil {
			continue
		}
		main := map[string]string{}
		text += name
		for _, v := range w.Versions {
			main[v.ID] = v.Main
			text += " version " + v.Main
		}
		last := w.Deployments[len(w.Deployments)-1]
		for _, share := range last {
			text += fmt.Sprintf(" %s=%g%%", main[share.Version], share.Percent)
		}
		text += fmt.Sprintf(" crons %v dev %v %s\n", w.Crons, w.WorkersDev, w.Settings)
	}
	return text
}

func TestNothingIsLostOrDoneTwiceWhereverAReleaseIsKilledOrAnAnswerLost(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, s.prove) // pauses take no time
		})
	}
}

func (s scenario) prove(t *testing.T) {
	targets := s.after(t)
	w, moments, changes, outcomes := s.play(t, targets, disturb{kill: -1, lose: -1})
	want := fmt.Sprint(outcomes, "\n", essence(w.account))
	if moments == 0 || changes == 0 {
		t.Fatalf("%d moments, %d mutating calls", moments, changes)
	}
	runs := []disturb{}
	for k := range moments {
		runs = append(runs, disturb{k, -1, deploytest.None})
	}
	for c := range changes {
		for _, f := range []deploytest.Fault{deploytest.LostBefore, deploytest.LostAfter} {
			runs = append(runs, disturb{-1, c, f})
			for k := range moments {
				if full() || k%changes == c {
					runs = append(runs, disturb{k, c, f})
				}
			}
		}
	}
	for _, d := range runs {
		w, _, _, outcomes := s.play(t, targets, d)
		if got := fmt.Sprint(outcomes, "\n", essence(w.account)); got != want {
			t.Errorf("killed at moment %d, call %d %s:\n got %s\nwant %s", d.kill, d.lose, d.fault, got, want)
		}
	}
	t.Logf("%d runs: %d moments, %d mutating calls", len(runs), moments, changes)
}
