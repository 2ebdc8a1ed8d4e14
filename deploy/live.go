package deploy

import (
	"encoding/json"

	"github.com/tamylaa/clodo/migrate"
)

// Live is what was found in the accounts when the plan was made.
type Live struct {
	Accounts map[string]LiveAccount // by the account's name in the portfolio, "" for the default
	// Applied is the migrations of each database with migrations, by AppliedKey.
	// Planner fills it in through Databases; a LiveReader leaves it nil.
	Applied map[string]migrate.Applied
}

// AppliedKey is the key in Live.Applied of a database and its migrations table.
func AppliedKey(account, databaseID, table string) string {
	return account + "/" + databaseID + "/" + table
}

// LiveAccount is one account.
type LiveAccount struct {
	ID         string
	Name       string            // as Cloudflare knows it
	WorkersDev string            // "acme.workers.dev", "" when the account has no such subdomain
	Scripts    []string          // names of all Workers
	Databases  []Resource        // all D1 databases
	Namespaces []Resource        // all KV namespaces; Name is the title
	Buckets    []Resource        // all R2 buckets without a jurisdiction; the id is the name
	Queues     []Resource        // all queues; the id is the name, which bindings have
	Zones      []Zone            // all zones that the token sees
	Routes     []Route           // every route in the zones that the targets use
	Domains    []Domain          // all custom domains
	Consumers  []Consumer        // the Workers that read from queues; known when Queues are
	Workers    map[string]Worker // the targets' own Workers, by script name; absent when new

	// Granted is what the token may do, when Cloudflare told; nil when it is not known.
	Granted []Permission
	// Refused is reads that the token may not do, with the answer's text.
	Refused map[Permission]string
}

// Resource is a thing with a name and an id.
type Resource struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// ResourceKind is the type of a resource that clodo makes when it is missing.
type ResourceKind string

// The kinds of Resources.
const (
	KindD1    ResourceKind = "d1"
	KindKV    ResourceKind = "kv_namespace"
	KindR2    ResourceKind = "r2_bucket"
	KindQueue ResourceKind = "queue"
)

// Zone is a domain in the account.
type Zone struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Route sends requests that match Pattern to a Worker.
type Route struct {
	ID      string `json:"id,omitempty"` // "" before it is made
	ZoneID  string `json:"zone_id"`
	Pattern string `json:"pattern"`
	Script  string `json:"script,omitempty"` // "" for a route that excludes
}

// Domain gives a hostname to a Worker.
type Domain struct {
	ID       string `json:"id,omitempty"`
	Hostname string `json:"hostname"`
	ZoneID   string `json:"zone_id"`
	Script   string `json:"script"`
}

// Consumer lets a Worker read from a queue. The fields are filled in: what was not said
// has Cloudflare's default.
type Consumer struct {
	Queue      string `json:"queue"` // name
	Script     string `json:"script"`
	DeadLetter string `json:"dead_letter_queue,omitempty"`
	BatchSize  int    `json:"batch_size"`
	WaitMS     int    `json:"max_wait_time_ms"`
	Retries    int    `json:"max_retries"`
	RetryDelay int    `json:"retry_delay"`               // seconds
	Concurrent int    `json:"max_concurrency,omitempty"` // batches at a time; 0: as many as Cloudflare likes
}

// Worker is a Worker that exists.
type Worker struct {
	Split Split
	// Tag is workers/tag of the version with the largest share. When that version was
	// made by changing a secret, it is the tag of the newest uploaded version before.
	Tag          string
	MigrationTag string             // of the last durable object migration
	Secrets      []string           // names of the secrets it has
	Bound        map[string]BoundTo // what the live version's d1 and kv bindings point to, by binding name
	Attached     Attached           // routes and domains are taken from the account's lists
	Handlers     []string           // of the live version; nil when not known
}

// BoundTo is what a live binding points to.
type BoundTo struct {
	Kind string // type of Cloudflare's metadata
	ID   string
}

// Attached is everything around a Worker that is not part of a version.
type Attached struct {
	Routes      []Route    `json:"routes,omitempty"`
	Domains     []Domain   `json:"domains,omitempty"`
	Crons       []string   `json:"crons,omitempty"`
	WorkersDev  bool       `json:"workers_dev"`
	PreviewURLs bool       `json:"preview_urls"`
	Consumers   []Consumer `json:"consumers,omitempty"`
	// Settings is script-settings, which a version does not carry: canonical JSON of
	// {"logpush":bool,"observability":{…}|null,"tail_consumers":[…]|null}.
	Settings json.RawMessage `json:"settings,omitempty"`
}

// TriggerKind is what a TriggerChange is about.
type TriggerKind string

// The kinds of triggers.
const (
	TriggerRoute      TriggerKind = "route"
	TriggerDomain     TriggerKind = "domain"
	TriggerCrons      TriggerKind = "crons"       // the whole list is replaced
	TriggerWorkersDev TriggerKind = "workers.dev" // with preview URLs
	TriggerSettings   TriggerKind = "settings"
	TriggerConsumer   TriggerKind = "queue consumer"
)

// TriggerChange is one mutating call on what is attached to a Worker. Action is
// Attach or Detach for routes and domains, one of the three for consumers, and Update for
// the others.
type TriggerChange struct {
	Action      Action          `json:"action"`
	Kind        TriggerKind     `json:"kind"`
	Route       *Route          `json:"route,omitempty"` // with its ID when detaching, if it is known
	Domain      *Domain         `json:"domain,omitempty"`
	Crons       []string        `json:"crons,omitempty"`
	WorkersDev  bool            `json:"workers_dev,omitempty"`
	PreviewURLs bool            `json:"preview_urls,omitempty"`
	Settings    json.RawMessage `json:"settings,omitempty"`
	Consumer    *Consumer       `json:"consumer,omitempty"`
}
