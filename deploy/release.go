package deploy

import (
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// Release is one run of a plan. It is recorded as Running before the first change
// and with its outcome last.
type Release struct {
	ID      string         `json:"id"` // "r_" and the time and chance, sortable by age
	Kind    Kind           `json:"kind"`
	Plan    Plan           `json:"plan"`
	By      Holder         `json:"by"`
	Message string         `json:"message,omitempty"`
	Started time.Time      `json:"started"`
	Ended   time.Time      `json:"ended,omitzero"` // zero while some target is Running
	Targets []TargetRecord `json:"targets"`        // in the order of Plan.Targets
	// Stored are the secrets of the local cloud's Secrets Store that got another value
	// with it. It is not kept.
	Stored []string `json:"stored,omitempty"`
}

// TargetRecord is what became of one target. Version, Attached and Split say what is
// live afterwards, as far as clodo knows it: a later rollback puts exactly that back.
type TargetRecord struct {
	Target  project.TargetID `json:"target"`
	Script  Script           `json:"script"`
	Outcome Outcome          `json:"outcome"`
	Version string           `json:"version,omitempty"`
	Content string           `json:"content,omitempty"`
	// Before is the version that served when the release began.
	Before   string   `json:"before,omitempty"`
	Attached Attached `json:"attached"`
	// Smoked and Verified are "passed", or why it was not done: "no address".
	Smoked    string   `json:"smoked,omitempty"`
	Verified  string   `json:"verified,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
	// Problem is why it was not released. Kept holds what stays although the release
	// failed: databases that were made, migrations that ran.
	Problem *Problem  `json:"problem,omitempty"`
	Kept    []string  `json:"kept,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Problem is a diag.Error that can be stored.
type Problem struct {
	Finding   diag.Finding   `json:"finding"`
	State     string         `json:"state,omitempty"`
	Exit      diag.Exit      `json:"exit"`
	Retryable bool           `json:"retryable,omitempty"`
	Findings  []diag.Finding `json:"findings,omitempty"`
}

// Err is the problem as an error for people; nil for nil.
func (p *Problem) Err() error {
	if p == nil {
		return nil
	}
	return &diag.Error{Finding: p.Finding, State: p.State, Exit: p.Exit, Retryable: p.Retryable, Findings: p.Findings}
}

// StepNote is one step of one target in a release.
type StepNote struct {
	Release string           `json:"release"`
	Target  project.TargetID `json:"target"`
	Step    Step             `json:"step"`
	Name    string           `json:"name"` // which call of the step, such as a route's pattern; "" for the only one
	State   State            `json:"state"`
	Detail  string           `json:"detail,omitempty"`
	At      time.Time        `json:"at"`
}
