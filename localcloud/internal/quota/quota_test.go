package quota_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/quota"
)

// told is what a call is told, as a client sees it.
func told(v quota.Verdict) string {
	h := http.Header{}
	v.Header(h)
	out := h.Get("Ratelimit") + " " + h.Get("Ratelimit-Policy")
	if after := h.Get("Retry-After"); after != "" {
		out += " after " + after
	}
	return strings.ReplaceAll(out, `"default";`, "")
}

func TestACallTooManyBlocksForAWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := quota.New(&clock.Clock{}, quota.Policy{Calls: 3, Window: time.Minute})
		for _, step := range []struct {
			wait time.Duration
			want string
		}{
			{0, "r=2;t=60 q=3;w=60"},
			{20 * time.Second, "r=1;t=40 q=3;w=60"},
			{20 * time.Second, "r=0;t=20 q=3;w=60"},
			{20 * time.Second, "r=0;t=20 q=3;w=60"}, // the first is out of the window
			{1500 * time.Millisecond, "r=0;t=60 q=3;w=60 after 60"},
			{50 * time.Second, "r=0;t=10 q=3;w=60 after 10"},
			{9900 * time.Millisecond, "r=0;t=1 q=3;w=60 after 1"},
			{100 * time.Millisecond, "r=2;t=60 q=3;w=60"},
		} {
			time.Sleep(step.wait)
			if got := told(l.Take("a")); got != step.want {
				t.Errorf("after %v more: %s, want %s", step.wait, got, step.want)
			}
		}
		if got := told(l.Take("b")); got != "r=2;t=60 q=3;w=60" {
			t.Errorf("another token is told %s", got)
		}
		l.Take("a")
		l.Take("a")
		if !l.Take("a").Refused {
			t.Error("a call too many is allowed")
		}
		l.Forget()
		if l.Take("a").Refused {
			t.Error("what was forgotten still blocks")
		}
	})
}

func TestTheUsualLimitIsCloudflares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := quota.New(&clock.Clock{}, quota.Policy{})
		for n := range 1200 {
			if v := l.Take("a"); v.Refused {
				t.Fatalf("call %d is refused", n+1)
			}
		}
		if got := told(l.Take("a")); got != "r=0;t=300 q=1200;w=300 after 300" {
			t.Errorf("call 1201 is told %s", got)
		}
	})
}

func TestAFasterClockShortensTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clock.Clock{}
		if err := c.SetScale(60); err != nil {
			t.Fatal(err)
		}
		l := quota.New(c, quota.Policy{Calls: 1})
		l.Take("a")
		if got := told(l.Take("a")); got != "r=0;t=5 q=1;w=5 after 5" {
			t.Fatalf("told %s", got)
		}
		time.Sleep(5 * time.Second)
		if l.Take("a").Refused {
			t.Error("who waited as long as he was told is refused")
		}
	})
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	l := quota.New(&clock.Clock{}, quota.Policy{Calls: quota.Unlimited})
	for range 2000 {
		if v := l.Take("a"); v.Refused || told(v) != " " {
			t.Fatalf("told %s", told(v))
		}
	}
	l.Forget()
}

// The ring must say the same as a plain list of all times.
func TestTheRingIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			calls := rapid.IntRange(1, 200).Draw(r, "calls")
			const window = time.Minute
			l := quota.New(&clock.Clock{}, quota.Policy{Calls: calls, Window: window})
			var times []time.Time
			var blocked time.Time
			for _, ms := range rapid.SliceOfN(rapid.IntRange(0, 2000), 0, 500).Draw(r, "pauses") {
				time.Sleep(time.Duration(ms) * time.Millisecond)
				now := time.Now()
				recent := 0
				for _, at := range times {
					if now.Sub(at) < window {
						recent++
					}
				}
				want := now.Before(blocked)
				if !want && recent >= calls {
					want, blocked = true, now.Add(window)
				}
				if !want {
					times = append(times, now)
				}
				if got := l.Take("a").Refused; got != want {
					r.Fatalf("refused %v, want %v with %d of %d calls", got, want, recent, calls)
				}
			}
		})
	})
}

func TestPoliciesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]quota.Policy{
		"off":      {Calls: quota.Unlimited},
		"100/1m":   {Calls: 100, Window: time.Minute},
		"7":        {Calls: 7},
		"5 / 10s":  {Calls: 5, Window: 10 * time.Second},
		"1200/5m":  {Calls: 1200, Window: 5 * time.Minute},
		"3/1500ms": {Calls: 3, Window: 1500 * time.Millisecond},
	} {
		got, err := quota.Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
		if err := got.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"", "on", "0/5m", "-1/5m", "5/", "5/now", "5/-1m", "5/1us", "1000000/5m", "1/2/3"} {
		if _, err := quota.Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, p := range []quota.Policy{{Calls: -2}, {Calls: 1 << 30}, {Window: -1}, {Window: 1}} {
		if p.Check() == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"off", "100/1m", "7", "5/-1m", "/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := quota.Parse(text); err == nil && p.Check() != nil {
			t.Errorf("%q is read as %+v, which cannot be: %v", text, p, p.Check())
		}
	})
}

func BenchmarkTake(b *testing.B) {
	l := quota.New(&clock.Clock{}, quota.Policy{Calls: quota.MaxCalls, Window: time.Second})
	for b.Loop() {
		l.Take("a")
	}
}
