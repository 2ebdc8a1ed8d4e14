package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/project"
)

// TargetStatus is what is live of a target beside what clodo recorded of it.
type TargetStatus struct {
	Target    project.TargetID `json:"target"`
	Script    Script           `json:"script"`
	Exists    bool             `json:"exists"`
	Live      Split            `json:"live,omitempty"`
	Attached  Attached         `json:"attached"`
	Addresses []string         `json:"addresses,omitempty"`
	// Release and Last are the newest release of the target, from this state folder.
	Release string        `json:"release,omitempty"`
	Last    *TargetRecord `json:"last,omitempty"`
	// Drift is how live differs from what the newest finished release left; empty when
	// it does not, or when there is no record.
	Drift []string `json:"drift,omitempty"`
}

// Status reads what is live and what is recorded. It changes nothing and needs no
// engine. To ask the addresses is up to the caller, see check.Poll.
func (d *Deployer) Status(ctx context.Context, targets []project.Target) ([]TargetStatus, error) {
	live, err := d.ports.Live.Live(ctx, targets)
	if err != nil {
		return nil, unread(err)
	}
	history, err := d.past(ctx, targets, live)
	if err != nil {
		return nil, err
	}
	var list []TargetStatus
	for _, t := range targets {
		account := live.Accounts[AccountName(t)]
		w, exists := account.Workers[t.Worker.Name]
		s := TargetStatus{Target: t.TargetID, Script: ScriptOf(t), Exists: exists, Live: w.Split, Attached: w.Attached}
		s.Addresses = reachable(w.Attached, devAddress(t.Worker.Name, account))
		s.compare(history, w.Tag)
		list = append(list, s)
	}
	return list, nil
}

// compare fills in what history says of the target.
func (s *TargetStatus) compare(history []Release, tag string) {
	for _, r := range history {
		for i := range r.Targets {
			t := &r.Targets[i]
			if t.Target != s.Target {
				continue
			}
			if s.Last == nil {
				s.Release, s.Last = r.ID, t
			}
			if t.Outcome != Released {
				continue
			}
			// A secret that was set makes a version of its own, out of the one that was
			// released: tag is still that one's.
			sameCode := len(s.Live) == 1 && strings.HasPrefix(tag, tagPrefix+r.ID+" ") && contentOf(tag) == t.Content
			if !sameCode && !s.Live.equal(Split{{Version: t.Version, Percent: 100}}) {
				s.Drift = append(s.Drift, fmt.Sprintf("%s serves, %s was released", splitWords(s.Live), shortID(t.Version)))
			}
			changes, _ := diff(t.Attached, s.Attached, false)
			for _, c := range changes {
				s.Drift = append(s.Drift, fmt.Sprintf("%s %s", c.Action, c.Name()))
			}
			return
		}
	}
}
