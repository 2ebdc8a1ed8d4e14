package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// Lint says what wrangler silently does with the environments of wrangler files: what
// it leaves out, and which hostnames an environment takes away from the top level.
// With `inherit: all` nothing is dropped; there it names what environments share.
func (p *Portfolio) Lint() []diag.Finding {
	var found []diag.Finding
	for _, s := range p.Services {
		l := linter{p: p, s: s, root: s.layers.wrangler.Root}
		for _, env := range l.root.Get("env").Map() {
			if s.Inherit == "all" || env.Value.Kind != source.Map {
				continue
			}
			l.dropped(env)
			l.routes(env)
			l.links(env)
		}
		if s.Inherit == "all" {
			l.shared()
		}
		l.secrets("vars", l.root.Get("vars"))
		for _, env := range l.root.Get("env").Map() {
			l.secrets("env."+env.Key+".vars", env.Value.Get("vars"))
		}
		found = append(found, l.found...)
	}
	diag.Sort(found)
	return found
}

type linter struct {
	p     *Portfolio
	s     *Service
	root  *source.Value
	found []diag.Finding
}

func (l *linter) add(code string, severity diag.Severity, pos diag.Position, message, why, fix string) {
	f := l.p.finding(code, pos, message, why, fix)
	f.Severity = severity
	l.found = append(l.found, f)
}

// dropped reports what stands at the top level and an environment runs without.
func (l *linter) dropped(env source.Pair) {
	for _, k := range wranglerKeys() {
		top := l.root.Pair(k.name)
		if k.reach != ownOnly || top == nil || emptyValue(top.Value) {
			continue
		}
		own := env.Value.Get(k.name)
		if own == nil || own.Kind == source.Null {
			l.add("W001", diag.SeverityError, env.Value.Pos, fmt.Sprintf("environment %q would run without %q", env.Key, k.name),
				fmt.Sprintf("wrangler does not inherit %q (set on line %d) into an environment", k.name, top.Pos.Line),
				fmt.Sprintf("add %q to env.%s, or set `inherit: all` for this service in clodo.yaml", k.name, env.Key))
			continue
		}
		l.missing(env.Key, k.name, top.Value, own)
	}
}

// missing reports names that the top level's value has and the environment's lacks.
func (l *linter) missing(env, key string, top, own *source.Value) {
	what := "the binding"
	var names []string
	switch {
	case top.Kind == source.Map && (key == "vars" || key == "define"):
		what = map[string]string{"vars": "the variable", "define": "the definition"}[key]
		for _, p := range top.Pairs {
			if !own.Has(p.Key) {
				names = append(names, p.Key)
			}
		}
	case top.Kind == source.List && own.Kind == source.List && named(top):
		for _, item := range top.Items {
			if !slices.ContainsFunc(own.Items, func(o *source.Value) bool { return nameOf(o) == nameOf(item) }) {
				names = append(names, nameOf(item))
			}
		}
	case top.Kind == source.Map && own.Kind == source.Map:
		for _, p := range top.Pairs {
			if o := own.Get(p.Key); o != nil {
				l.missing(env, key+"."+p.Key, p.Value, o)
			}
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		l.add("W001", diag.SeverityError, own.Pos, fmt.Sprintf("environment %q would run without %s %s", env, what, strings.Join(names, ", ")),
			fmt.Sprintf("wrangler replaces all of %s; it does not merge them", key),
			fmt.Sprintf("add it to env.%s.%s, or set `inherit: all` for this service in clodo.yaml", env, key))
	}
}

// routes reports that an environment inherits the top level's routes: deploying it
// moves them to its own Worker.
func (l *linter) routes(env source.Pair) {
	top := routes(l.root)
	own := env.Value
	if len(top) == 0 || own.Has("routes") || own.Get("name").Str() == l.root.Get("name").Str() {
		return
	}
	if own.Has("route") && l.root.Has("routes") {
		l.add("W003", diag.SeverityError, own.Pair("route").Pos, fmt.Sprintf("env.%s.route has no effect", env.Key),
			"the environment inherits routes from the top level, and wrangler takes routes before route", fmt.Sprintf("write it as env.%s.routes", env.Key))
		return
	}
	if own.Has("route") {
		return
	}
	var patterns []string
	for _, r := range top {
		patterns = append(patterns, r.Pattern)
	}
	l.add("W002", diag.SeverityError, env.Pos, fmt.Sprintf("environment %q would take %s away from the top level", env.Key, strings.Join(patterns, ", ")),
		fmt.Sprintf("wrangler inherits routes (%s); an address can point at one Worker", top[0].Pos),
		fmt.Sprintf("add \"routes\" to env.%s, with its own addresses or as an empty list", env.Key))
}

// links reports a service binding that leaves the environment.
func (l *linter) links(env source.Pair) {
	for _, v := range env.Value.Get("services").List() {
		for _, s := range l.p.Services {
			target := v.Get("service")
			if target.Str() == "" || target.Str() != s.layers.wrangler.Root.Get("name").Str() || !slices.Contains(s.EnvNames, env.Key) {
				continue
			}
			l.add("W004", diag.SeverityWarning, target.Pos, fmt.Sprintf("environment %q is bound to %q, the top level of %s", env.Key, target.Str(), s.File),
				fmt.Sprintf("that file has an environment %q too, whose Worker is %q", env.Key, l.p.workerName(s, &Environment{Name: env.Key}, nil)),
				"write that name, if it is the one that is meant")
		}
	}
}

// shared reports a resource that several environments of an `inherit: all` service
// would use together.
func (l *linter) shared() {
	owned := l.s.layers.service.Get("database", "binding").Str()
	for _, k := range bindingKinds() {
		for _, v := range l.root.Get(k.at...).List() {
			id := v.Get("id")
			if k.kind == "d1" {
				id = v.Get("database_id")
			}
			name := nameOf(v)
			if !k.makes || id.Str() == "" || name == owned {
				continue
			}
			var users []string
			for _, env := range l.p.Environments {
				own := l.root.Get("env", env.Name).Get(k.at...).List()
				if !env.Local && !slices.ContainsFunc(own, func(o *source.Value) bool { return nameOf(o) == name }) {
					users = append(users, env.Name)
				}
			}
			if len(users) > 1 {
				l.add("W005", diag.SeverityWarning, id.Pos, fmt.Sprintf("%s would use one %s together, through the binding %q", strings.Join(users, " and "), k.kind, name),
					"`inherit: all` carries the pinned id into every environment", "pin an id for each environment in its section, or remove the id: clodo then makes one for each")
			}
		}
	}
}

// secrets reports variables that hold what should be a secret.
func (l *linter) secrets(where string, vars *source.Value) {
	for _, p := range vars.Map() {
		if p.Value.Kind != source.String || !source.LooksSecret(p.Value.Text) {
			continue
		}
		l.add("W006", diag.SeverityError, p.Value.Pos, fmt.Sprintf("%s.%s holds what looks like a secret key", where, p.Key),
			"variables are readable in the dashboard and in the history of this file", fmt.Sprintf("make a new key, remove this one, and: clodo secret set %s %s", l.s.Name, p.Key))
	}
}

// Check adds to the findings of Load everything that Lint says and everything that
// is wrong with any target, in every environment and for every customer, entry points
// and folders of assets that are not there included; sorted.
func (p *Portfolio) Check(found []diag.Finding) []diag.Finding {
	all := slices.Concat(found, p.Lint())
	for _, env := range p.Environments {
		var targets []*Target
		for _, s := range p.Services {
			if p.tree == nil && env.Name != "" && !slices.Contains(s.EnvNames, env.Name) {
				continue
			}
			for _, cust := range append([]*Customer{nil}, p.Customers...) {
				if cust != nil && (cust.Isolation == "shared" || !cust.RunsIn(env.Name)) {
					continue
				}
				t, fs := p.resolve(s, env, cust)
				targets = append(targets, t)
				all = slices.Concat(all, fs, p.missingFiles(t))
			}
		}
		all = append(all, p.clashes(targets)...)
	}
	all = together(unique(all))
	diag.Sort(all)
	return all
}

// together makes one finding of a variable that many targets run without.
func together(found []diag.Finding) []diag.Finding {
	first := map[diag.Position]int{}
	more := map[int]int{}
	var out []diag.Finding
	for _, f := range found {
		if f.Code != "C025" {
			out = append(out, f)
			continue
		}
		if i, again := first[f.Pos]; again {
			more[i]++
			continue
		}
		first[f.Pos] = len(out)
		out = append(out, f)
	}
	for i, n := range more {
		out[i].Message = strings.Replace(out[i].Message, " runs without", fmt.Sprintf(" and %d more run without", n), 1)
	}
	return out
}
