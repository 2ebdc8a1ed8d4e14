package operator_test

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// signing is a service that says its secrets.
func signing(t *testing.T, dir, text, secrets string) {
	t.Helper()
	patience := "60s"
	if text == "broken" {
		patience = "1s" // in vain
	}
	write(t, dir, "clodo.yaml", "version: 1\nportfolio: p\nenvironments: { dev: { local: true } }\nservices:\n  sign: { path: ., secrets: { "+secrets+" }, checks: { health: { path: /health, status: 200, timeout: "+patience+" } } }\n")
	write(t, dir, "wrangler.jsonc", `{ "name": "sign", "main": "index.js", "compatibility_date": "2026-11-01", "env": { "dev": {} } }`)
	write(t, dir, "index.js", `export default { fetch({ url }, env) {
	if (url.endsWith("/health")) return new Response("", { status: "`+text+`" === "broken" ? 500 : 200 });
	return new Response("`+text+` " + env.KEY + " " + env.MORE);
} };`)
}

const (
	oneKey  = "KEY: { generate: jwt }"
	twoKeys = oneKey + ", MORE: { generate: password }"
)

func TestASecretIsGeneratedOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	signing(t, dir, "one", oneKey)
	op := open(t, dir)
	plan, err := op.Plan(t.Context(), project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "will be generated: 512 bits") || diag.Findings(plan.Findings) != nil {
		t.Errorf("the plan: %s\n%v", text, diag.Findings(plan.Findings))
	}
	ship(t, op, project.Selector{})
	says := func() []string { return strings.Fields(ask(t, op, "sign-dev", "/")) }
	first := says()
	if first[0] != "one" || !regexp.MustCompile(`^[A-Za-z0-9_-]{86}$`).MatchString(first[1]) {
		t.Fatalf("the first deploy: %q", first)
	}
	if r := ship(t, op, project.Selector{}); r.Targets[0].Outcome != deploy.Unchanged {
		t.Errorf("deploying again is %s", r.Targets[0].Outcome)
	}
	signing(t, dir, "two", oneKey)
	if ship(t, op, project.Selector{}); says()[0] != "two" || says()[1] != first[1] {
		t.Error("a new version has another secret")
	}

	// A release that brings a second one and is undone leaves what served.
	signing(t, dir, "broken", twoKeys)
	op = open(t, dir) // which reads clodo.yaml again
	plan, err = op.Plan(t.Context(), project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Deploy(t.Context(), plan, operator.DeployOptions{}); diag.ExitOf(err) != diag.ExitRolledBack {
		t.Fatalf("exit %d: %v", diag.ExitOf(err), err)
	}
	if got := says(); got[0] != "two" || got[1] != first[1] || got[2] != "undefined" {
		t.Errorf("after the undo it says %s and %d characters", got[0], len(got[2]))
	}
	signing(t, dir, "three", twoKeys)
	op = open(t, dir)
	ship(t, op, project.Selector{})
	third := says()
	if third[0] != "three" || third[1] != first[1] || !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(third[2]) {
		t.Errorf("after the repair it says %s, the first secret stayed: %v, and %d characters", third[0], third[1] == first[1], len(third[2]))
	}

	// A rollback and the deploy after it have the value that was there before.
	back, err := op.PlanRollback(t.Context(), project.Selector{}, operator.RollbackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Deploy(t.Context(), back, operator.DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	signing(t, dir, "four", twoKeys)
	ship(t, op, project.Selector{})
	if got := says(); got[0] != "four" || got[1] != first[1] || got[2] != third[2] {
		t.Errorf("after a rollback it says %s, the secrets stayed: %v, %v", got[0], got[1] == first[1], got[2] == third[2])
	}

	// Nothing that clodo writes down has a value.
	err = filepath.WalkDir(filepath.Join(dir, ".clodo"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "cloud" {
			return fs.SkipDir // the local cloud's own, where the Workers are
		}
		if d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, value := range []string{first[1], third[2]} {
			if strings.Contains(string(b), value) {
				t.Errorf("%s has a secret", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What got a value since the plan was made keeps it.
func TestASecretThatExistsByNowIsNotGenerated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	signing(t, dir, "one", oneKey)
	op := open(t, dir)
	deployed := func(change func()) string {
		t.Helper()
		plan, err := op.Plan(t.Context(), project.Selector{})
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := json.Marshal(plan); !strings.Contains(string(text), "will be generated") {
			t.Fatal("nothing is to be generated")
		}
		change()
		if _, err := op.Deploy(t.Context(), plan, operator.DeployOptions{}); err != nil {
			t.Fatal(err)
		}
		return ask(t, op, "sign-dev", "/")
	}
	if got := deployed(func() { write(t, dir, ".dev.vars", "KEY=mine\n") }); got != "one mine undefined" {
		t.Errorf("with .dev.vars it says %q", got)
	}
	signing(t, dir, "two", twoKeys)
	op = open(t, dir)
	got := deployed(func() { // a version with the secret, which does not serve
		info, err := op.Cloud(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, info.API+"/accounts/"+info.AccountID+"/workers/workers/sign-dev/versions/latest",
			strings.NewReader(`{"env":{"MORE":{"type":"secret_text","text":"theirs"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+info.APIToken)
		req.Header.Set("Content-Type", "application/merge-patch+json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
	})
	if got != "two mine theirs" {
		t.Errorf("with a secret of another version it says %q", got)
	}
}

func TestDevVarsComeBeforeWhatIsGenerated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	signing(t, dir, "one", twoKeys)
	write(t, dir, ".dev.vars", "KEY=mine\n")
	op := open(t, dir)
	ship(t, op, project.Selector{})
	got := strings.Fields(ask(t, op, "sign-dev", "/"))
	if got[1] != "mine" || len(got[2]) != 26 {
		t.Errorf("it says %q", got)
	}
	write(t, dir, ".dev.vars", "KEY=mine\nMORE=too\n")
	ship(t, op, project.Selector{})
	if got := ask(t, op, "sign-dev", "/"); got != "one mine too" {
		t.Errorf("it says %q", got)
	}
}
