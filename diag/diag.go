// Package diag is how clodo tells a person that something is wrong: what happened,
// which thing, where, why, what to do next, and whether anything was changed.
//
// A Finding is one problem in something that was read; an Error is a command that
// could not do its work and may carry findings. Every code has a page, see Explain.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Severity orders findings: an Error stops the command, a Warning is printed and
// the command goes on, a Note only informs.
type Severity string

// The severities, from worst to least.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Position is a place in a file. Line and Column count from 1, Column in runes;
// EndColumn is exclusive and 0 when unknown. The zero Position means "no place".
type Position struct {
	File      string `json:"file"` // slash-separated, relative to the portfolio's root where it lies below it
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
}

// IsZero reports whether p names no place.
func (p Position) IsZero() bool { return p.File == "" }

// String is "file:line:col", the form editors and terminals make clickable.
func (p Position) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Finding is one problem. Message starts with the thing, Why gives the cause, Fix
// is something to type or a place to edit; Message is the only required text.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Why      string   `json:"why,omitempty"`
	Fix      string   `json:"fix,omitempty"`
	Pos      Position `json:"position,omitzero"`
	Source   string   `json:"source,omitempty"` // the line at Pos, with sensitive values already hidden
}

// Error makes one finding usable as an error.
func (f Finding) Error() string {
	if f.Pos.IsZero() {
		return f.Message
	}
	return f.Pos.String() + ": " + f.Message
}

// Sort orders findings by file, line and column, worst first on the same place.
func Sort(fs []Finding) {
	rank := map[Severity]int{SeverityError: 0, SeverityWarning: 1, SeverityNote: 2}
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column), cmp.Compare(rank[a.Severity], rank[b.Severity]))
	})
}

// HasErrors reports whether any of fs is of SeverityError.
func HasErrors(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == SeverityError })
}

// Exit is the exit code of the clodo command. The numbers are a contract with
// scripts and are listed in docs/reference/exit-codes.md.
type Exit int

// The exit codes. When several apply, WorstExit decides.
const (
	ExitOK          Exit = 0   // done, or nothing to do
	ExitFailed      Exit = 1   // failed, nothing better to say
	ExitUsage       Exit = 2   // wrong command line, or a question that could not be asked
	ExitConfig      Exit = 3   // a problem in files, policy or plan; nothing was changed
	ExitAuth        Exit = 4   // not signed in, or the token lacks a permission
	ExitPartial     Exit = 5   // some targets done, some not
	ExitRolledBack  Exit = 6   // clodo rolled back: the old version is serving
	ExitBusy        Exit = 7   // someone else is deploying, or the world changed since the plan
	ExitPending     Exit = 8   // still going: waiting for a person or a timeout
	ExitUnavailable Exit = 9   // Cloudflare or the network did not answer after retries
	ExitChanges     Exit = 10  // only with --exit-code: the plan has changes, or status is not healthy
	ExitStuck       Exit = 11  // undo failed too: a person must act
	ExitInterrupted Exit = 130 // interrupted; what was done is printed
)

// WorstExit is the code of a command for which several apply.
func WorstExit(codes ...Exit) Exit {
	for _, c := range []Exit{ExitInterrupted, ExitStuck, ExitUnavailable, ExitAuth, ExitBusy, ExitPartial, ExitRolledBack, ExitConfig, ExitUsage, ExitFailed, ExitPending, ExitChanges} {
		if slices.Contains(codes, c) {
			return c
		}
	}
	return ExitOK
}

// Error is a failure told to a person. State says what is left behind and is the
// last line printed ("Nothing was changed."); it is empty only when unknown.
type Error struct {
	Finding
	State     string
	Exit      Exit
	Retryable bool
	Findings  []Finding // details, when one cause has many places
	Err       error     // the underlying error, for errors.Is and As; never printed twice
}

// NothingChanged is the State of every failure that came before the first change.
const NothingChanged = "Nothing was changed."

// NoWorkerChanged is the State of a failure that left every Worker as it was, and not all
// that is beside them.
const NoWorkerChanged = "No Worker was changed."

func (e *Error) Error() string {
	if e.Message == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Finding.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Details are the findings of a failure: the many places of one cause, or itself.
func (e *Error) Details() []Finding {
	if len(e.Findings) > 0 {
		return e.Findings
	}
	f := e.Finding
	if f.Message == "" {
		f.Message = e.Error()
	}
	return []Finding{f}
}

// Errors lists what has to be told of err: joined errors one by one, and one that is no
// Error in the form of one, with code I902. It is empty for nil.
func Errors(err error) []*Error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var list []*Error
		for _, e := range many.Unwrap() {
			list = append(list, Errors(e)...)
		}
		return list
	}
	if told, ok := errors.AsType[*Error](err); ok {
		return []*Error{told}
	}
	return []*Error{{Finding: Finding{Code: "I902", Severity: SeverityError, Message: err.Error()}, Exit: ExitFailed, Err: err}}
}

// ExitOf is the exit code that err asks for: ExitOK for nil, ExitFailed for an error
// without one. Joined errors give the worst of their codes.
func ExitOf(err error) Exit {
	var codes []Exit
	for _, e := range Errors(err) {
		codes = append(codes, cmp.Or(e.Exit, ExitFailed))
	}
	return WorstExit(codes...)
}

// Findings turns findings into an error, or nil when none of them is of SeverityError.
// It ends with ExitConfig, or with ExitAuth when one is about the token (codes A1xx).
func Findings(fs []Finding) error {
	if !HasErrors(fs) {
		return nil
	}
	Sort(fs)
	exit := ExitConfig
	if slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == SeverityError && strings.HasPrefix(f.Code, "A1") }) {
		exit = ExitAuth
	}
	return &Error{Finding: fs[slices.IndexFunc(fs, func(f Finding) bool { return f.Severity == SeverityError })], State: NothingChanged, Exit: exit, Findings: fs}
}
