package term

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/deploy"
)

// Progress shows the events of a release. Event may be called from several
// goroutines; Close is called once, after the last event.
type Progress interface {
	Event(deploy.Event)
	Close()
}

var (
	_ Progress = (*live)(nil)
	_ Progress = (*lines)(nil)
	_ Progress = (*groups)(nil)
	_ Progress = (*stream)(nil)
)

// ProgressOptions say what is shown.
type ProgressOptions struct {
	Targets []string // those known beforehand; others get their place when they appear
	Passing bool     // a redrawn block goes away at the end: something else tells the result
}

// Progress is the form that suits the terminal and the format: a block that is
// redrawn, plain lines, GitHub groups or ndjson.
func (t *Terminal) Progress(o ProgressOptions) Progress {
	switch {
	case t.Format() == NDJSON:
		return &stream{t: t}
	case t.GitHubActions():
		return newGroups(t)
	case t.redraws():
		return newLive(t, o)
	}
	return newLines(t, o.Targets)
}

// stream writes events as they are, one JSON document per line on stdout.
type stream struct {
	mu sync.Mutex
	t  *Terminal
}

func (s *stream) Event(e deploy.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := json.Marshal(struct {
		Type string `json:"type"`
		deploy.Event
	}{"event", e})
	if err != nil {
		panic(fmt.Errorf("an event has no JSON form: %w", err))
	}
	_, _ = s.t.out.Write(append(b, '\n'))
}

func (s *stream) Close() {}

// quietFor is after how long without a line a build log shows that we are alive.
const quietFor = 30 * time.Second

// lines writes one line per finished step: for pipes, CI and screen readers.
type lines struct {
	t     *Terminal
	width int

	mu      sync.Mutex
	last    time.Time
	running map[string]deploy.Event // the step that each target is in, by target
	began   map[string]time.Time
	stop    chan struct{}
	done    chan struct{}
}

func newLines(t *Terminal, names []string) *lines {
	l := &lines{
		t: t, width: 20, last: time.Now(),
		running: map[string]deploy.Event{}, began: map[string]time.Time{},
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	for _, n := range names {
		l.width = max(l.width, len(n))
	}
	go l.beat()
	return l
}

// beat writes a line when nothing was written for a while and something runs.
func (l *lines) beat() {
	defer close(l.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case now := <-ticker.C:
			l.mu.Lock()
			if now.Sub(l.last) >= quietFor && len(l.running) > 0 {
				for name, e := range oldestFirst(l.running, l.began) {
					l.write(now, name, e.Step, "waiting", elapsed(now.Sub(l.began[name])), e.Detail)
				}
			}
			l.mu.Unlock()
		}
	}
}

func (l *lines) Event(e deploy.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := e.Target.String()
	switch e.State {
	case deploy.Started:
		l.running[name], l.began[name] = e, e.Time
	case deploy.Waiting:
		if _, known := l.began[name]; !known {
			l.began[name] = e.Time
		}
		l.running[name] = e
	case deploy.Done, deploy.Skipped, deploy.Failed:
		delete(l.running, name)
		l.write(e.Time, name, e.Step, word(e.State), elapsed(e.Elapsed), detail(e))
	}
}

// write is called with mu held.
func (l *lines) write(at time.Time, name string, step deploy.Step, words ...string) {
	l.last = at
	l.t.Note("%s", lineOf(at, name, l.width, step, words...))
}

func (l *lines) Close() {
	close(l.stop)
	<-l.done
}

func lineOf(at time.Time, name string, width int, step deploy.Step, words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-*s  %-9s", at.Format(time.TimeOnly), width, name, step)
	for _, w := range words {
		if w != "" {
			b.WriteString("  " + w)
		}
	}
	return b.String()
}

// oldestFirst yields at most three running steps, the longest running first: enough
// to see what holds things up.
func oldestFirst(running map[string]deploy.Event, began map[string]time.Time) func(func(string, deploy.Event) bool) {
	names := make([]string, 0, len(running))
	for n := range running {
		names = append(names, n)
	}
	sortBy(names, func(a, b string) int { return began[a].Compare(began[b]) })
	return func(yield func(string, deploy.Event) bool) {
		for _, n := range names[:min(3, len(names))] {
			if !yield(n, running[n]) {
				return
			}
		}
	}
}

func word(s deploy.State) string {
	switch s {
	case deploy.Done:
		return "ok"
	case deploy.Failed:
		return "FAILED"
	}
	return string(s)
}

func detail(e deploy.Event) string {
	if e.State == deploy.Failed && e.Error != "" {
		return firstLine(e.Error)
	}
	return firstLine(e.Detail)
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

func elapsed(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
