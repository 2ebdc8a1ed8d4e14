package operator

import (
	"context"
	"os"
	"os/user"
	"sync"
	"time"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/internal/assets"
	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/durable"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/state"
)

// deployer joins the heart to its adapters. It reads and sends nothing.
func (o *Operator) deployer(options DeployOptions) *deploy.Deployer {
	store := o.store()
	secrets := &secretSource{operator: o}
	cloud := edge.New(o, secrets, assets.Hash)
	return deploy.New(deploy.Ports{
		Builder: &bundle.Builder{}, Live: cloud, Resources: cloud, Databases: cloud, Versions: cloud, Traffic: cloud, Triggers: cloud, Logs: cloud,
		Secrets: secrets, Prober: &prober{operator: o}, Blobs: store, Recorder: store, History: store, Leases: store.Leases(),
		Observer: &observer{observe: o.opts.Observe},
	}, deploy.Options{
		Engine: func(ctx context.Context, release string, set *flow.Set) (flow.Engine, error) {
			db, err := store.Handle(ctx)
			if err != nil {
				return nil, err
			}
			return durable.New(ctx, set, durable.Options{DB: db, Scope: release})
		},
		By: o.holder(), Parallel: options.Parallel, Message: options.Message,
	})
}

// store is the state folder, opened when it is first needed.
func (o *Operator) store() *state.Store {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == nil {
		o.state = state.New(o.stateDir())
		o.closers = append(o.closers, o.state.Close)
	}
	return o.state
}

// record writes an event of the operator's own to the journal.
func (o *Operator) record(ctx context.Context, action, target string, detail map[string]string) error {
	by := o.holder()
	return o.store().Append(ctx, audit.Event{Time: time.Now(), Actor: by.User + "@" + by.Host, Action: action, Target: target, Detail: detail})
}

// holder is who deploys, as far as Options and the system tell.
func (o *Operator) holder() deploy.Holder {
	h := deploy.Holder{User: "unknown", Host: "unknown", PID: os.Getpid()}
	if host, err := os.Hostname(); err == nil {
		h.Host = host
	}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	if o.opts.Actor != "" {
		h.User = o.opts.Actor
	}
	return h
}

// prober asks Workers where this operator's Cloudflare serves them.
type prober struct {
	operator *Operator
	once     sync.Once
	edge     *edge.Prober
	err      error
}

// Get implements check.Prober.
func (p *prober) Get(ctx context.Context, r check.Request) (check.Answer, error) {
	p.once.Do(func() {
		data, err := p.operator.dataAddress(ctx)
		if err != nil {
			p.err = err
			return
		}
		if p.edge, p.err = edge.NewProber(data); p.err == nil {
			p.operator.atClose(p.edge.Close)
		}
	})
	if p.err != nil {
		return check.Answer{}, p.err
	}
	return p.edge.Get(ctx, r)
}

// dataAddress is where a local cloud serves Workers, "" for the real Cloudflare.
func (o *Operator) dataAddress(ctx context.Context) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c, err := o.connect(ctx)
	if err != nil {
		return "", err
	}
	return c.data, nil
}

// observer passes events on one at a time.
type observer struct {
	mu      sync.Mutex
	observe func(deploy.Event)
}

// Observe implements deploy.Observer.
func (o *observer) Observe(e deploy.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.observe(e)
}

// isLocal reports whether this operator works with the project's own local cloud.
func (o *Operator) isLocal() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.opts.Local || o.local
}
