package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tamylaa/clodo/diag"
)

// interruptible is a context that the first Ctrl-C ends: the step in hand is
// finished, nothing new is begun. The second one ends the process at once; the
// journal then knows how far it came.
func (a *app) interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop := make(chan struct{})
	go func() {
		select {
		case <-stop:
			return
		case <-signals:
		}
		if a.stopNote != "" {
			a.term.Note("%s", a.stopNote)
		}
		cancel(&diag.Error{
			Finding: diag.Finding{Code: "U011", Severity: diag.SeverityError, Message: "interrupted"},
			Exit:    diag.ExitInterrupted,
		})
		select {
		case <-stop:
			return
		case <-signals:
		}
		a.term.Note("Stopped now. `clodo status` shows what is live; `clodo deploy --resume` goes on.")
		_ = a.term.Close()
		os.Exit(int(diag.ExitInterrupted))
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stop)
		cancel(nil)
	}
}

// limited ends ctx after --timeout.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, &diag.Error{
		Finding: diag.Finding{
			Code: "U012", Severity: diag.SeverityError,
			Message: "not done within " + limit.String(),
			Why:     "--timeout " + limit.String() + " was given",
			Fix:     "clodo status shows what is live; a release that was begun goes on with: clodo deploy --resume",
		},
		Exit: diag.ExitPending,
	})
}

// ended gives the reason when ctx ended: a bare context error is replaced by it, an
// error that says more gets it added. What only knows that it was interrupted takes
// the exit code of the reason.
func ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause, ok := errors.AsType[*diag.Error](context.Cause(ctx))
	if !ok {
		return err
	}
	if _, told := errors.AsType[*diag.Error](err); !told {
		return cause
	}
	var all []error
	known := false
	for _, e := range flatten(err) {
		if e.Exit == diag.ExitInterrupted {
			same := *e
			same.Exit = cause.Exit
			e = &same
			known = known || cause.Exit == diag.ExitInterrupted
		}
		known = known || e.Code == cause.Code
		all = append(all, e)
	}
	if known {
		return errors.Join(all...)
	}
	return errors.Join(append(all, cause)...)
}
