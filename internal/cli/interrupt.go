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
// finished, nothing new is begun. The second one closes now: the process is to end at
// once, and the journal knows how far it came.
func (a *app) interruptible(parent context.Context) (ctx context.Context, now <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done, second := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-signals:
		}
		if note := a.ctrlC().first; note != "" {
			a.term.Note("%s", note)
		}
		cancel(&diag.Error{
			Finding: diag.Finding{Code: "U011", Severity: diag.SeverityError, Message: "interrupted"},
			Exit:    diag.ExitInterrupted,
		})
		for again := time.Now().Add(sameSignal); ; {
			select {
			case <-done:
				return
			case <-signals:
				if time.Now().After(again) {
					close(second)
					return
				}
			}
		}
	}()
	return ctx, second, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// sameSignal is how long after a signal another one is still the same: timeout(1),
// npm and others that run programs send theirs to the process and to its group.
const sameSignal = 200 * time.Millisecond

// stopNotes are what the first and the second Ctrl-C are answered with; "" says nothing.
type stopNotes struct{ first, second string }

var (
	stopsRelease = stopNotes{
		"Stopping after the step in hand. Ctrl-C again stops now.",
		"Stopped now. `clodo status` shows what is live; `clodo deploy --resume` goes on.",
	}
	stopsCloud = stopNotes{"Stopping.", "Stopped now, before the Workers had ended. What was answered is kept; start it again with: clodo cloud"}
	stopsDemo  = stopNotes{"Stopping.", "Stopped now."}
	stopsDev   = stopNotes{"Stopping. What the services have stored is kept.", "Stopped now."}
)

// onStop says what Ctrl-C is answered with from now on.
func (a *app) onStop(notes stopNotes) { a.stopNotes.Store(&notes) }

func (a *app) ctrlC() stopNotes {
	if notes := a.stopNotes.Load(); notes != nil {
		return *notes
	}
	return stopNotes{second: "Stopped now."}
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
	for _, e := range diag.Errors(err) {
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
