// Package flowtest is what every flow engine must do, as a suite of tests.
package flowtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/flow"
)

// Storage makes engines on one storage, which outlives them. scope is the work that an
// engine may take over from engines that are gone.
type Storage interface {
	Open(t *testing.T, set *flow.Set, scope string) flow.Engine
}

// Run runs the suite; fresh makes an empty storage.
func Run(t *testing.T, fresh func(t *testing.T) Storage) {
	tests := []struct {
		name string
		test func(*testing.T, Storage)
	}{
		{"a flow runs its steps in order and returns its outcome", inOrder},
		{"a run that ended returns its stored outcome without running again", stored},
		{"the error of a step is an outcome that the flow may handle", stepError},
		{"the error of a flow is an outcome", flowError},
		{"an interrupted run goes on after the last recorded step", interrupted},
		{"the step in hand is finished and recorded when the caller gives up", inHand},
		{"a waiting step can end early when the work should stop", stopping},
		{"a step without an outcome runs again", noOutcome},
		{"an engine error is told apart from a step error and leaves the run open", engineError},
		{"a flow that does not exist is an engine error", unknownFlow},
		{"the id of a run of another flow is refused", otherFlow},
		{"many runs at once keep their outcomes apart", parallel},
		{"a run left by a closed engine goes on in the next one", takenOver},
		{"an engine of another scope leaves running work alone", otherScope},
		{"a closed engine takes no work", closed},
		{"a flow that runs differently the second time is found out", nondeterministic},
		{"values survive as they were written", values},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, fresh(t))
		})
	}
}

// bench counts the calls of steps.
type bench struct {
	mu    sync.Mutex
	calls []string
}

func (b *bench) note(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, s)
}

func (b *bench) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.calls, " ")
}

// three is a set with the flow "three", whose steps are one, two and three; do is
// called by each.
func three(b *bench, do func(ctx context.Context, step string) error) *flow.Set {
	set := flow.NewSet()
	var steps []flow.Step[string, string]
	for _, name := range []string{"one", "two", "three"} {
		steps = append(steps, flow.DefineStep(set, name, func(ctx context.Context, in string) (string, error) {
			b.note(name)
			if do != nil {
				if err := do(ctx, name); err != nil {
					return "", err
				}
			}
			return in + " " + name, nil
		}))
	}
	flow.DefineFlow(set, "three", func(c flow.Ctx, in string) (string, error) {
		var err error
		for _, s := range steps {
			if in, err = s(c, in); err != nil {
				return "", err
			}
		}
		return in, nil
	})
	return set
}

func start(ctx context.Context, e flow.Engine, id, name, in string) (string, error) {
	raw, err := e.Run(ctx, id, name, json.RawMessage(fmt.Sprintf("%q", in)))
	if err != nil {
		return "", err
	}
	var out string
	return out, json.Unmarshal(raw, &out)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func shut(t *testing.T, e flow.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func inOrder(t *testing.T, s Storage) {
	b := &bench{}
	e := s.Open(t, three(b, nil), "w")
	defer shut(t, e)
	out, err := start(t.Context(), e, "1", "three", "in")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "outcome", out, "in one two three")
	want(t, "calls", b.String(), "one two three")
}

func stored(t *testing.T, s Storage) {
	b := &bench{}
	for range 3 {
		e := s.Open(t, three(b, nil), "w")
		for _, in := range []string{"first", "second"} {
			out, err := start(t.Context(), e, "1", "three", in)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "outcome", out, "first one two three")
		}
		shut(t, e)
	}
	want(t, "calls", b.String(), "one two three")
}

func stepError(t *testing.T, s Storage) {
	b := &bench{}
	set := flow.NewSet()
	bad := flow.DefineStep(set, "bad", func(context.Context, int) (int, error) {
		b.note("bad")
		return 0, errors.New("it broke")
	})
	flow.DefineFlow(set, "handles", func(c flow.Ctx, in string) (string, error) {
		_, err := bad(c, 1)
		return "handled: " + err.Error(), nil
	})
	for range 2 {
		e := s.Open(t, set, "w")
		out, err := start(t.Context(), e, "1", "handles", "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "outcome", out, "handled: it broke")
		shut(t, e)
	}
	want(t, "calls", b.String(), "bad")
}

func flowError(t *testing.T, s Storage) {
	b := &bench{}
	set := three(b, func(_ context.Context, step string) error {
		if step == "two" {
			return errors.New("two broke")
		}
		return nil
	})
	for range 2 {
		e := s.Open(t, set, "w")
		_, err := start(t.Context(), e, "1", "three", "")
		if err == nil || err.Error() != "two broke" || flow.NoOutcome(err) {
			t.Errorf("error: %v", err)
		}
		shut(t, e)
	}
	want(t, "calls", b.String(), "one two")
}

func interrupted(t *testing.T, s Storage) {
	b := &bench{}
	ctx, cancel := context.WithCancel(t.Context())
	e := s.Open(t, three(b, func(_ context.Context, step string) error {
		if step == "two" {
			cancel()
		}
		return nil
	}), "w")
	if _, err := start(ctx, e, "1", "three", "in"); !errors.Is(err, flow.ErrInterrupted) {
		t.Errorf("error: %v", err)
	}
	shut(t, e)
	want(t, "calls", b.String(), "one two")
	e = s.Open(t, three(b, nil), "w")
	defer shut(t, e)
	out, err := start(t.Context(), e, "1", "three", "ignored")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "outcome", out, "in one two three")
	want(t, "calls", b.String(), "one two three")
}

func inHand(t *testing.T, s Storage) {
	b := &bench{}
	ctx, cancel := context.WithCancel(t.Context())
	e := s.Open(t, three(b, func(sctx context.Context, step string) error {
		if step == "one" {
			cancel()
			if sctx.Err() != nil {
				t.Error("the context of a step in hand was cancelled")
			}
		}
		return nil
	}), "w")
	if _, err := start(ctx, e, "1", "three", "in"); !errors.Is(err, flow.ErrInterrupted) {
		t.Errorf("error: %v", err)
	}
	shut(t, e)
	want(t, "calls", b.String(), "one")
	e = s.Open(t, three(b, nil), "w")
	defer shut(t, e)
	if _, err := start(t.Context(), e, "1", "three", ""); err != nil {
		t.Fatal(err)
	}
	want(t, "calls", b.String(), "one two three")
}

func stopping(t *testing.T, s Storage) {
	b := &bench{}
	ctx, cancel := context.WithCancel(t.Context())
	e := s.Open(t, three(b, func(sctx context.Context, step string) error {
		if step != "two" {
			return nil
		}
		cancel()
		select {
		case <-flow.Stopping(sctx):
			return flow.ErrInterrupted
		case <-time.After(10 * time.Second):
			return errors.New("was not told to stop")
		}
	}), "w")
	if _, err := start(ctx, e, "1", "three", "in"); !errors.Is(err, flow.ErrInterrupted) {
		t.Errorf("error: %v", err)
	}
	shut(t, e)
	e = s.Open(t, three(b, nil), "w")
	defer shut(t, e)
	if _, err := start(t.Context(), e, "1", "three", ""); err != nil {
		t.Fatal(err)
	}
	want(t, "calls", b.String(), "one two two three")
}

func noOutcome(t *testing.T, s Storage) {
	b := &bench{}
	first := true
	set := three(b, func(_ context.Context, step string) error {
		if step == "two" && first {
			first = false
			return fmt.Errorf("%w: the network is away", flow.ErrInterrupted)
		}
		return nil
	})
	e := s.Open(t, set, "w")
	_, err := start(t.Context(), e, "1", "three", "in")
	if !errors.Is(err, flow.ErrInterrupted) || !strings.Contains(err.Error(), "the network is away") {
		t.Errorf("error: %v", err)
	}
	shut(t, e)
	e = s.Open(t, set, "w")
	defer shut(t, e)
	if _, err := start(t.Context(), e, "1", "three", ""); err != nil {
		t.Fatal(err)
	}
	want(t, "calls", b.String(), "one two two three")
}

func engineError(t *testing.T, s Storage) {
	b := &bench{}
	first := true
	set := three(b, func(_ context.Context, step string) error {
		if step == "two" && first {
			first = false
			return &flow.EngineError{ID: "1", Err: errors.New("the disk is full")}
		}
		return nil
	})
	e := s.Open(t, set, "w")
	_, err := start(t.Context(), e, "1", "three", "in")
	var broken *flow.EngineError
	if !errors.As(err, &broken) {
		t.Errorf("error: %v", err)
	}
	shut(t, e)
	e = s.Open(t, set, "w")
	defer shut(t, e)
	out, err := start(t.Context(), e, "1", "three", "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "outcome", out, "in one two three")
}

func unknownFlow(t *testing.T, s Storage) {
	e := s.Open(t, three(&bench{}, nil), "w")
	defer shut(t, e)
	_, err := start(t.Context(), e, "1", "four", "")
	var broken *flow.EngineError
	if !errors.As(err, &broken) {
		t.Errorf("error: %v", err)
	}
}

func otherFlow(t *testing.T, s Storage) {
	set := three(&bench{}, nil)
	flow.DefineFlow(set, "other", func(flow.Ctx, string) (string, error) { return "other", nil })
	e := s.Open(t, set, "w")
	defer shut(t, e)
	if _, err := start(t.Context(), e, "1", "three", ""); err != nil {
		t.Fatal(err)
	}
	_, err := start(t.Context(), e, "1", "other", "")
	var broken *flow.EngineError
	if !errors.As(err, &broken) {
		t.Errorf("error: %v", err)
	}
}

func parallel(t *testing.T, s Storage) {
	e := s.Open(t, three(&bench{}, nil), "w")
	defer shut(t, e)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			out, err := start(t.Context(), e, id, "three", id)
			if err != nil || out != id+" one two three" {
				t.Errorf("run %s: %q, %v", id, out, err)
			}
		})
	}
	wg.Wait()
}

func takenOver(t *testing.T, s Storage) {
	b := &bench{}
	set := three(b, func(_ context.Context, step string) error {
		if step == "two" && strings.Count(b.String(), "two") == 1 {
			return flow.ErrInterrupted
		}
		return nil
	})
	for range 2 {
		e := s.Open(t, set, "w")
		_, err := start(t.Context(), e, "1", "three", "in")
		if err != nil && !errors.Is(err, flow.ErrInterrupted) {
			t.Error(err)
		}
		shut(t, e)
	}
	want(t, "calls", b.String(), "one two two three")
}

func otherScope(t *testing.T, s Storage) {
	b := &bench{}
	entered, leave := make(chan struct{}), make(chan struct{})
	set := three(b, func(_ context.Context, step string) error {
		if step == "two" {
			close(entered)
			<-leave
		}
		return nil
	})
	mine := s.Open(t, set, "mine")
	done := make(chan error)
	go func() {
		_, err := start(t.Context(), mine, "1", "three", "")
		done <- err
	}()
	<-entered
	theirs := s.Open(t, three(b, nil), "theirs") // a second terminal
	if _, err := start(t.Context(), theirs, "2", "three", ""); err != nil {
		t.Error(err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	shut(t, theirs)
	shut(t, mine)
	want(t, "calls", b.String(), "one two one two three three")
}

func closed(t *testing.T, s Storage) {
	b := &bench{}
	e := s.Open(t, three(b, nil), "w")
	shut(t, e)
	if _, err := start(t.Context(), e, "1", "three", ""); !flow.NoOutcome(err) {
		t.Errorf("error: %v", err)
	}
	want(t, "calls", b.String(), "")
}

func nondeterministic(t *testing.T, s Storage) {
	b := &bench{}
	e := s.Open(t, three(b, func(_ context.Context, step string) error {
		if step == "two" {
			return flow.ErrInterrupted
		}
		return nil
	}), "w")
	if _, err := start(t.Context(), e, "1", "three", ""); !errors.Is(err, flow.ErrInterrupted) {
		t.Fatal(err)
	}
	shut(t, e)
	set := flow.NewSet()
	uno := flow.DefineStep(set, "uno", func(context.Context, string) (string, error) { return "", nil })
	flow.DefineFlow(set, "three", func(c flow.Ctx, in string) (string, error) { return uno(c, in) })
	e = s.Open(t, set, "w")
	defer shut(t, e)
	_, err := start(t.Context(), e, "1", "three", "")
	var broken *flow.EngineError
	if !errors.As(err, &broken) {
		t.Errorf("error: %v", err)
	}
}

func values(t *testing.T, s Storage) {
	type value struct {
		Text  string
		Big   int64
		List  []float64
		Inner map[string]*value
	}
	in := value{Text: "a\x00\u2028<&>\"ü", Big: 1<<53 + 1, List: []float64{0.1, 1e300}, Inner: map[string]*value{"": {}}}
	set := flow.NewSet()
	same := flow.DefineStep(set, "same", func(_ context.Context, v value) (value, error) { return v, nil })
	flow.DefineFlow(set, "same", func(c flow.Ctx, v value) (value, error) { return same(c, v) })
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e := s.Open(t, set, "w")
		out, err := e.Run(t.Context(), "1", "same", raw)
		if err != nil {
			t.Fatal(err)
		}
		var got value
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, got); diff != "" {
			t.Error(diff)
		}
		shut(t, e)
	}
}
