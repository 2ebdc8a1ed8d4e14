package cli

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo/diag"
)

func TestTimeoutIsPendingAndNamesItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := limited(t.Context(), 10*time.Second)
		defer cancel()
		<-ctx.Done()
		err := ended(ctx, ctx.Err())
		var got *diag.Error
		if !errors.As(err, &got) || got.Code != "U012" || diag.ExitOf(err) != diag.ExitPending {
			t.Errorf("got %v with exit %d", err, diag.ExitOf(err))
		}
	})
}

func TestTimeoutOfAReleaseIsPendingAndNotAnInterruption(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := limited(t.Context(), 10*time.Second)
		defer cancel()
		<-ctx.Done()
		err := ended(ctx, &diag.Error{Finding: diag.Finding{Code: "D205", Message: "the release was interrupted"}, Exit: diag.ExitInterrupted})
		if got := diag.ExitOf(err); got != diag.ExitPending {
			t.Errorf("exit %d, want %d", got, diag.ExitPending)
		}
		if got := diag.ExitOf(ended(ctx, err)); got != diag.ExitPending || len(diag.Errors(ended(ctx, err))) != 2 {
			t.Errorf("told again it is %v with exit %d", diag.Errors(ended(ctx, err)), got)
		}
	})
}

func TestInterruptionAddsItsExitCodeToWhatHappened(t *testing.T) {
	t.Parallel()
	interrupted := &diag.Error{Finding: diag.Finding{Code: "U011", Message: "interrupted"}, Exit: diag.ExitInterrupted}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	rolledBack := &diag.Error{Finding: diag.Finding{Code: "D202", Message: "did not answer"}, Exit: diag.ExitRolledBack}
	tests := []struct {
		name string
		err  error
		want diag.Exit
		told int
	}{
		{"a bare context error is replaced", ctx.Err(), diag.ExitInterrupted, 1},
		{"an error that says more is kept", rolledBack, diag.ExitInterrupted, 2},
		{"one that knows of the interruption stays alone", errors.Join(rolledBack, &diag.Error{Finding: diag.Finding{Code: "D205"}, Exit: diag.ExitInterrupted}), diag.ExitInterrupted, 2},
		{"no error stays none", nil, diag.ExitOK, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := ended(ctx, tt.err)
			if got := diag.ExitOf(err); got != tt.want {
				t.Errorf("exit %d, want %d", got, tt.want)
			}
			if got := len(diag.Errors(err)); got != tt.told {
				t.Errorf("%d messages, want %d: %v", got, tt.told, err)
			}
		})
	}
}
