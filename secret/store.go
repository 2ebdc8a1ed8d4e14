package secret

import (
	"context"
	"errors"
)

// Ref names a secret without holding it: what plans, steps and journals carry.
type Ref struct {
	Account string `json:"account"` // account id
	Worker  string `json:"worker"`  // script name
	Name    string `json:"name"`
}

// String is "account/worker/NAME".
func (r Ref) String() string { return r.Account + "/" + r.Worker + "/" + r.Name }

// ErrNotFound is returned by a Store that does not hold a secret.
var ErrNotFound = errors.New("secret is not kept here")

// Store keeps secrets that were set before the Worker exists, so that they travel
// with its first upload.
type Store interface {
	// Get returns ErrNotFound for a secret that is not kept.
	Get(ctx context.Context, ref Ref) (Value, error)
	// Set keeps value and returns where, in words for people such as "keyring".
	Set(ctx context.Context, ref Ref, value Value) (where string, err error)
	// Names lists the secrets kept for a Worker, sorted.
	Names(ctx context.Context, account, worker string) ([]string, error)
}
