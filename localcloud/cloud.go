// Package localcloud is a Cloudflare on this machine: the v4 REST API for accounts,
// zones, Workers, D1 and KV, and a data port on which uploaded Workers are served by
// the real Workers runtime. Wrangler, Cloudflare's SDKs and clodo itself work
// against it; no account and no network is needed.
//
//	cloud, err := localcloud.Start(ctx, localcloud.Options{
//		Dir: dir, APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0",
//	})
//	defer cloud.Close(ctx)
//	info := cloud.Info() // where it listens, and its account and token
package localcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/cron"
	"github.com/tamylaa/clodo/localcloud/internal/fault"
	"github.com/tamylaa/clodo/localcloud/internal/page"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/quota"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Options says how a local cloud is started.
type Options struct {
	// Dir is the folder that holds everything the cloud knows. It is made when it is
	// missing; only one cloud at a time can use it. Required.
	Dir string
	// APIAddr and DataAddr are where it listens, as HOST:PORT; port 0 lets the system
	// choose. Hosts other than loopback need AllowRemote. Required.
	APIAddr, DataAddr string
	// AllowRemote permits addresses that other machines can reach. The cloud has no
	// real authentication: whoever reaches it can run code on this machine.
	AllowRemote bool
	// Seed is added to what Dir holds already.
	Seed Seed
	// RateLimit is how many calls each token may make; default: Cloudflare's 1,200 in
	// five minutes. Calls: Unlimited switches it off.
	RateLimit RateLimit
	// Limits are how much of each thing there may be; default: Cloudflare's own for
	// Workers Paid.
	Limits Limits
	// Faults are what goes wrong from the beginning, decided by FaultSeed.
	Faults    []Fault
	FaultSeed uint64
	// CertificateDelay is how long the certificate of a new custom domain takes, by the
	// cloud's time: until then the hostname answers 525; default: none.
	CertificateDelay time.Duration
	// Ahead is how far the cloud's time is ahead of this machine's at its start, at least:
	// where it ended before, it goes on.
	Ahead time.Duration
	// TimeScale is how many seconds pass for the cloud in one of this machine, 1 to
	// 100,000; default: 1.
	TimeScale float64
	// AIUpstream runs the models of Workers AI: it answers POST AIUpstream/MODEL as
	// Cloudflare's API does below /ai/run. AIToken is its bearer token. Default: every
	// call fails and says so.
	AIUpstream, AIToken string
	// Log receives what the cloud and its Workers have to say; default: nothing.
	Log *slog.Logger
	// Notice is called once before a download starts; it may be nil.
	Notice func(message string)

	// workers runs the Workers; nil is the real runtime. It is replaced in tests.
	workers func(*Cloud) (workers, error)
	// wrapAPI stands around the REST API in tests that watch it.
	wrapAPI func(http.Handler) http.Handler
}

// workers is what the cloud needs of the Workers runtime.
type workers interface {
	api.Runtime
	DeliverBatch(ctx context.Context, account, script string, b queue.Batch) (queue.Result, error)
	DeliverEmail(ctx context.Context, account, script string, e runtime.Email) (runtime.Delivery, error)
	Addressed(host string, u *url.URL) (account, script string, ok bool)
	Handler() http.Handler
	Isolated() []runtime.Isolation
	Program(account, script string) (*runtime.Program, error)
	Close(ctx context.Context) error
}

// Info is how to reach a running local cloud. Its JSON form is a contract with
// scripts.
type Info struct {
	API        string   `json:"api"`  // base URL of the REST API, with /client/v4
	Data       string   `json:"data"` // URL of the port that serves Workers by Host
	AccountID  string   `json:"account_id"`
	APIToken   string   `json:"api_token"`
	WorkersDev string   `json:"workers_dev"` // Workers answer at SCRIPT.WorkersDev
	Zones      []string `json:"zones"`
	Isolated   []string `json:"isolated,omitempty"` // Workers that run apart from the others, and why
}

// Cloud is a running local cloud.
type Cloud struct {
	options    Options
	lock       *folderLock
	clock      clock.Clock
	quota      *quota.Counter
	faults     *fault.Faults
	problems   problems
	storage    *storage
	workers    workers
	api        *api.API
	crons      *cron.Scheduler
	page       *page.Page
	token      string
	control    http.Handler
	apiServer  *server
	dataServer *server
	gate       gate
	serving    handlers      // guarded by gate
	saving     sync.Mutex    // one save at a time, and none while it ends
	stop       chan struct{} // closed when somebody asks the cloud to end
	stopOnce   sync.Once
	closeOnce  sync.Once
	closeErr   error
}

// Start starts a local cloud and serves what its folder holds. It returns when the
// cloud answers; it runs until Close.
func Start(ctx context.Context, o Options) (*Cloud, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.workers == nil {
		o.workers = newWorkers
	}
	_, noAI := ai.New(ai.Options{Upstream: o.AIUpstream})
	if err := cmp.Or(
		checkAddresses(o),
		settingError(o.RateLimit.Check(), "set Calls to Unlimited for no limit"),
		o.Seed.check(),
		settingError(noAI, "name one such as http://127.0.0.1:9000/run"),
	); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the state folder: %w", err)
	}
	o.Dir = dir
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	c := &Cloud{options: o, lock: lock, stop: make(chan struct{})}
	c.gate.renew()
	c.quota, c.faults = quota.New(&c.clock, o.RateLimit), fault.New(&c.clock, o.Log)
	if err := c.start(ctx); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return nil, errors.Join(err, c.Close(closing), lock.undo())
	}
	return c, nil
}

func (c *Cloud) start(ctx context.Context) (err error) {
	if err := c.faults.Replace(c.options.FaultSeed, c.options.Faults...); err != nil {
		return settingError(err, faultFix)
	}
	keep := filepath.Join(c.options.Dir, clockName)
	if err := c.clock.Keep(keep, func(err error) { c.options.Log.Error("a restart of the local cloud may begin too early", "error", err) }); err != nil {
		return folderError(c.options.Dir, err)
	}
	if c.options.TimeScale != 0 {
		if err := c.clock.SetScale(c.options.TimeScale); err != nil {
			return settingError(err, "1 is the machine's time, 60 makes a minute of a second")
		}
	}
	if err := c.clock.LeadBy(c.options.Ahead); err != nil {
		return settingError(err, "0 is the machine's time")
	}
	// The ports come first: that they are taken is known before anything is touched.
	if c.apiServer, err = listen(c.options.APIAddr); err != nil {
		return err
	}
	if c.dataServer, err = listen(c.options.DataAddr); err != nil {
		return err
	}
	if err := c.open(ctx); err != nil {
		return err
	}
	c.apiServer.serve(hearOut(c.guard(c.gate.around(func() http.Handler { return c.serving.api }))))
	c.dataServer.serve(c.gate.around(func() http.Handler { return c.serving.data }))
	return folderError(c.options.Dir, c.announce())
}

// open opens what the folder holds and makes it ready to be served.
func (c *Cloud) open(ctx context.Context) error {
	models, err := ai.New(ai.Options{Upstream: c.options.AIUpstream, Token: c.options.AIToken})
	if err != nil {
		return err
	}
	if err := c.openState(ctx); err != nil {
		return folderError(c.options.Dir, err)
	}
	c.storage.models = models
	if c.workers, err = c.options.workers(c); err != nil {
		return err
	}
	c.crons = cron.NewScheduler(&c.clock, c.options.Log)
	if c.api, err = api.New(ctx, api.Options{
		Store: c.storage.store, Databases: c.storage.databases, Namespaces: c.storage.namespaces, Buckets: c.storage.buckets,
		Queues: c.storage.queues, Crons: c.crons, Vectors: c.storage.vectors, Secrets: c.storage.secrets, Models: c.storage.models, Traffic: c.storage.traffic, Datasets: c.storage.datasets, Tails: c.storage.tails, Caches: c.storage.caches,
		Runtime: c.workers, Clock: &c.clock, Log: c.options.Log,
		Limits: c.options.Limits, Quota: c.quota,
	}); err != nil {
		return folderError(c.options.Dir, err)
	}
	if err := c.api.Serve(ctx); err != nil {
		return serveError(c.options.Dir, err)
	}
	c.storage.queues.Start(c.workers.DeliverBatch)
	c.crons.Start(func(ctx context.Context, j cron.Job, at time.Time) (string, error) {
		d, err := c.workers.DeliverCron(ctx, j.Account, j.Script, j.Expression, at)
		return d.Outcome, err
	})
	c.control = c.newControl()
	if c.page, err = c.newPage(); err != nil {
		return err
	}
	c.serving = handlers{api: c.apiHandler(), data: c.faults.Data(c.withCertificates(c.withProblems(c.triggers(c.workers.Handler()))))}
	return nil
}

// shut closes what open opened; it can be opened again.
func (c *Cloud) shut(ctx context.Context) (err error) {
	c.serving = handlers{}
	if c.crons != nil {
		c.crons.Close(ctx)
	}
	if c.storage != nil {
		c.storage.tails.Close()
		c.storage.queues.Close(ctx)
	}
	if c.workers != nil {
		err = c.workers.Close(ctx)
	}
	if c.storage != nil {
		err = errors.Join(err, c.storage.close())
	}
	c.crons, c.workers, c.storage = nil, nil, nil
	return err
}

func (c *Cloud) openState(ctx context.Context) (err error) {
	if c.storage, err = openStorage(c.options.Dir, &c.clock, c.options.Log); err != nil {
		return err
	}
	token, err := seed(ctx, c.storage.store, c.clock.Now(), c.options.Seed)
	if c.token == "" { // later it is the same, and may be being read
		c.token = token
	}
	return err
}

// Info says how to reach the cloud now.
func (c *Cloud) Info() Info {
	info := Info{API: "http://" + c.apiServer.addr() + api.Prefix, Data: "http://" + c.dataServer.addr(), APIToken: c.token, Zones: []string{}}
	for _, i := range c.workers.Isolated() {
		info.Isolated = append(info.Isolated, i.Script+": "+i.Reason)
	}
	err := c.storage.store.Read(context.Background(), func(tx *store.Tx) error {
		accounts, err := tx.Accounts()
		if err != nil || len(accounts) == 0 {
			return err
		}
		info.AccountID, info.WorkersDev = accounts[0].ID, accounts[0].Subdomain+".workers.dev"
		zones, err := tx.Zones()
		for _, z := range zones {
			info.Zones = append(info.Zones, z.Name)
		}
		return err
	})
	if err != nil {
		c.options.Log.Error("the state of the local cloud could not be read", "error", err)
	}
	return info
}

// newPage prepares the page at the root of the API port.
func (c *Cloud) newPage() (*page.Page, error) {
	info := c.Info()
	return page.New(page.Options{
		Store: c.storage.store, Databases: c.storage.databases, Namespaces: c.storage.namespaces,
		Buckets: c.storage.buckets, Queues: c.storage.queues, Traffic: c.storage.traffic, Clock: &c.clock, API: info.API, Data: info.Data, Log: c.options.Log,
	})
}

// showPage shows a page. Where other machines can reach the cloud they need its token,
// as the password of any user.
func (c *Cloud) showPage(w http.ResponseWriter, r *http.Request) {
	if _, password, _ := r.BasicAuth(); c.options.AllowRemote && !c.opens(password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="the password is the token of the local cloud"`)
		http.Error(w, "this needs the token of the local cloud, as the password of any user", http.StatusUnauthorized)
		return
	}
	c.page.ServeHTTP(w, r)
}

// apiHandler is the REST API and, beside it, the control endpoints and the page.
func (c *Cloud) apiHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/local/", c.control)
	rest := http.Handler(c.api)
	if c.options.wrapAPI != nil {
		rest = c.options.wrapAPI(rest)
	}
	rest = c.faults.API(rest)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, bindingsPath) {
			c.serveBindings(w, r)
			return
		}
		// The mux would clean paths, and with them the keys of KV.
		if _, pattern := mux.Handler(r); pattern == "/local/" {
			mux.ServeHTTP(w, r)
			return
		}
		if c.page.Has(r) {
			c.showPage(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// Stopped is closed when somebody asked the cloud to end, as Stop does; its owner
// then calls Close.
func (c *Cloud) Stopped() <-chan struct{} { return c.stop }

// Close ends the cloud: it answers what has begun, for as long as ctx lasts, and
// keeps its state. It can be called more than once.
func (c *Cloud) Close(ctx context.Context) error {
	c.closeOnce.Do(func() { c.closeErr = c.close(ctx) })
	return c.closeErr
}

func (c *Cloud) close(ctx context.Context) error {
	c.stopOnce.Do(func() { close(c.stop) })
	c.saving.Lock() // for good: what is being saved is finished first
	if c.storage != nil {
		c.storage.tails.Close() // the server would not know of their connections
	}
	err := errors.Join(c.apiServer.shutdown(ctx), c.dataServer.shutdown(ctx), c.shut(ctx), c.clock.LetGo())
	if err = errors.Join(err, c.lock.release()); err != nil {
		return fmt.Errorf("closing the local cloud: %w", err)
	}
	return nil
}

// Reset forgets everything that was deployed or made and seeds the cloud anew. The
// accounts and the token stay as they are.
func (c *Cloud) Reset(ctx context.Context) error {
	if err := c.api.Reset(ctx); err != nil {
		return fmt.Errorf("resetting the local cloud: %w", err)
	}
	if err := errors.Join(c.storage.traffic.Clear(ctx), c.storage.mails.Clear()); err != nil {
		return fmt.Errorf("resetting the local cloud: %w", err)
	}
	c.problems.clear()
	_, err := seed(ctx, c.storage.store, c.clock.Now(), c.options.Seed)
	return err
}
