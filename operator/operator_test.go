package operator_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// write makes a file below dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// hello writes a Worker that says text.
func hello(t *testing.T, dir, text string) {
	t.Helper()
	write(t, dir, "wrangler.jsonc", `{ "name": "hello", "main": "index.js", "compatibility_date": "2026-11-01" }`)
	write(t, dir, "index.js", `export default { fetch() { return new Response("`+text+`"); } };`)
}

// open makes an operator with a local cloud inside this process.
func open(t *testing.T, dir string) *operator.Operator {
	t.Helper()
	op, err := operator.New(operator.Options{Dir: dir, Local: true, Home: t.TempDir(), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := op.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return op
}

// ship plans and deploys everything.
func ship(t *testing.T, op *operator.Operator, sel project.Selector) *deploy.Release {
	t.Helper()
	plan, err := op.Plan(t.Context(), sel)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	release, err := op.Deploy(t.Context(), plan, operator.DeployOptions{})
	if err != nil {
		t.Fatalf("deploy: %v", err)
	}
	return release
}

// ask is the answer of a Worker of op's local cloud.
func ask(t *testing.T, op *operator.Operator, script, path string) string {
	t.Helper()
	info, err := op.Cloud(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, info.Data+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = script + ".localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeployUnchangedChangedAndRolledBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hello(t, dir, "one")
	op := open(t, dir)

	if r := ship(t, op, project.Selector{}); r.Targets[0].Outcome != deploy.Released || ask(t, op, "hello", "/") != "one" {
		t.Fatalf("first deploy: %+v", r.Targets[0])
	}
	if r := ship(t, op, project.Selector{}); r.Targets[0].Outcome != deploy.Unchanged {
		t.Errorf("deploying again: got %s, want unchanged", r.Targets[0].Outcome)
	}
	hello(t, dir, "two")
	if ship(t, op, project.Selector{}); ask(t, op, "hello", "/") != "two" {
		t.Error("the change does not serve")
	}
	plan, err := op.PlanRollback(t.Context(), project.Selector{}, operator.RollbackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Deploy(t.Context(), plan, operator.DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, op, "hello", "/"); got != "one" {
		t.Errorf("after the rollback it says %q", got)
	}
	status, err := op.Status(t.Context(), project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	if s := status.Targets[0]; !s.Deployed || !s.Healthy || len(s.Drift) != 0 || s.Last == nil || s.Last.Outcome != deploy.Released {
		t.Errorf("status: %+v", s)
	}
}

func TestDevVarsTravelAndAreFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "wrangler.jsonc", `{ "name": "vault", "main": "index.js", "compatibility_date": "2026-11-01", "vars": { "WORD": "everybody's" }, "secrets": { "required": ["KEY"] } }`)
	write(t, dir, "index.js", `export default { fetch({ url }, env) { return new Response(url.endsWith("/word") ? env.WORD : env.KEY + " " + env.EXTRA); } };`)
	op := open(t, dir)

	plan, err := op.Plan(t.Context(), project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	if err := diag.Findings(plan.Findings); err == nil || !strings.Contains(err.Error(), "KEY") {
		t.Fatalf("a missing secret: got %v", err)
	}
	write(t, dir, ".dev.vars", "KEY=first\nEXTRA=more\n")
	if ship(t, op, project.Selector{}); ask(t, op, "vault", "/") != "first more" {
		t.Errorf("it says %q", ask(t, op, "vault", "/"))
	}
	write(t, dir, ".dev.vars", "KEY=second\nEXTRA=more\n")
	if ship(t, op, project.Selector{}); ask(t, op, "vault", "/") != "second more" {
		t.Errorf("after a change of .dev.vars it says %q", ask(t, op, "vault", "/"))
	}
	write(t, dir, ".dev.vars", "KEY=second\nEXTRA=more\nWORD=mine\n")
	if ship(t, op, project.Selector{}); ask(t, op, "vault", "/word") != "mine" {
		t.Errorf("a variable that .dev.vars has, too, is %q", ask(t, op, "vault", "/word"))
	}
	write(t, dir, ".dev.vars", "KEY=second\nEXTRA=more\n")
	if ship(t, op, project.Selector{}); ask(t, op, "vault", "/word") != "everybody's" {
		t.Errorf("a variable that .dev.vars has no longer is %q", ask(t, op, "vault", "/word"))
	}
	changes, err := op.SetSecret(t.Context(), project.Selector{}, "THIRD", secret.New("third"))
	if err != nil || !changes[0].Live {
		t.Fatalf("set: %+v, %v", changes, err)
	}
	if r := ship(t, op, project.Selector{}); r.Targets[0].Outcome != deploy.Unchanged {
		t.Errorf("a secret that was set makes the next deploy %s", r.Targets[0].Outcome)
	}
	status, err := op.Status(t.Context(), project.Selector{})
	if err != nil || len(status.Targets[0].Drift) != 0 {
		t.Errorf("a secret that was set is told as drift: %v, %v", status, err)
	}
}

func TestASecretFindsItsWayAlsoAfterARollback(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code := func(text string) {
		write(t, dir, "index.js", `export default { fetch(_, env) { return new Response("`+text+` " + env.KEY); } };`)
	}
	write(t, dir, "wrangler.jsonc", `{ "name": "back", "main": "index.js", "compatibility_date": "2026-11-01" }`)
	op := open(t, dir)
	for _, text := range []string{"one", "two"} {
		code(text)
		ship(t, op, project.Selector{})
	}
	plan, err := op.PlanRollback(t.Context(), project.Selector{}, operator.RollbackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Deploy(t.Context(), plan, operator.DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = op.SetSecret(t.Context(), project.Selector{}, "KEY", secret.New("key"))
	if e, ok := errors.AsType[*diag.Error](err); !ok || e.Code != "D230" || !strings.Contains(e.Fix, ".dev.vars") {
		t.Fatalf("got %v, want D230 and where to put it", err)
	}
	code("one")
	write(t, dir, ".dev.vars", "KEY=key\n") // as the error says
	if ship(t, op, project.Selector{}); ask(t, op, "back", "/") != "one key" {
		t.Errorf("it says %q", ask(t, op, "back", "/"))
	}
}

func TestLocalEnvironmentNeedsNoFlag(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "clodo.yaml", "version: 1\nportfolio: p\nenvironments:\n  development: { local: true }\n  production: {}\nservices:\n  hello: { path: . }\n")
	hello(t, dir, "local")
	op, err := operator.New(operator.Options{Dir: dir, Home: t.TempDir(), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	r := ship(t, op, project.Selector{Environment: "development"})
	if !strings.Contains(r.Targets[0].Addresses[0], ".localhost:") {
		t.Errorf("addresses: %v", r.Targets[0].Addresses)
	}
}

func TestZonesLieInTheAccountsThatWantThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "clodo.yaml", `version: 1
portfolio: p
accounts:
  main: { id: 0a1b2c3d4e5f60718293a4b5c6d7e8f9, token: "env:MAIN" }
  acme: { id: 9f8e7d6c5b4a39281706f5e4d3c2b1a0, token: "env:ACME" }
environments:
  staging: { account: main }
  production: { account: acme }
services:
  hello:
    path: .
    domains:
      staging: [hello.main.example]
      production: [hello.acme.example]
`)
	hello(t, dir, "hi")
	op := open(t, dir)
	for _, env := range []string{"staging", "production"} {
		if r := ship(t, op, project.Selector{Environment: env}); r.Targets[0].Outcome != deploy.Released || r.Targets[0].Verified != "passed" {
			t.Errorf("%s: %+v", env, r.Targets[0])
		}
	}
}

func TestNoTokenIsExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hello(t, dir, "one")
	op, err := operator.New(operator.Options{Dir: dir, Home: t.TempDir(), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = op.Plan(t.Context(), project.Selector{})
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Code != "A101" || e.Exit != diag.ExitAuth || !strings.Contains(e.Fix, "clodo deploy --local") {
		t.Errorf("got %v", err)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	var said []string
	var outcomes []string
	dir := filepath.Join(t.TempDir(), "demo")
	op, err := operator.Demo(t.Context(), operator.DemoOptions{
		Dir: dir, Heading: func(s string) { said = append(said, s) }, Line: func(s string) { said = append(said, s) },
		Observe: func(e deploy.Event) {
			if e.Step == deploy.StepRecord && e.State == deploy.Done {
				outcomes = append(outcomes, e.Detail)
			}
		},
		Getenv: func(string) string { return "" },
	})
	if err != nil {
		t.Fatalf("%v\nafter:\n%s", err, strings.Join(said, "\n"))
	}
	defer op.Close()
	if want := "released released released released released released released released rolled-back"; strings.Join(outcomes, " ") != want {
		t.Errorf("got %v", outcomes)
	}
	if _, err := operator.Demo(t.Context(), operator.DemoOptions{Dir: filepath.Dir(dir)}); err == nil {
		t.Error("the demo wrote into a folder that holds something else")
	}
}

// TestAnotherModule builds and runs a program in a module of its own.
func TestAnotherModule(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	module := t.TempDir()
	for from, to := range map[string]string{
		filepath.Join("testdata", "ship", "main.go"): "main.go",
		filepath.Join(root, "go.sum"):                "go.sum",
	} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, module, to, string(b))
	}
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	// The versions are ours, so that nothing has to be looked up.
	_, requires, _ := strings.Cut(string(ours), "\nrequire")
	write(t, module, "go.mod", "module example.com/ship\n\ngo 1.26.0\n\nrequire github.com/tamylaa/clodo v0.0.0\n\nreplace github.com/tamylaa/clodo => "+root+"\n\nrequire"+requires)
	program := filepath.Join(module, "ship")
	run(t, module, "go", "build", "-mod=mod", "-o", program, ".")

	dir := t.TempDir()
	hello(t, dir, "shipped")
	if out := run(t, dir, program, dir, "deploy"); !strings.Contains(out, "released http://hello.localhost:") || !strings.Contains(out, "hello verify") {
		t.Errorf("deploy said:\n%s", out)
	}
	hello(t, dir, "shipped again")
	run(t, dir, program, dir, "deploy")
	if out := run(t, dir, program, dir, "rollback"); !strings.Contains(out, "released http://hello.localhost:") {
		t.Errorf("rollback said:\n%s", out)
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

func TestAQueueReachesTheWorkerThatReadsFromIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "wrangler.jsonc", `{
  "name": "jobs", "main": "index.js", "compatibility_date": "2026-11-01",
  "kv_namespaces": [{ "binding": "SEEN" }],
  "queues": {
    "producers": [{ "binding": "JOBS", "queue": "jobs" }],
    "consumers": [{ "queue": "jobs", "max_batch_size": 2, "max_batch_timeout": 0, "dead_letter_queue": "jobs-dead" }]
  }
}`)
	write(t, dir, "index.js", `export default {
  async fetch(request, env) {
    if (request.method === "POST") await env.JOBS.send({ n: 1 });
    return new Response(await env.SEEN.get("n"));
  },
  async queue(batch, env) { for (const m of batch.messages) await env.SEEN.put("n", batch.queue + " " + m.body.n); },
};`)
	op := open(t, dir)
	ship(t, op, project.Selector{})
	info, err := op.Cloud(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, info.Data, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "jobs.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for deadline := time.Now().Add(20 * time.Second); ask(t, op, "jobs", "/") != "jobs 1"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the message never arrived")
		}
	}
	if r := ship(t, op, project.Selector{}); r.Targets[0].Outcome != deploy.Unchanged {
		t.Errorf("deploying again: got %s, want unchanged", r.Targets[0].Outcome)
	}
}
