package clodotest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/project"
)

// service is the service that a test is about, as its files describe it.
type service struct {
	portfolio *project.Portfolio
	target    *project.Target
	worker    *project.Worker
	vars      map[string]string
}

// find reads the wrangler file and, if there is one, clodo.yaml.
func find(o Options) (*service, error) {
	p, found := project.Load(project.LoadOptions{Dir: o.Dir})
	if p == nil {
		return nil, diag.Findings(found)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	name, err := named(p, dir, o.Service)
	if err != nil {
		return nil, errors.Join(err, diag.Findings(found))
	}
	targets, err := p.Targets(project.Selector{Services: []string{name}, Environment: environment(p, o.Environment), Local: true})
	if err != nil {
		return nil, err
	}
	s := &service{portfolio: p, target: targets[0], worker: &targets[0].Worker, vars: map[string]string{}}
	return s, s.variables(o)
}

// named is the name of the service in whose folder dir is.
func named(p *project.Portfolio, dir, name string) (string, error) {
	var names []string
	for _, s := range p.Services {
		folder := filepath.Join(p.Root, filepath.FromSlash(s.Dir))
		if s.Name == name || name == "" && (dir == folder || strings.HasPrefix(dir, folder+string(filepath.Separator))) {
			return s.Name, nil
		}
		names = append(names, s.Name)
	}
	if name == "" && len(p.Services) == 1 {
		return p.Services[0].Name, nil
	}
	return "", fmt.Errorf("%q is in the folder of no service; services are: %s", cmp.Or(name, dir), strings.Join(names, ", "))
}

// environment is the one that is asked for, else a local one, else the first.
func environment(p *project.Portfolio, name string) string {
	if name != "" {
		return name
	}
	for _, e := range p.Environments {
		if e.Local {
			return e.Name
		}
	}
	if len(p.Environments) > 0 {
		return p.Environments[0].Name
	}
	return ""
}

// variables are those of the options, else of .dev.vars, else of the wrangler file.
func (s *service) variables(o Options) error {
	for _, b := range s.worker.Bindings {
		switch b.Kind {
		case "plain_text":
			s.vars[b.Name] = b.Text
		case "json":
			text, err := json.Marshal(b.JSON)
			if err != nil {
				return fmt.Errorf("the variable %s: %w", b.Name, err)
			}
			s.vars[b.Name] = string(text)
		}
	}
	secrets, err := s.target.DevVars()
	if err != nil {
		return err
	}
	for name, value := range secrets {
		s.vars[name] = value.Reveal()
	}
	maps.Copy(s.vars, o.Vars)
	return nil
}

// metadata are the bindings as an upload has them. What has no id in the files, because
// deploying looks it up, has one of its name.
func (s *service) metadata() ([]json.RawMessage, error) {
	var all []json.RawMessage
	for _, b := range s.worker.Bindings {
		m, err := json.Marshal(b.Metadata(idOf(b)))
		if err != nil {
			return nil, fmt.Errorf("the binding %s: %w", b.Name, err)
		}
		all = append(all, m)
	}
	return all, nil
}

var plainID = lazyregexp.New(`^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$`)

// idOf is the id of a binding's database or namespace.
func idOf(b project.Binding) string {
	switch {
	case b.Kind != "d1" && b.Kind != "kv_namespace":
		return b.ID
	case b.ID != "":
		return b.ID
	case plainID.MatchString(b.Resource):
		return b.Resource
	}
	sum := sha256.Sum256([]byte(b.Resource))
	return hex.EncodeToString(sum[:16])
}
