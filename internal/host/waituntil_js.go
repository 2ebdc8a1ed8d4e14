package host

import "context"

// WaitUntil has f done beside the request of ctx, which keeps its instance until then.
func WaitUntil(ctx context.Context, f func(context.Context)) {
	e := program.exchange(ctx)
	if e == nil {
		begin(ctx, nil, f, func() {})
		return
	}
	begin(ctx, &e.tasks, f, func() { e.spoilt = 1 })
}
