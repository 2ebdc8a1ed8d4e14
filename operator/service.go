package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/openapi"
	"github.com/tamylaa/clodo/internal/typescript"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/scaffold"
)

// Service is a service of the portfolio. Its JSON form is a contract with scripts.
type Service struct {
	Name         string         `json:"name"`
	Path         string         `json:"path"`     // its folder, below the portfolio's root
	Config       string         `json:"config"`   // its wrangler file
	Main         string         `json:"main"`     // as the wrangler file says it; "" when it is only static files
	Language     string         `json:"language"` // go, ts, js, or "" for static files
	Compatible   string         `json:"compatibility_date"`
	Bindings     []string       `json:"bindings"` // KIND NAME, without variables
	Needs        []string       `json:"needs"`    // services that are deployed before it
	Environments []ServicePlace `json:"environments"`
}

// ServicePlace is where a service runs in an environment, for nobody in particular.
type ServicePlace struct {
	Environment string   `json:"env"`
	Worker      string   `json:"worker"`
	Hostnames   []string `json:"hostnames"`
}

// Services lists the services of the portfolio, in its order.
func (o *Operator) Services(ctx context.Context) ([]Service, error) {
	if err := o.loaded(ctx); err != nil {
		return nil, err
	}
	all := make([]Service, len(o.portfolio.Services))
	for i, s := range o.portfolio.Services {
		all[i] = Service{Name: s.Name, Path: s.Dir, Config: s.File, Bindings: []string{}, Needs: []string{}, Environments: []ServicePlace{}}
		for _, e := range o.portfolio.Environments {
			targets, err := o.portfolio.Targets(project.Selector{Services: []string{s.Name}, Environment: e.Name})
			if err != nil {
				return nil, err
			}
			for _, t := range targets {
				all[i].add(t)
			}
		}
	}
	return all, nil
}

// Service is the service of that name.
func (o *Operator) Service(ctx context.Context, name string) (Service, error) {
	all, err := o.Services(ctx)
	if err != nil {
		return Service{}, err
	}
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	f := diag.Finding{Code: "C020", Severity: diag.SeverityError, Message: fmt.Sprintf("there is no service named %q", name), Fix: "clodo service list"}
	if near := diag.Nearest(name, names); near != "" {
		f.Fix = "did you mean `clodo service show " + near + "`?"
	}
	return Service{}, &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

// add enters what a target knows of its service.
func (s *Service) add(t *project.Target) {
	s.Main, s.Compatible = t.Worker.Main.V, t.Worker.CompatibilityDate.V
	switch path.Ext(s.Main) {
	case ".go":
		s.Language = "go"
	case ".ts", ".tsx", ".mts", ".cts":
		s.Language = "ts"
	case ".js", ".jsx", ".mjs", ".cjs":
		s.Language = "js"
	}
	for _, b := range t.Worker.Bindings {
		if line := b.Kind + " " + b.Name; !b.Given && !b.IsVariable() && !slices.Contains(s.Bindings, line) {
			s.Bindings = append(s.Bindings, line)
		}
	}
	for _, n := range t.Needs {
		if !slices.Contains(s.Needs, n) {
			s.Needs = append(s.Needs, n)
		}
	}
	place := ServicePlace{Environment: t.Environment, Worker: t.Worker.Name, Hostnames: []string{}}
	for _, d := range t.Domains {
		place.Hostnames = append(place.Hostnames, d.V)
	}
	s.Environments = append(s.Environments, place)
}

// PlanService finds out what it takes to make a service in the portfolio. It writes
// nothing: Write of what it returns does.
func (o *Operator) PlanService(ctx context.Context, r scaffold.Request) (*scaffold.Creation, error) {
	err := o.loaded(ctx)
	if o.portfolio == nil { // a fault in another service is no reason to make none
		return nil, noPortfolio(err)
	}
	c, err := scaffold.Plan(o.portfolio, r)
	if err != nil || c.Language != "ts" {
		return c, err
	}
	return c, o.addTypes(c)
}

// addTypes has the generated file of a service in TypeScript made with the others. What
// is in it comes from the portfolio as it will be, which is laid out in a folder of its
// own.
func (o *Operator) addTypes(c *scaffold.Creation) error {
	dir, err := os.MkdirTemp("", "clodo-service-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := map[string][]byte{}
	for _, name := range o.portfolio.Files() {
		if files[name], err = os.ReadFile(filepath.Join(o.portfolio.Root, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	for _, f := range c.Files {
		files[f.Path] = f.Content()
	}
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, text, 0o600)); err != nil {
			return err
		}
	}
	p, found := project.Load(project.LoadOptions{Dir: dir})
	if p == nil {
		return diag.Findings(found)
	}
	for _, s := range p.Services {
		if s.Name != c.Service {
			continue
		}
		entry, _, err := typescript.Entry(p, s)
		if err != nil {
			return err
		}
		text, err := typescript.Generate(p, s, func(string) *openapi.API { return nil })
		if err != nil {
			return err
		}
		return c.Add(strings.TrimPrefix(path.Join(entry, typescript.FileName), c.Path+"/"), text)
	}
	return fmt.Errorf("the service %s is not in the portfolio that it was made for", c.Service)
}

// noPortfolio says how to come to a portfolio where there is no file at all.
func noPortfolio(err error) error {
	if told, ok := err.(*diag.Error); ok && told.Code == "C004" && told.Pos.IsZero() {
		f := diag.Finding{Code: "S104", Severity: diag.SeverityError, Message: "there is no clodo.yaml here", Why: "a service is entered in one", Fix: "clodo init"}
		return &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitConfig}
	}
	return err
}
