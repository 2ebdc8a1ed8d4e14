package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func check(t interface {
	Helper()
	Fatal(args ...any)
}, err error,
) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(s string) Message { return Message{Format: Text, Body: []byte(s)} }

func opened(t *testing.T) (*Store, *clock.Clock) {
	t.Helper()
	c := &clock.Clock{}
	s, err := Open(filepath.Join(t.TempDir(), "queues.db"), c)
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s, c
}

func bodies(all []Delivered) []string {
	var out []string
	for _, m := range all {
		out = append(out, string(m.Body))
	}
	return out
}

func TestABatchHasNoMoreBytesThanCloudflareAllows(t *testing.T) {
	t.Parallel()
	s, _ := opened(t)
	large := Message{Format: Bytes, Body: make([]byte, MaxBody)}
	for range 3 {
		check(t, s.Send("q", 0, large))
	}
	taken, _, err := s.Lease("q", 10, 0, Terms{})
	check(t, err)
	if len(taken) != 2 {
		t.Errorf("%d messages of %d bytes were taken together", len(taken), MaxBody)
	}
}

func TestMessagesThatAreTooOldAreDropped(t *testing.T) {
	t.Parallel()
	s, c := opened(t)
	check(t, s.Send("q", 0, text("old"), Message{Format: Text, Body: []byte("later"), Delay: new(2 * time.Hour)}))
	check(t, c.Advance(time.Hour))
	check(t, s.Send("q", 0, text("new")))
	taken, fate, err := s.Lease("q", 10, 0, Terms{Retention: time.Hour})
	check(t, err)
	if got := bodies(taken); !slices.Equal(got, []string{"new"}) || fate.Expired != 1 {
		t.Errorf("got %q, %+v", got, fate)
	}
}

func TestALeaseThatIsOverSettlesNothing(t *testing.T) {
	t.Parallel()
	s, c := opened(t)
	check(t, s.Send("q", 0, text("a")))
	taken, _, err := s.Lease("q", 1, time.Minute, Terms{})
	check(t, err)
	check(t, c.Advance(2*time.Minute))
	late, _, err := s.Settle("q", Terms{}, Settled{Lease: taken[0].Lease}, Settled{Lease: ""})
	check(t, err)
	if m, err := s.Metrics("q"); err != nil || len(late) != 2 || m.Count != 1 {
		t.Errorf("late %v, %+v, %v", late, m, err)
	}
}

func TestMessagesOfAClockThatWasMovedAheadAreNotLate(t *testing.T) {
	t.Parallel()
	path, ahead := filepath.Join(t.TempDir(), "queues.db"), &clock.Clock{}
	check(t, ahead.Advance(30*24*time.Hour))
	s, err := Open(path, ahead)
	check(t, err)
	check(t, s.Send("q", 0, text("a"), Message{Format: Text, Body: []byte("b"), Delay: new(time.Hour)}))
	check(t, s.Close())
	c := &clock.Clock{}
	s, err = Open(path, c)
	check(t, err)
	defer func() { check(t, s.Close()) }()
	for _, want := range []string{"a", "b"} {
		taken, _, err := s.Lease("q", 10, 0, Terms{Retention: 4 * 24 * time.Hour})
		check(t, err)
		if got := bodies(taken); !slices.Equal(got, []string{want}) {
			t.Errorf("got %q, want %q", got, want)
		}
		check(t, c.Advance(time.Hour+time.Second))
	}
}

// model is what is known of a message that was sent.
type model struct {
	queue    string
	attempts int
	due      time.Time
	lease    string
	until    time.Time // of the lease; zero while a Worker has it
	gone     bool
}

// system is a Store beside the model of what it holds.
type system struct {
	*rapid.T
	path    string
	clock   *clock.Clock
	store   *Store
	terms   Terms
	sent    int
	all     map[string]*model // by body
	firsts  map[string]int    // the last message that was delivered for the first time, by queue
	delayed map[string]bool
}

func (s *system) open() {
	var err error
	s.store, err = Open(s.path, s.clock)
	check(s, err)
}

func (s *system) send(queue string) {
	var batch []Message
	for range rapid.IntRange(1, 4).Draw(s.T, "messages") {
		s.sent++
		m, due := text(strconv.Itoa(s.sent)), s.clock.Now()
		if rapid.Bool().Draw(s.T, "delayed") {
			delay := time.Duration(rapid.IntRange(1, 5).Draw(s.T, "minutes")) * time.Minute
			m.Delay, due = &delay, due.Add(delay)
			s.delayed[string(m.Body)] = true
		}
		s.all[string(m.Body)] = &model{queue: queue, due: due}
		batch = append(batch, m)
	}
	check(s, s.store.Send(queue, 0, batch...))
}

// lease takes messages and compares them with the model.
func (s *system) lease(queue string, terms Terms, limit int, visible time.Duration) []Delivered {
	before := s.clock.Now()
	taken, _, err := s.store.Lease(queue, limit, visible, terms)
	check(s, err)
	now := s.clock.Now()
	s.bury(queue, terms, before, now)
	for _, d := range taken {
		m := s.all[string(d.Body)]
		m.attempts++
		switch {
		case m.gone || m.queue != queue:
			s.Fatalf("message %s was delivered, and is not in %s: %+v", d.Body, queue, m)
		case m.due.After(now.Add(time.Millisecond)):
			s.Fatalf("message %s was delivered at %s, and is due at %s", d.Body, now, m.due)
		case d.Attempts != m.attempts || d.Attempts > terms.MaxRetries+1:
			s.Fatalf("message %s has attempts %d, want %d and at most %d", d.Body, d.Attempts, m.attempts, terms.MaxRetries+1)
		}
		if n, _ := strconv.Atoi(string(d.Body)); d.Attempts == 1 && !s.delayed[string(d.Body)] && queue == "q" {
			if n < s.firsts[queue] {
				s.Fatalf("message %d was delivered for the first time after %d", n, s.firsts[queue])
			}
			s.firsts[queue] = n
		}
		m.lease, m.until = d.Lease, time.Time{}
		if visible > 0 {
			m.until, m.due = now.Add(visible), now.Add(visible)
		} else {
			m.due = now.Add(1000 * time.Hour)
		}
	}
	return taken
}

// bury is what a lease does to messages whose last one has run out.
func (s *system) bury(queue string, terms Terms, _, now time.Time) {
	for body, m := range s.all {
		if m.queue != queue || m.gone || m.attempts <= terms.MaxRetries || m.due.After(now) {
			continue
		}
		if left, err := s.store.Peek(queue, 1000); err != nil || slices.Contains(bodies(left), body) {
			continue // nobody asked for it yet
		}
		s.dead(m, terms, now)
	}
}

func (s *system) dead(m *model, terms Terms, now time.Time) {
	m.lease, m.attempts = "", 0
	if m.gone = terms.DeadLetter == ""; !m.gone {
		m.queue, m.due = terms.DeadLetter, now
	}
}

func (s *system) settle(taken []Delivered) {
	for _, d := range taken {
		m := s.all[string(d.Body)]
		if m.lease != d.Lease || !m.until.IsZero() && s.clock.Now().After(m.until.Add(-time.Second)) {
			continue // about to run out: either is right
		}
		one := Settled{Lease: d.Lease}
		if one.Retry = rapid.Bool().Draw(s.T, "retry"); one.Retry {
			one.Delay = time.Duration(rapid.IntRange(0, 3).Draw(s.T, "delay")) * time.Minute
		}
		late, _, err := s.store.Settle(m.queue, s.terms, one)
		check(s, err)
		now := s.clock.Now()
		switch {
		case len(late) > 0:
			s.Fatalf("the lease of %s was over: %+v", d.Body, m)
		case !one.Retry:
			m.gone = true
		case m.attempts > s.terms.MaxRetries:
			s.dead(m, s.terms, now)
		default:
			m.lease, m.due = "", now.Add(one.Delay)
		}
	}
}

// crash is a kill of the cloud: what Workers had is due again.
func (s *system) crash() {
	check(s, s.store.Close())
	s.open()
	for _, m := range s.all {
		if m.lease != "" && m.until.IsZero() {
			m.lease, m.due = "", time.Time{}
		}
	}
}

func TestNothingThatWasAcceptedIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		check(rt, err)
		s := &system{
			T: rt, path: filepath.Join(dir, "queues.db"), clock: &clock.Clock{}, all: map[string]*model{}, firsts: map[string]int{}, delayed: map[string]bool{},
			terms: Terms{MaxRetries: rapid.IntRange(0, 3).Draw(rt, "retries"), DeadLetter: rapid.SampledFrom([]string{"", "dead"}).Draw(rt, "dead letters")},
		}
		s.open()
		defer func() { check(rt, s.store.Close()) }()
		var out [][]Delivered
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"send", "worker", "pull", "settle", "time", "crash"}).Draw(rt, "step") {
			case "send":
				s.send("q")
			case "worker":
				out = append(out, s.lease("q", s.terms, rapid.IntRange(1, 5).Draw(rt, "limit"), 0))
			case "pull":
				out = append(out, s.lease("q", s.terms, rapid.IntRange(1, 5).Draw(rt, "limit"), time.Minute))
			case "settle":
				if len(out) > 0 {
					i := rapid.IntRange(0, len(out)-1).Draw(rt, "batch")
					s.settle(out[i])
					out = slices.Delete(out, i, i+1)
				}
			case "time":
				check(rt, s.clock.Advance(time.Duration(rapid.IntRange(1, 6).Draw(rt, "minutes"))*time.Minute))
			case "crash":
				s.crash()
			}
		}
		s.drained()
	})
}

// drained takes all that is left and demands that it is what the model has.
func (s *system) drained() {
	s.crash()
	check(s, s.clock.Advance(time.Hour))
	got := map[string]bool{}
	for _, queue := range []string{"q", "dead"} {
		for {
			taken := s.lease(queue, Terms{MaxRetries: 1000}, 100, 0)
			if len(taken) == 0 {
				break
			}
			for _, d := range taken {
				got[string(d.Body)] = true
				_, _, err := s.store.Settle(queue, s.terms, Settled{Lease: d.Lease})
				check(s, err)
			}
		}
	}
	for body, m := range s.all {
		if m.gone == got[body] {
			s.Fatalf("message %s: delivered at the end %v, and the model says %+v", body, got[body], *m)
		}
	}
}

func FuzzParseBatch(f *testing.F) {
	for _, seed := range []string{
		`{"messages":[{"body":"YQ==","contentType":"text","delaySecs":5},{"body":""}]}`,
		`{"messages":[]}`, `{"messages":[{"body":"!"}]}`, `{"messages":[{"body":"YQ==","contentType":"json"}]}`, `[]`, `{"messages":[{"body":"YQ==","delaySecs":1e300}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parseBatch(body, nil)
		if err == nil && checkBatch(all) != nil {
			t.Errorf("a batch was read that cannot be sent: %+v", all)
		}
	})
}

func TestLimitsOfMessages(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	many := func(n, size int) (all []Message) {
		for range n {
			all = append(all, Message{Format: Bytes, Body: make([]byte, size)})
		}
		return all
	}
	for name, test := range map[string]struct {
		batch []Message
		code  int
	}{
		"the largest message":       {many(1, MaxBody), 0},
		"a message that is larger":  {many(1, MaxBody+1), CodeSize},
		"the most messages":         {many(100, 1), 0},
		"one more":                  {many(101, 1), CodeCount},
		"none":                      {nil, CodeCount},
		"the most bytes":            {many(2, 128_000), 0},
		"more bytes":                {append(many(2, 128_000), many(1, 1)...), CodeBatchSize},
		"the longest delay":         {[]Message{{Format: Text, Delay: &day}}, 0},
		"a longer one":              {[]Message{{Format: Text, Delay: new(day + time.Second)}}, CodeMetadata},
		"a format that nobody has":  {[]Message{{Format: "xml"}}, CodeMetadata},
		"text that is not UTF-8":    {[]Message{{Format: Text, Body: []byte{0xff}}}, CodeSchema},
		"JSON that is none":         {[]Message{{Format: JSON, Body: []byte("{")}}, CodeSchema},
		"bytes that are not UTF-8":  {[]Message{{Format: Bytes, Body: []byte{0xff}}}, 0},
		"a value that is not UTF-8": {[]Message{{Format: V8, Body: []byte{0xff, 0x0f}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			code := 0
			if err := checkBatch(test.batch); err != nil {
				code = err.(*Error).Code //nolint:errorlint // nothing else is returned
			}
			if code != test.code {
				t.Errorf("got code %d, want %d", code, test.code)
			}
		})
	}
}

func ExampleValidName() {
	fmt.Println(ValidName("orders-eu"), ValidName("Orders"), ValidName("-x"))
	// Output: true false false
}
