package deploy

import (
	"encoding/json"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// Plan is everything a release will do, decided beforehand. It holds digests, never
// bytes, and no secret; as JSON it is what `clodo plan --json` prints and what a
// release stores.
type Plan struct {
	ID       string         `json:"id"`   // "p_" and the beginning of Hash
	Hash     string         `json:"hash"` // over everything below; approvals bind to it
	Kind     Kind           `json:"kind"`
	Waves    []Wave         `json:"waves"`
	Targets  []TargetPlan   `json:"targets"` // in the order of Waves
	Findings []diag.Finding `json:"-"`       // what keeps it from being carried out, and warnings; filled in by the gate too
}

// Kind is what a release is for.
type Kind string

// The kinds of releases.
const (
	KindDeploy   Kind = "deploy"
	KindRollback Kind = "rollback"
)

// Wave is targets that may go at the same time; every wave waits for the one before.
// In a Circle the targets are bound to each other, so that those that do not exist
// yet get a placeholder first.
type Wave struct {
	Targets []project.TargetID `json:"targets"`
	Circle  bool               `json:"circle,omitempty"`
}

// Changes counts the lines of the plan; 0 means there is nothing to do.
func (p Plan) Changes() int {
	n := 0
	for _, t := range p.Targets {
		n += len(t.Changes)
	}
	return n
}

// Action is what a change does to its thing.
type Action string

// The actions. Upload and Shift are creations of a version and of a deployment.
const (
	Create  Action = "create"
	Update  Action = "update"
	Delete  Action = "delete"
	Attach  Action = "attach"
	Detach  Action = "detach"
	Migrate Action = "migrate"
	Send    Action = "upload"
	Shift   Action = "shift"
)

// Change is one line of a plan: one mutating call, or one per version for Shift.
type Change struct {
	Step   Step          `json:"step"` // the stage that makes the call
	Action Action        `json:"action"`
	Kind   string        `json:"kind"` // worker, version, database, kv namespace, migration, route, domain, crons, workers.dev, settings, traffic, secret
	Name   string        `json:"name"`
	Before string        `json:"before,omitempty"` // for people; "" when there was nothing
	After  string        `json:"after,omitempty"`
	Undo   string        `json:"undo,omitempty"` // what undoes it; "" when nothing is to undo, else "cannot be undone: why"
	Pos    diag.Position `json:"position,omitzero"`
}

// Generated is a secret that the Worker does not have and nobody has given a value: one is
// made for the upload that it travels with, and is kept nowhere else. So an upload that did
// not happen has left no value behind, and one whose answer was lost is found again with
// the value that it has.
type Generated struct {
	Name string      `json:"name"`
	Kind secret.Kind `json:"kind"`
}

// UploadMode is which way a version goes up.
type UploadMode string

// The ways. UploadPut is live at once; UploadVersion serves nothing yet.
const (
	UploadNone    UploadMode = ""
	UploadPut     UploadMode = "put"     // PUT scripts/NAME: first deploy, DO migrations, service-worker syntax
	UploadVersion UploadMode = "version" // POST scripts/NAME/versions
)

// TargetPlan is the part of a plan for one target, self-contained: steps need
// nothing but it and what their ports give.
type TargetPlan struct {
	Target    project.TargetID   `json:"target"`
	Script    Script             `json:"script"`
	AccountID string             `json:"account_id"`
	Local     bool               `json:"local,omitempty"` // in the Cloudflare on this machine
	Needs     []project.TargetID `json:"needs,omitempty"` // targets of this plan that must be released before
	First     bool               `json:"first,omitempty"` // the Worker does not exist yet
	Base      Split              `json:"base,omitempty"`  // what serves now; the optimistic lock

	Mode        UploadMode      `json:"mode,omitempty"`
	Why         string          `json:"why,omitempty"`      // why Mode is UploadPut on a Worker that exists
	Existing    string          `json:"existing,omitempty"` // rollback: the version to go back to
	Placeholder bool            `json:"placeholder,omitempty"`
	Artifact    string          `json:"artifact,omitempty"` // blob of the Artifact as JSON
	AssetDir    string          `json:"asset_dir,omitempty"`
	Content     string          `json:"content,omitempty"`  // digest of all that makes the version
	Metadata    json.RawMessage `json:"metadata,omitempty"` // ids of resources that are yet to be made are missing
	Secrets     []string        `json:"secrets,omitempty"`  // names that travel with the upload
	Generated   []Generated     `json:"generated,omitempty"`

	Resources  []ResourcePlan  `json:"resources,omitempty"`
	Migrations []MigrationPlan `json:"migrations,omitempty"`

	Zones    []Zone          `json:"zones,omitempty"`  // those that the target's routes and domains are in
	Queues   []string        `json:"queues,omitempty"` // those that the Worker reads from, before or after
	Triggers []TriggerChange `json:"triggers,omitempty"`
	Undo     []TriggerChange `json:"undo,omitempty"` // Undo[i] takes Triggers[i] back
	Before   Attached        `json:"before"`
	After    Attached        `json:"after"`

	SmokeURL     string        `json:"smoke_url,omitempty"` // "" with NotSmoked saying why
	NotSmoked    string        `json:"not_smoked,omitempty"`
	SmokeWait    time.Duration `json:"smoke_wait_ns,omitempty"`
	SmokeDev     bool          `json:"smoke_dev,omitempty"` // workers.dev is enabled for the smoke test of a first deploy
	VerifyURL    string        `json:"verify_url,omitempty"`
	NotVerified  string        `json:"not_verified,omitempty"`
	HealthStatus int           `json:"health_status,omitempty"` // 0: every answer below 500
	HealthWait   time.Duration `json:"health_wait_ns,omitempty"`
	HealthPos    diag.Position `json:"health_position,omitzero"`
	Addresses    []string      `json:"addresses,omitempty"` // where people reach it afterwards, best first

	Changes []Change `json:"changes,omitempty"`
}

// ResourcePlan is a database, namespace, bucket or queue that a binding needs.
type ResourcePlan struct {
	Kind    ResourceKind  `json:"kind"`
	Binding string        `json:"binding"`
	Name    string        `json:"name"`
	ID      string        `json:"id,omitempty"` // "" means: make it
	Pos     diag.Position `json:"position,omitzero"`
}

// MigrationPlan is the pending migrations of one database.
type MigrationPlan struct {
	Binding string         `json:"binding"`
	Table   string         `json:"table"`
	Files   []MigrationRef `json:"files"` // in order
}

// MigrationRef is one migration file; its text is in Blobs.
type MigrationRef struct {
	Name   string `json:"name"`
	Path   string `json:"path"`   // for people, relative to the portfolio's root
	Digest string `json:"digest"` // of its text, also its checksum
}
