package term

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// Question is something only a person can decide.
type Question struct {
	Text    string // without a question mark where it is an instruction: "Which services?"
	Why     string // one line below it, may be empty
	Instead string // what to put on the command line to answer it, such as "--yes"
	Options []Option
	Many    bool // several options may be chosen, at least one
	Hidden  bool // what is typed is not shown
}

// Option is one answer of a list.
type Option struct {
	Value string
	Label string // default Value
	On    bool   // chosen beforehand, in a question with Many
}

func (o Option) label() string {
	if o.Label == "" {
		return o.Value
	}
	return o.Label
}

// Prompter asks a person. An interrupted question gives ErrInterrupted; where
// nobody can be asked, every method gives a *diag.Error with diag.ExitUsage that
// says what to put on the command line.
type Prompter interface {
	// Choose is the chosen values, exactly one unless q.Many.
	Choose(ctx context.Context, q Question) ([]string, error)
	// Confirm is yes or no, no by default.
	Confirm(ctx context.Context, q Question) (bool, error)
	// Text is one line, without spaces around it unless q.Hidden.
	Text(ctx context.Context, q Question) (string, error)
}

var (
	_ Prompter = forms{}
	_ Prompter = (*dialogue)(nil)
	_ Prompter = nobody{}
)

// ErrInterrupted is a question that was answered with Ctrl-C.
var ErrInterrupted = &diag.Error{
	Finding: diag.Finding{Code: "U011", Severity: diag.SeverityError, Message: "interrupted"},
	State:   diag.NothingChanged,
	Exit:    diag.ExitInterrupted,
}

// Interactive reports whether a person is there to answer.
func (t *Terminal) Interactive() bool {
	return t.cannotAsk() == ""
}

// cannotAsk is why nobody can be asked, or "".
func (t *Terminal) cannotAsk() string {
	switch {
	case t.settings.NoInput:
		return "--no-input is set"
	case t.Format() != Text:
		return "the output is for a program (--output " + string(t.Format()) + ")"
	case t.CI():
		return "this is a build server (CI is set)"
	case !isTerminal(t.streams.In):
		return "there is no terminal to ask on"
	case !isTerminal(t.streams.Err) && !t.plainLines():
		return "stderr is not a terminal, so that the question would not be seen"
	}
	return ""
}

// Prompter is the form of asking that suits the terminal.
func (t *Terminal) Prompter() Prompter {
	switch why := t.cannotAsk(); {
	case why != "":
		return nobody{why: why}
	case t.plainLines():
		return t.dialogue
	}
	return forms{t: t}
}

// nobody answers no question.
type nobody struct{ why string }

func (n nobody) Choose(_ context.Context, q Question) ([]string, error) { return nil, n.refuse(q) }
func (n nobody) Confirm(_ context.Context, q Question) (bool, error)    { return false, n.refuse(q) }
func (n nobody) Text(_ context.Context, q Question) (string, error)     { return "", n.refuse(q) }

func (n nobody) refuse(q Question) error {
	f := diag.Finding{
		Code:     "U002",
		Severity: diag.SeverityError,
		Message:  fmt.Sprintf("%q needs an answer, and nobody can be asked", q.Text),
		Why:      n.why,
		Fix:      "say it on the command line: " + q.Instead,
	}
	if len(q.Options) > 0 {
		values := make([]string, 0, len(q.Options))
		for _, o := range q.Options {
			values = append(values, o.Value)
		}
		f.Fix += "  (one of: " + strings.Join(values, ", ") + ")"
	}
	return &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

// chosen lists the options that are on.
func chosen(options []Option) []string {
	var values []string
	for _, o := range options {
		if o.On {
			values = append(values, o.Value)
		}
	}
	return slices.Clip(values)
}
