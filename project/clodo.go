package project

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// portfolio reads a clodo.yaml with the customers' files and wrangler files that
// belong to it.
func (l *loader) portfolio(root, file string) *Portfolio {
	l.root = root
	doc := l.read(file)
	if doc == nil {
		return nil
	}
	l.found = append(l.found, checkForm(doc, schemas().root, "")...)
	if doc.Root.Kind != source.Map {
		return nil
	}
	tree := doc.Root
	p := &Portfolio{Name: tree.Get("portfolio").Str(), Root: root, File: file, cwd: l.dir, tree: tree}
	for _, a := range tree.Get("accounts").Map() {
		p.Accounts = append(p.Accounts, &Account{Name: a.Key, ID: text(a.Value.Get("id")), Token: text(a.Value.Get("token")), Pos: a.Pos})
	}
	for _, e := range tree.Get("environments").Map() {
		p.Environments = append(p.Environments, environment(e))
	}
	if len(p.Environments) == 0 {
		p.Environments = []*Environment{{}}
	}
	for _, f := range tree.Get("features").Map() {
		p.Features = append(p.Features, featureFlag(f))
	}
	for _, s := range tree.Get("policies").Map() {
		rules, _ := s.Value.Any().(map[string]any)
		delete(rules, "extends")
		p.Policies = append(p.Policies, &Policy{Name: s.Key, Extends: s.Value.Get("extends").Str(), Rules: rules, Pos: s.Pos})
	}
	for _, s := range tree.Get("services").Map() {
		if service := l.declared(s); service != nil {
			p.Services = append(p.Services, service)
		}
	}
	for _, c := range tree.Get("customers").Map() {
		p.Customers = append(p.Customers, customer(c.Key, c.Pos, c.Value))
	}
	l.customerFiles(p)
	return p
}

func environment(e source.Pair) *Environment {
	rollout := e.Value.Get("rollout")
	env := &Environment{
		Name: e.Key, Local: e.Value.Get("local").True(), Account: e.Value.Get("account").Str(),
		Protected: Value[bool]{V: e.Value.Get("protected").True(), Pos: e.Value.Get("protected").At()},
		Rollout: Rollout{
			Strategy: text(rollout.Get("strategy")), Hold: text(rollout.Get("hold")),
			ErrorRate: text(rollout.Get("abort_if", "error_rate")), P95: text(rollout.Get("abort_if", "p95")),
		},
		Policy: e.Value.Get("policy").Str(), Pos: e.Pos,
	}
	for _, s := range rollout.Get("steps").List() {
		env.Rollout.Steps = append(env.Rollout.Steps, text(s))
	}
	if env.Rollout.Strategy.V == "" {
		env.Rollout.Strategy.V = "all-at-once"
	}
	env.Vars, env.Features = scalars(e.Value.Get("vars")), scalars(e.Value.Get("features"))
	return env
}

// scalars are the values of a map, nil without any.
func scalars(v *source.Value) map[string]Value[any] {
	var all map[string]Value[any]
	for _, p := range v.Map() {
		if all == nil {
			all = map[string]Value[any]{}
		}
		all[p.Key] = Value[any]{V: p.Value.Any(), Pos: p.Value.Pos}
	}
	return all
}

func customer(name string, pos diag.Position, v *source.Value) *Customer {
	c := &Customer{
		Name: name, Title: v.Get("name").Str(), Isolation: v.Get("isolation").Str(), Account: v.Get("account").Str(),
		Environments: texts(v.Get("environments")), Pos: pos, tree: v,
	}
	c.Features = scalars(v.Get("features"))
	return c
}

// declared reads a service's wrangler file and joins it with its part of clodo.yaml.
func (l *loader) declared(s source.Pair) *Service {
	dir := s.Value.Get("path")
	if dir == nil || dir.Kind != source.String {
		return nil
	}
	doc := l.docs[s.Pos.File]
	rel := path.Clean(filepath.ToSlash(dir.Text))
	full := filepath.Join(l.root, filepath.FromSlash(rel))
	var file string
	switch {
	case path.IsAbs(rel) || rel == ".." || strings.HasPrefix(rel, "../"):
		l.found = append(l.found, doc.Finding("C014", dir.Pos, "services."+s.Key+".path leaves the portfolio", "every service lies below the folder of "+doc.Name, "write the folder relative to "+doc.Name))
		return nil
	case isFile(full):
		file = rel
	case isDir(full) && l.wranglerIn(full) != "":
		file = path.Join(rel, l.wranglerIn(full))
	default:
		why, fix := "it does not exist", ""
		if isDir(full) {
			why, fix = "the folder has no wrangler.jsonc, wrangler.json or wrangler.toml", "add one, or correct the path"
		} else if near := l.nearFolder(rel); near != "" {
			fix = "did you mean " + near + "?"
		}
		l.found = append(l.found, doc.Finding("C026", dir.Pos, "there is no wrangler project at "+dir.Text, why, fix))
		return nil
	}
	service := l.service(file)
	if service == nil {
		return nil
	}
	service.Name, service.Pos = s.Key, s.Pos
	service.Inherit = cmp.Or(s.Value.Get("inherit").Str(), "wrangler")
	for _, n := range s.Value.Get("needs").List() {
		service.Needs = append(service.Needs, text(n))
	}
	service.layers.service = s.Value
	return service
}

// nearFolder is the neighbour that a misspelt folder was meant to be.
func (l *loader) nearFolder(rel string) string {
	parent := path.Dir(rel)
	entries, err := os.ReadDir(filepath.Join(l.root, filepath.FromSlash(parent)))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if near := diag.Nearest(path.Base(rel), names); near != "" {
		return path.Join(parent, near)
	}
	return ""
}

// customerFiles reads customers/NAME.yaml, each the same as customers: NAME: would
// be in clodo.yaml.
func (l *loader) customerFiles(p *Portfolio) {
	entries, err := os.ReadDir(filepath.Join(l.root, "customers"))
	if err != nil {
		return // the folder is optional
	}
	for _, e := range entries {
		name, isYAML := strings.CutSuffix(e.Name(), ".yaml")
		if e.IsDir() || !isYAML {
			continue
		}
		doc := l.read("customers/" + e.Name())
		if doc == nil {
			continue
		}
		l.found = append(l.found, checkForm(doc, schemas().customer, "customers."+name)...)
		if doc.Root.Kind != source.Map {
			continue
		}
		pos := diag.Position{File: doc.Name, Line: 1, Column: 1}
		if i := slices.IndexFunc(p.Customers, func(c *Customer) bool { return c.Name == name }); i >= 0 {
			l.found = append(l.found, doc.Finding("C030", pos, "two files describe the customer \""+name+"\"", "the other place is "+p.Customers[i].Pos.String(), "keep one of the two"))
			continue
		}
		p.Customers = append(p.Customers, customer(name, pos, doc.Root))
	}
}
