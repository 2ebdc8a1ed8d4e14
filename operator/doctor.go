package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/internal/workerd"
)

// Doctor looks at this machine, at the configuration and at the account, as far as
// each can be reached, and says how to repair what is wrong. It changes nothing. A
// check that could not be made is told as such, never as a success.
func (o *Operator) Doctor(ctx context.Context) (*Doctor, error) {
	d := &Doctor{}
	d.add(o.doctorWorkerd(ctx)...)
	config := o.doctorConfig(ctx)
	d.add(config)
	if o.portfolio != nil {
		d.add(o.doctorState())
	}
	d.add(o.doctorAccount(ctx)...)
	return d, ctx.Err()
}

// OK reports whether every check that was made passed.
func (d *Doctor) OK() bool {
	for _, c := range d.Checks {
		if !c.OK && c.Skipped == "" {
			return false
		}
	}
	return true
}

func (d *Doctor) add(checks ...DoctorCheck) { d.Checks = append(d.Checks, checks...) }

// broken is a check that found err.
func broken(name string, err error) DoctorCheck {
	c := DoctorCheck{Name: name, Why: err.Error()}
	if e, ok := errors.AsType[*diag.Error](err); ok {
		c.Detail, c.Why, c.Fix, c.Code = e.Message, e.Why, e.Fix, e.Code
	}
	return c
}

// doctorWorkerd looks at what the local cloud needs: the runtime, or npm to get it.
func (o *Operator) doctorWorkerd(ctx context.Context) []DoctorCheck {
	if own := o.getenv("CLODO_WORKERD"); own != "" {
		if err := workerd.Prepare(ctx, npm.Installer{}); err != nil {
			return []DoctorCheck{broken("workerd", err)}
		}
		return []DoctorCheck{{Name: "workerd", OK: true, Detail: own}}
	}
	if workerd.Installed(npm.Installer{}) {
		return []DoctorCheck{{Name: "workerd", OK: true, Detail: "version " + workerd.Version}}
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return []DoctorCheck{{
			Name: "workerd", Detail: "not installed, and neither is npm, which would fetch it", Code: "N201",
			Why: "the local cloud runs Workers on workerd; deploying to Cloudflare does not need it",
			Fix: "install Node.js with npm, or point CLODO_WORKERD to a workerd binary",
		}}
	}
	return []DoctorCheck{{Name: "workerd", OK: true, Detail: "not installed yet; npm fetches version " + workerd.Version + " on first use"}}
}

func (o *Operator) doctorConfig(ctx context.Context) DoctorCheck {
	report, err := o.Check(ctx)
	if o.portfolio == nil {
		return broken("config", err)
	}
	wrong := 0
	for _, f := range report.Findings {
		if f.Severity == diag.SeverityError {
			wrong++
		}
	}
	if wrong > 0 {
		return DoctorCheck{Name: "config", Detail: fmt.Sprintf("%d problems", wrong), Fix: "clodo check lists them with place and fix"}
	}
	return DoctorCheck{Name: "config", OK: true, Detail: strings.Join(report.Files, ", ")}
}

func (o *Operator) doctorState() DoctorCheck {
	if err := state.New(o.stateDir()).Make(); err != nil {
		return broken("state folder", err)
	}
	f, err := os.CreateTemp(o.stateDir(), ".doctor-*")
	if err != nil {
		return DoctorCheck{Name: "state folder", Detail: o.stateDir() + " cannot be written", Why: err.Error(), Fix: "make the folder writable, or free disk space"}
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return broken("state folder", err)
	}
	return DoctorCheck{Name: "state folder", OK: true, Detail: o.stateDir()}
}

// doctorAccount tries the token and reads what deploys need. It starts no local
// cloud: one that does not run is told as not looked at.
func (o *Operator) doctorAccount(ctx context.Context) []DoctorCheck {
	const name = "account"
	if o.opts.Local {
		if o.portfolio == nil {
			return []DoctorCheck{{Name: name, Skipped: "the local cloud is that of a project, and there is none here"}}
		}
		_, running, err := CloudStatus(ctx, o.cloudDir())
		if err != nil {
			return []DoctorCheck{broken(name, err)}
		}
		if !running {
			return []DoctorCheck{{Name: name, Skipped: "the local cloud does not run; clodo deploy --local starts it"}}
		}
	}
	account, err := o.Account(ctx, "")
	if err != nil {
		return []DoctorCheck{broken("token", err)}
	}
	if err := verifyToken(ctx, account); err != nil {
		return []DoctorCheck{broken("token", authError(err))}
	}
	checks := []DoctorCheck{{Name: "token", OK: true, Detail: "account " + account.ID}}
	for _, read := range []struct {
		name, permission string
		try              func() error
	}{
		{"Workers", "Workers Scripts: Edit", func() error { _, err := account.Client.Scripts(ctx, account.ID); return err }},
		{"D1", "D1: Edit", first(account.Client.Databases(ctx, account.ID, ""))},
		{"KV", "Workers KV Storage: Edit", first(account.Client.Namespaces(ctx, account.ID))},
		{"zones", "Zone: Read", first(account.Client.Zones(ctx, cloudflare.ZoneFilter{Account: account.ID}))},
	} {
		checks = append(checks, permission(account, read.name, read.permission, read.try()))
	}
	return checks
}

// verifyToken asks Cloudflare whether it knows the token, which is a user's or an
// account's.
func verifyToken(ctx context.Context, a *edge.Account) error {
	_, err := a.Client.VerifyUserToken(ctx)
	if cloudflare.IsAuth(err) {
		_, err = a.Client.VerifyAccountToken(ctx, a.ID)
	}
	return err
}

func permission(a *edge.Account, name, needs string, err error) DoctorCheck {
	switch {
	case err == nil:
		return DoctorCheck{Name: name, OK: true, Detail: "can be read; whether they can be changed shows only when it is tried"}
	case cloudflare.IsPermission(err):
		return DoctorCheck{
			Name: name, Code: "A103", Detail: "the token may not read them in account " + a.Name, Why: err.Error(),
			Fix: fmt.Sprintf("add %q to the token", needs),
		}
	}
	return broken(name, authError(err))
}

// first reads the beginning of a list.
func first[T any](list func(func(T, error) bool)) func() error {
	return func() error {
		for _, err := range list {
			return err
		}
		return nil
	}
}
