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
	"github.com/tamylaa/clodo/diag"
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
	_ deploy.Logs       = (*Edge)(nil)
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
	case Silent(err):
		return fmt.Errorf("%w: %w", wrapped, deploy.ErrUnavailable)
	case cloudflare.IsAuth(err):
		return unknownToken(wrapped)
	case cloudflare.IsPermission(err):
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

// Silent reports whether err is a call that Cloudflare did not answer: no connection
// came about, or what came back is not the API's. A call that would change something
// and was sent is not meant: its outcome is unknown.
func Silent(err error) bool {
	e, ok := errors.AsType[*cloudflare.Error](err)
	if !ok || e.Attempts == 0 { // it could not be written as a request
		return false
	}
	switch {
	case e.Status == http.StatusNotImplemented:
		return false // the other side does not have the call and never will
	case e.Status >= 500, e.Status == http.StatusRequestTimeout:
		return true
	}
	return e.Status < 400 && len(e.Details) == 0 // 0 is no answer at all
}

// unknownToken tells a person that the token opens nothing (any more), which no
// permission repairs.
func unknownToken(err error) *diag.Error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: "A102", Severity: diag.SeverityError, Message: "Cloudflare does not know this token", Why: err.Error(),
			Fix: "make a new token and set it again; `clodo doctor` tries it",
		},
		Exit: diag.ExitAuth, Err: fmt.Errorf("%w: %w", err, deploy.ErrPermission),
	}
}

// Database implements deploy.Databases.
func (e *Edge) Database(account, id string) migrate.Database {
	return &database{edge: e, account: account, id: id}
}
