package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	dev := &dev{options: o, told: d, home: home, broken: map[string]bool{}, written: map[string][]byte{}, lost: make(chan struct{}, 1)}
	err = dev.run(ctx)
	return errors.Join(err, dev.home.Close())
}

// dev is what Dev knows.
type dev struct {
	options Options
	home    *Operator // has the local cloud, when it is one in this process
	info    CloudInfo
	leave   func()            // ends following the cloud
	lost    chan struct{}     // the cloud has ended
	folder  string            // of the cloud
	targets []*project.Target // as the configuration was when it could be read last
	broken  map[string]bool   // services with a problem that browsers are shown
	written map[string][]byte // generated files, as they were brought up to date
	begun   bool              // something was told to serve

	mu      sync.Mutex // guards what follows, and is held while told is called
	told    DevOptions
	workers map[string]string // services by the names of their Workers
}

// run serves until ctx ends.
func (d *dev) run(ctx context.Context) error {
	targets, err := d.home.Targets(ctx, d.told.Selector)
	if err != nil {
		return err
	}
	if d.info, err = d.home.Cloud(ctx); err != nil {
		return err
	}
	root := d.home.Portfolio().Root
	d.folder = d.home.cloudDir()
	w, err := watch.New(watch.Options{Dir: root, Ignore: ignored})
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // nothing depends on it any more
	d.know(targets)
	d.attend(ctx)
	defer func() { d.leave() }() // that of the last cloud

	began := time.Now()
	d.types(ctx, d.home)
	d.deploy(ctx, d.home, names(targets), began)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.lost:
			d.revive(ctx)
		case files, ok := <-w.Changes:
			if !ok {
				return w.Err()
			}
			if files = d.news(root, files); len(files) > 0 && !d.revive(ctx) {
				d.changed(ctx, root, files)
			}
		}
	}
}

// gone reports whether a cloud has ended, or another one has its folder.
func gone(ctx context.Context, folder string, cloud CloudInfo) bool {
	now, running, err := CloudStatus(ctx, folder)
	return err == nil && (!running || now.API != cloud.API)
}

// attend begins with a cloud: says that it is there, and follows what it does.
func (d *dev) attend(ctx context.Context) {
	info := d.info
	d.tell(d.told.Started != nil, func() { d.told.Started(info) })
	following, stop := context.WithCancel(ctx)
	var follower sync.WaitGroup
	follower.Go(func() { d.follow(following, info) })
	d.leave = func() { stop(); follower.Wait() }
}

// revive goes on with a cloud of its own when the one that it found running has ended,
// as `clodo cloud stop` has it. What was deployed and stored is still there.
func (d *dev) revive(ctx context.Context) bool {
	if !gone(ctx, d.folder, d.info) || ctx.Err() != nil {
		return false
	}
	began := time.Now()
	d.leave()
	_ = d.home.Close() // what was done is recorded
	home, err := New(d.options)
	if err != nil {
		d.fail(ctx, names(d.targets), err)
		return true
	}
	d.home = home
	targets, err := home.Targets(ctx, d.told.Selector)
	if err == nil {
		d.info, err = home.Cloud(ctx)
	}
	if err != nil {
		d.fail(ctx, names(d.targets), err) // the next change of a file tries again
		return true
	}
	d.know(targets)
	d.attend(ctx)
	d.begun = false // the addresses may be others
	d.types(ctx, home)
	d.deploy(ctx, home, names(targets), began)
	return true
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

// know puts down which Workers are meant. What is meant no longer goes on answering, as
// nothing is deleted that was deployed: that is told.
func (d *dev) know(targets []*project.Target) {
	now := names(targets)
	for _, gone := range slices.DeleteFunc(names(d.targets), func(service string) bool { return slices.Contains(now, service) }) {
		d.options.Notice(gone + " is no longer in the portfolio; its Worker stays on this machine until `clodo cloud reset`")
	}
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
	if changed := changing(plan); len(changed) > 0 {
		d.tell(d.told.Deploying != nil, func() { d.told.Deploying(changed) })
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

// changing are the services that a plan changes.
func changing(plan *deploy.Plan) []string {
	var services []string
	for _, t := range plan.Targets {
		if service := t.Target.Service; len(t.Changes) > 0 && !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	return services
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

// follow tells what the Workers of a cloud do, until ctx or the cloud ends.
func (d *dev) follow(ctx context.Context, cloud CloudInfo) {
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
		err := localcloud.Follow(ctx, localcloud.Info(cloud), func(e localcloud.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if service, ok := d.workers[e.Script]; ok {
				d.told.Invoked(service, DevInvocation{e, e.UserAgent == edge.UserAgent})
			}
		})
		if ctx.Err() == nil && gone(ctx, d.folder, cloud) {
			select {
			case d.lost <- struct{}{}:
			case <-ctx.Done(): // it was noticed otherwise
			}
			return
		}
		if err != nil {
			d.options.Notice("the logs of Workers are missing for a moment: " + err.Error())
		}
		pause.Reset(time.Second)
	}
}
