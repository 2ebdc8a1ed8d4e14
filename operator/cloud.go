package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/source"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/internal/workerd"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/project"
)

// connect decides which Cloudflare is meant and, for a local cloud, sees that it
// runs. The caller holds o.mu.
func (o *Operator) connect(ctx context.Context) (*cloud, error) {
	if o.cloud != nil || o.noCloud != nil {
		return o.cloud, o.noCloud
	}
	c := &cloud{base: o.opts.APIBaseURL, data: o.opts.DataURL}
	if o.opts.Local || o.local {
		info, err := o.startLocal(ctx)
		if err != nil {
			if ctx.Err() == nil {
				o.noCloud = err
			}
			return nil, err
		}
		c = &cloud{base: info.API, data: info.Data, token: info.APIToken, accountID: info.AccountID, local: true}
	} else if c.base != "" && c.data == "" {
		// A local cloud that somebody else started says where its Workers answer; any
		// other API has them on the internet.
		info, err := localcloud.Ask(ctx, c.base)
		silent, ok := errors.AsType[net.Error](err)
		switch {
		case err == nil:
			c.data = info.Data
		case ctx.Err() != nil, ok && silent.Timeout():
			// What was not answered is not decided: health checks would go to the internet.
			return nil, fmt.Errorf("ask %s whether it is a local cloud: %w", c.base, err)
		}
	}
	o.cloud = c
	return c, nil
}

// Cloud is how to reach the project's own local cloud, which is started when it does
// not run. It is for operators with Options.Local.
func (o *Operator) Cloud(ctx context.Context) (CloudInfo, error) {
	if err := o.loaded(ctx); err != nil {
		return CloudInfo{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.connect(ctx); err != nil {
		return CloudInfo{}, err
	}
	return o.cloudInfo, nil
}

// LocalURL is where people reach a Worker in the local cloud; "" without one.
func (o *Operator) LocalURL(script string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cloud == nil || o.cloud.data == "" {
		return ""
	}
	u, err := url.Parse(o.cloud.data)
	if err != nil {
		return ""
	}
	return "http://" + script + ".localhost:" + u.Port()
}

// cloudDir is the state folder of the project's own local cloud.
func (o *Operator) cloudDir() string { return filepath.Join(o.stateDir(), "cloud") }

// startLocal finds the local cloud of this portfolio's state folder, or starts it,
// and gives it the accounts and zones that the portfolio needs.
func (o *Operator) startLocal(ctx context.Context) (CloudInfo, error) {
	dir := o.cloudDir()
	if err := state.New(o.stateDir()).Make(); err != nil {
		return CloudInfo{}, err
	}
	info, running, err := CloudStatus(ctx, dir)
	if err != nil {
		return CloudInfo{}, err
	}
	if !running {
		if info, err = o.launch(ctx, CloudOptions{StateDir: dir, Zones: o.zones(), Accounts: o.cloudAccounts()}); err != nil {
			return CloudInfo{}, err
		}
	} else if err := localcloud.Extend(ctx, localcloud.Info(info), o.zones(), seedAccounts(o.cloudAccounts())); err != nil {
		return CloudInfo{}, err
	}
	o.cloudInfo = info
	return info, nil
}

// launch starts a local cloud: in the background when Options say how, else in this
// process.
func (o *Operator) launch(ctx context.Context, c CloudOptions) (CloudInfo, error) {
	// The runtime comes first: its download is told, and where it cannot be had nothing
	// is left half-way.
	if err := workerd.Prepare(ctx, npm.Installer{Notice: o.opts.Notice}); err != nil {
		return CloudInfo{}, err
	}
	if o.opts.StartCloud == nil {
		cloud, err := startCloud(ctx, c)
		if err != nil {
			return CloudInfo{}, err
		}
		o.closers = append(o.closers, func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return cloud.Close(ctx)
		})
		info := CloudInfo(cloud.Info())
		o.opts.Notice("started a local cloud in this process, Workers answer at " + info.Data)
		return info, nil
	}
	if err := o.opts.StartCloud(ctx, c); err != nil {
		return CloudInfo{}, err
	}
	info, running, err := CloudStatus(ctx, c.StateDir)
	if err == nil && !running {
		err = errors.New("the local cloud was started and does not run")
	}
	if err != nil {
		return CloudInfo{}, err
	}
	o.opts.Notice(fmt.Sprintf("started the local cloud in the background (stop it with `clodo cloud stop`), Workers answer at %s", info.Data))
	return info, nil
}

// zones is the registrable domain of every hostname of the portfolio, in every
// environment, in the account of the target that wants it first.
func (o *Operator) zones() []string {
	var zones []string
	known := map[string]bool{}
	add := func(host string, account *project.Account) {
		zone, err := publicsuffix.EffectiveTLDPlusOne(host)
		if err != nil || known[zone] {
			return
		}
		known[zone] = true
		if account != nil && account.ID.V != "" {
			zone += "@" + account.ID.V
		}
		zones = append(zones, zone)
	}
	for _, env := range o.portfolio.Environments {
		targets, err := o.portfolio.Targets(project.Selector{Environment: env.Name, Customers: []string{"*"}, Local: true})
		if err != nil {
			continue // its findings are told when it is selected
		}
		for _, t := range targets {
			for _, d := range t.Domains {
				add(d.V, t.Account)
			}
			for _, r := range t.Worker.Routes {
				add(routeHost(r.Pattern), t.Account)
			}
		}
	}
	return zones
}

// routeHost is the hostname of a route's pattern, without a wildcard before it.
func routeHost(pattern string) string {
	_, rest, ok := strings.Cut(pattern, "://")
	if !ok {
		rest = pattern
	}
	host, _, _ := strings.Cut(rest, "/")
	return strings.TrimLeft(host, "*.")
}

func (o *Operator) cloudAccounts() []CloudAccount {
	var accounts []CloudAccount
	for _, a := range o.portfolio.Accounts {
		if a.ID.V != "" {
			accounts = append(accounts, CloudAccount{ID: a.ID.V, Name: a.Name})
		}
	}
	return accounts
}

func seedAccounts(accounts []CloudAccount) []localcloud.Account {
	var seeds []localcloud.Account
	for _, a := range accounts {
		seeds = append(seeds, localcloud.Account{ID: a.ID, Name: a.Name})
	}
	return seeds
}

// The usual ports of a local cloud: the API, and the Workers on the next one.
const (
	usualPort = 7787
	portPairs = 50
)

func cloudOptions(c CloudOptions) (localcloud.Options, error) {
	o := localcloud.Options{
		Dir: c.StateDir, Seed: localcloud.Seed{Zones: c.Zones, Accounts: seedAccounts(c.Accounts)},
		FaultSeed: c.FaultSeed, TimeScale: c.TimeScale, AIUpstream: c.AIUpstream, AIToken: c.AIToken, Log: c.Log,
	}
	var err error
	if c.SeedFile != "" {
		if err := fromSeedFile(&o, c.SeedFile); err != nil {
			return o, err
		}
	}
	if c.RateLimit != "" {
		if o.RateLimit, err = localcloud.ParseRateLimit(c.RateLimit); err != nil {
			return o, err
		}
	}
	for _, text := range c.Faults {
		fault, err := localcloud.ParseFault(text)
		if err != nil {
			return o, err
		}
		o.Faults = append(o.Faults, fault)
	}
	return o, nil
}

// fromSeedFile adds what a seed file says to options that say more.
func fromSeedFile(o *localcloud.Options, name string) error {
	data, err := readSeedFile(name)
	if err != nil {
		return &diag.Error{Finding: diag.Finding{
			Code: "L110", Severity: diag.SeverityError, Message: fmt.Sprintf("seed file %q cannot be read", name), Why: err.Error(), Fix: "name a YAML or JSON file that is there",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
	}
	f, found := localcloud.ParseSeedFile(name, data)
	if diag.HasErrors(found) {
		return diag.Findings(found)
	}
	o.Seed.Accounts = append(f.Seed.Accounts, o.Seed.Accounts...)
	o.Seed.Zones = append(f.Seed.Zones, o.Seed.Zones...)
	o.Seed.Records, o.Seed.Tokens = f.Seed.Records, f.Seed.Tokens
	o.RateLimit, o.Limits, o.Faults, o.CertificateDelay, o.Ahead = f.RateLimit, f.Limits, f.Faults, f.CertificateDelay, f.Ahead
	o.FaultSeed, o.TimeScale = cmp.Or(o.FaultSeed, f.FaultSeed), cmp.Or(o.TimeScale, f.TimeScale)
	return nil
}

// readSeedFile reads no more than can be parsed, also of a file without an end.
func readSeedFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, source.MaxBytes+1)) // one more is refused when it is parsed
}

// startCloud starts a local cloud in this process.
func startCloud(ctx context.Context, c CloudOptions) (*localcloud.Cloud, error) {
	options, err := cloudOptions(c)
	if err != nil {
		return nil, err
	}
	address := func(port int) string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)) }
	switch {
	case c.AnyPort:
		options.APIAddr, options.DataAddr = address(0), address(0)
		return localcloud.Start(ctx, options)
	case c.Port != 0:
		options.APIAddr, options.DataAddr = address(c.Port), address(c.Port+1)
		return localcloud.Start(ctx, options)
	}
	for pair := range portPairs {
		options.APIAddr, options.DataAddr = address(usualPort+2*pair), address(usualPort+2*pair+1)
		cloud, err := localcloud.Start(ctx, options)
		if !errors.Is(err, localcloud.ErrPortInUse) {
			return cloud, err
		}
	}
	return nil, &diag.Error{Finding: diag.Finding{
		Code: "L120", Severity: diag.SeverityError, Message: fmt.Sprintf("no two neighbouring ports from %d to %d are free", usualPort, usualPort+2*portPairs-1),
		Fix: "name one with --port, or let the system choose: --port 0",
	}, State: diag.NothingChanged, Exit: diag.ExitFailed}
}

// ServeCloud runs a local cloud until ctx ends. ready is called once, when it serves.
func ServeCloud(ctx context.Context, c CloudOptions, ready func(CloudInfo)) error {
	if err := workerd.Prepare(ctx, npm.Installer{}); err != nil {
		return err
	}
	cloud, err := startCloud(ctx, c)
	if err != nil {
		return err
	}
	ready(CloudInfo(cloud.Info()))
	select {
	case <-ctx.Done():
	case <-cloud.Stopped(): // asked to stop by StopCloud
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return cloud.Close(closing)
}

// CloudStatus says whether a local cloud runs on this state folder, and how to reach
// it.
func CloudStatus(ctx context.Context, stateDir string) (info CloudInfo, running bool, err error) {
	found, running, err := localcloud.Running(ctx, stateDir)
	return CloudInfo(found), running, err
}

// StopCloud stops the local cloud of a state folder and waits until it is gone. It
// reports whether one ran.
func StopCloud(ctx context.Context, stateDir string) (bool, error) {
	return localcloud.Stop(ctx, stateDir)
}

// ResetCloud forgets everything that the local cloud of a state folder knows, and
// reports whether there was one. A running one is stopped first.
func ResetCloud(ctx context.Context, stateDir string) (bool, error) {
	if _, err := StopCloud(ctx, stateDir); err != nil {
		return false, err
	}
	return localcloud.Remove(stateDir)
}

// SaveCloud writes everything the local cloud of a state folder knows into a file,
// which must not exist yet. The cloud may run; its requests wait meanwhile.
func SaveCloud(ctx context.Context, stateDir, file string) (err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // it holds secrets
	if err != nil {
		return &diag.Error{Finding: diag.Finding{
			Code: "L112", Severity: diag.SeverityError, Message: fmt.Sprintf("%q cannot be written", file), Why: err.Error(), Fix: "name a file that does not exist, in a folder that does",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
	}
	if err := errors.Join(localcloud.Save(ctx, stateDir, f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file)) // half of it is of no use
	}
	return nil
}

// RestoreCloud makes the local cloud of a state folder what a saved file holds; what it
// held is gone. It must not run.
func RestoreCloud(stateDir, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return &diag.Error{Finding: diag.Finding{
			Code: "L112", Severity: diag.SeverityError, Message: fmt.Sprintf("%q cannot be read", file), Why: err.Error(), Fix: "name a file that `clodo cloud save` wrote",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
	}
	defer f.Close()
	return localcloud.Restore(stateDir, f)
}

// ProjectCloudDir is the state folder of the local cloud that --local uses in the
// portfolio of dir.
func ProjectCloudDir(dir string) (string, error) {
	p, findings := project.Load(project.LoadOptions{Dir: dir})
	if p == nil {
		return "", diag.Findings(findings)
	}
	return filepath.Join(p.Root, state.Folder, "cloud"), nil
}

// localClient sends requests to Workers of the local cloud by their people's URLs,
// whatever this machine thinks that *.localhost is.
func localClient(data string) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		u, err := url.Parse(data)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, u.Host)
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}
