package deploy

import (
	"context"
	"errors"
	"time"
)

// tries is how often a mutating call is made when its outcome stays unknown although
// it was looked up in between.
const tries = 3

// settle is how long to wait before looking up what became of a lost call; it
// doubles each time.
const settle = 100 * time.Millisecond

// looks is how often a lost call is looked up before it is made again.
const looks = 3

// certain is the step contract: find what is wanted, make it once, and when the
// outcome of making it is unknown, find again. may is asked before each making and
// stops it with an error, such as a lost lease.
func certain[T any](ctx context.Context, may func() error, find func(context.Context) (T, bool, error), do func(context.Context) (T, error)) (v T, did bool, err error) {
	v, found, err := find(ctx)
	for try := 1; err == nil && !found; try++ {
		if err := may(); err != nil {
			return v, false, err
		}
		if v, err = do(ctx); err == nil {
			return v, true, nil
		}
		cause := err
		if errors.Is(cause, ErrConflict) {
			if v, found, err = find(ctx); err == nil && !found {
				return v, false, cause
			}
			return v, false, err
		}
		if !errors.Is(cause, ErrUnknownOutcome) {
			return v, false, cause
		}
		pause := settle
		for range looks {
			if v, found, err = find(ctx); err != nil || found {
				return v, found, err
			}
			select {
			case <-time.After(pause):
				pause *= 2
			case <-ctx.Done():
				return v, false, ctx.Err()
			}
		}
		if try == tries {
			return v, false, cause
		}
	}
	return v, false, err
}
