package typescript

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/project"
)

// class is what a binding of t is for, as an expression of types: an export of this
// service, or of another one of the portfolio. It is "" where that is not written in
// TypeScript, and for the usual entrypoint, which has no name.
func (w *writer) class(t *project.Target, b project.Binding, name string) string {
	if !identifier.MatchString(name) {
		return ""
	}
	at := t
	switch {
	case b.Portfolio != "" && b.Portfolio != t.Service:
		at = w.sibling(t, b.Portfolio)
	case b.Kind == "service" && b.Portfolio == "", b.ScriptName != "" && b.ScriptName != t.Worker.Name:
		return "" // a Worker that is not of the portfolio
	}
	if at == nil {
		return ""
	}
	module, ok := strings.CutSuffix(entryOf(at), path.Ext(at.Worker.Main.V))
	if !ok || !slices.Contains([]string{".ts", ".tsx"}, path.Ext(at.Worker.Main.V)) {
		return ""
	}
	return fmt.Sprintf("import(%s).%s", quote(from(path.Dir(entryOf(t)), module)), name)
}

// sibling is what another service is where t is; nil when it cannot be deployed there.
func (w *writer) sibling(t *project.Target, service string) *project.Target {
	of := project.TargetID{Service: service, Environment: t.Environment}
	all, known := w.siblings[of]
	if !known {
		all, _ = w.portfolio.Targets(project.Selector{Services: []string{service}, Environment: t.Environment, Customers: []string{"*"}}) // none on an error, which is that service's
		w.siblings[of] = all
	}
	if i := slices.IndexFunc(all, func(o *project.Target) bool { return o.Service == service && o.Customer == t.Customer }); i >= 0 {
		return all[i]
	}
	if i := slices.IndexFunc(all, func(o *project.Target) bool { return o.Service == service }); i >= 0 {
		return all[i]
	}
	return nil
}

// File is where the generated file of a target lies, below the portfolio's root.
func File(t *project.Target) string { return path.Join(path.Dir(entryOf(t)), FileName) }

// entryOf is the entry of a target, below the portfolio's root.
func entryOf(t *project.Target) string {
	return path.Join(path.Dir(path.Clean(t.Worker.File)), path.Clean(strings.ReplaceAll(t.Worker.Main.V, `\`, "/")))
}

// from is a module as one in a folder imports it; both are below the same root.
func from(dir, module string) string {
	there, here := strings.Split(module, "/"), strings.Split(dir, "/")
	if dir == "." {
		here = nil
	}
	for len(here) > 0 && len(there) > 1 && here[0] == there[0] {
		here, there = here[1:], there[1:]
	}
	if len(here) == 0 {
		return "./" + strings.Join(there, "/")
	}
	return strings.Repeat("../", len(here)) + strings.Join(there, "/")
}
