// Package ratelimit is the binding to a rate limit of the wrangler file.
//
//	var limit = ratelimit.Open("LOGINS")
//
//	allowed, err := limit.Allow(r.Context(), user)
//
// Cloudflare counts in each of its places by itself, and not exactly.
package ratelimit

import (
	"context"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is what a rate limit refused, in its own words.
type Error = wire.Error

// Limit is a rate limit. It holds nothing of a request and serves all of them.
type Limit struct{ binding string }

// Open is the limit that the binding of that name is for. Whether there is one shows when
// it is used.
func Open(binding string) *Limit { return &Limit{binding} }

// Allow uses key once, and reports whether that is within the limit.
func (l *Limit) Allow(ctx context.Context, key string) (bool, error) {
	var outcome struct{ Success bool }
	err := wire.JSON(ctx, "ratelimit", l.binding, "limit", struct {
		Key string `json:"key"`
	}{key}, &outcome)
	return outcome.Success, err
}
