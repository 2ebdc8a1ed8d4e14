package operator

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// The Secrets Store of the local cloud takes what .dev.vars has for bindings to it, under the
// names of the bindings: a project needs no store of the real account to run on this machine.

// stored is a binding to the Secrets Store of the local cloud.
type stored struct {
	target  *project.Target
	binding project.Binding
	secret  localcloud.StoredSecret
	value   *secret.Value // in .dev.vars; nil when that has none
}

// storedOf are the bindings of a plan to the Secrets Store.
func (o *Operator) storedOf(ctx context.Context, plan *deploy.Plan) ([]stored, error) {
	var all []stored
	for _, planned := range plan.Targets {
		t, err := o.target(ctx, planned.Target)
		if err != nil {
			return nil, err
		}
		vars, err := t.StoredDevVars()
		if err != nil {
			return nil, err
		}
		for _, b := range t.Worker.Bindings {
			if b.Kind != "secrets_store_secret" {
				continue
			}
			store, _ := b.Extra["store_id"].(string)
			name, _ := b.Extra["secret_name"].(string)
			if strings.Trim(store, ".") == "" || strings.Trim(name, ".") == "" {
				continue // the upload is refused
			}
			s := stored{target: t, binding: b, secret: localcloud.StoredSecret{Account: planned.AccountID, Store: store, Name: name}}
			if value, ok := vars[b.Name]; ok {
				s.value = &value
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// unfilled warns of secrets that have no value, neither in the Secrets Store of the local cloud
// nor in .dev.vars.
func (o *Operator) unfilled(ctx context.Context, plan *deploy.Plan) ([]diag.Finding, error) {
	all, err := o.storedOf(ctx, plan)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	cloud, err := o.Cloud(ctx)
	if err != nil {
		return nil, err
	}
	var findings []diag.Finding
	for _, s := range all {
		if s.value != nil {
			continue
		}
		there, err := localcloud.HasStoredSecret(ctx, localcloud.Info(cloud), s.secret)
		if err != nil {
			return nil, fmt.Errorf("look for %s in the local cloud's Secrets Store: %w", s.secret.Name, err)
		}
		if !there {
			findings = append(findings, diag.Finding{
				Code: "W022", Severity: diag.SeverityWarning, Pos: s.binding.Pos,
				Message: fmt.Sprintf("env.%s.get() of %s will throw: this machine's Secrets Store has no %s", s.binding.Name, s.target.TargetID, s.secret.Name),
				Fix:     fmt.Sprintf("write %s=… into %s", s.binding.Name, path.Join(path.Dir(s.target.Worker.File), ".dev.vars")),
			})
		}
	}
	return findings, nil
}

// fillStores gives the Secrets Store of the local cloud the values of .dev.vars, and returns
// the names of the secrets for which they were others.
func (o *Operator) fillStores(ctx context.Context, plan *deploy.Plan) ([]string, error) {
	all, err := o.storedOf(ctx, plan)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	cloud, err := o.Cloud(ctx)
	if err != nil {
		return nil, err
	}
	var filled []string
	for _, s := range all {
		if s.value == nil {
			continue
		}
		changed, err := localcloud.PutStoredSecret(ctx, localcloud.Info(cloud), s.secret, s.value.Reveal())
		if err != nil {
			return filled, fmt.Errorf("give the local cloud's Secrets Store the value that .dev.vars has for %s of %s: %w", s.binding.Name, s.target.TargetID, err)
		}
		if changed {
			filled = append(filled, s.secret.Name)
			o.opts.Notice(fmt.Sprintf("%s of this machine's Secrets Store was set to what .dev.vars has for %s of %s", s.secret.Name, s.binding.Name, s.target.TargetID))
		}
	}
	return filled, nil
}

// tellStored corrects a release that failed, and its error, after secrets of the Secrets Store
// were set: where they say that nothing was changed.
func tellStored(r *deploy.Release, err error) {
	for _, told := range diag.Errors(err) {
		told.State, told.Exit = noWorkerChanged(told.State, told.Exit)
	}
	for i := range r.Targets {
		if r.Targets[i].Problem == nil {
			continue
		}
		p := *r.Targets[i].Problem
		p.State, p.Exit = noWorkerChanged(p.State, p.Exit)
		r.Targets[i].Problem = &p
	}
}

func noWorkerChanged(state string, exit diag.Exit) (string, diag.Exit) {
	rest, ok := strings.CutPrefix(state, diag.NothingChanged)
	if !ok {
		return state, exit
	}
	if exit == diag.ExitConfig { // which promises that nothing at all was changed
		exit = diag.ExitFailed
	}
	return diag.NoWorkerChanged + rest, exit
}
