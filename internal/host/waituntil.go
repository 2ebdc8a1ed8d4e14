package host

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// begin does f beside what goes on, as one of the tasks of a request or server; tasks
// may be nil.
func begin(ctx context.Context, tasks *sync.WaitGroup, f func(context.Context), failed func()) {
	ctx = context.WithoutCancel(ctx)
	if tasks == nil {
		tasks = new(sync.WaitGroup)
	}
	tasks.Go(func() {
		defer func() {
			if caught := recover(); caught != nil {
				slog.ErrorContext(ctx, "what was done beside a request panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
				failed()
			}
		}()
		f(ctx)
	})
}
