package cron

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestNextIsWhenAnExpressionIsDue(t *testing.T) {
	t.Parallel()
	// 2026-02-01 is a Sunday, 2026-08-01 a Saturday.
	for expression, test := range map[string]struct{ from, want string }{
		"* * * * *":          {"2026-01-01 00:00", "2026-01-01 00:01"},
		"*/30 * * * *":       {"2026-01-01 00:30", "2026-01-01 01:00"},
		"5/20 1 * * *":       {"2026-01-01 01:05", "2026-01-01 01:25"},
		"45 * * * *":         {"2026-01-01 00:45", "2026-01-01 01:45"},
		"0 17 * * sun":       {"2026-02-01 17:00", "2026-02-08 17:00"},
		"0 17 * * 1":         {"2026-02-02 00:00", "2026-02-08 17:00"},
		"10 7 * * MON-fri":   {"2026-01-30 07:10", "2026-02-02 07:10"},
		"0 0 * * FRI-MON":    {"2026-02-02 00:00", "2026-02-06 00:00"},
		"0 22-2 * * *":       {"2026-01-01 02:00", "2026-01-01 22:00"},
		"0 15 1 * *":         {"2026-01-02 00:00", "2026-02-01 15:00"},
		"0 18 * * 6L":        {"2026-01-01 00:00", "2026-01-30 18:00"},
		"0 18 * * fri#2":     {"2026-01-10 00:00", "2026-02-13 18:00"},
		"0 0 * * MON#5":      {"2026-01-01 00:00", "2026-03-30 00:00"},
		"0 0 * * L":          {"2026-02-01 00:00", "2026-02-07 00:00"},
		"59 23 LW * *":       {"2026-01-01 00:00", "2026-01-30 23:59"},
		"0 0 L * *":          {"2026-02-01 00:00", "2026-02-28 00:00"},
		"0 0 L-3 2 *":        {"2026-01-01 00:00", "2026-02-25 00:00"},
		"0 0 1W 8 *":         {"2026-01-01 00:00", "2026-08-03 00:00"},
		"0 0 15W 2 *":        {"2026-01-01 00:00", "2026-02-16 00:00"},
		"0 0 31W 1 *":        {"2026-01-01 00:00", "2026-01-30 00:00"},
		"0 0 29 2 *":         {"2026-01-01 00:00", "2028-02-29 00:00"},
		"0 0 13 * FRI":       {"2026-02-01 00:00", "2026-02-06 00:00"}, // either is enough
		"0 0 1,15 JAN,jul *": {"2026-01-15 00:00", "2026-07-01 00:00"},
		"0 0 30 2 *":         {"2026-01-01 00:00", "never"},
	} {
		t.Run(expression, func(t *testing.T) {
			s, err := Parse(expression)
			if err != nil {
				t.Fatal(err)
			}
			got := "never"
			if next, ok := s.Next(at(test.from)); ok {
				got = next.Format("2006-01-02 15:04")
			}
			if got != test.want {
				t.Errorf("after %s: got %s, want %s", test.from, got, test.want)
			}
		})
	}
}

func TestWhatIsNoExpressionIsRefused(t *testing.T) {
	t.Parallel()
	for name, expression := range map[string]string{
		"four fields":                      "* * * *",
		"six fields":                       "* * * * * *",
		"minute 60":                        "60 * * * *",
		"hour 24":                          "0 24 * * *",
		"day 0":                            "0 0 0 * *",
		"day 32W":                          "0 0 32W * *",
		"month 13":                         "0 0 1 13 *",
		"day of week 0":                    "0 0 * * 0",
		"day of week 8":                    "0 0 * * 8",
		"a step of 0":                      "*/0 * * * *",
		"a step without a number":          "*/ * * * *",
		"a star in a list":                 "1,* * * * *",
		"a list that begins with a star":   "*,1 * * * *",
		"an empty place in a list":         "1,,2 * * * *",
		"a sign":                           "+1 * * * *",
		"half a range":                     "1- * * * *",
		"an offset of 31":                  "0 0 L-31 * *",
		"an offset without its minus":      "0 0 L3 * *",
		"the sixth Friday":                 "0 0 * * FRI#6",
		"the last second Friday":           "0 0 * * FRIL#2",
		"a name that is none":              "0 0 * * FRX",
		"a name of half a day":             "0 0 * * RIS",
		"a step that is larger than all":   "*/60 * * * *",
		"a letter that belongs to the day": "L * * * *",
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := Parse(expression); err == nil {
				t.Errorf("%q was understood: %+v", expression, s)
			}
		})
	}
}

// expressions draws any expression.
func expressions(t *rapid.T) string {
	one := func(f field) string {
		n := func() int { return rapid.IntRange(f.low, f.high).Draw(t, f.what) }
		text := func(v int) string {
			if f.names != "" && rapid.Bool().Draw(t, "by name") {
				return f.names[(v-f.low)*3 : (v-f.low)*3+3]
			}
			return strconv.Itoa(v)
		}
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			return "*"
		case 1:
			return "*/" + strconv.Itoa(rapid.IntRange(1, f.high).Draw(t, "step"))
		case 2:
			return text(n()) + "-" + text(n())
		case 3:
			return text(n()) + "," + text(n()) + "-" + text(n()) + "/" + strconv.Itoa(rapid.IntRange(1, f.high).Draw(t, "step"))
		}
		return text(n())
	}
	days, weekdays := one(day), one(weekday)
	switch rapid.IntRange(0, 5).Draw(t, "special day") {
	case 0:
		days = rapid.SampledFrom([]string{"L", "LW", "L-1", "L-30", "L-29W", "1W", "15W", "31W"}).Draw(t, "day")
	case 1:
		weekdays = rapid.SampledFrom([]string{"L", "1L", "SATL", "2#1", "FRI#5"}).Draw(t, "weekday")
	}
	return strings.Join([]string{one(minute), one(hour), days, one(month), weekdays}, " ")
}

func TestNextIsWhatAWalkThroughTheMinutesFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		expression := expressions(t)
		s, err := Parse(expression)
		if err != nil {
			t.Fatalf("%q: %v", expression, err)
		}
		from := time.Unix(rapid.Int64Range(1767225600, 1767225600+4*365*86400).Draw(t, "from"), 0).UTC()
		const days = 40
		want, found := time.Time{}, false
		for m := from.Truncate(time.Minute).Add(time.Minute); m.Before(from.AddDate(0, 0, days)); m = m.Add(time.Minute) {
			if s.Matches(m) {
				want, found = m, true
				break
			}
		}
		got, ok := s.Next(from)
		if found && (!ok || !got.Equal(want)) {
			t.Fatalf("%q after %s: got %s %v, want %s", expression, from, got, ok, want)
		}
		if !found && ok && got.Before(from.AddDate(0, 0, days)) {
			t.Fatalf("%q after %s: got %s, and the walk found nothing", expression, from, got)
		}
		if found {
			if last, ok := s.Last(from, want); !ok || !last.Equal(want) {
				t.Fatalf("%q: the last time by %s is %s", expression, want, last)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"* * * * *", "*/5 0-3 L-3W JAN 6#2", "1,2-3/4 * 15W * friL", "", "a b c d e", "0 0 30 2 *"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := Parse(expression)
		if err != nil {
			return
		}
		if next, ok := s.Next(at("2026-01-01 00:00")); ok && !s.Matches(next) {
			t.Errorf("%q is not due at its next time %s", expression, next)
		}
	})
}

// fired collects what a scheduler fired.
type fired chan string

func (f fired) fire(_ context.Context, j Job, due time.Time) (string, error) {
	f <- j.Script + " " + due.Format("15:04")
	return "ok", nil
}

func (f fired) next(t *testing.T) string {
	t.Helper()
	select {
	case s := <-f:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was fired")
		return ""
	}
}

func TestASchedulerFiresByTheCloudsClock(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	check(t, c.Advance(c.Now().Truncate(24*time.Hour).Add(24*time.Hour+30*time.Second).Sub(c.Now()))) // half past midnight's minute
	s := NewScheduler(c, slog.New(slog.DiscardHandler))
	s.Set([]Job{{"acc", "hourly", "0 * * * *"}, {"acc", "bad", "nonsense"}})
	f := make(fired, 10)
	s.Start(f.fire)
	defer s.Close(t.Context())
	check(t, c.Advance(time.Hour))
	if got := f.next(t); got != "hourly 01:00" {
		t.Errorf("after an hour: %s", got)
	}
	check(t, c.Advance(3*time.Hour)) // what was due meanwhile counts once
	if got := f.next(t); got != "hourly 04:00" {
		t.Errorf("after three more: %s", got)
	}
	s.Set([]Job{{"acc", "hourly", "0 * * * *"}, {"acc", "often", "*/10 * * * *"}})
	check(t, c.Advance(10*time.Minute))
	if got := f.next(t); got != "often 04:10" {
		t.Errorf("of a trigger that was added: %s", got)
	}
	s.Set(nil)
	check(t, c.Advance(24*time.Hour))
	s.Close(t.Context())
	close(f)
	var more []string
	for one := range f {
		more = append(more, one)
	}
	if diff := cmp.Diff([]string(nil), more); diff != "" {
		t.Errorf("fired besides: %s", diff)
	}
}

func TestARunGetsAMomentWhenTheCloudCloses(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	s := NewScheduler(c, slog.New(slog.DiscardHandler))
	s.Set([]Job{{"acc", "web", "* * * * *"}})
	began, ended := make(chan struct{}), make(chan error, 1)
	s.Start(func(ctx context.Context, _ Job, _ time.Time) (string, error) {
		close(began)
		select {
		case <-ctx.Done():
			ended <- ctx.Err()
		case <-time.After(50 * time.Millisecond):
			ended <- nil
		}
		return "ok", nil
	})
	check(t, c.Advance(time.Minute))
	<-began
	s.Close(t.Context())
	check(t, <-ended)
	s.Close(t.Context()) // again
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
