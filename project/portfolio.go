// Package project reads clodo.yaml and the wrangler files below it into one
// Portfolio, and resolves from it the Targets that can be deployed. Every value
// knows the file and line it came from.
package project

import (
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/internal/source"
)

// Value is something read from a file, together with where it was written. The
// position is zero for a default.
type Value[T any] struct {
	V   T
	Pos diag.Position
}

// Portfolio is everything that is configured: services, environments, accounts,
// customers. Without a clodo.yaml it is made of the wrangler files alone.
type Portfolio struct {
	Name         string
	Root         string // absolute folder of clodo.yaml, or the folder that was loaded
	File         string // "clodo.yaml" relative to Root, "" when there is none
	Accounts     []*Account
	Environments []*Environment // in file order
	Services     []*Service     // in file order, or sorted by name without a clodo.yaml
	Customers    []*Customer    // those of clodo.yaml, then those of customers/*.yaml
	Features     []*Feature
	Policies     []*Policy

	cwd  string                      // absolute folder that loading started in
	tree *source.Value               // clodo.yaml, nil without one
	docs map[string]*source.Document // every file that was read, by its name in positions
}

// Account is where Workers run. Token is a reference (env:NAME, keyring:NAME or
// file:PATH), never the token itself.
type Account struct {
	Name  string
	ID    Value[string] // 32 hex digits; "" means: the only account that the token sees
	Token Value[string]
	Pos   diag.Position
}

// Environment is one stage of the portfolio, such as staging. The zero Name is the
// top level of a wrangler file and exists only where clodo.yaml declares none.
type Environment struct {
	Name      string
	Local     bool
	Account   string // name in Accounts; "" means the default account
	Protected Value[bool]
	Rollout   Rollout
	Policy    string
	Vars      map[string]Value[any]
	Features  map[string]Value[any] // values of feature flags
	Pos       diag.Position
}

// Rollout says how a new version takes over.
type Rollout struct {
	Strategy  Value[string]   // "all-at-once" (default), "canary" or "blue-green"
	Steps     []Value[string] // shares of the traffic, such as "5%"
	Hold      Value[string]   // how long each step is watched, such as "5m"
	ErrorRate Value[string]   // abort above this share of errors
	P95       Value[string]   // abort above this response time
}

// Feature is a feature flag. Values are bool, string, int64 or float64.
type Feature struct {
	Name        string
	Type        feature.Type
	Values      []string // of an enum
	Default     Value[any]
	Description string
	Owner       string   // service
	Runtime     bool     // it can be changed while services run
	Rollout     *float64 // percentage for whom it is on; nil: none is said
	Rules       []Value[feature.Rule]
	Requires    []Value[string]
	Conflicts   []Value[string]
	Domains     map[string]Value[any]
	Pos         diag.Position
}

// Policy is a named set of rules. Rules holds them as they are written, by section
// and name; Extends names the policy that it adds to.
type Policy struct {
	Name    string
	Extends string
	Rules   map[string]any
	Pos     diag.Position
}

// Service is one Worker's source, before environment and customer are chosen.
type Service struct {
	Name        string
	Dir         string // slash-separated, relative to Root; "." is Root
	File        string // the wrangler file, relative to Root
	Inherit     string // "wrangler" (default) or "all"
	Needs       []Value[string]
	Pos         diag.Position
	EnvNames    []string // environments declared in the wrangler file
	WranglerPos diag.Position
	layers      layers // the trees it is made of, see resolve.go
}

// Customer is for whom a target runs.
type Customer struct {
	Name         string
	Title        string
	Isolation    string // "dedicated" or "shared"
	Account      string
	Environments []string // empty: all of them
	Features     map[string]Value[any]
	Pos          diag.Position

	tree *source.Value // the customer's part of clodo.yaml, or its file
}

// Selector says which targets are meant. The zero Selector means every service in
// the only environment that is not local.
type Selector struct {
	Services    []string // names, globs, folders, hostnames or addresses; empty means all
	Environment string   // "" means: decide, see Portfolio.Targets
	Customers   []string // empty: the shared targets only; "*": all
	Local       bool     // the account side is the local cloud: a local environment may be chosen by default
}

// TargetID names a target in plans, records and messages.
type TargetID struct {
	Service     string `json:"service"`
	Environment string `json:"env,omitempty"`
	Customer    string `json:"customer,omitempty"`
}

// String is "service", "service/env" or "service/env/customer".
func (id TargetID) String() string {
	s := id.Service
	if id.Environment != "" {
		s += "/" + id.Environment
	}
	if id.Customer != "" {
		s += "/" + id.Customer
	}
	return s
}

// Target is a service in an environment for a customer: one Worker, with every
// setting resolved. It is read-only once made.
type Target struct {
	TargetID
	Account   *Account // nil: the default account
	Worker    Worker
	Domains   []Value[string] // custom domains from clodo.yaml
	Health    HealthCheck
	Database  string // binding whose database clodo owns, "" for none
	Secrets   []SecretSpec
	Needs     []string // services of the portfolio that must be deployed before this one: `needs` and service bindings
	Smoke     SmokeTest
	Policy    string
	Protected bool
	Local     bool
	Strategy  string
	Root      string // absolute, the portfolio's

	// Warnings are what should be known about this target but does not keep it from
	// being deployed.
	Warnings []diag.Finding
}

// SmokeTest is a program of the project that tests a target; the zero value is none.
type SmokeTest struct {
	Run     string
	Timeout Duration
	Pos     diag.Position
}

// HealthCheck is how a deployed target shows that it works. Path defaults to "/";
// Status 0 accepts every answer below 500.
type HealthCheck struct {
	Path    string
	Status  int
	Timeout Duration // total time to wait for it, default 60s
	Pos     diag.Position
}

// SecretSpec is a secret that the Worker needs before it may serve.
type SecretSpec struct {
	Name     string
	SameAs   string // "service.NAME"
	Generate string
	Source   string
	Rotate   string   // such as "90d"
	Forbid   []string // patterns that its value must not match
	Pos      diag.Position
}
