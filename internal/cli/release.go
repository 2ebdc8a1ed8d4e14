package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
)

// deployDocument is the answer of `clodo deploy --json`, also of a rollback.
type deployDocument struct {
	Deployment string         `json:"deployment"`
	Plan       string         `json:"plan"`
	Targets    []targetResult `json:"targets"`
}

// targetResult is what became of one target.
type targetResult struct {
	Service  string         `json:"service"`
	Env      string         `json:"env,omitempty"`
	Customer string         `json:"customer,omitempty"`
	Worker   string         `json:"worker"`
	State    deploy.Outcome `json:"state"`
	Version  string         `json:"version,omitempty"`
	Previous string         `json:"previous,omitempty"`
	URL      string         `json:"url,omitempty"`
	Smoked   string         `json:"smoked,omitempty"`
	Verified string         `json:"verified,omitempty"`
	Kept     []string       `json:"kept,omitempty"`
	Seconds  float64        `json:"seconds"`
}

func newTargetResult(t deploy.TargetRecord) targetResult {
	r := targetResult{
		Service: t.Target.Service, Env: t.Target.Environment, Customer: t.Target.Customer, Worker: t.Script.Name,
		State: t.Outcome, Version: t.Version, Previous: t.Before, Smoked: t.Smoked, Verified: t.Verified, Kept: t.Kept,
	}
	if len(t.Addresses) > 0 {
		r.URL = t.Addresses[0]
	}
	if !t.Ended.IsZero() && !t.Started.IsZero() {
		r.Seconds = t.Ended.Sub(t.Started).Round(time.Millisecond).Seconds()
	}
	return r
}

// releaseReply shows a release, also one that is not through. One that was refused
// before it began has nothing to show: err says why.
func (a *app) releaseReply(release *deploy.Release, err error) reply {
	if release == nil || release.ID == "" || refused(release, err) {
		return reply{}
	}
	doc := deployDocument{Deployment: release.ID, Plan: release.Plan.ID, Targets: []targetResult{}}
	for _, t := range release.Targets {
		doc.Targets = append(doc.Targets, newTargetResult(t))
	}
	rows := releaseTable(doc.Targets)
	var urls []string
	for _, t := range doc.Targets {
		if t.URL != "" {
			urls = append(urls, t.URL)
		}
	}
	return reply{
		Result:  doc,
		Table:   rows,
		Outputs: []output{{"deployment", release.ID}, {"urls", strings.Join(urls, " ")}},
		Text: func(io.Writer) {
			a.term.Note("\n%s", releaseSentence(release))
			a.term.Table(rows)
			for _, note := range a.releaseNotes(release) {
				a.term.Note("%s", note)
			}
		},
	}
}

// refused reports whether nothing was begun.
func refused(release *deploy.Release, err error) bool {
	if err == nil || diag.ExitOf(err) == diag.ExitInterrupted {
		return false
	}
	return !slices.ContainsFunc(release.Targets, func(t deploy.TargetRecord) bool {
		return t.Problem != nil || t.Outcome != deploy.Running && t.Outcome != deploy.Unchanged
	})
}

func releaseTable(targets []targetResult) [][]string {
	rows := [][]string{{"TARGET", "STATE", "VERSION", "URL", "SECONDS"}}
	for _, t := range targets {
		id := t.Service
		for _, part := range []string{t.Env, t.Customer} {
			if part != "" {
				id += "/" + part
			}
		}
		rows = append(rows, []string{id, string(t.State), shortVersion(t.Version), t.URL, fmt.Sprintf("%.1f", t.Seconds)})
	}
	return rows
}

// shortVersion is the beginning of a version id: enough to tell two apart.
func shortVersion(id string) string { return id[:min(8, len(id))] }

// releaseSentence is "2 of 3 targets live in 4.1 s. 1 rolled back." or "Nothing to do: …".
func releaseSentence(release *deploy.Release) string {
	n := map[deploy.Outcome]int{}
	for _, t := range release.Targets {
		n[t.Outcome]++
	}
	all := len(release.Targets)
	failed := slices.ContainsFunc(release.Targets, func(t deploy.TargetRecord) bool { return t.Problem != nil })
	if n[deploy.Unchanged] == all && !failed {
		s := "Nothing to do: the target is as planned."
		if all > 1 {
			s = fmt.Sprintf("Nothing to do: all %d targets are as planned.", all)
		}
		if len(release.Stored) > 0 {
			return s + " " + diag.NoWorkerChanged
		}
		return s + " No changing call was sent."
	}
	took := ""
	if !release.Ended.IsZero() {
		took = fmt.Sprintf(" in %.1f s", release.Ended.Sub(release.Started).Seconds())
	}
	s := fmt.Sprintf("%d of %s live%s.", n[deploy.Released], count(all, "target"), took)
	if n[deploy.Released] == all {
		s = fmt.Sprintf("%s live%s.", count(all, "target"), took)
	}
	if release.Kind == deploy.KindRollback {
		s = fmt.Sprintf("%d of %s put back%s.", n[deploy.Released], count(all, "target"), took)
	}
	for _, o := range []struct {
		outcome deploy.Outcome
		text    string
	}{
		{deploy.Unchanged, "unchanged"},
		{deploy.RolledBack, "rolled back: what was there before serves again"},
		{deploy.Stuck, "stuck: a person must act"},
		{deploy.Running, "not done yet"},
	} {
		if n[o.outcome] > 0 {
			s += fmt.Sprintf(" %d %s.", n[o.outcome], o.text)
		}
	}
	return s
}

// releaseNotes say what was not checked, and the command
// that undoes the release.
func (a *app) releaseNotes(release *deploy.Release) []string {
	var notes []string
	for _, t := range release.Targets {
		if t.Outcome == deploy.Released {
			for _, check := range []struct{ name, result string }{{"smoked", t.Smoked}, {"verified", t.Verified}} {
				if check.result != "" && check.result != "passed" {
					notes = append(notes, fmt.Sprintf("%s was not %s: %s", t.Target, check.name, check.result))
				}
			}
		}
	}
	if names := replacedServices(release); len(names) > 0 && release.Kind == deploy.KindDeploy {
		notes = append(notes, "Undo   "+a.commandLine("clodo rollback", names, onlyEnvironment(&release.Plan)))
	}
	return notes
}

// replacedServices are those of which a version served before, so that there is
// something to go back to.
func replacedServices(release *deploy.Release) []string {
	var names []string
	for _, t := range release.Targets {
		// One service is named once, however many customers have it.
		if t.Outcome == deploy.Released && t.Before != "" && !slices.Contains(names, t.Target.Service) {
			names = append(names, t.Target.Service)
		}
	}
	return names
}
