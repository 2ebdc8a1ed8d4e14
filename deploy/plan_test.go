package deploy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/portfolio"
	"github.com/tamylaa/clodo/project"
)

// planned is the mutating calls that the lines of a plan announce, by name.
func planned(p deploy.Plan) map[string]int {
	n := map[string]int{}
	for _, t := range p.Targets {
		for _, c := range t.Changes {
			switch {
			case c.Kind == "database":
				n["create d1"]++
			case c.Kind == "bucket":
				n["create r2_bucket"]++
			case c.Kind == "queue":
				n["create queue"]++
			case c.Kind == "migration":
				n["query"] += 2 // the tables that remember, and the file
			case c.Kind == "worker", c.Kind == "version":
				n["upload"]++
			case c.Kind == "traffic":
				n["deploy"]++
			case c.Kind == "secret": // travels with the upload
			case c.Kind == "workers.dev":
				n["update workers.dev"]++
			default:
				n[string(c.Action)+" "+c.Kind]++
			}
		}
	}
	return n
}

func counted(calls []string) map[string]int {
	n := map[string]int{}
	for _, c := range calls {
		n[c]++
	}
	return n
}

// anyTargets draws a configuration of up to three services.
func anyTargets(t *rapid.T, label string) []project.Target {
	var list []project.Target
	services := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "api", "b"}), 1, 3, rapid.ID).Draw(t, label)
	for _, s := range services {
		tg := target(s)
		if rapid.Bool().Draw(t, "dev is set") {
			on := rapid.Bool().Draw(t, "dev")
			tg.Worker.WorkersDev = &on
		}
		if rapid.Bool().Draw(t, "domain") {
			withDomain(rapid.SampledFrom([]string{"one.", "two."}).Draw(t, "host") + s + ".example.com")(&tg)
		}
		if rapid.Bool().Draw(t, "route") {
			withRoute("example.com/" + s + rapid.SampledFrom([]string{"/*", "/x/*"}).Draw(t, "path"))(&tg)
		}
		for _, c := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"0 1 * * *", "0 2 * * *"}), 0, 2, rapid.ID).Draw(t, "crons") {
			withCron(c)(&tg)
		}
		if rapid.Bool().Draw(t, "database") {
			tg.Worker.Bindings = append(tg.Worker.Bindings, project.Binding{Kind: "d1", Name: "DB", Resource: rapid.SampledFrom([]string{"shared", "own-" + s}).Draw(t, "name")})
		}
		if rapid.Bool().Draw(t, "bucket") {
			tg.Worker.Bindings = append(tg.Worker.Bindings, project.Binding{Kind: "r2_bucket", Name: "FILES", Resource: rapid.SampledFrom([]string{"shared", "own-" + s}).Draw(t, "bucket's name")})
		}
		if rapid.Bool().Draw(t, "queue") {
			tg.Worker.Bindings = append(tg.Worker.Bindings, project.Binding{Kind: "queue", Name: "JOBS", Resource: rapid.SampledFrom([]string{"shared", "own-" + s}).Draw(t, "queue's name")})
		}
		if rapid.Bool().Draw(t, "observability") {
			tg.Worker.Observability = map[string]any{"enabled": true}
		}
		for _, other := range services {
			if other != s && rapid.Bool().Draw(t, "bound") {
				bindingTo(other)(&tg)
			}
		}
		list = append(list, tg)
	}
	return list
}

func TestWhateverIsDeployedEveryCallIsALineAndTheNextPlanIsEmpty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		for round := range 2 {
			targets := anyTargets(r, fmt.Sprint("services ", round))
			if rapid.Bool().Draw(r, "new code") {
				w.source.Code[targets[0].Service] = fmt.Sprint("v", round)
			}
			c := w.plan(targets...)
			if diag.HasErrors(c.Plan.Findings) {
				r.Fatalf("findings: %+v", c.Plan.Findings)
			}
			if _, err := w.deployer().Deploy(t.Context(), c); err != nil {
				r.Fatalf("deploy: %v", err)
			}
			if diff := cmp.Diff(planned(c.Plan), counted(w.account.Calls())); diff != "" {
				r.Fatalf("lines of the plan (-) and calls (+): %s\n%+v", diff, c.Plan.Targets)
			}
			if again := w.plan(targets...); again.Plan.Changes() != 0 {
				r.Fatalf("the next plan has changes: %+v", again.Plan.Targets)
			}
		}
	})
}

func TestAPlanIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	plan := func(dir string, code string) deploy.Plan {
		r := deploy.Request{Live: deploy.Live{Accounts: map[string]deploy.LiveAccount{"": {WorkersDev: "x.workers.dev"}}}}
		tg := target("api")
		m := deploy.NewModule("index.js", "application/javascript+module", []byte(code))
		r.Targets, r.Waves = []project.Target{tg}, portfolio.Order([]project.Target{tg})
		r.Artifacts = map[project.TargetID]deploy.Artifact{tg.TargetID: {
			MainModule: m.Name, Modules: []deploy.Module{m}, AssetDir: dir, Assets: []deploy.Asset{{Path: "/a", Hash: "h", File: "a"}},
		}}
		return deploy.NewPlan(r)
	}
	a, b, other := plan("/home/jo", "v1"), plan("/home/ann", "v1"), plan("/home/jo", "v2")
	if a.Hash != b.Hash || a.ID != b.ID {
		t.Error("the folder of a machine changes the plan's hash")
	}
	if a.Hash == other.Hash || a.Targets[0].Content == other.Targets[0].Content {
		t.Error("another code does not change the plan's hash")
	}
	var back deploy.Plan
	raw, err := json.Marshal(a)
	if err == nil {
		err = json.Unmarshal(raw, &back)
	}
	if diff := cmp.Diff(a, back); err != nil || diff != "" {
		t.Errorf("stored and read again: %v %s", err, diff)
	}
}

func TestWhichWayAVersionGoesUp(t *testing.T) {
	t.Parallel()
	classes := func(tags ...string) func(*project.Target) {
		return func(t *project.Target) {
			for _, tag := range tags {
				t.Worker.DOMigrations = append(t.Worker.DOMigrations, project.DOMigration{Tag: tag, NewSQLiteClasses: []string{"C" + tag}})
			}
		}
	}
	t.Run("a Worker with new durable object classes goes live at once, and the plan says so", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.deploy(target("api", classes("v1")))
		if tag := w.account.State.Workers["api"].MigrationTag; tag != "v1" {
			t.Errorf("migration tag %q", tag)
		}
		c := w.plan(target("api", classes("v1", "v2")))
		tp := c.Plan.Targets[0]
		if tp.Mode != deploy.UploadPut || !strings.Contains(tp.Why, `"v2"`) || tp.SmokeURL != "" || !strings.Contains(tp.NotSmoked, "live at once") {
			t.Errorf("%+v", tp)
		}
		var m struct {
			Migrations struct {
				OldTag string `json:"old_tag"`
				NewTag string `json:"new_tag"`
				Steps  []map[string]any
			} `json:"migrations"`
		}
		if err := json.Unmarshal(tp.Metadata, &m); err != nil || m.Migrations.OldTag != "v1" || m.Migrations.NewTag != "v2" || len(m.Migrations.Steps) != 1 {
			t.Errorf("%+v, %v", m, err)
		}
		r, err := w.deployer().Deploy(t.Context(), c)
		if err != nil || !strings.Contains(r.Targets[0].Smoked, "live at once") {
			t.Errorf("%+v, %v", r.Targets, err)
		}
		if again := w.plan(target("api", classes("v1", "v2"))); again.Plan.Changes() != 0 {
			t.Errorf("changes: %+v", again.Plan.Targets)
		}
	})
	t.Run("a database that was made again under the same name is bound again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tg := target("api", withDatabase(t, t.TempDir()))
		w.deploy(tg)
		w.account.State.Databases[0].ID = "00009999-0000-4000-8000-000000000000"
		if c := w.plan(tg); c.Plan.Targets[0].Mode != deploy.UploadVersion {
			t.Errorf("%+v", c.Plan.Targets[0])
		}
	})
	t.Run("secrets travel with the first upload, and again only when they are followed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tg := target("api", func(t *project.Target) { t.Worker.RequiredSecrets = []project.Value[string]{{V: "KEY"}} })
		w.source.Values = []deploy.SecretInfo{{Name: "KEY"}, {Name: "OTHER"}}
		w.deploy(tg)
		if got := w.account.State.Workers["api"].Secrets; !slices.Equal(got, []string{"KEY"}) {
			t.Errorf("secrets: %v", got)
		}
		if c := w.plan(tg); c.Plan.Changes() != 0 {
			t.Errorf("changes: %+v", c.Plan.Targets)
		}
		w.source.Values = []deploy.SecretInfo{{Name: "KEY", Fingerprint: "f1"}}
		w.deploy(tg)
		if c := w.plan(tg); c.Plan.Changes() != 0 {
			t.Errorf("changes: %+v", c.Plan.Targets)
		}
		w.source.Values[0].Fingerprint = "f2"
		if c := w.plan(tg); c.Plan.Targets[0].Mode != deploy.UploadVersion || !slices.Equal(c.Plan.Targets[0].Secrets, []string{"KEY"}) {
			t.Errorf("%+v", c.Plan.Targets[0])
		}
	})
	t.Run("a secret is generated where nobody gave it a value, and once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tg := target("api", func(t *project.Target) {
			t.Secrets = []project.SecretSpec{{Name: "KEY", Generate: "jwt"}, {Name: "PIN", Generate: "password"}, {Name: "GIVEN", Generate: "hex"}}
		})
		w.source.Values = []deploy.SecretInfo{{Name: "GIVEN"}}
		c := w.plan(tg)
		want := []deploy.Generated{{Name: "KEY", Kind: "jwt"}, {Name: "PIN", Kind: "password"}}
		if diff := cmp.Diff(want, c.Plan.Targets[0].Generated); diff != "" || c.Err() != nil {
			t.Errorf("generated (-want +got):\n%s%v", diff, c.Err())
		}
		w.deploy(tg)
		if got := w.account.State.Workers["api"].Secrets; !slices.Contains(got, "KEY") || len(got) != 3 {
			t.Errorf("secrets: %v", got)
		}
		if c := w.plan(tg); c.Plan.Changes() != 0 || len(c.Plan.Targets[0].Generated) > 0 {
			t.Errorf("changes: %+v", c.Plan.Targets)
		}
	})
	t.Run("while traffic is split nothing is offered at 0%, and going back restores the split", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.deploy(target("api"))
		w.source.Code["api"] = "v2"
		w.deploy(target("api"))
		v := w.account.State.Workers["api"].Versions
		split := deploy.Split{{Version: v[0].ID, Percent: 60}, {Version: v[1].ID, Percent: 40}}
		w.account.State.Workers["api"].Deployments = append(w.account.State.Workers["api"].Deployments, split)
		w.source.Code["api"] = "v3"
		w.account.Healthy = func(v deploytest.Version) int { return map[string]int{"v1": 200, "v2": 200, "v3": 500}[v.Main] }
		c := w.plan(target("api"))
		if got := c.Plan.Targets[0].NotSmoked; !strings.Contains(got, "split") {
			t.Errorf("not smoked: %q", got)
		}
		if _, err := w.deployer().Deploy(t.Context(), c); diag.ExitOf(err) != diag.ExitRolledBack {
			t.Errorf("exit %d: %v", diag.ExitOf(err), err)
		}
		all := w.account.State.Workers["api"].Deployments
		if got := all[len(all)-1]; !cmp.Equal(got, split) {
			t.Errorf("what serves: %v", got)
		}
	})
	t.Run("routes and crons that the configuration does not speak of are left alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		on := true
		dev := func(t *project.Target) { t.Worker.WorkersDev = &on }
		w.deploy(target("api", dev, withRoute("example.com/api/*"), withCron("0 1 * * *")))
		if c := w.plan(target("api", dev)); c.Plan.Changes() != 0 {
			t.Errorf("changes: %+v", c.Plan.Targets)
		}
	})
}

func TestTheGateTellsEverythingAtOnceBeforeAnyChange(t *testing.T) {
	t.Parallel()
	at := diag.Position{File: "wrangler.jsonc", Line: 3, Column: 5}
	tests := []struct {
		name   string
		change func(w *world, t *project.Target)
		code   string
		text   string // in message, why or fix
	}{
		{"a hostname in no zone", func(_ *world, t *project.Target) {
			t.Domains = []project.Value[string]{{V: "app.exmaple.com", Pos: at}}
		}, "C040", "did you mean app.example.com?"},
		{"a route in no zone", func(_ *world, t *project.Target) { withRoute("other.org/*")(t) }, "C040", "zones in this account: example.com"},
		{"a domain of another Worker", func(w *world, t *project.Target) {
			w.account.State.Domains = []deploy.Domain{{Hostname: "app.example.com", ZoneID: "zone1", Script: "old"}}
			withDomain("app.example.com")(t)
		}, "D213", `Worker "old"`},
		{"a route of another Worker", func(w *world, t *project.Target) {
			w.account.State.Routes = []deploy.Route{{ID: "r", Pattern: "example.com/*", ZoneID: "zone1", Script: "old"}}
			withRoute("example.com/*")(t)
		}, "D213", `Worker "old"`},
		{"a missing secret", func(_ *world, t *project.Target) {
			t.Worker.RequiredSecrets = []project.Value[string]{{V: "KEY", Pos: at}}
		}, "D211", "clodo secret set api KEY"},
		{"a binding to no Worker", func(w *world, t *project.Target) {
			w.account.State.Workers["auth"] = &deploytest.Worker{}
			t.Worker.Bindings = []project.Binding{{Kind: "service", Name: "AUTH", Service: "auht", Pos: at}}
		}, "D212", `did you mean "auth"?`},
		{"a pinned id that is not there", func(_ *world, t *project.Target) {
			t.Worker.Bindings = []project.Binding{{Kind: "d1", Name: "DB", ID: "nowhere", Pos: at}}
		}, "D214", "nowhere"},
		{"no workers.dev subdomain", func(w *world, _ *project.Target) { w.account.State.WorkersDev = "" }, "C044", "workers.dev"},
		{"a name that Workers cannot have", func(_ *world, t *project.Target) { t.Worker.Name = "My Api" }, "C042", "lower-case"},
		{"a strategy that is not there yet", func(_ *world, t *project.Target) { t.Strategy = "canary" }, "D210", "canary"},
		{"a policy that would not be enforced", func(_ *world, t *project.Target) { t.Policy = "strict" }, "D217", "strict"},
		{"a permission that the token is known to lack", func(w *world, t *project.Target) {
			w.account.State.Granted = []deploy.Permission{deploy.PermWorkers}
			t.Worker.Bindings = []project.Binding{{Kind: "d1", Name: "DB", Resource: "shop"}}
		}, "A103", `create database "shop"`},
		{"a generated secret with the name of a binding", func(_ *world, t *project.Target) {
			t.Secrets = []project.SecretSpec{{Name: "KEY", Generate: "jwt"}}
			t.Worker.Bindings = []project.Binding{{Kind: "plain_text", Name: "KEY", Text: "x", Pos: at}}
		}, "C035", "plain_text"},
		{"a variable that is too long", func(_ *world, t *project.Target) {
			t.Worker.Bindings = []project.Binding{{Kind: "plain_text", Name: "X", Text: strings.Repeat("x", 6000)}}
		}, "C043", "6000"},
		{"a binding to a Worker of another local cloud", func(_ *world, t *project.Target) {
			t.Local = true
			t.Worker.Bindings = []project.Binding{{Kind: "service", Name: "AUTH", Service: "elsewhere", Pos: at}}
		}, "D212", "a folder above them"},
	}
	all := newWorld(t)
	allTarget := target("api")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, tg := newWorld(t), target("api")
			tt.change(w, &tg)
			c := w.plan(tg)
			_, err := w.deployer().Deploy(t.Context(), c)
			i := slices.IndexFunc(c.Plan.Findings, func(f diag.Finding) bool { return f.Code == tt.code })
			if err == nil || i < 0 || len(w.account.Calls()) > 0 {
				t.Fatalf("got %+v, %v", c.Plan.Findings, err)
			}
			if f := c.Plan.Findings[i]; !strings.Contains(f.Message+f.Why+f.Fix, tt.text) {
				t.Errorf("got %+v, want %q in it", f, tt.text)
			}
			if _, ok := diag.Explain(tt.code); !ok {
				t.Errorf("%s has no page", tt.code)
			}
		})
	}
	// Several at once.
	for _, i := range []int{0, 4, 5, 9} {
		tests[i].change(all, &allTarget)
	}
	var codes []string
	for _, f := range all.plan(allTarget).Plan.Findings {
		codes = append(codes, f.Code)
	}
	slices.Sort(codes)
	if want := []string{"C040", "D210", "D211", "D212"}; !slices.Equal(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
}

func TestAMigrationThatFailsLeavesTheWorkerAloneAndNamesWhatRan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tg := target("api", withDatabase(t, t.TempDir(), "CREATE TABLE a (x);", "CREATE TABLE b (x);\nINSERT INTO c VALUES (1);"))
	r, err := w.deployer().Deploy(t.Context(), w.plan(tg))
	rec := r.Targets[0]
	if diag.ExitOf(err) != diag.ExitFailed || rec.Outcome != deploy.Unchanged || rec.Problem.Finding.Code != "M104" || rec.Problem.Finding.Pos.Line != 2 {
		t.Errorf("exit %d: %+v", diag.ExitOf(err), rec.Problem)
	}
	if want := []string{"database shop", "migration 0001_m.sql"}; !slices.Equal(rec.Kept, want) || !strings.Contains(rec.Problem.State, "No Worker was changed") || !strings.Contains(rec.Problem.State, "0001_m.sql") {
		t.Errorf("kept %v, state %q", rec.Kept, rec.Problem.State)
	}
	if len(w.account.State.Workers) != 0 {
		t.Error("the Worker was uploaded")
	}
}

func TestWhenCloudflareIsAwayTheReleasePausesAndGoesOnLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := true
	w.account.Fault = func(call string, _ int) deploytest.Fault {
		if away && call == "attach domain" {
			return deploytest.LostBefore
		}
		return deploytest.None
	}
	r, err := w.deployer().Deploy(t.Context(), w.plan(target("api", withDomain("api.example.com"))))
	if diag.ExitOf(err) != diag.ExitUnavailable || r.Targets[0].Outcome != deploy.Running || len(w.account.State.Workers) != 1 {
		t.Errorf("exit %d, %+v", diag.ExitOf(err), r.Targets[0])
	}
	away = false
	if r, err = w.deployer().Resume(t.Context(), ""); err != nil || r.Targets[0].Outcome != deploy.Released || len(w.account.State.Domains) != 1 {
		t.Errorf("resume: %v, %+v", err, r.Targets)
	}
}
