package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// DemoOptions says where the demo goes and who hears of it.
type DemoOptions struct {
	Dir     string             // made when it is not there; default "clodo-demo"
	Heading func(string)       // a stage begins
	Line    func(string)       // something that was done and seen
	Observe func(deploy.Event) // what releases do
	Getenv  func(string) string
}

// demoTry is a request to what the demo has deployed, and what its answer holds.
type demoTry struct{ method, url, body, want string }

// demoEnvironments are deployed in this order.
var demoEnvironments = []string{"staging", "production"}

// Demo writes a portfolio of services in TypeScript and one in Go, starts a local cloud for it, deploys
// it to two environments, tries it, ships a version that fails, and sees it undone.
// It returns the Operator, whose cloud goes on serving until Close. Every line that
// it tells was measured; the first thing that is not as it should be is the error.
func Demo(ctx context.Context, d DemoOptions) (*Operator, error) {
	if d.Dir == "" {
		d.Dir = "clodo-demo"
	}
	if err := writeDemo(d.Dir); err != nil {
		return nil, err
	}
	op, err := New(Options{Dir: d.Dir, Local: true, Observe: d.Observe, Notice: d.Line, Getenv: d.Getenv})
	if err != nil {
		return nil, err
	}
	if err := op.demo(ctx, d); err != nil {
		return nil, errors.Join(err, op.Close())
	}
	return op, nil
}

func (o *Operator) demo(ctx context.Context, d DemoOptions) error {
	d.Heading("A portfolio in " + d.Dir)
	report, err := o.Check(ctx)
	if err != nil {
		return err
	}
	d.Line(fmt.Sprintf("%d services, %d environments, %d findings", report.Services, report.Environments, len(report.Findings)))
	if !o.demoHas(demoGo) {
		d.Line("without the service in Go, as Go was not installed when they were written")
	}

	d.Heading("A Cloudflare on this machine")
	info, err := o.Cloud(ctx)
	if err != nil {
		return err
	}
	d.Line("API " + info.API + ", Workers " + info.Data)

	for _, env := range demoEnvironments {
		d.Heading("Plan and deploy " + env)
		if err := o.demoDeploy(ctx, d, env); err != nil {
			return err
		}
	}

	d.Heading("Try it")
	tries := []demoTry{
		{http.MethodPost, o.LocalURL("api-production") + "/orders", `{"item":"brick","count":3}`, `"item":"brick"`},
		{http.MethodGet, o.LocalURL("api-production") + "/orders", "", `"count":3`},
		{http.MethodGet, o.LocalURL("api-staging") + "/orders", "", "[]"},
		{http.MethodGet, o.LocalURL("web-production") + "/", "", "It runs."},
	}
	if o.demoHas(demoGo) {
		tries = append(tries, demoTry{http.MethodGet, o.LocalURL("stock-production") + "/stock/brick", "", `"left":`})
	}
	for _, try := range tries {
		answer, err := o.demoAsk(ctx, try.method, try.url, try.body)
		if err != nil {
			return err
		}
		if !strings.Contains(answer, try.want) {
			return fmt.Errorf("%s %s answered %q, which does not contain %q", try.method, try.url, answer, try.want)
		}
		d.Line(fmt.Sprintf("%-4s %s  →  %s", try.method, try.url, firstLine(answer)))
	}

	d.Heading("Ship a version that fails")
	return o.demoBreak(ctx, d)
}

func (o *Operator) demoDeploy(ctx context.Context, d DemoOptions, env string) error {
	plan, err := o.Plan(ctx, project.Selector{Environment: env, Local: true})
	if err != nil {
		return err
	}
	d.Line(fmt.Sprintf("plan %s: %d changes in %d targets", plan.ID, plan.Changes(), len(plan.Targets)))
	if plan.Changes() == 0 {
		return nil
	}
	_, err = o.Deploy(ctx, plan, DeployOptions{Message: "demo"})
	return err
}

// demoBreak deploys an api whose health check throws, wants that to be refused by
// the release itself, and sees the version before still serving.
func (o *Operator) demoBreak(ctx context.Context, d DemoOptions) (err error) {
	file := filepath.Join(d.Dir, "services", "api", "src", "index.ts")
	good, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const healthy = "return Response.json({ ok: true, version: env.VERSION.id });"
	bad := strings.Replace(string(good), healthy, `throw new Error("shipped on a Friday");`, 1)
	if bad == string(good) {
		return fmt.Errorf("%s is no longer the demo's own file; delete the folder and start again", file)
	}
	if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.WriteFile(file, good, 0o644)) }()

	before, err := o.demoAsk(ctx, http.MethodGet, o.LocalURL("api-production")+"/health", "")
	if err != nil {
		return err
	}
	plan, err := o.Plan(ctx, project.Selector{Services: []string{"api"}, Environment: "production", Local: true})
	if err != nil {
		return err
	}
	release, err := o.Deploy(ctx, plan, DeployOptions{Message: "demo: a broken version"})
	if err == nil {
		return errors.New("the broken version was released")
	}
	if release == nil || len(release.Targets) != 1 || release.Targets[0].Outcome != deploy.RolledBack {
		return fmt.Errorf("the broken version was not rolled back: %w", err)
	}
	d.Line(firstLine(err.Error()))
	after, err := o.demoAsk(ctx, http.MethodGet, o.LocalURL("api-production")+"/health", "")
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("another version serves than before: %s, before %s", after, before)
	}
	d.Line("undone: the version before serves again  →  " + firstLine(after))
	return nil
}

// demoAsk sends one request to the local cloud and wants a success.
func (o *Operator) demoAsk(ctx context.Context, method, url, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	client := localClient(o.cloud.data)
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return "", err
	}
	if res.StatusCode >= 300 {
		return "", fmt.Errorf("%s %s answered %s: %s", method, url, res.Status, firstLine(string(answer)))
	}
	return string(answer), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
