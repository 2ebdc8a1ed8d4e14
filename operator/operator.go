// Package operator is the public way in: everything the clodo command can do, a Go
// program can do with it in about ten lines.
//
//	op, err := operator.New(operator.Options{Dir: ".", Local: true})
//	if err != nil { … }
//	defer op.Close()
//	plan, err := op.Plan(ctx, project.Selector{})
//	release, err := op.Deploy(ctx, plan, operator.DeployOptions{})
//
// An Operator prints nothing and asks nothing; what happens is told in typed
// results and events. Errors for people are *diag.Error.
package operator

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/internal/vault"
	"github.com/tamylaa/clodo/project"
)

// Options says which portfolio and which Cloudflare. The zero value is the
// portfolio of the current folder on the real Cloudflare, which needs a Token.
type Options struct {
	Dir    string // where to look for clodo.yaml or wrangler files; default the current folder
	Config string // clodo.yaml's path when it is not the nearest one upwards from Dir

	// Local uses the project's own local cloud: the one that runs for its state
	// folder, or a new one started in the background by StartCloud.
	Local bool
	// APIBaseURL is another Cloudflare API, such as a local cloud started by hand;
	// default the real one. It must be empty when Local is set.
	APIBaseURL string
	// DataURL is where Workers of a local APIBaseURL answer by Host; default: asked
	// from that local cloud.
	DataURL   string
	Token     string // API token; default: what the account in clodo.yaml refers to
	AccountID string // default: the account in clodo.yaml, else the only one that the token sees

	StateDir string // default ".clodo" beside clodo.yaml or the wrangler file
	Home     string // tokens, downloads and user settings; default CLODO_HOME, else XDG

	// StartCloud starts a local cloud that outlives this process, for Local. The
	// clodo command starts itself; nil means a cloud inside this process that ends
	// with Close.
	StartCloud func(context.Context, CloudOptions) error

	Observe func(deploy.Event) // called for every event, one at a time; nil: nobody listens
	// Notice is told one line for people, such as "started the local cloud". It must not
	// call the Operator, which may hold its lock meanwhile.
	Notice     func(string)
	HTTPClient *http.Client // default: one with sensible timeouts

	Getenv func(string) string // how references such as env:NAME are read; default os.Getenv
	Actor  string              // who does it, for the journal; default user@host
}

// CloudOptions says how a local cloud runs.
type CloudOptions struct {
	StateDir string   // the folder that holds everything it knows
	Port     int      // of the API, the data port is the next one; default: the usual pair, or the next free one
	AnyPort  bool     // the system chooses both ports
	Zones    []string // zones to create when they are missing: NAME, or NAME@ACCOUNT_ID
	Accounts []CloudAccount

	SeedFile            string   // what it has and how it behaves, as localcloud.ParseSeedFile reads it; what is said here comes on top
	RateLimit           string   // calls of a token and their window such as 100/1m, or off; default: Cloudflare's 1200/5m
	Faults              []string // what goes wrong, as localcloud.ParseFault reads it
	FaultSeed           uint64   // decides which requests the faults strike
	AIUpstream, AIToken string   // the server that runs the models of Workers AI, and its token; default: none
	TimeScale           float64  // seconds that pass for it in one of this machine; default: 1

	Log *slog.Logger // default: what the local cloud has to tell is discarded
}

// CloudAccount is an account that a local cloud is seeded with.
type CloudAccount struct{ ID, Name string }

// CloudInfo is how to reach a running local cloud. Its JSON form is what
// `clodo cloud --json` prints when ready: a contract with scripts.
type CloudInfo struct {
	API        string   `json:"api"`
	Data       string   `json:"data"`
	AccountID  string   `json:"account_id"`
	APIToken   string   `json:"api_token"`
	WorkersDev string   `json:"workers_dev"`
	Zones      []string `json:"zones"`
	Isolated   []string `json:"isolated,omitempty"` // Workers that run apart from the others, and why
}

// DeployOptions are the details of one release.
type DeployOptions struct {
	Message  string // kept with the version and in the journal
	Parallel int    // targets at once within a wave; default 8
}

// RollbackOptions say where a rollback goes.
type RollbackOptions struct {
	To string // version id; default: the version that served before the current one
}

// Operator works on one portfolio and with one Cloudflare: environments with
// `local: true` and others each want an Operator of their own. It is safe for concurrent
// use, but runs one release at a time. Close it.
type Operator struct {
	opts   Options
	getenv func(string) string
	vault  *vault.Vault

	load     sync.Once
	findings []diag.Finding
	loadErr  error

	mu        sync.Mutex         // guards what follows
	portfolio *project.Portfolio // does not change once it is loaded
	targets   map[project.TargetID]*project.Target
	plans     map[string]deploy.Checked // by hash
	local     bool                      // the selected environment has `local: true`
	cloud     *cloud
	noCloud   error // why the local cloud does not start: whoever asks next is told the same
	cloudInfo CloudInfo
	accounts  map[string]*edge.Account
	state     *state.Store
	closers   []func() error
}

// New makes an Operator. It reads no file and asks no network; that is done by the
// first method that needs it.
func New(o Options) (*Operator, error) {
	if o.Local && o.APIBaseURL != "" {
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "U003", Severity: diag.SeverityError, Message: "two Cloudflares were asked for: the local cloud and " + o.APIBaseURL,
			Fix: "leave out --local, or unset CLOUDFLARE_API_BASE_URL",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	if o.Dir == "" {
		o.Dir = "."
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Home == "" {
		if o.Home, err = home(o.Getenv); err != nil {
			return nil, err
		}
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Observe == nil {
		o.Observe = func(deploy.Event) {}
	}
	return &Operator{
		opts: o, getenv: o.Getenv, accounts: map[string]*edge.Account{}, targets: map[project.TargetID]*project.Target{}, plans: map[string]deploy.Checked{},
		vault: vault.New(vault.Options{Dir: o.Home, Passphrase: func() string { return o.Getenv("CLODO_SECRETS_PASSPHRASE") }}),
	}, nil
}

// Close releases what the Operator holds, such as its state database and a local
// cloud that runs inside this process.
func (o *Operator) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for i := len(o.closers) - 1; i >= 0; i-- {
		errs = append(errs, o.closers[i]())
	}
	o.closers = nil
	return errors.Join(errs...)
}

// atClose has Close call release, before what was given to it earlier.
func (o *Operator) atClose(release func() error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closers = append(o.closers, release)
}

// home is the folder for user settings: CLODO_HOME, else the system's place.
func home(getenv func(string) string) (string, error) {
	if dir := getenv("CLODO_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &diag.Error{Finding: diag.Finding{
			Code: "U004", Severity: diag.SeverityError, Message: "there is no folder for clodo's settings", Why: err.Error(),
			Fix: "set CLODO_HOME to a folder",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
	}
	return filepath.Join(dir, "clodo"), nil
}

var _ edge.Accounts = (*Operator)(nil)

// stateDir is where clodo keeps what it knows of this portfolio.
func (o *Operator) stateDir() string {
	if o.opts.StateDir != "" {
		return o.opts.StateDir
	}
	return filepath.Join(o.portfolio.Root, state.Folder)
}

// loaded reads every configuration file, once.
func (o *Operator) loaded(context.Context) error {
	o.load.Do(func() {
		p, findings := project.Load(project.LoadOptions{Dir: o.opts.Dir, File: o.opts.Config})
		o.mu.Lock()
		defer o.mu.Unlock()
		o.portfolio, o.findings, o.loadErr = p, findings, diag.Findings(findings)
	})
	return o.loadErr
}
