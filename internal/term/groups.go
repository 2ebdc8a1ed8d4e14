package term

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/deploy"
)

// groups shows each target as one folded group in the log of GitHub Actions,
// written when the target is through, so that groups do not mix. Lines of life come
// from the plain renderer's clock.
type groups struct {
	t    *Terminal
	life *lines

	mu    sync.Mutex
	order []string
	lines map[string][]string
}

func newGroups(t *Terminal) *groups {
	return &groups{t: t, life: newLines(t, nil), lines: map[string][]string{}}
}

func (g *groups) Event(e deploy.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := e.Target.String()
	if e.State == deploy.Started || e.State == deploy.Waiting {
		g.life.Event(e)
		return
	}
	g.life.forget(name)
	if _, known := g.lines[name]; !known {
		g.order = append(g.order, name)
	}
	g.lines[name] = append(g.lines[name], lineOf(e.Time, name, len(name), e.Step, word(e.State), elapsed(e.Elapsed), detail(e)))
	if e.Step == deploy.StepRecord && e.State != deploy.Failed {
		g.write(name)
	}
}

// write is called with mu held.
func (g *groups) write(name string) {
	var b strings.Builder
	b.WriteString("::group::" + escapeData(name) + "\n")
	for _, l := range g.lines[name] {
		b.WriteString(l + "\n")
	}
	b.WriteString("::endgroup::\n")
	_, _ = g.t.talk(b.String(), false)
	delete(g.lines, name)
	g.order = slices.DeleteFunc(g.order, func(n string) bool { return n == name })
}

func (g *groups) Close() {
	g.life.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.order) > 0 {
		g.write(g.order[0])
	}
}

// forget ends a target's running step without a line.
func (l *lines) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, name)
	l.last = time.Now()
}

func sortBy(names []string, by func(a, b string) int) {
	slices.SortFunc(names, func(a, b string) int {
		if c := by(a, b); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
}
