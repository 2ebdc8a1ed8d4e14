package operator

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// secretSource finds the values of secrets on this machine: with a local cloud those
// of the service's .dev.vars, and those kept by SetSecret for a Worker that did not
// exist yet.
type secretSource struct {
	operator *Operator
}

var (
	_ deploy.Secrets    = (*secretSource)(nil)
	_ edge.SecretValues = (*secretSource)(nil)
)

// Available implements deploy.Secrets.
func (s *secretSource) Available(ctx context.Context, id project.TargetID) ([]deploy.SecretInfo, error) {
	target, ref, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	var infos []deploy.SecretInfo
	if s.operator.isLocal() {
		vars, err := target.DevVars()
		if err != nil {
			return nil, err
		}
		key, err := s.operator.fingerprintKey()
		if err != nil {
			return nil, err
		}
		for name, value := range vars {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(name + "\x00" + value.Reveal()))
			infos = append(infos, deploy.SecretInfo{Name: name, Fingerprint: hex.EncodeToString(mac.Sum(nil)[:12])})
		}
	}
	kept, err := s.operator.vault.Names(ctx, ref.Account, ref.Worker)
	if err != nil {
		return nil, err
	}
	for _, name := range kept {
		if !slices.ContainsFunc(infos, func(i deploy.SecretInfo) bool { return i.Name == name }) {
			infos = append(infos, deploy.SecretInfo{Name: name})
		}
	}
	slices.SortFunc(infos, func(a, b deploy.SecretInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Value implements edge.SecretValues.
func (s *secretSource) Value(ctx context.Context, id project.TargetID, name string) (secret.Value, error) {
	target, ref, err := s.find(ctx, id)
	if err != nil {
		return secret.Value{}, err
	}
	if s.operator.isLocal() {
		vars, err := target.DevVars()
		if err != nil {
			return secret.Value{}, err
		}
		if v, ok := vars[name]; ok {
			return v, nil
		}
	}
	ref.Name = name
	return s.operator.vault.Get(ctx, ref)
}

// find is the target and where its kept secrets are.
func (s *secretSource) find(ctx context.Context, id project.TargetID) (*project.Target, secret.Ref, error) {
	target, err := s.operator.target(ctx, id)
	if err != nil {
		return nil, secret.Ref{}, err
	}
	account, err := s.operator.Account(ctx, deploy.AccountName(*target))
	if err != nil {
		return nil, secret.Ref{}, err
	}
	return target, secret.Ref{Account: account.ID, Worker: target.Worker.Name}, nil
}

// preferDevVars takes away the variables that .dev.vars gives another value on this
// machine.
func preferDevVars(t *project.Target) error {
	vars, err := t.DevVars()
	if err != nil {
		return err
	}
	t.Worker.Bindings = slices.DeleteFunc(t.Worker.Bindings, func(b project.Binding) bool {
		_, other := vars[b.Name]
		return other && b.IsVariable()
	})
	return nil
}

// fingerprintKey is the key under which values of .dev.vars are fingerprinted, so
// that a change is noticed and the fingerprint alone tells nothing. It is made once
// for each state folder.
func (o *Operator) fingerprintKey() ([]byte, error) {
	o.mu.Lock() // targets are looked at side by side, and want the same key
	defer o.mu.Unlock()
	path := filepath.Join(o.stateDir(), "fingerprint.key")
	key, err := os.ReadFile(path)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the fingerprint key: %w", err)
	}
	key = make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if err := state.New(o.stateDir()).Make(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("write the fingerprint key: %w", err)
	}
	return key, nil
}

// SetSecret gives the selected Workers a secret. A Worker that exists has it at once,
// in a new version that Cloudflare deploys; for one that does not, or whose latest
// version does not serve, the value is kept on this machine and travels with the next
// deploy.
func (o *Operator) SetSecret(ctx context.Context, sel project.Selector, name string, value secret.Value) ([]SecretChange, error) {
	if value.IsZero() {
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "U010", Severity: diag.SeverityError, Message: fmt.Sprintf("the value of %s is empty", name),
			Fix: "pipe the value in: printf %s \"$VALUE\" | clodo secret set SERVICE " + name,
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	targets, err := o.Targets(ctx, sel)
	if err != nil {
		return nil, err
	}
	var changes []SecretChange
	for _, t := range targets {
		change, err := o.setSecret(ctx, t, name, value)
		if change.Live || change.Kept != "" { // also when it could not be recorded
			changes = append(changes, change)
		}
		if err != nil {
			return changes, err
		}
	}
	return changes, nil
}

func (o *Operator) setSecret(ctx context.Context, t *project.Target, name string, value secret.Value) (SecretChange, error) {
	change := SecretChange{Worker: t.Worker.Name, Name: name}
	for _, b := range t.Worker.Bindings {
		if b.Name == name {
			return change, &diag.Error{Finding: diag.Finding{
				Code: "C035", Severity: diag.SeverityError, Message: fmt.Sprintf("%s of %s is a %s binding already", name, t.TargetID, b.Kind),
				Why: "a name in env can be one thing only", Fix: "give the secret another name, or remove the binding", Pos: b.Pos,
			}, State: diag.NothingChanged, Exit: diag.ExitConfig}
		}
	}
	account, err := o.Account(ctx, deploy.AccountName(*t))
	if err != nil {
		return change, err
	}
	_, err = account.Client.PutSecret(ctx, account.ID, t.Worker.Name, name, cloudflare.NewSecret(value.Reveal()))
	// A secret change makes a version out of the latest one and deploys it. When that is
	// not the one that serves, as after a rollback, Cloudflare refuses.
	latest := errors.Is(err, cloudflare.CodeLatestNotDeployed)
	switch {
	case err == nil:
		change.Live = true
		return change, o.record(ctx, "secret.set", t.TargetID.String(), map[string]string{"name": name, "worker": t.Worker.Name})
	case !cloudflare.IsNotFound(err) && !latest:
		return change, authError(err)
	case o.isLocal():
		return change, notLocally(t, name, latest)
	}
	change.Kept, err = o.vault.Set(ctx, secret.Ref{Account: account.ID, Worker: t.Worker.Name, Name: name}, value)
	if err != nil {
		return change, err
	}
	return change, o.record(ctx, "secret.keep", t.TargetID.String(), map[string]string{"name": name, "worker": t.Worker.Name, "where": change.Kept})
}

// notLocally says where the local cloud takes a secret from that cannot be set.
func notLocally(t *project.Target, name string, latest bool) error {
	file := filepath.ToSlash(filepath.Join(filepath.Dir(t.Worker.File), ".dev.vars"))
	f := diag.Finding{
		Code: "C036", Severity: diag.SeverityError, Message: fmt.Sprintf("%s does not exist in the local cloud yet", t.Worker.Name),
		Why: "until the first deploy the local cloud takes secrets from .dev.vars",
		Fix: fmt.Sprintf("write %s=… into %s", name, file),
	}
	if latest {
		f.Code, f.Message = "D230", fmt.Sprintf("%s cannot be set on %s now", name, t.Worker.Name)
		f.Why = "its latest version is not the one that serves, and a secret change would deploy it"
		f.Fix = fmt.Sprintf("write %s=… into %s, then: clodo deploy --local", name, file)
	}
	return &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitConfig}
}
