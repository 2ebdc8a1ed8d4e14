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
	"net/http"

	"github.com/tamylaa/clodo/deploy"
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
	StartCloud func(CloudOptions) error

	Observe    func(deploy.Event) // called for every event, one at a time; nil: nobody listens
	Notice     func(string)       // one line for people, such as "started the local cloud"
	HTTPClient *http.Client       // default: one with sensible timeouts

	Getenv func(string) string // how references such as env:NAME are read; default os.Getenv
	Actor  string              // who does it, for the journal; default user@host
}

// CloudOptions says how a local cloud runs.
type CloudOptions struct {
	StateDir string   // the folder that holds everything it knows
	Port     int      // of the API, the data port is the next one; default: the usual pair, or the next free one
	AnyPort  bool     // the system chooses both ports
	Zones    []string // zones to create when they are missing
	Accounts []CloudAccount
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
}

// DeployOptions are the details of one release.
type DeployOptions struct {
	Message  string // kept with the version and in the journal
	Parallel int    // targets at once within a wave; default 4
}

// RollbackOptions say where a rollback goes.
type RollbackOptions struct {
	To string // version id; default: the version that served before the current one
}
