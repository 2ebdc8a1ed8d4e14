package data

import (
	"fmt"

	"github.com/tamylaa/clodo"
)

// Module is a part of a service that is registered as one: what it keeps, answers, wraps
// and hooks into. Packages data/auth, data/files and data/logs have ready ones.
type Module struct {
	Name       string
	Models     []*Schema                              // whose tables it needs, see [Schema.DDL]
	Middleware []clodo.Middleware                     // around the routes of all modules, and what is registered later
	Hooks      []Hook                                 // into the operations of stores that have the hooks
	Routes     func(router *clodo.Router) []*Endpoint // mounts what it answers; nil is nothing
}

// Modules are those that were registered together.
type Modules struct {
	Names     []string
	Models    []*Schema
	Endpoints []*Endpoint // for [OpenAPI]
}

// Register adds modules to an app: first all their hooks, then all their middleware, the
// first module's outermost, then all their routes. hooks are those that the service's
// stores were made with. It panics, before anything is added, when two modules have one
// name or one table, or a hook is incomplete.
func Register(app *clodo.Router, hooks *Hooks, modules ...Module) *Modules {
	all := &Modules{}
	owner := map[string]string{}
	names := map[string]bool{}
	var theirs []Hook
	for _, m := range modules {
		if m.Name == "" || names[m.Name] {
			panic(fmt.Sprintf("data: a module needs a name of its own, and %q is none", m.Name))
		}
		names[m.Name] = true
		all.Names = append(all.Names, m.Name)
		for _, s := range m.Models {
			if other, ok := owner[s.Table]; ok {
				panic(fmt.Sprintf("data: the modules %q and %q both have a table %q", other, m.Name, s.Table))
			}
			owner[s.Table] = m.Name
			all.Models = append(all.Models, s)
		}
		for _, h := range m.Hooks {
			if h.Name == "" {
				h.Name = m.Name
			}
			theirs = append(theirs, h)
		}
	}
	if len(theirs) > 0 && hooks == nil {
		panic("data: these modules have hooks, and there are none to add them to")
	}
	if hooks != nil {
		hooks.Add(theirs...)
	}
	for _, m := range modules {
		app.Use(m.Middleware...)
	}
	for _, m := range modules {
		if m.Routes != nil {
			all.Endpoints = append(all.Endpoints, m.Routes(app)...)
		}
	}
	return all
}
