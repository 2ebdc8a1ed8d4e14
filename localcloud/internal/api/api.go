// Package api speaks Cloudflare's REST API, version 4, for the local cloud: it
// checks who asks, reads and writes the store, and hands the result to the Workers
// runtime. Answers have Cloudflare's envelope, codes and shapes.
package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/cache"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/cron"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/quota"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/tail"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

// Header marks every answer of a local cloud, so that a client that means the real
// Cloudflare notices where it ended up.
const Header = "Clodo-Local-Cloud"

// Prefix is the path below which the API answers.
const Prefix = "/client/v4"

// TokenPrefix starts every token of a local cloud.
const TokenPrefix = "clodo_local_"

// Runtime serves Workers. Check boots a version alone and answers a
// *runtime.StartupError when it does not start; Apply makes a state the served one,
// or fails and goes on serving the one before. DeleteObjects removes the data of
// durable object classes, by their keys, that no served Worker has any more.
type Runtime interface {
	Check(ctx context.Context, account, script string, v *runtime.Version, classes []runtime.Class) (runtime.Startup, error)
	Apply(ctx context.Context, s runtime.State) error
	DeliverCron(ctx context.Context, account, script, cron string, at time.Time) (runtime.Delivery, error)
	DeleteObjects(keys ...string) error
}

// Options says what an API works on; all of it but what limits is required.
type Options struct {
	Store      *store.Store
	Runtime    Runtime
	Databases  *d1.Store
	Namespaces *kv.Store
	Buckets    *r2.Store
	Queues     *queue.Broker
	Crons      *cron.Scheduler
	Vectors    *vectorize.Store
	Secrets    *secretstore.Stores
	Models     *ai.Upstream
	Traffic    *traffic.Store
	Datasets   *dataset.Store
	Tails      *tail.Tails
	Caches     *cache.Cache
	Clock      *clock.Clock
	Limits     Limits
	Quota      *quota.Counter // of the calls of each token; nil: no limit
	Log        *slog.Logger
}

// API answers requests. It is an http.Handler.
type API struct {
	store      *store.Store
	runtime    Runtime
	databases  *d1.Store
	namespaces *kv.Store
	buckets    *r2.Store
	queues     *queue.Broker
	queueing   sync.Mutex // one telling of the broker at a time
	traffic    *traffic.Store
	datasets   *dataset.Store
	tails      *tail.Tails
	caches     *cache.Cache
	crons      *cron.Scheduler
	vectors    *vectorize.Store
	stored     *secretstore.Stores
	models     *ai.Upstream
	clock      *clock.Clock
	limits     Limits
	quota      *quota.Counter
	log        *slog.Logger
	routes     *routes
	jwtKey     []byte
	workers    workerLocks
	parcels    parcels
	serving    sync.Mutex // held from reading the state that is to be served until it is kept
	// served are the versions of the last state, by id. They never change, and one with
	// many assets takes a while to read. Guarded by serving.
	served map[string]*runtime.Version
}

// New prepares an API. It reads the store but starts nothing.
func New(ctx context.Context, o Options) (*API, error) {
	a := &API{
		store: o.Store, runtime: o.Runtime, databases: o.Databases, namespaces: o.Namespaces, buckets: o.Buckets, queues: o.Queues, crons: o.Crons, vectors: o.Vectors, stored: o.Secrets, models: o.Models,
		traffic: o.Traffic, datasets: o.Datasets, tails: o.Tails, caches: o.Caches, clock: o.Clock, log: o.Log,
		limits: o.Limits.filled(), quota: o.Quota,
	}
	a.routes = newRoutes(Endpoints())
	key, err := signingKey(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	a.jwtKey = key
	return a, nil
}

// workerLocks lets one change at a time happen to a Worker, while others go on.
type workerLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the Worker and returns what releases it.
func (l *workerLocks) lock(ctx context.Context, account, script string) (release func(), err error) {
	key := account + "/" + script
	for {
		l.mu.Lock()
		busy, taken := l.held[key]
		if !taken {
			if l.held == nil {
				l.held = map[string]chan struct{}{}
			}
			done := make(chan struct{})
			l.held[key] = done
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(done)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// now is the time of a record: UTC with microseconds, as Cloudflare writes it.
func (a *API) now() time.Time { return a.clock.Now().UTC().Truncate(time.Microsecond) }

// stamp renders a time the way Cloudflare does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
