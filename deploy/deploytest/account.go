// Package deploytest is a Cloudflare account made of a struct, for tests of what
// package deploy does around it: it can lose answers, refuse calls and count them.
// What Cloudflare really answers is tested against the local cloud instead.
package deploytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/project"
)

// Fault is what happens to one mutating call.
type Fault string

// The faults. A lost answer is an ErrUnknownOutcome with or without the effect.
const (
	None       Fault = ""
	LostBefore Fault = "lost before its effect"
	LostAfter  Fault = "lost after its effect"
	Refused    Fault = "refused"
)

// Account is the fake. Its exported state may be set before and read after a test;
// with a Dir it is kept there after every change, so that another process finds it.
type Account struct {
	State State
	// Dir holds databases, and State as JSON when Keep is set.
	Dir  string
	Keep bool
	// Fault, if not nil, decides about each mutating call; n counts calls of this name
	// from 0.
	Fault func(call string, n int) Fault
	// Healthy decides what a version answers; nil: 200 for every version.
	Healthy func(version Version) int
	// Logs are what each request makes a Worker log.
	Logs []string

	mu    sync.Mutex
	calls map[string]int
	Log   []string // mutating calls that reached the account, faults included
}

// State is everything in the account.
type State struct {
	WorkersDev string
	Zones      []deploy.Zone
	Databases  []deploy.Resource
	Namespaces []deploy.Resource
	Buckets    []deploy.Resource
	Queues     []deploy.Resource
	Workers    map[string]*Worker
	Routes     []deploy.Route
	Domains    []deploy.Domain
	Consumers  []deploy.Consumer
	Granted    []deploy.Permission
	Next       int // for ids
}

// Worker is a script.
type Worker struct {
	Versions     []Version
	Deployments  []deploy.Split // newest last
	Secrets      []string
	MigrationTag string
	Crons        []string
	WorkersDev   bool
	PreviewURLs  bool
	Settings     json.RawMessage
}

// Version is an uploaded version.
type Version struct {
	ID       string
	Tag      string
	Main     string // bytes of the main module
	Metadata json.RawMessage
}

// New is an account with a workers.dev subdomain and the zone example.com.
func New(dir string) *Account {
	a := &Account{Dir: dir, calls: map[string]int{}}
	a.State = State{WorkersDev: "acme.workers.dev", Zones: []deploy.Zone{{ID: "zone1", Name: "example.com"}}, Workers: map[string]*Worker{}}
	return a
}

// Open is the account that another process kept in dir, or a new one.
func Open(dir string) (*Account, error) {
	a := New(dir)
	a.Keep = true
	raw, err := os.ReadFile(filepath.Join(dir, "account.json"))
	if errors.Is(err, os.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	return a, json.Unmarshal(raw, &a.State)
}

// mutate makes one change, with the fault that is planned for it.
func (a *Account) mutate(call string, change func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.calls[call]
	a.calls[call]++
	a.Log = append(a.Log, call)
	fault := None
	if a.Fault != nil {
		fault = a.Fault(call, n)
	}
	switch fault {
	case LostBefore:
		return fmt.Errorf("%s: connection reset: %w", call, deploy.ErrUnknownOutcome)
	case Refused:
		return fmt.Errorf("%s: 400 refused by the test", call)
	}
	if err := change(); err != nil {
		return err
	}
	if a.Keep {
		if err := a.save(); err != nil {
			return err
		}
	}
	if fault == LostAfter {
		return fmt.Errorf("%s: connection reset: %w", call, deploy.ErrUnknownOutcome)
	}
	return nil
}

func (a *Account) save() error {
	raw, err := json.Marshal(a.State)
	if err != nil {
		return fmt.Errorf("keep account: %w", err)
	}
	path := filepath.Join(a.Dir, "account.json")
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return fmt.Errorf("keep account: %w", err)
	}
	return os.Rename(path+".new", path)
}

func (a *Account) id() string {
	a.State.Next++
	return fmt.Sprintf("%08d-0000-4000-8000-000000000000", a.State.Next)
}

// Ports is the ports that the account implements; the others are left nil.
func (a *Account) Ports() deploy.Ports {
	return deploy.Ports{Live: a, Resources: a, Databases: a, Versions: a, Traffic: a, Triggers: a, Prober: a, Logs: a}
}

// Live implements deploy.LiveReader.
func (a *Account) Live(_ context.Context, targets []project.Target) (deploy.Live, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := deploy.LiveAccount{
		ID: "acc1", Name: "Acme", WorkersDev: a.State.WorkersDev, Zones: a.State.Zones, Databases: slices.Clone(a.State.Databases),
		Namespaces: slices.Clone(a.State.Namespaces), Buckets: slices.Clone(a.State.Buckets), Queues: slices.Clone(a.State.Queues), Routes: slices.Clone(a.State.Routes), Domains: slices.Clone(a.State.Domains),
		Consumers: slices.Clone(a.State.Consumers),
		Workers:   map[string]deploy.Worker{}, Granted: a.State.Granted,
	}
	for name := range a.State.Workers {
		l.Scripts = append(l.Scripts, name)
	}
	for _, t := range targets {
		w, ok := a.State.Workers[t.Worker.Name]
		if !ok {
			continue
		}
		d := deploy.Worker{Split: w.active(), MigrationTag: w.MigrationTag, Secrets: w.Secrets, Attached: a.attached(t.Worker.Name, w), Bound: map[string]deploy.BoundTo{}}
		for _, v := range w.Versions {
			if len(d.Split) > 0 && v.ID == d.Split[0].Version {
				d.Tag = v.Tag
				d.Bound = bound(v.Metadata)
			}
		}
		l.Workers[t.Worker.Name] = d
	}
	names := map[string]deploy.LiveAccount{}
	for _, t := range targets {
		names[deploy.AccountName(t)] = l
	}
	return deploy.Live{Accounts: names}, nil
}

func bound(raw json.RawMessage) map[string]deploy.BoundTo {
	var m struct {
		Bindings []struct{ Name, Type, ID, NamespaceID string } `json:"bindings"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil
	}
	out := map[string]deploy.BoundTo{}
	for _, b := range m.Bindings {
		if b.Type == "d1" {
			out[b.Name] = deploy.BoundTo{Kind: b.Type, ID: b.ID}
		}
	}
	return out
}

func (w *Worker) active() deploy.Split {
	if w == nil || len(w.Deployments) == 0 {
		return nil
	}
	return w.Deployments[len(w.Deployments)-1]
}

func (a *Account) attached(name string, w *Worker) deploy.Attached {
	at := deploy.Attached{Crons: w.Crons, WorkersDev: w.WorkersDev, PreviewURLs: w.PreviewURLs, Settings: w.Settings}
	for _, c := range a.State.Consumers {
		if c.Script == name {
			at.Consumers = append(at.Consumers, c)
		}
	}
	for _, r := range a.State.Routes {
		if r.Script == name {
			at.Routes = append(at.Routes, r)
		}
	}
	for _, d := range a.State.Domains {
		if d.Script == name {
			at.Domains = append(at.Domains, d)
		}
	}
	return at
}

func (a *Account) list(kind deploy.ResourceKind) *[]deploy.Resource {
	switch kind {
	case deploy.KindD1:
		return &a.State.Databases
	case deploy.KindR2:
		return &a.State.Buckets
	case deploy.KindQueue:
		return &a.State.Queues
	}
	return &a.State.Namespaces
}

// FindResource implements deploy.Resources.
func (a *Account) FindResource(_ context.Context, _ string, kind deploy.ResourceKind, name string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range *a.list(kind) {
		if r.Name == name {
			return r.ID, nil
		}
	}
	return "", fmt.Errorf("%s %s: %w", kind, name, deploy.ErrNotFound)
}

// CreateResource implements deploy.Resources.
func (a *Account) CreateResource(_ context.Context, _ string, kind deploy.ResourceKind, name string) (id string, err error) {
	err = a.mutate("create "+string(kind), func() error {
		list := a.list(kind)
		if slices.ContainsFunc(*list, func(r deploy.Resource) bool { return r.Name == name }) {
			return fmt.Errorf("%s %s: %w", kind, name, deploy.ErrConflict)
		}
		id = a.id()
		*list = append(*list, deploy.Resource{Name: name, ID: id})
		return nil
	})
	return id, err
}

// Database implements deploy.Databases.
func (a *Account) Database(_, id string) migrate.Database { return &database{a: a, id: id} }

// FindVersion implements deploy.Versions.
func (a *Account) FindVersion(_ context.Context, s deploy.Script, tag string) (deploy.Version, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.State.Workers[s.Name]; w != nil {
		for _, v := range slices.Backward(w.Versions) {
			if v.Tag == tag {
				return deploy.Version{ID: v.ID, Tag: v.Tag}, nil
			}
		}
	}
	return deploy.Version{}, fmt.Errorf("version %q: %w", tag, deploy.ErrNotFound)
}

// Upload implements deploy.Versions.
func (a *Account) Upload(_ context.Context, u deploy.Upload) (out deploy.Version, err error) {
	err = a.mutate("upload", func() error {
		w, ok := a.State.Workers[u.Script.Name]
		if !ok {
			if u.Mode != deploy.UploadPut {
				return fmt.Errorf("worker %s: %w", u.Script.Name, deploy.ErrNotFound)
			}
			w = &Worker{}
			a.State.Workers[u.Script.Name] = w
		}
		var m struct {
			Bindings    []struct{ Type, Service, Name, ID string } `json:"bindings"`
			Annotations map[string]string                          `json:"annotations"`
			Migrations  *struct {
				NewTag string `json:"new_tag"`
			} `json:"migrations"`
			Observability, Logpush any
			TailConsumers          any `json:"tail_consumers"`
		}
		if err := json.Unmarshal(u.Metadata, &m); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		for _, b := range m.Bindings {
			if b.Type == "service" && a.State.Workers[b.Service] == nil {
				return fmt.Errorf("10143 service binding %s: no Worker %q", b.Name, b.Service)
			}
			if b.Type == "d1" && b.ID == "" {
				return fmt.Errorf("10021 binding %s of type d1 must have a valid `id` specified", b.Name)
			}
		}
		v := Version{ID: a.id(), Tag: m.Annotations["workers/tag"], Metadata: u.Metadata}
		for _, mod := range u.Artifact.Modules {
			if mod.Name == u.Artifact.MainModule {
				v.Main = string(mod.Bytes)
			}
		}
		w.Versions = append(w.Versions, v)
		for _, g := range u.Generated {
			u.Secrets = append(u.Secrets, g.Name)
		}
		for _, s := range u.Secrets {
			if !slices.Contains(w.Secrets, s) {
				w.Secrets = append(w.Secrets, s)
			}
		}
		if m.Migrations != nil {
			w.MigrationTag = m.Migrations.NewTag
		}
		if u.Mode == deploy.UploadPut { // serves at once, and carries the settings outside versions
			settings, err := json.Marshal(map[string]any{"observability": m.Observability, "logpush": m.Logpush, "tail_consumers": m.TailConsumers})
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			w.Settings = settings
			w.Deployments = append(w.Deployments, deploy.Split{{Version: v.ID, Percent: 100}})
		}
		out = deploy.Version{ID: v.ID, Tag: v.Tag}
		return nil
	})
	return out, err
}

// DeleteWorker implements deploy.Versions.
func (a *Account) DeleteWorker(_ context.Context, s deploy.Script) error {
	return a.mutate("delete worker", func() error {
		delete(a.State.Workers, s.Name)
		return nil
	})
}

// Split implements deploy.Traffic.
func (a *Account) Split(_ context.Context, s deploy.Script) (deploy.Split, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.State.Workers[s.Name].active()), nil
}

// SetSplit implements deploy.Traffic.
func (a *Account) SetSplit(_ context.Context, s deploy.Script, split deploy.Split, _ string) error {
	return a.mutate("deploy", func() error {
		w := a.State.Workers[s.Name]
		if w == nil {
			return fmt.Errorf("worker %s: %w", s.Name, deploy.ErrNotFound)
		}
		for _, share := range split {
			if !slices.ContainsFunc(w.Versions, func(v Version) bool { return v.ID == share.Version }) {
				return fmt.Errorf("10071 version %s: %w", share.Version, deploy.ErrNotFound)
			}
		}
		w.Deployments = append(w.Deployments, slices.Clone(split))
		return nil
	})
}

// Triggers implements deploy.Triggers.
func (a *Account) Triggers(_ context.Context, s deploy.Script, _ []deploy.Zone, _ []string) (deploy.Attached, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.State.Workers[s.Name]
	if w == nil {
		return deploy.Attached{}, fmt.Errorf("worker %s: %w", s.Name, deploy.ErrNotFound)
	}
	return a.attached(s.Name, w), nil
}

// SetTrigger implements deploy.Triggers.
func (a *Account) SetTrigger(_ context.Context, s deploy.Script, c deploy.TriggerChange) error {
	return a.mutate(string(c.Action)+" "+string(c.Kind), func() error {
		w := a.State.Workers[s.Name]
		if w == nil {
			return fmt.Errorf("worker %s: %w", s.Name, deploy.ErrNotFound)
		}
		switch c.Kind {
		case deploy.TriggerRoute:
			a.State.Routes = slices.DeleteFunc(a.State.Routes, func(r deploy.Route) bool { return r.Pattern == c.Route.Pattern })
			if c.Action == deploy.Attach {
				a.State.Routes = append(a.State.Routes, deploy.Route{ID: a.id(), ZoneID: c.Route.ZoneID, Pattern: c.Route.Pattern, Script: s.Name})
			}
		case deploy.TriggerDomain:
			a.State.Domains = slices.DeleteFunc(a.State.Domains, func(d deploy.Domain) bool { return d.Hostname == c.Domain.Hostname })
			if c.Action == deploy.Attach {
				a.State.Domains = append(a.State.Domains, deploy.Domain{ID: a.id(), ZoneID: c.Domain.ZoneID, Hostname: c.Domain.Hostname, Script: s.Name})
			}
		case deploy.TriggerCrons:
			w.Crons = c.Crons
		case deploy.TriggerWorkersDev:
			w.WorkersDev, w.PreviewURLs = c.WorkersDev, c.PreviewURLs
		case deploy.TriggerSettings:
			w.Settings = c.Settings
		case deploy.TriggerConsumer:
			a.State.Consumers = slices.DeleteFunc(a.State.Consumers, func(x deploy.Consumer) bool { return x.Queue == c.Consumer.Queue })
			if c.Action != deploy.Detach {
				a.State.Consumers = append(a.State.Consumers, *c.Consumer)
			}
		}
		return nil
	})
}

// Logged implements deploy.Logs: every request logs the same.
func (a *Account) Logged(context.Context, string, string) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Logs, nil
}

// Get implements check.Prober: it answers as the version that would be asked.
func (a *Account) Get(_ context.Context, r check.Request) (check.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	host, _, _ := strings.Cut(strings.TrimPrefix(r.URL, "https://"), "/")
	for name, w := range a.State.Workers {
		at := a.attached(name, w)
		reached := w.WorkersDev && host == name+"."+a.State.WorkersDev ||
			slices.ContainsFunc(at.Domains, func(d deploy.Domain) bool { return d.Hostname == host }) ||
			slices.ContainsFunc(at.Routes, func(x deploy.Route) bool { return strings.HasPrefix(x.Pattern, host+"/") })
		if !reached || len(w.active()) == 0 {
			continue
		}
		id := w.active()[0].Version
		for _, share := range w.active() {
			if strings.Contains(r.Header["Cloudflare-Workers-Version-Overrides"], share.Version) {
				id = share.Version
			}
		}
		status := 200
		for _, v := range w.Versions {
			if v.ID == id && a.Healthy != nil {
				status = a.Healthy(v)
			}
		}
		return check.Answer{Status: status, Body: "version " + id, Ray: "8f00-LCL"}, nil
	}
	return check.Answer{Status: 404, Body: "nothing here"}, nil
}

// Calls is how many mutating calls reached the account since the last time.
func (a *Account) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := a.Log
	a.Log = nil
	return log
}
