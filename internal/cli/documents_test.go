package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func target(service, env string) project.TargetID {
	return project.TargetID{Service: service, Environment: env}
}

func samplePlan() *deploy.Plan {
	return &deploy.Plan{
		ID: "p_7c1f3a90", Hash: "7c1f3a90aa", Kind: deploy.KindDeploy,
		Waves: []deploy.Wave{{Targets: []project.TargetID{target("auth", "staging")}}, {Targets: []project.TargetID{target("api", "staging"), target("web", "staging")}}},
		Targets: []deploy.TargetPlan{
			{
				Target: target("auth", "staging"), Script: deploy.Script{Name: "auth-staging"}, First: true, NotSmoked: "no address",
				Changes: []deploy.Change{
					{Step: deploy.StepResource, Action: deploy.Create, Kind: "database", Name: "auth-staging"},
					{Step: deploy.StepMigrate, Action: deploy.Migrate, Kind: "migration", Name: "0001_init.sql", Undo: "cannot be undone: data never goes back"},
					{Step: deploy.StepUpload, Action: deploy.Send, Kind: "version", Name: "auth-staging", After: "61 KB gzip"},
				},
			},
			{
				Target: target("api", "staging"), Script: deploy.Script{Name: "api-staging"},
				Changes: []deploy.Change{
					{Step: deploy.StepTriggers, Action: deploy.Detach, Kind: "route", Name: "old.example.com/*", Before: "api-staging"},
					{Step: deploy.StepTriggers, Action: deploy.Update, Kind: "crons", Name: "api-staging", Before: "0 * * * *", After: "*/5 * * * *"},
				},
			},
			{Target: target("web", "staging"), Script: deploy.Script{Name: "web-staging"}},
		},
	}
}

func sampleRelease() *deploy.Release {
	return &deploy.Release{
		ID: "r_01", Kind: deploy.KindDeploy, Plan: *samplePlan(), Started: noon, Ended: noon.Add(4100 * time.Millisecond),
		Targets: []deploy.TargetRecord{
			{
				Target: target("auth", "staging"), Script: deploy.Script{Name: "auth-staging"}, Outcome: deploy.Released,
				Version: "1f2e3d4c-5b6a-4978-8897-a6b5c4d3e2f1", Smoked: "no address", Verified: "passed",
				Addresses: []string{"https://auth.example.com"}, Started: noon, Ended: noon.Add(2 * time.Second),
			},
			{
				Target: target("api", "staging"), Script: deploy.Script{Name: "api-staging"}, Outcome: deploy.RolledBack,
				Version: "0a0a0a0a", Before: "0a0a0a0a", Kept: []string{"database api-staging"}, Started: noon, Ended: noon.Add(3 * time.Second),
				Problem: &deploy.Problem{
					Finding: diag.Finding{Code: "D202", Severity: diag.SeverityError, Message: "https://api.example.com did not answer 200 within 60s", Why: "last answer 500"},
					State:   "Rolled back: 0a0a0a0a serves again.", Exit: diag.ExitRolledBack,
				},
			},
			{Target: target("web", "staging"), Script: deploy.Script{Name: "web-staging"}, Outcome: deploy.Unchanged},
		},
	}
}

// TestDocuments holds the JSON and the text of every kind of answer.
func TestDocuments(t *testing.T) {
	t.Parallel()
	warning := diag.Finding{Code: "W001", Severity: diag.SeverityWarning, Message: "vars are not inherited", Pos: diag.Position{File: "wrangler.jsonc", Line: 3, Column: 5}}
	tests := []struct {
		name  string
		path  string
		reply func(*app) (reply, error)
	}{
		{"check_that_is_fine", "clodo check", func(*app) (reply, error) {
			return checkReply(&operator.CheckReport{Portfolio: "shop", Files: []string{"clodo.yaml", "api/wrangler.jsonc", "web/wrangler.toml"}, Services: 2, Environments: 1}), nil
		}},
		{"check_with_a_warning", "clodo check", func(*app) (reply, error) {
			return checkReply(&operator.CheckReport{Files: []string{"wrangler.jsonc"}, Services: 1, Findings: []diag.Finding{warning}}), nil
		}},
		{"check_with_a_problem", "clodo check", func(*app) (reply, error) {
			fs := []diag.Finding{warning, {Code: "C010", Severity: diag.SeverityError, Message: `unknown key "domian"`, Fix: `did you mean "domain"?`, Pos: diag.Position{File: "clodo.yaml", Line: 1, Column: 1, EndColumn: 7}, Source: "domian: x"}}
			return checkReply(&operator.CheckReport{Files: []string{"clodo.yaml"}, Findings: fs}), diag.Findings(fs)
		}},
		{"plan", "clodo plan", func(a *app) (reply, error) {
			a.globals.env = "staging"
			return a.planReply(samplePlan(), "clodo deploy", []string{"auth", "api", "web"}, true), nil
		}},
		{"deploy_partly", "clodo deploy", func(a *app) (reply, error) {
			err := sampleRelease().Targets[1].Problem.Err()
			return a.releaseReply(sampleRelease(), err), err
		}},
		{"deploy_unchanged", "clodo deploy", func(a *app) (reply, error) {
			r := sampleRelease()
			r.Targets = r.Targets[2:]
			return a.releaseReply(r, nil), nil
		}},
		{"deploy_refused", "clodo deploy", func(a *app) (reply, error) {
			r := sampleRelease()
			for i := range r.Targets {
				r.Targets[i].Outcome, r.Targets[i].Problem = deploy.Running, nil
			}
			err := &diag.Error{Finding: diag.Finding{Code: "D301", Severity: diag.SeverityError, Message: "api in staging is being deployed by jo@laptop"}, State: diag.NothingChanged, Exit: diag.ExitBusy, Retryable: true}
			return a.releaseReply(r, err), err
		}},
		{"status", "clodo status", func(a *app) (reply, error) {
			return a.statusReply(&operator.Status{Targets: []operator.TargetStatus{
				{Target: target("api", "staging"), Worker: "api-staging", Deployed: true, Health: "healthy", Healthy: true, URLs: []string{"https://api.example.com"}, Versions: []operator.VersionShare{{ID: "1f2e3d4c-5b6a", Percentage: 90, ReleasedHere: true}, {ID: "0a0a0a0a-0000", Percentage: 10}}},
				{Target: target("web", "staging"), Worker: "web-staging", Health: "not measured: not deployed"},
			}}), nil
		}},
		{"doctor", "clodo doctor", func(a *app) (reply, error) {
			return a.doctorReply(&operator.Doctor{Checks: []operator.DoctorCheck{
				{Name: "config", OK: true, Detail: "clodo.yaml and 3 wrangler files"},
				{Name: "token", Code: "A103", Detail: "D1 Edit is missing", Why: "databases are made before any Worker", Fix: "add \"D1: Edit\" to the token"},
				{Name: "zones", Skipped: "there is no token"},
			}})
		}},
		{"secret_set", "clodo secret set", func(*app) (reply, error) {
			return secretReply([]operator.SecretChange{{Worker: "api", Name: "KEY", Live: true}, {Worker: "web", Name: "KEY", Kept: "keyring"}}, secretSentence), nil
		}},
		{"an_error_without_a_code", "clodo status", func(*app) (reply, error) {
			return reply{}, errors.New("write state: no space left on device")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			for _, format := range []term.Format{term.Text, term.JSON} {
				var out, talk bytes.Buffer
				a := &app{getenv: func(string) string { return "" }, term: term.New(term.Streams{Out: &out, Err: &talk, Getenv: func(string) string { return "" }})}
				a.term.Set(term.Settings{Format: format})
				r, err := tt.reply(a)
				a.reply, a.replied = r, true
				exit := a.finish(tt.path, err)
				for _, part := range []struct{ name, text string }{{"stdout", out.String()}, {"stderr", talk.String()}} {
					if part.text != "" {
						got.WriteString("== " + string(format) + " " + part.name + "\n" + part.text)
					}
				}
				got.WriteString("== " + string(format) + " exit " + string(encode(exit)) + "\n")
			}
			golden(t, tt.name, got.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "documents", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
