// Package term is the only printer: answers go to stdout, talk goes to stderr, and
// nothing reaches either without passing the writer that hides secrets.
//
// A Terminal knows what its streams are. Colour, redrawing and questions appear
// only where a person can see and answer them.
package term

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	xterm "golang.org/x/term"
)

// Format is the form of a command's answer.
type Format string

// The formats. Text is for people and may change; the others are contracts.
const (
	Text   Format = "text"
	JSON   Format = "json"   // one document on stdout
	NDJSON Format = "ndjson" // one event per line on stdout, the result last
	GitHub Format = "github" // text, with annotations for GitHub Actions
)

// Formats lists every Format, in the order in which help shows them.
func Formats() []string {
	return []string{string(Text), string(JSON), string(NDJSON), string(GitHub)}
}

// Streams is what a process reads and writes, and its environment.
type Streams struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Getenv func(string) string
}

// Settings are what the flags of the command line say.
type Settings struct {
	Format  Format // default Text
	NoColor bool
	NoInput bool // never ask
	Quiet   bool // no notes
}

// Terminal is where a command answers, talks and asks.
type Terminal struct {
	streams  Streams
	settings Settings
	secrets  *secrets
	out      *redacting
	err      *redacting
	dialogue *dialogue // one for all questions: it keeps what was read ahead

	mu   sync.Mutex // held while writing talk, so that notes and a live block do not mix
	live *live      // the block that is being redrawn, nil when there is none
}

// New makes the Terminal of s with the zero Settings.
func New(s Streams) *Terminal {
	sec := &secrets{}
	t := &Terminal{
		streams: s,
		secrets: sec,
		out:     &redacting{w: s.Out, secrets: sec},
		err:     &redacting{w: s.Err, secrets: sec},
	}
	t.dialogue = &dialogue{t: t}
	return t
}

// Set takes the settings of the command line. It is called before anything is printed.
func (t *Terminal) Set(s Settings) { t.settings = s }

// Format is the form of the answer, Text by default.
func (t *Terminal) Format() Format {
	if t.settings.Format == "" {
		return Text
	}
	return t.settings.Format
}

// Machine reports whether stdout belongs to a program: nothing but the document or
// the events may be written there.
func (t *Terminal) Machine() bool { return t.Format() == JSON || t.Format() == NDJSON }

// Hide makes every output show stars in place of value from now on. Values shorter
// than four bytes are not hidden.
func (t *Terminal) Hide(value string) {
	if len(value) >= shortest && t.GitHubActions() {
		t.talk(fmt.Sprintf("::add-mask::%s\n", escapeData(value)), true)
	}
	t.secrets.add(value)
}

// Quiet reports whether only answers and problems are wanted.
func (t *Terminal) Quiet() bool { return t.settings.Quiet }

// Out is stdout: the answer.
func (t *Terminal) Out() io.Writer { return t.out }

// Err is stderr: the talk. A line written while a live block is shown appears above it.
func (t *Terminal) Err() io.Writer { return talker{t} }

// Note is one line of talk that --quiet hides.
func (t *Terminal) Note(format string, args ...any) {
	if !t.settings.Quiet {
		fmt.Fprintf(t.Err(), format+"\n", args...)
	}
}

// Close shows the cursor again and writes what was kept back. The Terminal can be
// used on.
func (t *Terminal) Close() error {
	t.mu.Lock()
	l := t.live
	t.mu.Unlock()
	if l != nil {
		l.Close()
	}
	errOut, errErr := t.out.flush(), t.err.flush()
	if errOut != nil {
		return errOut
	}
	return errErr
}

// talker writes to stderr above the live block.
type talker struct{ t *Terminal }

func (w talker) Write(p []byte) (int, error) { return w.t.talk(string(p), false) }

// talk writes text to stderr; raw goes around the hiding of secrets and is only for
// telling another program what to hide.
func (t *Terminal) talk(text string, raw bool) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var dst io.Writer = t.err
	if raw {
		dst = t.streams.Err
	}
	if t.live != nil {
		t.live.erase()
	}
	return io.WriteString(dst, text)
}

// CI reports whether a build server runs us: no questions, no redrawing.
func (t *Terminal) CI() bool {
	if v := t.streams.Getenv("CI"); v != "" && v != "false" && v != "0" {
		return true
	}
	for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "TF_BUILD", "TEAMCITY_VERSION"} {
		if t.streams.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// GitHubActions reports whether messages also go out as GitHub annotations.
func (t *Terminal) GitHubActions() bool {
	return t.settings.Format == GitHub || t.streams.Getenv("GITHUB_ACTIONS") == "true"
}

// plainLines reports whether a person asked for lines only: no spinner, no redrawing.
func (t *Terminal) plainLines() bool {
	return t.streams.Getenv("TERM") == "dumb" || t.streams.Getenv("CLODO_ACCESSIBLE") != ""
}

// PipedIn reports whether stdin is a file or a pipe: something to read, not a person.
func (t *Terminal) PipedIn() bool { return !isTerminal(t.streams.In) }

// redraws reports whether stderr can show a block that changes.
func (t *Terminal) redraws() bool {
	return isTerminal(t.streams.Err) && !t.CI() && !t.plainLines() && t.Format() == Text
}

// size is the width and height of the terminal behind w, in cells; 0 means unknown.
func (t *Terminal) size(w io.Writer) (width, height int) {
	if f, ok := w.(*os.File); ok {
		width, height, _ = xterm.GetSize(int(f.Fd()))
	}
	if n, err := strconv.Atoi(t.streams.Getenv("COLUMNS")); err == nil && n > 0 && width > 0 {
		width = n
	}
	return width, height
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && xterm.IsTerminal(int(f.Fd()))
}
