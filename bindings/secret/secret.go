// Package secret is the binding to a secret of Cloudflare's Secrets Store. A Worker's own
// secrets are environment variables: os.Getenv has them.
package secret

import (
	"context"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error says why a secret cannot be read.
type Error = wire.Error

// Get is the value of the secret that the binding of that name is for.
func Get(ctx context.Context, binding string) (value string, err error) {
	return value, wire.JSON(ctx, "secret", binding, "get", nil, &value)
}
