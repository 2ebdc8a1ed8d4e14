package term

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/tamylaa/clodo/deploy"
)

const (
	frameEvery = 100 * time.Millisecond
	spinner    = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	beginFrame = "\x1b[?2026h" // terminals that know it draw the block at once
	endFrame   = "\x1b[?2026l"
	clearLine  = "\r\x1b[2K"
)

// track is the order of steps in the bar. A release that needs no step marks it
// skipped.
func track() []deploy.Step {
	return []deploy.Step{
		deploy.StepBuild, deploy.StepCheck, deploy.StepResource, deploy.StepMigrate, deploy.StepUpload,
		deploy.StepSmoke, deploy.StepShift, deploy.StepTriggers, deploy.StepVerify, deploy.StepRecord,
	}
}

// live is a block of lines redrawn in place, one per target. The terminal stays in
// its ordinary mode: stdin is untouched and Ctrl-C works.
type live struct {
	t       *Terminal
	style   Style
	passing bool

	mu    sync.Mutex
	rows  []*row
	frame int

	drawn  int // lines of the block on the screen; guarded by t.mu
	closed sync.Once
	stop   chan struct{}
	done   chan struct{}
}

// row is one target in the block.
type row struct {
	name   string
	done   []deploy.Step
	now    deploy.Event
	since  time.Time
	failed *deploy.Event // the first step that failed
}

func newLive(t *Terminal, o ProgressOptions) *live {
	l := &live{t: t, style: t.ErrStyle(), passing: o.Passing, stop: make(chan struct{}), done: make(chan struct{})}
	for _, n := range o.Targets {
		l.rows = append(l.rows, &row{name: n})
	}
	t.mu.Lock()
	t.live = l
	_, _ = io.WriteString(t.err, hideCursor)
	t.mu.Unlock()
	go l.redraw()
	return l
}

func (l *live) redraw() {
	defer close(l.done)
	ticker := time.NewTicker(frameEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.draw()
		case <-l.stop:
			return
		}
	}
}

func (l *live) Event(e deploy.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := e.Target.String()
	i := slices.IndexFunc(l.rows, func(r *row) bool { return r.name == name })
	if i < 0 {
		l.rows = append(l.rows, &row{name: name})
		i = len(l.rows) - 1
	}
	l.rows[i].event(e)
}

func (r *row) event(e deploy.Event) {
	if e.Step != r.now.Step {
		r.since = e.Time
	}
	r.now = e
	switch e.State {
	case deploy.Done, deploy.Skipped:
		r.done = append(r.done, e.Step)
	case deploy.Failed:
		if r.failed == nil {
			r.failed = &e
		}
	}
}

func (l *live) draw() {
	width, height := l.t.size(l.t.streams.Err)
	l.mu.Lock()
	l.frame++
	block := l.lines(time.Now(), width, height)
	l.mu.Unlock()

	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	var b strings.Builder
	b.WriteString(beginFrame)
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.drawn)
	}
	for _, line := range block {
		b.WriteString(clearLine + line + "\n")
	}
	for range l.drawn - len(block) {
		b.WriteString(clearLine + "\n")
	}
	if n := l.drawn - len(block); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n)
	}
	b.WriteString(endFrame)
	l.drawn = len(block)
	_, _ = io.WriteString(l.t.err, b.String())
}

// erase takes the block off the screen, so that a line can be written in its place;
// the next frame draws it again below. Called with t.mu held.
func (l *live) erase() {
	if l.drawn == 0 {
		return
	}
	_, _ = fmt.Fprintf(l.t.err, "\x1b[%dA\x1b[J", l.drawn)
	l.drawn = 0
}

// Close draws the last frame and leaves it on the screen, unless it is passing.
func (l *live) Close() {
	l.closed.Do(func() {
		close(l.stop)
		<-l.done
		l.draw()
		l.t.mu.Lock()
		defer l.t.mu.Unlock()
		if l.passing {
			l.erase()
		}
		_, _ = io.WriteString(l.t.err, showCursor)
		l.t.live = nil
	})
}

// lines is the block at one moment. When the screen is too low for all targets, the
// ones that need looking at stay and a last line counts the others.
func (l *live) lines(now time.Time, width, height int) []string {
	nameWidth := 20
	for _, r := range l.rows {
		nameWidth = max(nameWidth, ansi.StringWidth(r.name))
	}
	rows, hidden := l.rows, 0
	if room := height - 2; height > 0 && len(rows) > room {
		room = max(1, room-1)
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, func(a, b *row) int { return a.rank() - b.rank() })
		hidden = len(rows) - room
		rows = rows[:room]
	}
	var out []string
	for _, r := range rows {
		out = append(out, cut(r.line(l.style, l.spin(), nameWidth, now), width))
	}
	if hidden > 0 {
		out = append(out, l.style.Dim(cut(fmt.Sprintf("    and %d more", hidden), width)))
	}
	return out
}

// rank orders rows on a low screen: failed, running, waiting, done.
func (r *row) rank() int {
	switch {
	case r.failed != nil:
		return 0
	case r.finished():
		return 3
	case r.now.Step != "":
		return 1
	}
	return 2
}

func (r *row) finished() bool { return slices.Contains(r.done, deploy.StepRecord) }

func (l *live) spin() string {
	frames := []rune(spinner)
	return string(frames[l.frame%len(frames)])
}

func (r *row) line(style Style, spin string, nameWidth int, now time.Time) string {
	mark, tail := style.Dim("·"), style.Dim("waiting")
	switch {
	case r.failed != nil && r.now.Step == deploy.StepUndo:
		mark, tail = r.undoing(style, spin)
	case r.failed != nil:
		mark = style.Red("✗")
		tail = style.Red(string(r.failed.Step)+" failed") + "  " + detail(*r.failed)
	case r.finished():
		mark, tail = style.Green("✓"), firstLine(r.now.Detail)
	case r.now.Step != "":
		mark = style.Cyan(spin)
		tail = string(r.now.Step)
		if d := firstLine(r.now.Detail); d != "" {
			tail += " " + d
		}
		tail += " " + style.Dim(ticking(now.Sub(r.since)))
	}
	name := r.name + strings.Repeat(" ", max(0, nameWidth-ansi.StringWidth(r.name)))
	return strings.TrimRight(fmt.Sprintf("  %s %s  %s  %s", mark, name, r.bar(style), tail), " ")
}

// ticking is a time that goes on, in whole seconds: tenths would only flicker.
func ticking(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return elapsed(d)
}

func (r *row) undoing(style Style, spin string) (mark, tail string) {
	why := string(r.failed.Step) + " failed: " + detail(*r.failed)
	switch r.now.State {
	case deploy.Done, deploy.Skipped:
		return style.Yellow("↩"), style.Yellow("undone") + "  " + why
	case deploy.Failed:
		return style.Red("✗"), style.Red("undo failed") + "  " + detail(r.now)
	}
	return style.Yellow(spin), style.Yellow("undoing") + "  " + why
}

// bar shows how far the target is. A step that was passed without being needed is
// drawn, but not in the colour of what was done.
func (r *row) bar(style Style) string {
	steps := track()
	furthest := -1
	for i, s := range steps {
		if slices.Contains(r.done, s) {
			furthest = i
		}
	}
	var b strings.Builder
	for i, s := range steps {
		switch {
		case r.failed != nil && r.failed.Step == s:
			b.WriteString(style.Red("━"))
		case slices.Contains(r.done, s):
			b.WriteString(style.Green("━"))
		case i < furthest:
			b.WriteString(style.Dim("━"))
		default:
			b.WriteString(style.Dim("─"))
		}
	}
	return b.String()
}

// cut shortens a line to the width: a line that wraps would leave ghosts behind.
func cut(line string, width int) string {
	if width <= 0 {
		return line
	}
	return ansi.Truncate(line, width-1, "…")
}
