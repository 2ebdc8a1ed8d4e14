// Package deploy plans and carries out releases: everything that changes an account
// goes through its one pipeline. It prints nothing; what happens is told in Events.
package deploy

import (
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// Step is one stage of a release, in the order in which a release goes through them.
type Step string

// The steps of a release. Undo runs only after a failure.
const (
	StepBuild    Step = "build"
	StepPlan     Step = "plan"
	StepCheck    Step = "check"
	StepResource Step = "resources"
	StepMigrate  Step = "migrate"
	StepUpload   Step = "upload"
	StepSmoke    Step = "smoke"
	StepShift    Step = "shift"
	StepTriggers Step = "triggers"
	StepVerify   Step = "verify"
	StepRecord   Step = "record"
	StepUndo     Step = "undo"
)

// State is what an event says about its step.
type State string

// The states of a step. Waiting is sent again while something is polled.
const (
	Started State = "started"
	Waiting State = "waiting"
	Done    State = "done"
	Skipped State = "skipped" // nothing to do; Detail says why
	Failed  State = "failed"
)

// Event is one thing that happened to one target. Events feed the terminal, plain
// lines, ndjson, the journal and tests alike, so a field never holds a secret.
type Event struct {
	Time     time.Time        `json:"time"`
	Release  string           `json:"release"`
	Target   project.TargetID `json:"target"`
	Step     Step             `json:"step"`
	State    State            `json:"state"`
	Detail   string           `json:"detail,omitempty"` // for people, such as "61 KB gzip"
	Elapsed  time.Duration    `json:"elapsed_ns,omitempty"`
	Findings []diag.Finding   `json:"findings,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// Outcome is what became of a target in a release.
type Outcome string

// The outcomes. Running is recorded before the first change.
const (
	Running    Outcome = "running"
	Released   Outcome = "released"
	Unchanged  Outcome = "unchanged"   // nothing to do, or failed before anything was changed
	RolledBack Outcome = "rolled-back" // failed after, and what was there before serves again
	Stuck      Outcome = "stuck"       // undoing failed too: a person must act
)
