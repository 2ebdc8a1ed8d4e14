package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/project"
)

// What an adapter's error may say about a call. Adapters wrap exactly one of these
// (errors.Is finds it) around an error whose text names the call and what was
// answered, and never a secret. An error that wraps none of them is taken as "the
// call was refused and changed nothing".
var (
	// ErrUnknownOutcome: the request may have been carried out (connection lost after
	// sending, time-out, 5xx). The heart looks up before it does anything else.
	// A Database's errors may wrap it too: it is the same value.
	ErrUnknownOutcome = migrate.ErrUnknownOutcome
	// ErrNotFound: the thing does not exist.
	ErrNotFound = errors.New("not found")
	// ErrPermission: the token may not do this. Use *PermissionError to say which
	// permission is missing.
	ErrPermission = errors.New("not permitted")
	// ErrConflict: it exists already, or belongs to somebody else, or changed meanwhile.
	ErrConflict = errors.New("conflict")
	// ErrRateLimited: refused for now, nothing was done, also after the adapter's own
	// waiting.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable: Cloudflare or the network did not answer after retries. A call
	// that changes something fails with it only when it was never sent.
	ErrUnavailable = errors.New("unavailable")
	// ErrChanged: an asset file no longer has the hash that the plan was made with.
	ErrChanged = errors.New("changed since the plan was made")
)

// PermissionError is an ErrPermission that knows what the token lacks.
type PermissionError struct {
	Account    string // the account's name as people know it
	Permission Permission
	Err        error // what was asked and answered
}

func (e *PermissionError) Error() string { return e.Err.Error() }

// Unwrap makes errors.Is(err, ErrPermission) true.
func (e *PermissionError) Unwrap() []error { return []error{ErrPermission, e.Err} }

// Permission is the name of one of Cloudflare's token permissions.
type Permission string

// The permissions that releases need.
const (
	PermWorkers     Permission = "Workers Scripts Write"
	PermWorkersRead Permission = "Workers Scripts Read"
	PermD1          Permission = "D1 Write"
	PermKV          Permission = "Workers KV Storage Write"
	PermR2          Permission = "Workers R2 Storage Write"
	PermQueues      Permission = "Queues Write"
	PermRoutes      Permission = "Workers Routes Write"
	PermZones       Permission = "Zone Read"
)

// Script addresses a Worker: the account by its name in the portfolio ("" is the
// default account), so that a stored plan finds its client again after a crash.
type Script struct {
	Account string `json:"account,omitempty"`
	Name    string `json:"name"`
}

// Builder makes the bytes that a target uploads. A failure that lies in the source
// is a *diag.Error with findings and ExitConfig. Build must not touch the account.
type Builder interface {
	Build(ctx context.Context, t project.Target) (Artifact, error)
}

// LiveReader reads what the plan is compared with. It never changes anything.
type LiveReader interface {
	// Live reads, for every account of targets, the lists in LiveAccount, and the
	// details of each target's Worker. Reads that were refused for lack of a
	// permission do not fail the call: they go to LiveAccount.Refused. It fails with
	// ErrUnavailable, or a *diag.Error when there is no usable token (ExitAuth).
	Live(ctx context.Context, targets []project.Target) (Live, error)
}

// Resources makes databases, namespaces, buckets and queues, which are found by their names.
type Resources interface {
	// FindResource is the id of the resource of this kind called name, or ErrNotFound.
	FindResource(ctx context.Context, account string, kind ResourceKind, name string) (id string, err error)
	// CreateResource makes one attempt. ErrConflict: the name exists already.
	CreateResource(ctx context.Context, account string, kind ResourceKind, name string) (id string, err error)
}

// Databases gives access to a D1 database by its id.
type Databases interface {
	Database(account, id string) migrate.Database
}

// Versions uploads code.
type Versions interface {
	// FindVersion is the newest version whose annotation workers/tag is tag, or
	// ErrNotFound; also when the Worker does not exist.
	FindVersion(ctx context.Context, s Script, tag string) (Version, error)
	// Upload uploads the assets that are missing (verifying each file's hash:
	// ErrChanged), resolves u.Secrets by name for u.Target and adds them to the
	// metadata's bindings as secret_text, then sends the version with one attempt.
	// A version that Cloudflare refuses (such as one that throws at start) is a
	// *diag.Error with Cloudflare's text.
	Upload(ctx context.Context, u Upload) (Version, error)
	// DeleteWorker removes the Worker with all its versions; ErrNotFound is success.
	// It is called only to undo a first deploy.
	DeleteWorker(ctx context.Context, s Script) error
}

// Traffic decides which versions serve.
type Traffic interface {
	// Split is the active deployment; empty when there is none or no such Worker.
	Split(ctx context.Context, s Script) (Split, error)
	// SetSplit makes a deployment, with one attempt. message becomes its
	// workers/message. It forces the deployment (force=true): going back to a version
	// from before a secret was changed is meant.
	SetSplit(ctx context.Context, s Script, split Split, message string) error
}

// Triggers is what makes a Worker reachable, and its settings outside versions.
type Triggers interface {
	// Triggers is what is attached to the Worker now: its own routes, in the zones
	// named, its own domains, crons, workers.dev and settings, and how it reads from the
	// queues named.
	Triggers(ctx context.Context, s Script, zones []Zone, queues []string) (Attached, error)
	// SetTrigger carries out one change, with one attempt. Attaching what is attached
	// and detaching what is not are successes. A route or domain that belongs to
	// another Worker, a queue that another one reads from, or a DNS record in the way, is
	// ErrConflict.
	SetTrigger(ctx context.Context, s Script, c TriggerChange) error
}

// Logs tells what Workers logged.
type Logs interface {
	// Logged is what a request, named by its ray, made the Workers of an account log and throw,
	// the first first. It waits a moment for what is on its way, and is empty when nothing came.
	Logged(ctx context.Context, account, ray string) ([]string, error)
}

// Secrets tells which secrets could travel with an upload. Values never cross this
// port: Versions resolves them by name.
type Secrets interface {
	Available(ctx context.Context, t project.TargetID) ([]SecretInfo, error)
}

// SecretInfo is a secret that has a value on this machine. Fingerprint is a keyed
// digest that changes with the value, and is set only for sources that are to be
// followed on every deploy, such as .dev.vars; "" means: send it only when the
// Worker does not have it yet.
type SecretInfo struct {
	Name        string
	Fingerprint string
}

// Blobs stores bytes by their SHA-256 (lower-case hex). Both methods are safe for
// concurrent use, and what Put returned survives a crash.
type Blobs interface {
	Put(ctx context.Context, b []byte) (digest string, err error)
	// Get verifies the digest of what it returns; ErrNotFound when it is not there.
	Get(ctx context.Context, digest string) ([]byte, error)
}

// Recorder keeps releases. Each method writes its audit event in the same
// transaction, and fails when fence is no longer the current lease of its resource
// (ErrConflict); the zero Lease does not fence.
type Recorder interface {
	// SaveRelease writes a release and its targets, or overwrites them.
	SaveRelease(ctx context.Context, r Release, e audit.Event) error
	// SaveTarget overwrites one target of a release.
	SaveTarget(ctx context.Context, release string, t TargetRecord, fence Lease, e audit.Event) error
	// SaveStep notes that a step began or ended; an intent is written before the call.
	SaveStep(ctx context.Context, s StepNote, fence Lease) error
}

// History reads what a Recorder wrote. It needs no lease and no engine.
type History interface {
	// Releases is the newest releases first, at most limit.
	Releases(ctx context.Context, limit int) ([]Release, error)
	// Unfinished is the releases with a target that is Running, newest first.
	Unfinished(ctx context.Context) ([]Release, error)
	// Steps is what is known of the steps of a release, in order.
	Steps(ctx context.Context, release string) ([]StepNote, error)
}

// Leases keeps two deploys of the same Worker apart.
type Leases interface {
	// Acquire takes resource until now+ttl with a new epoch, also when an older lease
	// has run out or its holder is known to be dead. *HeldError says who has it.
	Acquire(ctx context.Context, resource string, h Holder, ttl time.Duration) (Lease, error)
	// Renew extends a lease that is still ours; ErrConflict when it is not.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Release gives it back; a lease that is no longer ours is left alone.
	Release(ctx context.Context, l Lease) error
}

// Lease is the right to change a resource until Expires, by wall clock.
type Lease struct {
	Resource string    `json:"resource"`
	Epoch    int64     `json:"epoch"`
	Expires  time.Time `json:"expires"`
}

// Holder is who holds a lease, as people know them.
type Holder struct {
	User    string `json:"user"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Release string `json:"release,omitempty"`
}

// HeldError says that somebody else is changing the resource.
type HeldError struct {
	Resource string
	Holder   Holder
	Since    time.Time
	Expires  time.Time
}

func (e *HeldError) Error() string {
	return e.Resource + " is held by " + e.Holder.User + "@" + e.Holder.Host
}

// Unwrap makes errors.Is(err, ErrConflict) true.
func (e *HeldError) Unwrap() error { return ErrConflict }

// Observer is told what happens. It must not block and is called from several
// goroutines at once.
type Observer interface {
	Observe(Event)
}

// Ports is everything outside that a release needs.
type Ports struct {
	Builder   Builder
	Live      LiveReader
	Resources Resources
	Databases Databases
	Versions  Versions
	Traffic   Traffic
	Triggers  Triggers
	Secrets   Secrets
	Prober    check.Prober
	Logs      Logs
	Blobs     Blobs
	Recorder  Recorder
	History   History
	Leases    Leases
	Observer  Observer
}

// Upload is a version to be made.
type Upload struct {
	Script   Script
	Target   project.TargetID
	Mode     UploadMode
	Metadata json.RawMessage // as wrangler sends it, without secrets and without assets.jwt, which the adapter adds
	Artifact Artifact        // modules with their bytes
	Secrets  []string        // names to resolve and to send along
	// Generated are sent along with new values, but for those that the Worker has by now,
	// which keep theirs, and those that have got a value on this machine.
	Generated []Generated
	Tag       string // also in Metadata's annotations
}

// Version is an uploaded version.
type Version struct {
	ID       string        `json:"id"` // UUID with hyphens
	Tag      string        `json:"tag,omitempty"`
	Handlers []string      `json:"handlers,omitempty"` // such as fetch, scheduled; nil when the answer did not say
	Startup  time.Duration `json:"startup_ns,omitempty"`
}

// Split is how the traffic of a Worker is shared, at most two versions, sum 100.
type Split []Share

// Share is a version and its percentage.
type Share struct {
	Version string  `json:"version_id"`
	Percent float64 `json:"percentage"`
}
