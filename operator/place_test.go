package operator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

func TestAnOperatorOnTheLocalCloudPlansNothingForTheRealOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "clodo.yaml", "version: 1\nportfolio: p\nenvironments:\n  development: { local: true }\n  production: {}\nservices:\n  hello: { path: . }\n")
	hello(t, dir, "local")
	op, err := operator.New(operator.Options{Dir: dir, Home: t.TempDir(), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	if _, err := op.Plan(t.Context(), project.Selector{Environment: "development"}); err != nil {
		t.Fatal(err)
	}
	_, err = op.Plan(t.Context(), project.Selector{Environment: "production"})
	if e, ok := errors.AsType[*diag.Error](err); !ok || e.Code != "U006" {
		t.Errorf("planning production: got %v, want U006", err)
	}
	if _, err := op.Explain(t.Context(), project.Selector{Environment: "production"}); err != nil {
		t.Errorf("explaining it: %v", err)
	}
}

func TestAReleaseGoesOnWhereItWasBegun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hello(t, dir, "one")
	ctx, cancel := context.WithCancel(t.Context())
	begin, err := operator.New(operator.Options{
		Dir: dir, Local: true, Home: t.TempDir(), Getenv: func(string) string { return "" },
		Observe: func(e deploy.Event) {
			if e.Step == deploy.StepUpload && e.State == deploy.Started {
				cancel()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := begin.Plan(ctx, project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := begin.Deploy(ctx, plan, operator.DeployOptions{}); r == nil || r.Targets[0].Outcome != deploy.Running {
		t.Fatalf("the release that is interrupted: %+v, %v", r, err)
	}
	if err := begin.Close(); err != nil {
		t.Fatal(err)
	}

	other, err := operator.New(operator.Options{Dir: dir, APIBaseURL: "http://127.0.0.1:1/client/v4", Token: "x", Home: t.TempDir(), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Resume(t.Context())
	if e, ok := errors.AsType[*diag.Error](err); !ok || e.Code != "D215" {
		t.Errorf("on another Cloudflare: got %v, want D215", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}

	// Nothing says here that it was the local cloud.
	same, err := operator.New(operator.Options{Dir: dir, Home: t.TempDir(), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = same.Close() })
	r, err := same.Resume(t.Context())
	if err != nil || r.Targets[0].Outcome != deploy.Released || ask(t, same, "hello", "/") != "one" {
		t.Errorf("going on: %+v, %v", r, err)
	}
}
