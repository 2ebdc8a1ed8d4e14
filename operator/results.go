package operator

import (
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// CheckReport is what reading every file found. Check changes nothing and asks no
// network.
type CheckReport struct {
	Portfolio    string         `json:"portfolio"`
	Files        []string       `json:"files"` // every configuration file that was read
	Services     int            `json:"services"`
	Environments int            `json:"environments"`
	Customers    int            `json:"customers"`
	Findings     []diag.Finding `json:"findings"`
}

// Status is what runs where, for the selected targets.
type Status struct {
	Targets []TargetStatus `json:"targets"`
}

// TargetStatus is one target as the account and the journal know it.
type TargetStatus struct {
	Target   project.TargetID `json:"target"`
	Worker   string           `json:"worker"`
	Deployed bool             `json:"deployed"`
	Versions []VersionShare   `json:"versions"` // what serves now, newest first
	URLs     []string         `json:"urls"`
	Health   string           `json:"health"` // "healthy", "failing: …" or "not measured: …"
	Healthy  bool             `json:"healthy"`
	Drift    []string         `json:"drift,omitempty"` // how live differs from what was released last
	Last     *LastRelease     `json:"last_release,omitempty"`
}

// VersionShare is a version and its part of the traffic in percent.
type VersionShare struct {
	ID         string  `json:"id"`
	Percentage float64 `json:"percentage"`
	// ReleasedHere says that a finished release of this state folder made it.
	ReleasedHere bool `json:"released_here"`
}

// LastRelease is the newest release of a target that this state folder knows.
type LastRelease struct {
	Release string         `json:"release"`
	Outcome deploy.Outcome `json:"outcome"`
	Actor   string         `json:"actor"`
	Started time.Time      `json:"started"`
	Ended   time.Time      `json:"ended,omitzero"`
}

// SecretChange is what SetSecret did.
type SecretChange struct {
	Worker string `json:"worker"`
	Name   string `json:"name"`
	Kept   string `json:"kept"` // where the value is kept on this machine: "keyring", "age file", "" when nowhere
	Live   bool   `json:"live"` // the running Worker has it now; false: it travels with the first deploy
}

// Doctor is the state of this machine and of the account.
type Doctor struct {
	Checks []DoctorCheck `json:"checks"`
}

// DoctorCheck is one thing that Doctor looked at. OK false with Fix says how to
// repair it; Skipped says why it could not be looked at, and is not a success.
type DoctorCheck struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Skipped string `json:"skipped,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Why     string `json:"why,omitempty"`
	Fix     string `json:"fix,omitempty"`
	Code    string `json:"code,omitempty"`
}
