package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/watch"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/project"
)

// DevOptions say what Dev runs and who hears of it. Functions that are nil are not
// called; those that are set are called one at a time.
type DevOptions struct {
	Selector project.Selector

	Started func(CloudInfo) // the local cloud is there
	// Generated is called when the generated files of services in TypeScript, below the
	// portfolio's root, were brought up to date, as `clodo types` does.
	Generated func(files []string)
	// Deploying is called when what was built is not what runs. A change of a file that
	// makes no difference is not told: it may be the file that all this is written to.
	Deploying func(services []string)
	Serving   func([]DevTarget)                     // what was built answers requests
	Failed    func(services []string, err error)    // what was built, or could not be, does not; what ran before still does
	Invoked   func(service string, e DevInvocation) // a Worker had something to do
}

// DevTarget is a service that Dev keeps running.
type DevTarget struct {
	Service string
	URL     string        // where people reach it on this machine
	Changed bool          // false: it was built, and is what ran already
	Took    time.Duration // from the change of a file to serving
}

// DevInvocation is one invocation of a Worker that Dev runs, told when it is over.
type DevInvocation struct {
	localcloud.Event
	Check bool `json:"check"` // Dev's own request, to see whether what it deployed works
}

// Dev keeps the selected services running on the project's own local cloud: it deploys
// them, and again those whose files change. A service that cannot be built or does not
// pass its checks leaves the version before serving, is told by Failed, and shown to
// browsers that ask for it. It returns nil when ctx ends, and an error when it cannot
// begin: nothing runs then.
func Dev(ctx context.Context, o Options, d DevOptions) error {
	o.Local, o.StartCloud = true, nil
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	home, err := New(o)
	if err != nil {
		return err
	}
	dev := &dev{options: o, told: d, broken: map[string]bool{}, written: map[string][]byte{}}
	return errors.Join(dev.run(ctx, home), home.Close())
}

// dev is what Dev knows.
type dev struct {
	options Options
	info    CloudInfo
	targets []*project.Target // as the configuration was when it could be read last
	broken  map[string]bool   // services with a problem that browsers are shown
	written map[string][]byte // generated files, as they were brought up to date
	begun   bool              // something was told to serve

	mu      sync.Mutex // guards what follows, and is held while told is called
	told    DevOptions
	workers map[string]string // services by the names of their Workers
}

// run serves until ctx ends. home holds the local cloud, when it is one in this process.
func (d *dev) run(ctx context.Context, home *Operator) error {
	targets, err := home.Targets(ctx, d.told.Selector)
	if err != nil {
		return err
	}
	if d.info, err = home.Cloud(ctx); err != nil {
		return err
	}
	root := home.Portfolio().Root
	w, err := watch.New(watch.Options{Dir: root, Ignore: ignored})
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // nothing depends on it any more
	d.tell(d.told.Started != nil, func() { d.told.Started(d.info) })
	d.know(targets)
	following, stop := context.WithCancel(ctx)
	var follower sync.WaitGroup
	defer func() { stop(); follower.Wait() }()
	follower.Go(func() { d.follow(following) })

	began := time.Now()
	d.types(ctx, home)
	d.deploy(ctx, home, names(targets), began)
	for {
		select {
		case <-ctx.Done():
			return nil
		case files, ok := <-w.Changes:
			if !ok {
				return w.Err()
			}
			if files = d.news(root, files); len(files) > 0 {
				d.changed(ctx, root, files)
			}
		}
	}
}

// changed deploys what changed files are part of.
func (d *dev) changed(ctx context.Context, root string, files []string) {
	began := time.Now()
	op, err := New(d.options)
	if err != nil {
		d.fail(ctx, names(d.targets), err)
		return
	}
	defer func() { _ = op.Close() }() // what was done is recorded
	targets, err := op.Targets(ctx, d.told.Selector)
	if err != nil {
		d.fail(ctx, names(d.targets), err)
		return
	}
	d.know(targets)
	if ofTypes(files) {
		files = append(files, d.types(ctx, op)...)
	}
	if services := affected(targets, root, files); len(services) > 0 {
		d.deploy(ctx, op, services, began)
	}
}

// know puts down which Workers are meant.
func (d *dev) know(targets []*project.Target) {
	d.targets = targets
	d.mu.Lock()
	defer d.mu.Unlock()
	d.workers = map[string]string{}
	for _, t := range targets {
		d.workers[t.Worker.Name] = t.Service
	}
}

// tell calls one of the functions of told, if it is there.
func (d *dev) tell(there bool, call func()) {
	if there {
		d.mu.Lock()
		defer d.mu.Unlock()
		call()
	}
}

// ignored are files that no Worker is made of.
func ignored(path string) bool {
	name := filepath.Base(path)
	switch {
	case name == "node_modules", strings.HasSuffix(name, "_test.go"):
		return true
	case strings.HasPrefix(name, "."):
		return !strings.HasPrefix(name, ".dev.vars") && name != ".assetsignore"
	}
	return false
}

// names are the services of targets, each once.
func names(targets []*project.Target) []string {
	var all []string
	for _, t := range targets {
		if !slices.Contains(all, t.Service) {
			all = append(all, t.Service)
		}
	}
	return all
}

// affected are the services that changed files may be part of: the one in whose folder
// they are, and all of them for a file that is in no service's.
func affected(targets []*project.Target, root string, files []string) []string {
	found := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f))
		owners := owners(targets, path)
		if len(owners) == 0 {
			return names(targets)
		}
		for _, t := range owners {
			if !madeByBuild(t, path) {
				found[t.Service] = true
			}
		}
	}
	return slices.DeleteFunc(names(targets), func(service string) bool { return !found[service] })
}

// owners are the targets in whose folder a file is.
func owners(targets []*project.Target, path string) []*project.Target {
	var all []*project.Target
	for _, t := range targets {
		if below(t.Worker.Dir, path) {
			all = append(all, t)
		}
	}
	return all
}

func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// madeByBuild reports whether a file may be what the custom build of a service writes:
// to build again for that would never end. As for wrangler, its sources are in src
// unless the configuration says otherwise.
func madeByBuild(t *project.Target, path string) bool {
	w := t.Worker
	return w.Build.Command != "" && !below(filepath.Join(w.Build.Cwd, "src"), path) && path != filepath.Join(t.Root, filepath.FromSlash(w.File))
}

// deploy deploys services. Several are one release, as they may need each other; when
// that fails each is tried alone, so that a mistake keeps only its own service back.
func (d *dev) deploy(ctx context.Context, op *Operator, services []string, began time.Time) {
	served, err := d.release(ctx, op, services, began)
	if err == nil || len(services) == 1 || ctx.Err() != nil {
		d.conclude(ctx, services, served, err)
		return
	}
	for _, s := range services {
		served, err := d.alone(ctx, s, began)
		d.conclude(ctx, []string{s}, served, err)
	}
}

// alone deploys one service with an operator of its own: what the other one has built is
// kept there, mistakes and all.
func (d *dev) alone(ctx context.Context, service string, began time.Time) ([]DevTarget, error) {
	op, err := New(d.options)
	if err != nil {
		return nil, err
	}
	defer func() { _ = op.Close() }() // what was done is recorded
	return d.release(ctx, op, []string{service}, began)
}

func (d *dev) release(ctx context.Context, op *Operator, services []string, began time.Time) ([]DevTarget, error) {
	sel := d.told.Selector
	sel.Services = services
	plan, err := op.Plan(ctx, sel)
	if err != nil {
		return nil, err
	}
	if plan.Changes() > 0 {
		d.tell(d.told.Deploying != nil, func() { d.told.Deploying(services) })
	}
	release, err := op.Deploy(ctx, plan, DeployOptions{Message: "clodo dev"})
	if err != nil {
		return nil, err
	}
	var served []DevTarget
	for _, t := range release.Targets {
		served = append(served, DevTarget{
			Service: t.Target.Service, URL: op.LocalURL(t.Script.Name), Changed: t.Outcome != deploy.Unchanged, Took: time.Since(began),
		})
	}
	return served, nil
}

// conclude tells how a release ended.
func (d *dev) conclude(ctx context.Context, services []string, served []DevTarget, err error) {
	switch {
	case ctx.Err() != nil: // it was broken off, which is no problem of the services
	case err != nil:
		d.fail(ctx, services, err)
	default:
		news := !d.begun || slices.ContainsFunc(served, func(t DevTarget) bool { return t.Changed || d.broken[t.Service] })
		d.begun = true
		for _, s := range services {
			d.show(ctx, s, nil)
		}
		d.tell(news && d.told.Serving != nil, func() { d.told.Serving(served) })
	}
}

func (d *dev) fail(ctx context.Context, services []string, err error) {
	for _, s := range services {
		d.show(ctx, s, &localcloud.Problem{Title: s + " does not run as it is now", Text: problemText(err)})
	}
	d.tell(d.told.Failed != nil, func() { d.told.Failed(services, err) })
}

// problemText is an error as people read it.
func problemText(err error) string {
	var text strings.Builder
	for _, e := range diag.Errors(err) {
		_ = diag.Render(&text, e.Details()) // it never fails
	}
	return text.String()
}

// show lets browsers see a service's problem; nil takes it away.
func (d *dev) show(ctx context.Context, service string, p *localcloud.Problem) {
	if p == nil && !d.broken[service] {
		return
	}
	d.broken[service] = p != nil
	for _, t := range d.targets {
		if t.Service != service {
			continue
		}
		account := d.info.AccountID
		if t.Account != nil {
			account = cmp.Or(t.Account.ID.V, account)
		}
		if err := localcloud.SetProblem(ctx, localcloud.Info(d.info), account, t.Worker.Name, p); err != nil && ctx.Err() == nil {
			d.options.Notice(fmt.Sprintf("browsers are not shown what is wrong with %s: %v", service, err))
		}
	}
}

// follow tells what the Workers do, until ctx ends.
func (d *dev) follow(ctx context.Context) {
	if d.told.Invoked == nil {
		return
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		err := localcloud.Follow(ctx, localcloud.Info(d.info), func(e localcloud.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if service, ok := d.workers[e.Script]; ok {
				d.told.Invoked(service, DevInvocation{e, e.UserAgent == edge.UserAgent})
			}
		})
		if err != nil {
			d.options.Notice("the logs of Workers are missing for a moment: " + err.Error())
		}
		pause.Reset(time.Second)
	}
}
