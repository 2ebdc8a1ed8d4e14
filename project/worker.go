package project

import (
	"time"

	"github.com/tamylaa/clodo/diag"
)

// Duration is a length of time written as "30s", "5m" or "2h".
type Duration = time.Duration

// Worker is what a wrangler file says about a Worker, with environment and
// customer layers already merged.
type Worker struct {
	Name                  string // the script's name in the account
	Dir                   string // absolute folder of the wrangler file
	File                  string // wrangler file relative to the portfolio's root
	Main                  Value[string]
	NoBundle              bool
	FindAdditionalModules bool
	BaseDir               string
	PreserveFileNames     bool
	Rules                 []ModuleRule
	Alias                 map[string]string
	Define                map[string]string
	Minify                bool
	KeepNames             *bool // nil: wrangler's default, true
	UploadSourceMaps      *bool // nil: wrangler's default, those that are there
	TSConfig              string
	JSXFactory            string
	JSXFragment           string
	Build                 CustomBuild

	CompatibilityDate  Value[string]
	CompatibilityFlags []string

	Bindings        []Binding // vars included; in the order wrangler sends them
	DOMigrations    []DOMigration
	Assets          *Assets
	Routes          []Route
	WorkersDev      *bool // nil: true when there are no routes, as wrangler decides
	PreviewURLs     *bool
	Crons           []Value[string]
	RequiredSecrets []Value[string]

	// Settings that travel in the upload as they were written; nil when absent.
	Observability, Placement, Limits map[string]any
	TailConsumers                    []map[string]any
	Logpush                          *bool
	KeepVars                         bool           // variables set elsewhere stay
	Metadata                         map[string]any // further fields of the upload's metadata, as they are sent

	QueueConsumers []QueueConsumer
}

// QueueConsumer lets the Worker's queue handler read from a queue. Settings that are nil
// have Cloudflare's defaults.
type QueueConsumer struct {
	Queue           string // name
	DeadLetterQueue string // name, "" for none
	BatchSize       *int   // messages
	MaxWaitMS       *int   // milliseconds until a batch that is not full is delivered
	MaxRetries      *int
	MaxConcurrency  *int
	RetryDelay      *int // seconds
	Pos             diag.Position
}

// ModuleRule tells how files that match one of Globs are uploaded. Kind is
// wrangler's word: ESModule, CommonJS, CompiledWasm, Text, Data.
type ModuleRule struct {
	Kind        string
	Globs       []string
	Fallthrough bool
}

// CustomBuild is wrangler's build.command, run before bundling.
type CustomBuild struct {
	Command string
	Cwd     string // absolute
	Pos     diag.Position
}

// Binding is one name that the Worker's code finds in env. Kind is the type of
// Cloudflare's upload metadata (plain_text, json, kv_namespace, d1, r2_bucket,
// queue, service, durable_object_namespace, assets, version_metadata, …).
type Binding struct {
	Kind string
	Name string
	Pos  diag.Position // of the name; of the value for plain_text and json; zero when no file says it

	Given bool // by clodo, which tells the service something: the wrangler file does not have it

	Text string // plain_text
	JSON any    // json

	ID       string // id of a database, namespace or configuration when the file pins one
	Resource string // name of the resource: database, bucket, queue, dataset, index; d1 and kv_namespace always have an ID or a Resource

	MigrationsDir   string // d1: absolute folder, "" when there is none
	MigrationsTable string // d1: default d1_migrations

	Service    string // service: the script's name in the account, already rewritten for environment and customer
	Portfolio  string // service, and objects of another Worker: the name of the service in this portfolio, "" when it is not ours
	Entrypoint string
	ClassName  string // durable objects, workflows
	ScriptName string

	// Extra holds further fields exactly as the upload sends them.
	Extra map[string]any
}

// DOMigration is one step of wrangler's durable object `migrations`.
type DOMigration struct {
	Tag                string             `json:"tag"`
	NewClasses         []string           `json:"new_classes,omitempty"`
	NewSQLiteClasses   []string           `json:"new_sqlite_classes,omitempty"`
	RenamedClasses     []RenamedClass     `json:"renamed_classes,omitempty"`
	DeletedClasses     []string           `json:"deleted_classes,omitempty"`
	TransferredClasses []TransferredClass `json:"transferred_classes,omitempty"`
}

// RenamedClass says that a durable object class has a new name.
type RenamedClass struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// TransferredClass says that a durable object class comes from another Worker.
type TransferredClass struct {
	From       string `json:"from"`
	FromScript string `json:"from_script"`
	To         string `json:"to"`
}

// Assets is a folder of static files served beside or instead of code.
type Assets struct {
	Dir              string // absolute
	Binding          string
	HTMLHandling     string
	NotFoundHandling string
	BasePath         string
	RunWorkerFirst   any // nil, bool or []string, as written
	Pos              diag.Position
}

// Route is an address that Cloudflare sends to the Worker.
type Route struct {
	Pattern      string
	ZoneName     string
	ZoneID       string
	CustomDomain bool
	Pos          diag.Position
}
