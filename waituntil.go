package clodo

import (
	"context"

	"github.com/tamylaa/clodo/internal/host"
)

// WaitUntil has f done beside the request that ctx belongs to, and after it: the client
// does not wait for f, and its leaving does not stop it. On Workers the runtime gives
// it 30 seconds after the answer; natively a server that is told to end waits for it.
// f must use the context that it gets, which has the values of ctx and does not end
// with the request. A panic in f is logged.
func WaitUntil(ctx context.Context, f func(context.Context)) { host.WaitUntil(ctx, f) }
