package deploy

import (
	"errors"
	"fmt"

	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/migrate"
)

// problemOf is err told to a person, for a step of a target. what is what was being
// done, such as `upload "web"`.
func problemOf(err error, t TargetPlan, at Step, what string) *Problem {
	var de *diag.Error
	if errors.As(err, &de) {
		p := &Problem{Finding: de.Finding, Exit: de.Exit, Retryable: de.Retryable, Findings: de.Findings}
		if p.Exit == diag.ExitOK {
			p.Exit = diag.ExitFailed
		}
		return p
	}
	p := &Problem{Exit: diag.ExitFailed, Finding: diag.Finding{Severity: diag.SeverityError, Why: err.Error()}}
	f := &p.Finding
	var permission *PermissionError
	var unhealthy *check.UnhealthyError
	var refused *migrate.FailedError
	switch {
	case errors.As(err, &permission):
		*f = permissionFinding(permission.Account, permission.Permission, fmt.Sprintf("%s: %v", what, permission.Err))
		p.Exit = diag.ExitAuth
	case errors.Is(err, ErrPermission):
		f.Code, f.Message, p.Exit = "A103", fmt.Sprintf("the token may not %s", what), diag.ExitAuth
		f.Fix = "give the token this permission at https://dash.cloudflare.com/profile/api-tokens"
	case errors.As(err, &unhealthy):
		f.Code = "D202"
		f.Message = fmt.Sprintf("%s did not answer %s within %s", unhealthy.Request.URL, unhealthy.Expect, unhealthy.Expect.Wait)
		f.Why = "last answer " + unhealthy.Last
		switch {
		case t.Local:
			f.Fix = fmt.Sprintf("`clodo dev %s` shows what the Worker logs; repair that, then deploy again", t.Target.Service)
		case t.First: // and removed by now
			f.Fix = "look at what the Worker does there, then deploy again"
		default:
			f.Fix = fmt.Sprintf("deploy again while `wrangler tail %s` shows what the Worker logs", t.Script.Name)
		}
		f.Pos = t.HealthPos
	case errors.As(err, &refused):
		*f = refused.Finding(databaseOf(t, what))
		p.Exit = diag.ExitConfig
	case errors.Is(err, ErrRateLimited):
		f.Code, f.Message = "N302", fmt.Sprintf("Cloudflare takes no more calls for now, so it did not %s", what)
		f.Fix = "wait five minutes; then clodo deploy --resume goes on after the last finished step"
		p.Exit, p.Retryable = diag.ExitUnavailable, true
	case errors.Is(err, ErrUnknownOutcome), errors.Is(err, ErrUnavailable):
		f.Code, f.Message = "N301", fmt.Sprintf("Cloudflare did not answer to %s", what)
		f.Fix = "clodo deploy --resume goes on after the last finished step"
		p.Exit, p.Retryable = diag.ExitUnavailable, true
	case errors.Is(err, ErrChanged):
		f.Code, f.Message = "D304", fmt.Sprintf("a file of %s changed after the plan was made", t.Target)
		f.Fix = "deploy again: the plan is then made with the new file"
		p.Exit = diag.ExitBusy
	case errors.Is(err, ErrConflict) && at == StepTriggers:
		f.Code, f.Message = "D213", fmt.Sprintf("Cloudflare did not %s, because something else has it", what)
		f.Fix = "remove what is in the way (another Worker's route or domain, or a DNS record), then deploy again"
		p.Exit = diag.ExitConfig
	case errors.Is(err, errMoved), errors.Is(err, ErrConflict):
		f.Code, f.Message = "D302", fmt.Sprintf("%s changed in the account after the plan was made", t.Target)
		f.Fix = "look at the new plan: clodo plan"
		p.Exit = diag.ExitBusy
	default:
		f.Code, f.Message = "D203", fmt.Sprintf("Cloudflare refused to %s", what)
		f.Fix = "correct what the answer names, then deploy again"
	}
	return p
}

// errMoved is the optimistic lock: what serves is not what the plan was made for.
var errMoved = errors.New("another version serves now")

// databaseOf is the name of the only database that what can be about.
func databaseOf(t TargetPlan, what string) string {
	for _, r := range t.Resources {
		if r.Kind == KindD1 && (len(t.Migrations) == 1 && t.Migrations[0].Binding == r.Binding || what == "migrate "+r.Name) {
			return r.Name
		}
	}
	return what
}

// pauses reports whether err says nothing about the release itself: the other side
// or the network is away, and going on later is better than undoing.
func pauses(err error) bool {
	return errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRateLimited)
}
