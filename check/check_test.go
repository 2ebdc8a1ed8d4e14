package check

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// site answers one after the other; the last answer stays.
type site struct {
	answers []Answer
	errs    []error
	slow    time.Duration
	asked   int
}

func (s *site) Get(ctx context.Context, _ Request) (Answer, error) {
	i := s.asked
	s.asked++
	select {
	case <-time.After(s.slow):
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	if i < len(s.errs) && s.errs[i] != nil {
		return Answer{}, s.errs[i]
	}
	return s.answers[min(i, len(s.answers)-1)], nil
}

func TestPolling(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		site   *site
		expect Expect
		last   string // "" means: passes
		tries  int
	}{
		{"the first answer is right", &site{answers: []Answer{{Status: 200}}}, Expect{}, "", 1},
		{"every answer below 500 is right when nothing is said", &site{answers: []Answer{{Status: 404}}}, Expect{}, "", 1},
		{"it becomes right", &site{answers: []Answer{{Status: 500}, {Status: 503}, {Status: 200}}}, Expect{Status: 200}, "", 3},
		{"no connection at first", &site{errs: []error{errors.New("connection refused")}, answers: []Answer{{Status: 200}}}, Expect{}, "", 2},
		{"it never becomes right", &site{answers: []Answer{{Status: 500, Body: "no such table: orders\nat x"}}}, Expect{Status: 200, Wait: 10 * time.Second}, `500 "no such table: orders"`, 10},
		{"it hangs after an answer", &site{answers: []Answer{{Status: 500}}, slow: 6 * time.Second}, Expect{Wait: 10 * time.Second}, "500", 2},
		{"it always hangs", &site{answers: []Answer{{Status: 200}}, slow: time.Hour}, Expect{Wait: time.Second}, "context deadline exceeded", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				res, err := Poll(t.Context(), tt.site, Request{URL: "https://a.example/health"}, tt.expect, nil)
				var unhealthy *UnhealthyError
				switch {
				case tt.last == "" && err != nil:
					t.Fatal(err)
				case tt.last == "" && res.Tries != tt.tries:
					t.Errorf("%d tries, want %d", res.Tries, tt.tries)
				case tt.last != "" && (!errors.As(err, &unhealthy) || unhealthy.Last != tt.last || unhealthy.Tries != tt.tries):
					t.Errorf("got %v after %d tries, want %s after %d", err, tt.site.asked, tt.last, tt.tries)
				case tt.last != "" && time.Since(start) != tt.expect.Wait:
					t.Errorf("waited %s, want %s", time.Since(start), tt.expect.Wait)
				}
			})
		})
	}
}

func TestPollingStopsWhenItIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		_, err := Poll(ctx, &site{answers: []Answer{{Status: 502}}}, Request{}, Expect{}, func(last string) {
			if told = append(told, last); len(told) == 3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || !slices.Equal(told, []string{"502", "502", "502"}) {
			t.Errorf("%v, %v", err, told)
		}
	})
}

func TestAnAnswerIsDescribedInOneSafeLine(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                       "500",
		" \n ":                   "500",
		"a\x1b[31mred\x07\nb":    `500 "a[31mred"`,
		strings.Repeat("x", 200): `500 "` + strings.Repeat("x", 120) + `…"`,
	} {
		if got := describe(Answer{Status: 500, Body: body}); got != want {
			t.Errorf("%q: got %s, want %s", body, got, want)
		}
	}
}
