package traffic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "traffic.db")
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serve tells the store of one request from both sides.
func (s *Store) serve(v runtime.Invoked, ray, outcome string) {
	s.Began(v, ray)
	s.Ended(exchange(v, ray))
	s.Traced([]runtime.Trace{trace(v, ray, outcome)})
}

func (s *Store) recent(t testing.TB, f Filter) []string {
	t.Helper()
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := s.Recent(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, r := range found {
		got = append(got, fmt.Sprintf("%s@%s %s %s", r.Script, r.Version, r.Ray, r.Outcome))
	}
	return got
}

func TestRecentFiltersRecords(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	api := runtime.Invoked{Account: "acc", Script: "api", Version: "v2"}
	s.serve(v1, "r1", "ok")
	s.serve(api, "r2", "exception")
	s.serve(runtime.Invoked{Account: "other", Script: "web", Version: "v9"}, "r3", "ok")
	s.Began(v1, "r4")
	s.Ended(exchange(v1, "r4", codeless))
	for name, test := range map[string]struct {
		filter Filter
		want   []string
	}{
		"all, the newest first": {Filter{}, []string{"web@v1 r4 ok", "web@v9 r3 ok", "api@v2 r2 exception", "web@v1 r1 ok"}},
		"an account":            {Filter{Account: "other"}, []string{"web@v9 r3 ok"}},
		"a script":              {Filter{Account: "acc", Scripts: []string{"web"}}, []string{"web@v1 r4 ok", "web@v1 r1 ok"}},
		"versions":              {Filter{Versions: []string{"v2", "v9"}}, []string{"web@v9 r3 ok", "api@v2 r2 exception"}},
		"an outcome":            {Filter{Outcomes: []string{"exception"}}, []string{"api@v2 r2 exception"}},
		"only code":             {Filter{Account: "acc", Code: true}, []string{"api@v2 r2 exception", "web@v1 r1 ok"}},
		"only with logs":        {Filter{Account: "acc", WithLogs: true}, []string{"api@v2 r2 exception", "web@v1 r1 ok"}},
		"the newest":            {Filter{Limit: 1}, []string{"web@v1 r4 ok"}},
		"after another":         {Filter{After: 2}, []string{"web@v1 r4 ok", "web@v9 r3 ok"}},
		"until now":             {Filter{To: time.Now().Add(-time.Hour)}, []string{}},
		"from now on":           {Filter{From: time.Now().Add(time.Hour)}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, s.recent(t, test.filter)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsAreKeptAsLongAsTheOptionsSay(t *testing.T) {
	t.Parallel()
	var c clock.Clock
	path := filepath.Join(t.TempDir(), "traffic.db")
	s := openStore(t, Options{Path: path, Keep: 3, KeepFor: time.Hour, Clock: &c})
	for i := range 2 * trimAfter {
		s.serve(v1, fmt.Sprint("r", i), "ok")
		if i%500 == 0 { // not faster than they are written
			s.recent(t, Filter{Limit: 1})
		}
	}
	if got := s.recent(t, Filter{Limit: 10_000}); len(got) > 3+trimAfter || len(got) < 3 {
		t.Errorf("%d records are kept", len(got))
	}
	if err := c.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * trimAfter {
		s.serve(v1, fmt.Sprint("q", i), "ok")
		if i%500 == 0 {
			s.recent(t, Filter{Limit: 1})
		}
	}
	if got := s.recent(t, Filter{To: c.Now().Add(-time.Hour)}); len(got) != 0 {
		t.Errorf("%d records are older than an hour", len(got))
	}
}

func TestRecordsSurviveAndNumbersGoOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "traffic.db")
	first := openStore(t, Options{Path: path})
	first.serve(v1, "r1", "ok")
	first.Began(v1, "r2")
	first.Ended(exchange(v1, "r2")) // workerd has not told of it yet
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openStore(t, Options{Path: path})
	second.serve(v1, "r3", "ok")
	if diff := cmp.Diff([]string{"web@v1 r3 ok", "web@v1 r2 unknown", "web@v1 r1 ok"}, second.recent(t, Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := first.Sync(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("a closed store answers %v", err)
	}
	if err := second.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := second.recent(t, Filter{}); len(got) != 0 {
		t.Errorf("after clearing there are %v", got)
	}
}

func TestWhatDoesNotFitIsCountedAndNobodyWaits(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	blocked, unblock := make(chan struct{}), make(chan struct{})
	go func() {
		_ = s.do(context.Background(), func() error { close(blocked); <-unblock; return nil })
	}()
	<-blocked
	const n = queued + 100
	for i := range n {
		s.Began(v1, fmt.Sprint(i))
	}
	close(unblock)
	if got := s.Stats().Lost; got != 100 {
		t.Errorf("%d are counted as lost, want 100", got)
	}
}

func TestASubscriberGetsRecordsAndASlowOneIsTold(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	all := s.Subscribe(nil)
	some := s.Subscribe(func(r Record) bool { return r.Outcome == "exception" })
	s.serve(v1, "r0", "exception")
	for i := range behind {
		s.serve(v1, fmt.Sprint("r", i+1), "ok")
	}
	s.recent(t, Filter{})
	if r := <-some.Records; r.Ray != "r0" || len(some.Records) != 0 {
		t.Errorf("got %+v and %d more", r, len(some.Records))
	}
	if n := all.Missed(); n != 1 || all.Missed() != 0 {
		t.Errorf("missed %d, want 1, told once", n)
	}
	all.Close()
	all.Close()
	for range behind {
		if _, open := <-all.Records; !open {
			t.Fatal("what was there before Close is gone")
		}
	}
	if _, open := <-all.Records; open {
		t.Error("a record came after Close")
	}
}

// Whoever is faster, the command or the end of who waits for it.
func TestWhatIsSaidOfACommandIsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.do(ctx, func() error { cancel(); return nil }); err != nil {
			t.Fatalf("of a command that was run: %v", err)
		}
		busy, goOn := make(chan struct{}), make(chan struct{})
		go func() { _ = s.do(t.Context(), func() error { close(busy); <-goOn; return nil }) }()
		<-busy
		run := false
		if err := s.do(ctx, func() error { run = true; return nil }); !errors.Is(err, context.Canceled) {
			t.Fatalf("of a command that waited for another: %v", err)
		}
		close(goOn)
		if err := s.Sync(t.Context()); err != nil || run {
			t.Fatalf("%v; it was run later: %t", err, run)
		}
	}
}

// Whatever the order in which the two sides tell, every request is counted once, for
// its version.
func TestTheSumOverVersionsIsTheNumberOfRequests(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		script := fmt.Sprint("s", run)
		want, got := map[string]int{}, map[string]int{}
		var tell []func()
		for i := range rapid.IntRange(1, 40).Draw(r, "requests") {
			v := runtime.Invoked{Account: "acc", Script: script, Version: rapid.SampledFrom([]string{"a", "b"}).Draw(r, "version")}
			ray := fmt.Sprint(script, "-", i)
			want[v.Version]++
			s.Began(v, ray)
			end, told := func() { s.Ended(exchange(v, ray)) }, func() { s.Traced([]runtime.Trace{trace(v, ray, "ok")}) }
			switch rapid.SampledFrom([]string{"both", "no trace"}).Draw(r, "sides") {
			case "both":
				tell = append(tell, end, told)
			case "no trace":
				tell = append(tell, end)
			}
		}
		rand.Shuffle(len(tell), func(i, j int) { tell[i], tell[j] = tell[j], tell[i] })
		for _, f := range tell {
			f()
		}
		if err := s.Sync(t.Context()); err != nil {
			r.Fatal(err)
		}
		err := s.Each(t.Context(), Filter{Scripts: []string{script}, Figures: true}, func(rec Record) error { got[rec.Version]++; return nil })
		if diff := cmp.Diff(want, got); diff != "" || err != nil || s.Stats().Lost != 0 {
			r.Fatalf("%v, lost %d (-want +got):\n%s", err, s.Stats().Lost, diff)
		}
	})
}
