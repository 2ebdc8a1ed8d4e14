package project

import (
	"fmt"
	"maps"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// localDomain ends the names that a local cloud gives to Workers.
const localDomain = ".localhost"

// Targets resolves what sel means, in the order of the portfolio: for every service
// the shared target, then those of customers. An error is a *diag.Error: ExitUsage
// for a selection that means nothing or too much, ExitConfig for a target that
// cannot be resolved. What only should be known is in each Target's Warnings.
func (p *Portfolio) Targets(sel Selector) ([]*Target, error) {
	picks, err := p.pick(sel)
	if err != nil {
		return nil, err
	}
	var targets []*Target
	var found []diag.Finding
	for _, k := range picks {
		t, fs := p.resolve(k.s, k.env, k.cust)
		for _, f := range fs {
			if f.Severity == diag.SeverityError {
				found = append(found, f)
			} else {
				t.Warnings = append(t.Warnings, f)
			}
		}
		targets = append(targets, t)
	}
	found = append(found, p.clashes(targets)...)
	return targets, diag.Findings(unique(found))
}

// pick is a target before it is resolved.
type pick struct {
	s    *Service
	env  *Environment
	cust *Customer
}

func usage(code, message, why, fix string) *diag.Error {
	return &diag.Error{
		Finding: diag.Finding{Code: code, Severity: diag.SeverityError, Message: message, Why: why, Fix: fix},
		State:   diag.NothingChanged, Exit: diag.ExitUsage,
	}
}

func (p *Portfolio) pick(sel Selector) ([]pick, error) {
	if len(p.Services) == 0 {
		return nil, usage("C004", "there are no services here", "", "add a wrangler project, or make a service: clodo service create NAME")
	}
	customers, err := p.selectCustomers(sel.Customers)
	if err != nil {
		return nil, err
	}
	byHost, services, err := p.selectServices(sel)
	if err != nil {
		return nil, err
	}
	if len(services) == 0 && len(byHost) > 0 { // hostnames alone name the environment too
		return byHost, nil
	}
	env, err := p.selectEnvironment(sel, services)
	if err != nil {
		return nil, err
	}
	for _, h := range byHost {
		if h.env != env {
			return nil, usage("C020", fmt.Sprintf("the hostname of %s belongs to environment %q, not %q", h.s.Name, h.env.Name, env.Name), "", "name the hostnames alone, or leave them out")
		}
	}
	picks := byHost
	for _, s := range services {
		shared := len(sel.Customers) == 0 || slices.Contains(sel.Customers, "*") ||
			slices.ContainsFunc(customers, func(c *Customer) bool { return c.Isolation == "shared" })
		if shared {
			picks = append(picks, pick{s, env, nil})
		}
		for _, c := range customers {
			if c.Isolation != "shared" && c.RunsIn(env.Name) {
				picks = append(picks, pick{s, env, c})
			}
		}
	}
	for _, c := range customers {
		if !c.RunsIn(env.Name) && !slices.Contains(sel.Customers, "*") {
			return nil, usage("C020", fmt.Sprintf("customer %q does not run in environment %q", c.Name, env.Name), "its environments are: "+strings.Join(c.Environments, ", "), "add it at "+c.Pos.String())
		}
	}
	seen := map[pick]bool{}
	return slices.DeleteFunc(picks, func(k pick) bool {
		twice := seen[k]
		seen[k] = true
		return twice
	}), nil
}

// RunsIn reports whether the customer is in an environment.
func (c *Customer) RunsIn(env string) bool {
	return len(c.Environments) == 0 || slices.Contains(c.Environments, env)
}

func (p *Portfolio) selectCustomers(names []string) ([]*Customer, error) {
	var out []*Customer
	for _, c := range p.Customers {
		if slices.Contains(names, "*") || slices.Contains(names, c.Name) {
			out = append(out, c)
		}
	}
	for _, name := range names {
		if name == "*" || p.customerNamed(name) != nil {
			continue
		}
		var all []string
		for _, c := range p.Customers {
			all = append(all, c.Name)
		}
		return nil, usage("C020", fmt.Sprintf("there is no customer named %q", name), choices("customers", all), meant(name, all, "--customer %s"))
	}
	return out, nil
}

func choices(what string, all []string) string {
	if len(all) == 0 {
		return "no " + what + " are configured"
	}
	return what + " are: " + strings.Join(all, ", ")
}

func meant(name string, all []string, form string) string {
	if near := diag.Nearest(name, all); near != "" {
		return "did you mean `" + fmt.Sprintf(form, near) + "`?"
	}
	return ""
}

// selectServices sorts the words of sel into targets that a hostname names, and
// services, in the order of the portfolio.
func (p *Portfolio) selectServices(sel Selector) (byHost []pick, services []*Service, err error) {
	if len(sel.Services) == 0 {
		return nil, p.Services, nil
	}
	chosen := map[*Service]bool{}
	for _, word := range sel.Services {
		matched := p.match(word)
		if len(matched) == 0 {
			host, err := p.hostname(word, sel.Environment)
			if err != nil {
				return nil, nil, err
			}
			byHost = append(byHost, host)
		}
		for _, s := range matched {
			chosen[s] = true
		}
	}
	for _, s := range p.Services {
		if chosen[s] {
			services = append(services, s)
		}
	}
	return byHost, services, nil
}

// Select is the services that words mean, in the order of the portfolio: names, globs,
// folders and hostnames as in Selector, and all of them without words.
func (p *Portfolio) Select(words []string) ([]*Service, error) {
	byHost, services, err := p.selectServices(Selector{Services: words})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(p.Services), func(s *Service) bool {
		return !slices.Contains(services, s) && !slices.ContainsFunc(byHost, func(k pick) bool { return k.s == s })
	}), nil
}

// match is the services that a word names: exactly, by glob, or by their folder as
// seen from the root or from where loading started.
func (p *Portfolio) match(word string) []*Service {
	var out []*Service
	for _, s := range p.Services {
		glob, err := path.Match(word, s.Name)
		if s.Name == word || err == nil && glob || p.isFolder(word, s) {
			out = append(out, s)
		}
	}
	return out
}

func (p *Portfolio) isFolder(word string, s *Service) bool {
	full := filepath.Join(p.Root, filepath.FromSlash(s.Dir))
	if filepath.IsAbs(word) {
		return filepath.Clean(word) == full
	}
	if !strings.ContainsAny(word, `/\`) && word != "." && word != path.Base(s.Dir) {
		return false
	}
	word = filepath.FromSlash(word)
	return filepath.Join(p.cwd, word) == full || filepath.Join(p.Root, word) == full
}

// address is the hostname in an address as it is printed, with or without scheme, port
// and path.
func address(word string) string {
	host := routeHost(word)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// hostname is the target that serves a hostname, or in a local cloud WORKER.localhost.
// env is the environment that was asked for, or "".
func (p *Portfolio) hostname(word, env string) (pick, error) {
	var all []string
	host := address(word)
	local := strings.HasSuffix(host, localDomain)
	var hits []pick
	for _, s := range p.Services {
		for _, e := range p.Environments {
			for _, c := range append([]*Customer{nil}, p.Customers...) {
				if c != nil && (c.Isolation == "shared" || !c.RunsIn(e.Name)) {
					continue
				}
				hosts := p.hosts(s, e, c)
				if local {
					hosts = append(hosts, Value[string]{V: p.workerName(s, e, c) + localDomain})
				}
				for _, h := range hosts {
					if h.V == host && (env == "" || env == e.Name) {
						hits = append(hits, pick{s, e, c})
					}
					all = append(all, h.V)
				}
			}
		}
	}
	switch {
	case len(hits) > 0:
		return hits[0], nil
	case strings.Contains(host, ".") && slices.Contains(all, host):
		return pick{}, usage("C020", fmt.Sprintf("the hostname %q does not belong to environment %q", host, env), "", "leave out -e: the hostname names the environment")
	}
	var names []string
	for _, s := range p.Services {
		names = append(names, s.Name)
	}
	what, name, near := "service", word, names
	if strings.Contains(word, ".") && !strings.HasPrefix(word, ".") {
		what, name, near = "service or hostname", host, append(names, all...)
	}
	return pick{}, usage("C020", fmt.Sprintf("there is no %s named %q", what, word), choices("services", names), meant(name, near, "%s"))
}

// ServiceAt is the name of the service that serves a hostname, in some environment and
// for some customer; "" means that none does.
func (p *Portfolio) ServiceAt(host string) string {
	hit, err := p.hostname(host, "")
	if err != nil {
		return ""
	}
	return hit.s.Name
}

// selectEnvironment decides for services; see Selector and the rule "no silent
// production".
func (p *Portfolio) selectEnvironment(sel Selector, services []*Service) (*Environment, error) {
	if sel.Environment != "" {
		return p.namedEnvironment(sel.Environment, services)
	}
	if top := p.environmentNamed(""); top != nil {
		return top, nil
	}
	var local, other []*Environment
	for _, e := range p.Environments {
		if e.Local {
			local = append(local, e)
		} else {
			other = append(other, e)
		}
	}
	switch {
	case sel.Local && len(local) == 1:
		return local[0], nil
	case len(other) == 1:
		return other[0], nil
	case len(other) == 0 && len(local) == 1:
		return local[0], nil
	}
	names := p.environmentNames()
	err := usage("U002", "which environment is not said, and there are several", choices("environments", names), "say which one: -e "+strings.Join(names, ", -e "))
	return nil, err
}

func (p *Portfolio) environmentNames() []string {
	var names []string
	for _, e := range p.Environments {
		if e.Name != "" {
			names = append(names, e.Name)
		}
	}
	return names
}

func (p *Portfolio) namedEnvironment(name string, services []*Service) (*Environment, error) {
	env := p.environmentNamed(name)
	names := p.environmentNames()
	where := "environments"
	if pair := p.tree.Pair("environments"); pair != nil {
		where = fmt.Sprintf("environments in %s:%d", p.File, pair.Pos.Line)
	}
	if env == nil {
		return nil, usage("C020", fmt.Sprintf("there is no environment named %q", name), choices(where, names), meant(name, names, "-e %s"))
	}
	if p.tree != nil {
		return env, nil
	}
	for _, s := range services {
		if len(s.EnvNames) > 0 && !slices.Contains(s.EnvNames, name) {
			return nil, usage("C020", fmt.Sprintf("%s has no environment named %q", s.File, name), choices("its environments", s.EnvNames), "name the services that have it, or add env."+name+" there")
		}
	}
	return env, nil
}

// environmentNamed is nil for a name that does not exist; "" is the top level.
func (p *Portfolio) environmentNamed(name string) *Environment {
	for _, e := range p.Environments {
		if e.Name == name {
			return e
		}
	}
	return nil
}

func (p *Portfolio) serviceNamed(name string) *Service {
	for _, s := range p.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (p *Portfolio) customerNamed(name string) *Customer {
	for _, c := range p.Customers {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// clashes finds two targets that would be the same Worker, or have the same address.
func (p *Portfolio) clashes(targets []*Target) []diag.Finding {
	type worker struct{ account, name string }
	workers := map[worker]*Target{}
	addresses := map[string]diag.Position{}
	var found []diag.Finding
	for _, t := range targets {
		key := worker{name: t.Worker.Name}
		if t.Account != nil {
			key.account = t.Account.Name
		}
		if other, twice := workers[key]; twice {
			found = append(found, p.finding("C031", p.serviceNamed(t.Service).WranglerPos, fmt.Sprintf("%s and %s would both be the Worker %q", other.TargetID, t.TargetID, t.Worker.Name),
				"deploying one would overwrite the other", "give one of them a name of its own"))
			continue
		}
		workers[key] = t
		for _, r := range t.Worker.Routes {
			pattern := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(r.Pattern, "https://"), "http://"), "/")
			if first, twice := addresses[pattern]; twice {
				found = append(found, p.finding("C021", r.Pos, fmt.Sprintf("route %s is claimed twice", r.Pattern),
					"first claimed at "+first.String(), "an address can point at one Worker; remove one of the two"))
				continue
			}
			addresses[pattern] = r.Pos
		}
	}
	return found
}

// finding is an error about a place in any file of the portfolio.
func (p *Portfolio) finding(code string, pos diag.Position, message, why, fix string) diag.Finding {
	if doc := p.docs[pos.File]; doc != nil {
		return doc.Finding(code, pos, message, why, fix)
	}
	return diag.Finding{Code: code, Severity: diag.SeverityError, Message: message, Why: why, Fix: fix, Pos: pos}
}

// Files are the files that the portfolio was read from, relative to its root,
// sorted.
func (p *Portfolio) Files() []string { return slices.Sorted(maps.Keys(p.docs)) }

// unique drops findings that several targets share.
func unique(fs []diag.Finding) []diag.Finding {
	var out []diag.Finding
	for _, f := range fs {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}
