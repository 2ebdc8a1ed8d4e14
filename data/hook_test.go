package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

func TestHooksRunInTheirOrderAndAreRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h Hooks
		var ran []string
		say := func(name string, order int, fail int) Hook {
			attempts := 0
			return Hook{Name: name, On: "go", Order: order, Retries: 2, Run: func(context.Context, *Event) error {
				ran = append(ran, name)
				if attempts++; attempts <= fail {
					return errors.New("not yet")
				}
				return nil
			}}
		}
		h.Add(say("third", 3, 0), say("first", 1, 0), say("second", 2, 2))
		h.Add(Hook{Name: "elsewhere", On: "stop", Run: func(context.Context, *Event) error { return errors.New("it ran") }})
		h.Add(Hook{Name: "of another model", On: "go", Model: "x", Run: func(context.Context, *Event) error { return errors.New("it ran") }})
		began := time.Now()
		x := h.Run(t.Context(), "go", &Event{Model: "y"}, RunOptions{})
		if diff := cmp.Diff([]string{"first", "second", "second", "second", "third"}, ran); diff != "" {
			t.Error(diff)
		}
		if x.ID == "" || x.Total != 3 || x.Successful != 3 || x.SuccessRate != 100 || x.Results[1].Attempts != 3 || x.Err() != nil {
			t.Errorf("%+v", x)
		}
		if took := time.Since(began); took != 150*time.Millisecond || x.Duration != took {
			t.Errorf("the waits between attempts were %v, the record says %v", took, x.Duration)
		}
	})
}

func TestAHookThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h Hooks
		h.Add(
			Hook{Name: "fails", On: "go", Run: func(context.Context, *Event) error { return errors.New("broken") }},
			Hook{Name: "panics", On: "go", Retries: 1, Run: func(context.Context, *Event) error { panic("ouch") }},
			Hook{Name: "is slow", On: "go", Retries: 1, Timeout: time.Second, Run: func(ctx context.Context, _ *Event) error { <-ctx.Done(); return ctx.Err() }},
			Hook{Name: "is slow and deaf", On: "go", Run: func(context.Context, *Event) error { time.Sleep(time.Minute); return nil }},
			Hook{Name: "is well", On: "go", Run: func(context.Context, *Event) error { return nil }},
		)
		outcome := func(o RunOptions) (all []string) {
			began := time.Now()
			x := h.Run(t.Context(), "go", nil, o)
			for _, r := range x.Results {
				all = append(all, fmt.Sprint(r.Name, ": ", r.OK, " ", r.TimedOut, " ", r.Skipped, " ", r.Attempts, " ", r.Error))
			}
			return append(all, fmt.Sprint(x.Successful, " ", x.Failed, " ", x.Timeouts, " ", x.Skipped, " ", x.SuccessRate, " after ", time.Since(began), ": ", x.Err()))
		}
		results := []string{
			"fails: false false false 1 broken", "panics: false false false 2 the hook panicked: ouch", `is slow: false true false 1 "is slow": the hook took too long`,
			`is slow and deaf: false true false 1 "is slow and deaf": the hook took too long`, "is well: true false false 1 ",
		}
		if diff := cmp.Diff(append(results[:5:5], "1 4 2 0 20 after 6.05s: broken"), outcome(RunOptions{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(append(results[:5:5], "1 4 2 0 20 after 5s: broken"), outcome(RunOptions{Parallel: 10})); diff != "" {
			t.Error(diff)
		}
		stopped := []string{results[0], "panics: false false true 0 ", "is slow: false false true 0 ", "is slow and deaf: false false true 0 ", "is well: false false true 0 ", "0 1 0 4 0 after 0s: broken"}
		if diff := cmp.Diff(stopped, outcome(RunOptions{StopOnError: true})); diff != "" {
			t.Error(diff)
		}
		time.Sleep(2 * time.Minute) // the deaf ones end
	})
}

func TestHooksOfAStoreSeeAndRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := &Hooks{}
	var seen []string
	for _, o := range []Operation{OpList, OpGet, OpCreate, OpUpdate, OpDelete} {
		for _, when := range []string{"before.", "after."} {
			h.Add(Hook{On: when + string(o), Run: func(_ context.Context, e *Event) error {
				title := ""
				if p, ok := e.Row.(*post); ok {
					title = p.Title
				}
				seen = append(seen, fmt.Sprint(when, e.Operation, " ", e.Model, " ", e.ID, " ", title))
				return nil
			}})
		}
	}
	refused := errors.New("not that one")
	h.Add(
		Hook{On: "before.create", Run: func(_ context.Context, e *Event) error {
			p := e.Row.(*post)
			if p.Title == "bad" {
				return refused
			}
			p.Title += "!"
			return nil
		}},
		Hook{On: "before.update", Run: func(_ context.Context, e *Event) error {
			e.Row.(*post).Title = "changed"
			e.Fields = e.Fields.With(2)
			return nil
		}},
		Hook{On: "after.create", Run: func(context.Context, *Event) error { return errors.New("too late") }},
	)
	posts := NewStore(Define(Options[post]{}), w.db, StoreOptions{Hooks: h})
	made, err := posts.Create(w, post{Title: "good"})
	fatal(t, err)
	_, err = posts.Get(w, made.ID)
	fatal(t, err)
	patched, err := posts.Patch(w, post{ID: made.ID}, "author_id")
	fatal(t, err)
	_, err = posts.List(w, Query{})
	fatal(t, err)
	fatal(t, posts.Delete(w, made.ID))
	if made.Title != "good!" || patched.Title != "changed" {
		t.Errorf("made %+v, patched %+v", made, patched)
	}
	if diff := cmp.Diff([]string{
		"before.create posts 0 good", "after.create posts 1 good!", "before.get posts 1 ", "after.get posts 1 good!", "before.update posts 1 ", "after.update posts 1 changed",
		"before.list posts <nil> ", "after.list posts <nil> ", "before.delete posts 1 ", "after.delete posts 1 changed",
	}, seen); diff != "" {
		t.Error(diff)
	}
	if n := w.during(func() { _, err = posts.Create(w, post{Title: "bad"}) }); !errors.Is(err, refused) || n != 0 {
		t.Errorf("%v, after %d calls", err, n)
	}
}

// What a client is told of a panic helps nobody to find it: the log has its stack. (Not
// parallel: the log is the process's.)
func TestThePanicOfAHookIsLoggedWithItsStack(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	h := &Hooks{}
	h.Add(Hook{Name: "careless", On: "here", Run: func(context.Context, *Event) error { panic("ouch") }})
	if err := h.Run(t.Context(), "here", nil, RunOptions{}).Err(); err == nil {
		t.Error("it was successful")
	}
	for _, want := range []string{`"hook":"careless"`, `"panic":"ouch"`, "TestThePanicOfAHookIsLoggedWithItsStack"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %s: %s", want, &out)
		}
	}
}

func TestAnErrorOfOneOfSeveralRowsSaysWhichAndWhat(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"Row 2: It is Ann's.": &clodo.Problem{Status: 403, Title: "Hands off", Detail: "It is Ann's."},
		"Row 2: Hands off":    &clodo.Problem{Status: 403, Title: "Hands off"},
		"Row 2: Not Found":    &clodo.Problem{Status: 404},
	} {
		var p *clodo.Problem
		if !errors.As(at(2, err), &p) || p.Detail != want {
			t.Errorf("%v; want %s", p, want)
		}
	}
}
