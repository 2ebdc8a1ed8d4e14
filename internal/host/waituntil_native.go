//go:build !js

package host

import (
	"context"
	"sync"
)

type tasksKey struct{}

// WithTasks has tasks wait for what [WaitUntil] begins with ctx.
func WithTasks(ctx context.Context, tasks *sync.WaitGroup) context.Context {
	return context.WithValue(ctx, tasksKey{}, tasks)
}

// WaitUntil has f done beside the request of ctx. The server, or who called
// [WithTasks], waits for it before it ends.
func WaitUntil(ctx context.Context, f func(context.Context)) {
	tasks, _ := ctx.Value(tasksKey{}).(*sync.WaitGroup)
	begin(ctx, tasks, f, func() {})
}
