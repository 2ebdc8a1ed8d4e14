package localcloud

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/cache"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/mail"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/ratelimit"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

// DataOptions say what OpenData opens.
type DataOptions struct {
	// Dir is the folder for everything that is stored. It must not be that of a running
	// cloud. Required.
	Dir string
	// AIUpstream and AIToken are as in Options.
	AIUpstream, AIToken string
	// Log receives what the stores have to say; default: nothing.
	Log *slog.Logger
}

// Data is what bindings of Workers that run as programs on this machine work on: the
// stores of a local cloud, without its API, its ports and workerd. Each product is opened
// when it is first used, which takes a few milliseconds. All Workers share one account.
type Data struct {
	options DataOptions
	clock   clock.Clock
	limits  *ratelimit.Limiter
	started time.Time

	mu     sync.Mutex
	opened map[string]io.Closer
	answer map[string]runtime.Resource
	broker *queue.Broker
	queues map[string]queue.Queue // by name
	closed bool
}

// programAccount is the account of all Workers of a Data.
const programAccount = "native"

// OpenData prepares a Data. Close has to be called.
func OpenData(o DataOptions) (*Data, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of the data: %w", err)
	}
	o.Dir = dir
	d := &Data{options: o, opened: map[string]io.Closer{}, answer: map[string]runtime.Resource{}, queues: map[string]queue.Queue{}, started: time.Now()}
	d.limits = ratelimit.New(&d.clock)
	return d, nil
}

// Close closes what was opened.
func (d *Data) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	var err error
	for _, kind := range slices.Sorted(maps.Keys(d.opened)) {
		err = errors.Join(err, d.opened[kind].Close())
	}
	return err
}

var errDataClosed = errors.New("the data is closed")

// resource opens the store of a kind.
func (d *Data) resource(kind string) (runtime.Resource, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errDataClosed
	}
	if answer := d.answer[kind]; answer != nil {
		return answer, nil
	}
	store, answer, err := d.open(kind)
	if err != nil || answer == nil {
		return nil, err
	}
	if store != nil {
		d.opened[kind] = store
	}
	d.answer[kind] = answer
	return answer, nil
}

// open opens one store. The caller holds d.mu.
func (d *Data) open(kind string) (io.Closer, runtime.Resource, error) {
	in := func(name string) string { return filepath.Join(d.options.Dir, name) }
	switch kind {
	case "d1":
		s, err := d1.NewStore(in("d1"), &d.clock)
		return s, s.Binding, err
	case "kv":
		s, err := kv.Open(in("kv.db"), &d.clock)
		return s, s.Binding, err
	case "r2":
		s, err := r2.Open(in("r2"), &d.clock)
		return s, s.Binding, err
	case "queue":
		s, err := queue.Open(in("queues.db"), &d.clock)
		if err != nil {
			return nil, nil, err
		}
		d.broker = queue.NewBroker(s, &d.clock, d.options.Log)
		return s, d.broker.Binding, nil
	case "mail":
		s, err := mail.Open(in("mail.db"), &d.clock, d.options.Log)
		return s, s.Binding, err
	case "secret":
		s, err := secretstore.Open(in("secrets.db"), &d.clock)
		return s, s.Binding, err
	case "analytics":
		s, err := dataset.Open(in("analytics.db"), &d.clock)
		return s, s.Binding, err
	case "vectorize":
		s, err := vectorize.Open(in("vectorize.db"), &d.clock)
		return s, s.Binding, err
	case "cache":
		s, err := cache.Open(in(cacheFolder), &d.clock)
		return s, s.Binding, err
	case "ai":
		u, err := ai.New(ai.Options{Upstream: d.options.AIUpstream, Token: d.options.AIToken})
		return nil, u.Binding, err
	case "ratelimit":
		return nil, d.limits.Binding, nil
	}
	return nil, nil, nil
}
