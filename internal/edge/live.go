package edge

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// parallel is how many reads of one account are under way at once.
const parallel = 8

// allZones is up to how many zones of an account are all asked for routes, so that
// a route that a target no longer wants is found wherever it is. In an account with
// more, only the zones of the targets' hostnames are asked: each costs a call.
const allZones = 20

// Live implements deploy.LiveReader.
func (e *Edge) Live(ctx context.Context, targets []project.Target) (deploy.Live, error) {
	live := deploy.Live{Accounts: map[string]deploy.LiveAccount{}}
	byAccount := map[string][]project.Target{}
	for _, t := range targets {
		name := deploy.AccountName(t)
		byAccount[name] = append(byAccount[name], t)
	}
	for name, targets := range byAccount {
		account, err := e.accounts.Account(ctx, name)
		if err != nil {
			return deploy.Live{}, err
		}
		r := &reader{account: account, targets: targets, live: deploy.LiveAccount{
			ID: account.ID, Name: account.Name, Workers: map[string]deploy.Worker{}, Refused: map[deploy.Permission]string{},
		}}
		if err := r.read(ctx); err != nil {
			return deploy.Live{}, err
		}
		live.Accounts[name] = r.live
	}
	return live, nil
}

// reader reads one account. Its fields are written by several goroutines.
type reader struct {
	account *Account
	targets []project.Target
	mu      sync.Mutex
	live    deploy.LiveAccount
}

// read lists the account, then looks at each target's Worker and at the zones.
func (r *reader) read(ctx context.Context) error {
	c, id := r.account.Client, r.account.ID
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		scripts, err := c.Scripts(gctx, id)
		return r.keep(err, deploy.PermWorkersRead, "list Workers", func() {
			for _, s := range scripts {
				r.live.Scripts = append(r.live.Scripts, s.ID)
			}
		})
	})
	g.Go(func() error {
		name, err := c.Subdomain(gctx, id)
		if cloudflare.IsNotFound(err) {
			return nil
		}
		return r.keep(err, deploy.PermWorkersRead, "read the workers.dev subdomain", func() { r.live.WorkersDev = name + ".workers.dev" })
	})
	g.Go(func() error {
		domains, err := c.Domains(gctx, id, cloudflare.DomainFilter{})
		return r.keep(err, deploy.PermWorkersRead, "list custom domains", func() {
			for _, d := range domains {
				r.live.Domains = append(r.live.Domains, deploy.Domain{ID: d.ID, Hostname: d.Hostname, ZoneID: d.ZoneID, Script: d.Service})
			}
		})
	})
	g.Go(func() error {
		zones, err := cloudflare.Collect(c.Zones(gctx, cloudflare.ZoneFilter{Account: id}))
		return r.keep(err, deploy.PermZones, "list zones", func() {
			for _, z := range zones {
				r.live.Zones = append(r.live.Zones, deploy.Zone{ID: z.ID, Name: z.Name})
			}
		})
	})
	if r.binds("d1") {
		g.Go(func() error {
			list, err := cloudflare.Collect(c.Databases(gctx, id, ""))
			return r.keep(err, deploy.PermD1, "list D1 databases", func() {
				for _, d := range list {
					r.live.Databases = append(r.live.Databases, deploy.Resource{Name: d.Name, ID: d.ID})
				}
			})
		})
	}
	if r.binds("kv_namespace") {
		g.Go(func() error {
			list, err := cloudflare.Collect(c.Namespaces(gctx, id))
			return r.keep(err, deploy.PermKV, "list KV namespaces", func() {
				for _, n := range list {
					r.live.Namespaces = append(r.live.Namespaces, deploy.Resource{Name: n.Title, ID: n.ID})
				}
			})
		})
	}
	if r.binds("r2_bucket") {
		g.Go(func() error {
			list, err := cloudflare.Collect(c.Buckets(gctx, id, ""))
			return r.keep(err, deploy.PermR2, "list R2 buckets", func() {
				for _, b := range list {
					r.live.Buckets = append(r.live.Buckets, deploy.Resource{Name: b.Name, ID: b.Name})
				}
			})
		})
	}
	if r.binds("queue") || r.consumes() {
		g.Go(func() error {
			list, err := cloudflare.Collect(c.Queues(gctx, id))
			return r.keep(err, deploy.PermQueues, "list queues", func() {
				for _, q := range list {
					r.live.Queues = append(r.live.Queues, deploy.Resource{Name: q.Name, ID: q.Name})
					r.live.Consumers = append(r.live.Consumers, consumers(q)...)
				}
			})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, z := range r.zones() {
		g.Go(func() error {
			routes, err := c.Routes(gctx, z.ID)
			return r.keep(err, deploy.PermRoutes, "list routes of "+z.Name, func() {
				for _, route := range routes {
					r.live.Routes = append(r.live.Routes, deploy.Route{ID: route.ID, ZoneID: z.ID, Pattern: route.Pattern, Script: route.Script})
				}
			})
		})
	}
	for _, name := range r.scripts() {
		g.Go(func() error { return r.worker(gctx, name) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	r.attach()
	return nil
}

// attach gives each Worker its routes, domains and queues out of the account's lists.
func (r *reader) attach() {
	for name, w := range r.live.Workers {
		for _, route := range r.live.Routes {
			if route.Script == name {
				w.Attached.Routes = append(w.Attached.Routes, route)
			}
		}
		for _, c := range r.live.Consumers {
			if c.Script == name {
				w.Attached.Consumers = append(w.Attached.Consumers, c)
			}
		}
		for _, d := range r.live.Domains {
			if d.Script == name {
				w.Attached.Domains = append(w.Attached.Domains, d)
			}
		}
		r.live.Workers[name] = w
	}
}

// keep stores what a read found. A read that the token may not do is noted; every
// other error ends the reading.
func (r *reader) keep(err error, needs deploy.Permission, op string, store func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		store()
		return nil
	case cloudflare.IsPermission(err):
		r.live.Refused[needs] = err.Error()
		return nil
	}
	return r.account.translate(err, needs, op)
}

// binds reports whether a target has a binding of this kind.
func (r *reader) binds(kind string) bool {
	return slices.ContainsFunc(r.targets, func(t project.Target) bool {
		return slices.ContainsFunc(t.Worker.Bindings, func(b project.Binding) bool { return b.Kind == kind })
	})
}

// consumes reports whether a target reads from a queue.
func (r *reader) consumes() bool {
	return slices.ContainsFunc(r.targets, func(t project.Target) bool { return len(t.Worker.QueueConsumers) > 0 })
}

// scripts is the targets' Workers that exist.
func (r *reader) scripts() []string {
	var names []string
	for _, t := range r.targets {
		if slices.Contains(r.live.Scripts, t.Worker.Name) && !slices.Contains(names, t.Worker.Name) {
			names = append(names, t.Worker.Name)
		}
	}
	return names
}

// zones is those whose routes are read.
func (r *reader) zones() []deploy.Zone {
	if len(r.live.Zones) <= allZones {
		return r.live.Zones
	}
	var used []deploy.Zone
	for _, z := range r.live.Zones {
		covers := func(host string) bool {
			host, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(host, "https://"), "http://"), "/")
			return host == z.Name || strings.HasSuffix(host, "."+z.Name) || strings.HasSuffix(host, "*"+z.Name)
		}
		if slices.ContainsFunc(r.targets, func(t project.Target) bool {
			return slices.ContainsFunc(t.Domains, func(d project.Value[string]) bool { return covers(d.V) }) ||
				slices.ContainsFunc(t.Worker.Routes, func(p project.Route) bool { return covers(p.Pattern) })
		}) {
			used = append(used, z)
		}
	}
	return used
}

// worker reads what is live of one Worker.
func (r *reader) worker(ctx context.Context, name string) error {
	c, id := r.account.Client, r.account.ID
	var w deploy.Worker
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		deployments, err := c.Deployments(ctx, id, name)
		if err != nil || len(deployments) == 0 || len(deployments[0].Versions) == 0 {
			return err
		}
		w.Split = split(deployments[0].Versions)
		main := slices.MaxFunc(deployments[0].Versions, func(a, b cloudflare.Share) int { return cmp.Compare(a.Percentage, b.Percentage) })
		v, err := c.Version(ctx, id, name, main.VersionID)
		if err != nil {
			return err
		}
		w.Tag, w.MigrationTag, w.Handlers = v.Annotations.Tag, v.Resources.Runtime.MigrationTag, v.Resources.Script.Handlers
		w.Bound = bound(v.Resources.Bindings)
		if w.Tag == "" && v.Annotations.TriggeredBy == "secret" {
			w.Tag, err = uploadedTag(ctx, c, id, name, v.Number)
		}
		return err
	})
	g.Go(func() error {
		secrets, err := c.Secrets(ctx, id, name)
		for _, s := range secrets {
			w.Secrets = append(w.Secrets, s.Name)
		}
		return err
	})
	g.Go(func() error {
		attached, err := attachedTo(ctx, r.account, name)
		w.Attached = attached
		return err
	})
	return r.keep(g.Wait(), deploy.PermWorkersRead, "read Worker "+name, func() { r.live.Workers[name] = w })
}

// uploadedTag is the tag of the newest version before number that was uploaded, not
// made by changing a secret of the one before it.
func uploadedTag(ctx context.Context, c *cloudflare.Client, account, script string, number int) (string, error) {
	versions, err := c.DeployableVersions(ctx, account, script)
	if err != nil {
		return "", err
	}
	for _, v := range versions { // newest first
		if v.Number < number && v.Annotations.TriggeredBy != "secret" {
			return v.Annotations.Tag, nil
		}
	}
	return "", nil
}

// bound is what the d1 and kv bindings of a version point to.
func bound(bindings []cloudflare.Binding) map[string]deploy.BoundTo {
	to := map[string]deploy.BoundTo{}
	field := func(b cloudflare.Binding, names ...string) string {
		for _, n := range names {
			if s, _ := b.Fields[n].(string); s != "" {
				return s
			}
		}
		return ""
	}
	for _, b := range bindings {
		switch b.Type {
		case "d1":
			to[b.Name] = deploy.BoundTo{Kind: b.Type, ID: field(b, "database_id", "id")}
		case "kv_namespace":
			to[b.Name] = deploy.BoundTo{Kind: b.Type, ID: field(b, "namespace_id")}
		}
	}
	return to
}

// attachedTo reads what is around a Worker but routes and domains, which the account
// lists. Reads go side by side.
func attachedTo(ctx context.Context, a *Account, script string) (deploy.Attached, error) {
	var at deploy.Attached
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		at.Crons, err = a.Client.Schedules(ctx, a.ID, script)
		return err
	})
	g.Go(func() error {
		s, err := a.Client.ScriptSubdomain(ctx, a.ID, script)
		at.WorkersDev, at.PreviewURLs = s.Enabled, s.PreviewsEnabled
		return err
	})
	g.Go(func() error {
		s, err := a.Client.ScriptSettings(ctx, a.ID, script)
		if err != nil {
			return err
		}
		at.Settings, err = json.Marshal(struct {
			Logpush       bool             `json:"logpush"`
			Observability map[string]any   `json:"observability"`
			TailConsumers []map[string]any `json:"tail_consumers"`
		}{s.Logpush, s.Observability, s.TailConsumers})
		return err
	})
	if err := g.Wait(); err != nil {
		return deploy.Attached{}, fmt.Errorf("read what is attached to %s: %w", script, err)
	}
	return at, nil
}

func split(shares []cloudflare.Share) deploy.Split {
	var s deploy.Split
	for _, share := range shares {
		s = append(s, deploy.Share{Version: share.VersionID, Percent: share.Percentage})
	}
	return s
}
