package runtime

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tamylaa/clodo/internal/workerd"
)

// Options are what a Runtime needs; all but Observer and Log are required.
type Options struct {
	// Dir holds the durable objects' files and what is made from State. Module and
	// asset files have to be on the same volume.
	Dir string
	// Workerd is the path of the workerd binary. It is called when the first process
	// is needed.
	Workerd func(context.Context) (string, error)
	// Resources answer what bindings ask for, by kind, such as "d1".
	Resources map[string]Resource
	// Previewed finds versions that are not deployed, if it is not nil.
	Previewed Previewed
	// Observer is told of every invocation, if it is not nil.
	Observer Observer
	// Calls stands around the requests that Workers make to hostnames of this cloud, if it
	// is not nil.
	Calls func(http.Handler) http.Handler
	Port  string       // of the data port; default none
	Log   *slog.Logger // what Workers print, at level Info; default none
}

// Runtime runs Workers. Plain Workers of an account share processes, some two dozen
// one; Workers with durable objects, and those that bindings connect with them, have
// one of their own. A process of plain Workers starts when it is first asked for.
type Runtime struct {
	options Options
	log     *slog.Logger
	backend *backend
	binary  func(context.Context) (string, error)

	table   atomic.Pointer[table]
	applied chan struct{} // closed by the first Apply
	closed  chan struct{}

	mu       sync.Mutex // one Apply at a time
	state    State      // the one that is served
	running  map[string]*generation
	prepared map[string]*generation // by name of the group
	previews map[string]*preview    // by id of the version
	drains   sync.WaitGroup
	tasks    sync.WaitGroup // isolations, preparations and notices
	awake    atomic.Int64   // processes
	outside  atomic.Int64   // requests and events under way that no Worker made
	calls    atomic.Int64   // of Workers by hostname, that wait for an answer

	learnt sync.Mutex                  // guards what failed starts taught
	absent map[workerd.Designator]bool // entrypoints that bindings name in vain
	broken map[string]string           // Workers that were deployed and do not start any more, and why

	cached sync.Map // Workers that have put something into a cache, by their keys

	isolated map[string]isolation   // by key of the Worker
	deaths   map[string][]time.Time // of processes, by key of the Worker that had a request
}

// New prepares a Runtime; nothing runs before the first Apply. Close has to be
// called.
func New(o Options) (*Runtime, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of the Workers: %w", err)
	}
	o.Dir = dir
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	// Trees of assets are made again when they are needed; those of versions that
	// are gone would stay for ever.
	for _, folder := range []string{assetsFolder, bootFolder} {
		if err := os.RemoveAll(filepath.Join(dir, folder)); err != nil {
			return nil, fmt.Errorf("clearing the folder of the Workers: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, objectsFolder), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the durable objects: %w", err)
	}
	r := &Runtime{
		options: o, log: o.Log, applied: make(chan struct{}), closed: make(chan struct{}),
		running: map[string]*generation{}, prepared: map[string]*generation{}, previews: map[string]*preview{}, absent: map[workerd.Designator]bool{}, broken: map[string]string{},
		isolated: map[string]isolation{}, deaths: map[string][]time.Time{},
	}
	resources := map[string]Resource{tailService: r.traced, dispatchKind: r.dispatch, outboundService: r.outbound}
	maps.Copy(resources, o.Resources)
	resources[cacheKind] = r.cache
	b, err := newBackend(resources, o.Log)
	if err != nil {
		return nil, err
	}
	r.backend, r.binary = b, onceSuccessful(o.Workerd)
	return r, nil
}

// onceSuccessful calls find until it succeeds.
func onceSuccessful(find func(context.Context) (string, error)) func(context.Context) (string, error) {
	var mu sync.Mutex
	var path string
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if path != "" {
			return path, nil
		}
		found, err := find(ctx)
		if err == nil {
			path = found
		}
		return found, err
	}
}

// Apply serves s. When it fails, which is a *StartupError if the code of a Worker
// is to blame, the state before goes on being served. Only processes that are in use
// are started again, and those of durable objects, whose alarms need no request: that
// a Worker does start is for Check to find out. Requests are answered all the
// while: by the old Workers until the new ones run, or, for Workers with durable
// objects, after a pause between the two.
func (r *Runtime) Apply(ctx context.Context, s State) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if isClosed(r.closed) {
		return errors.New("the runtime is closed")
	}
	before := r.state
	published, err := r.apply(ctx, s)
	if err != nil {
		if published {
			if _, again := r.apply(context.WithoutCancel(ctx), before); again != nil {
				r.log.Error("the Workers that were served before do not start again", "error", again)
				err = errors.Join(err, again)
			}
		}
		return startupError(err)
	}
	r.state = s
	r.dropPreviews()
	r.forgive()
	return nil
}

func (r *Runtime) apply(ctx context.Context, s State) (published bool, err error) {
	workers := make(map[string]*Worker, len(s.Workers))
	var list []*Worker
	for _, w := range s.Workers {
		if len(w.Versions) > 0 {
			workers[workerKey(w.Account, w.Script)] = &w
			list = append(list, &w)
		}
	}
	s.Workers = slices.DeleteFunc(slices.Clone(s.Workers), func(w Worker) bool { return len(w.Versions) == 0 })
	groups, err := r.groups(list)
	if err != nil {
		return false, err
	}
	next := map[string]*generation{}
	var plain, objects, asleep []*generation
	owners := map[*Worker]*generation{}
	for _, g := range groups {
		gen := r.running[g.name]
		if gen == nil || !gen.usable(g.digest) && !r.covers(gen, g) {
			prepared := r.takePrepared(g)
			if gen = prepared; gen == nil {
				gen = r.newGeneration(g)
			}
			switch before := r.running[g.name]; {
			case prepared != nil:
				plain = append(plain, gen)
			case g.objects:
				objects = append(objects, gen)
			case before != nil && before.awake():
				plain = append(plain, gen)
			default:
				gen.sleep()
				asleep = append(asleep, gen)
			}
		}
		next[g.name] = gen
		for _, w := range g.workers {
			owners[w] = gen
		}
	}
	if err := start(ctx, plain, r.tolerance()); err != nil {
		for _, g := range plain {
			g.retire()
			g.discard()
		}
		return false, err
	}
	if len(asleep) == 1 && r.table.Load() == nil {
		asleep[0].warm() // what a small cloud is started for
	}
	return true, r.change(ctx, newTable(s, workers, owners), next, objects)
}

// change publishes served and replaces the running generations by next, of which objects
// still have to be started once the old ones have let go of their files.
func (r *Runtime) change(ctx context.Context, served *table, next map[string]*generation, objects []*generation) error {
	old, t := r.running, r.tolerance()
	r.running = next
	before := r.table.Swap(served)
	if before != nil {
		close(before.replaced)
	}
	if !isClosed(r.applied) {
		close(r.applied)
	}
	if before != nil && !before.addresses().equal(served.addresses()) {
		r.notice(ctx, slices.Concat(slices.Collect(maps.Values(old)), slices.Collect(maps.Values(next)))...)
	}
	var holding errgroup.Group
	for name, g := range old {
		if next[name] == g {
			continue
		}
		g.retire()
		if !g.objects {
			r.drains.Go(func() { g.drain(r.closed) })
			continue
		}
		holding.Go(func() error { g.stop(g.calm, drainObjects); return nil })
	}
	_ = holding.Wait() // none fails
	err := start(ctx, objects, t)
	if err != nil {
		for _, g := range objects {
			g.retire()
			g.discard()
		}
	}
	return err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func start(ctx context.Context, all []*generation, t tolerance) error {
	var starting errgroup.Group
	for _, g := range all {
		starting.Go(func() error { return g.start(ctx, t) })
	}
	return starting.Wait()
}

// tolerance is that of an Apply: the first one serves what was deployed before.
func (r *Runtime) tolerance() tolerance {
	if r.table.Load() == nil {
		return tolerant
	}
	return strict
}

// configure makes g's configuration and its digest.
func (r *Runtime) configure(g *group, t tolerance) error {
	c := newConfiguration(r.backend, r.options.Dir, g.workers)
	r.learnt.Lock()
	c.absent, c.broken = maps.Clone(r.absent), maps.Clone(r.broken)
	r.learnt.Unlock()
	c.tolerance, c.observed = t, r.options.Observer != nil
	config, err := c.build()
	if err != nil {
		return err
	}
	text, err := config.Text(r.options.Dir)
	if err != nil {
		return err
	}
	g.config, g.digest = config, sha256.Sum256([]byte(text))
	return nil
}

// launchGroup is the launch of all groups. One Worker that keeps all of the process
// from starting is put right where that can be done, see learn.
func (r *Runtime) launchGroup(ctx context.Context, g *group, t tolerance) (*workerd.Process, *group, error) {
	for {
		p, err := r.launch(ctx, g.config, 0)
		if err == nil || !r.learn(err, t) {
			return p, g, err
		}
		again := *g
		if err := r.configure(&again, t); err != nil {
			return nil, nil, err
		}
		g = &again
	}
}

// learn remembers what a failed start complains of, and reports whether there is
// something new. A binding to an entrypoint that its target does not have gets a
// stand-in that says so. So does a Worker that does not start though it had when it
// was deployed: the machine has changed, and the other Workers shall run.
func (r *Runtime) learn(err error, t tolerance) bool {
	r.learnt.Lock()
	defer r.learnt.Unlock()
	news := false
	for _, d := range absentIn(err) {
		news = news || !r.absent[d]
		r.absent[d] = true
	}
	if t == strict {
		return news
	}
	for name, why := range brokenIn(err) {
		news = news || r.broken[name] == ""
		r.broken[name] = why
		r.log.Error("a deployed Worker does not start any more", "service", name, "why", why)
	}
	return news
}

// launch starts a process that may compute for cpu until it serves, 0 being for ever.
func (r *Runtime) launch(ctx context.Context, config workerd.Config, cpu time.Duration) (*workerd.Process, error) {
	binary, err := r.binary(ctx)
	if err != nil {
		return nil, err
	}
	return workerd.Start(ctx, workerd.Launch{
		Binary: binary, Dir: filepath.Join(r.options.Dir, bootFolder), Config: config, CPU: cpu,
		Log: func(line string) { r.log.Info(line, "from", "workerd") },
	})
}

// Close stops all processes: requests under way get a moment, or as long as ctx
// lasts if that is shorter.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	again := isClosed(r.closed)
	closeOnce(r.closed)
	r.mu.Unlock()
	if again {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	r.stopAll(ctx)
	r.drains.Wait()
	r.tasks.Wait() // one that had begun may have started processes
	r.stopAll(ctx)
	r.drains.Wait()
	return r.backend.server.Close()
}

// stopAll ends all generations that run.
func (r *Runtime) stopAll(ctx context.Context) {
	r.mu.Lock()
	all := r.running
	r.running = map[string]*generation{}
	r.dropPreviews()
	r.mu.Unlock()
	var stopping sync.WaitGroup
	for _, g := range all {
		g.retire()
		stopping.Go(func() {
			select {
			case <-g.calm:
			case <-ctx.Done():
			}
			g.end(ctx)
		})
	}
	stopping.Wait()
}
