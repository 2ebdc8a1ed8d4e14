// Package edge carries out on a Cloudflare account what package deploy decides: it
// implements deploy's ports with package cloudflare.
package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// Account is an account of Cloudflare's with a client whose token may work in it.
type Account struct {
	Client *cloudflare.Client
	ID     string
	Name   string // as people know it, for messages
}

// Accounts finds the account that the portfolio calls name; "" is the default one.
// A missing or unknown token is a *diag.Error with ExitAuth.
type Accounts interface {
	Account(ctx context.Context, name string) (*Account, error)
}

// SecretValues gives the values of the secrets that travel with an upload.
type SecretValues interface {
	Value(ctx context.Context, t project.TargetID, name string) (secret.Value, error)
}

// AssetHash is Cloudflare's name for the content of a static file.
type AssetHash func(path string, content []byte) string

// Edge implements the ports of package deploy that reach Cloudflare.
type Edge struct {
	accounts Accounts
	secrets  SecretValues
	hash     AssetHash
}

// New makes an Edge. It sends nothing.
func New(accounts Accounts, secrets SecretValues, hash AssetHash) *Edge {
	return &Edge{accounts: accounts, secrets: secrets, hash: hash}
}

var (
	_ deploy.LiveReader = (*Edge)(nil)
	_ deploy.Resources  = (*Edge)(nil)
	_ deploy.Databases  = (*Edge)(nil)
	_ deploy.Versions   = (*Edge)(nil)
	_ deploy.Traffic    = (*Edge)(nil)
	_ deploy.Triggers   = (*Edge)(nil)
)

// translate says in deploy's words what an error of a call means. needs is the
// permission that the call wants, op what was being done.
func (a *Account) translate(err error, needs deploy.Permission, op string) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %w", op, err)
	if wrong := WrongCloud(wrapped); wrong != nil {
		return wrong
	}
	switch {
	case errors.Is(err, cloudflare.ErrUnknownOutcome):
		return fmt.Errorf("%w: %w", wrapped, deploy.ErrUnknownOutcome)
	case cloudflare.IsPermission(err), cloudflare.IsAuth(err):
		return &deploy.PermissionError{Account: a.Name, Permission: needs, Err: wrapped}
	case cloudflare.IsNotFound(err):
		return fmt.Errorf("%w: %w", wrapped, deploy.ErrNotFound)
	case cloudflare.IsRateLimited(err):
		return fmt.Errorf("%w: %w", wrapped, deploy.ErrRateLimited)
	case cloudflare.IsConflict(err):
		return fmt.Errorf("%w: %w", wrapped, deploy.ErrConflict)
	}
	return wrapped
}

// unavailable marks a read that got no answer: the calls that failed for lack of one
// carry no status, or one of Cloudflare's own failures.
func (a *Account) unavailable(err error, needs deploy.Permission, op string) error {
	e, ok := errors.AsType[*cloudflare.Error](err)
	// 501 is an answer: the other side does not have the call and never will.
	gone := ok && (e.Status == 0 || e.Status >= 500) && e.Status != http.StatusNotImplemented
	if gone && !errors.Is(err, cloudflare.ErrWrongCloud) {
		return fmt.Errorf("%s: %w: %w", op, err, deploy.ErrUnavailable)
	}
	return a.translate(err, needs, op)
}

// Database implements deploy.Databases.
func (e *Edge) Database(account, id string) migrate.Database {
	return &database{edge: e, account: account, id: id}
}
