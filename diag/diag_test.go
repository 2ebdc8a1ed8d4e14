package diag_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/diag"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	candidates := []string{"deploy", "plan", "status", "rollback", "production", "staging"}
	tests := []struct{ name, in, want string }{
		{"two letters swapped", "depoly", "deploy"},
		{"one letter missing", "prodution", "production"},
		{"one letter too many", "plann", "plan"},
		{"a beginning", "prod", "production"},
		{"too short to be a beginning", "pr", ""},
		{"nothing like it", "xyzzy", ""},
		{"the word itself", "status", "status"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := diag.Nearest(tt.in, candidates); got != tt.want {
				t.Errorf("Nearest(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestNearestFindsAnyWordWithOneLetterChanged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{4,12}`).Draw(t, "word")
		i := rapid.IntRange(0, len(word)-1).Draw(t, "i")
		typo := word[:i] + "_" + word[i+1:]
		if got := diag.Nearest(typo, []string{"0000000000000000", word}); got != word {
			t.Errorf("Nearest(%q) = %q, want %q", typo, got, word)
		}
	})
}

func TestExitOf(t *testing.T) {
	t.Parallel()
	fail := func(e diag.Exit) error { return &diag.Error{Exit: e} }
	tests := []struct {
		name string
		err  error
		want diag.Exit
	}{
		{"no error", nil, diag.ExitOK},
		{"an error of nobody's", errors.New("x"), diag.ExitFailed},
		{"a wrapped error keeps its code", fmt.Errorf("deploy api: %w", fail(diag.ExitAuth)), diag.ExitAuth},
		{"the worst of several", errors.Join(fail(diag.ExitConfig), fail(diag.ExitUnavailable), fail(diag.ExitRolledBack)), diag.ExitUnavailable},
		{"stuck beats everything but an interrupt", errors.Join(fail(diag.ExitUnavailable), fail(diag.ExitStuck)), diag.ExitStuck},
		{"an interrupt beats everything", errors.Join(fail(diag.ExitStuck), fail(diag.ExitInterrupted)), diag.ExitInterrupted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := diag.ExitOf(tt.err); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	warning := diag.Finding{Code: "W001", Severity: diag.SeverityWarning, Message: "w", Pos: diag.Position{File: "a", Line: 1}}
	first := diag.Finding{Code: "C010", Severity: diag.SeverityError, Message: "first", Pos: diag.Position{File: "a", Line: 2, Column: 3}}
	second := diag.Finding{Code: "C011", Severity: diag.SeverityError, Message: "second", Pos: diag.Position{File: "b", Line: 1}}
	if err := diag.Findings([]diag.Finding{warning}); err != nil {
		t.Errorf("warnings alone are no error, got %v", err)
	}
	err := diag.Findings([]diag.Finding{second, first, warning})
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Exit != diag.ExitConfig || e.State != diag.NothingChanged {
		t.Fatalf("got %#v", err)
	}
	if got, want := err.Error(), "a:2:3: first"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if d := cmp.Diff([]diag.Finding{warning, first, second}, e.Findings); d != "" {
		t.Errorf("not sorted (-want +got):\n%s", d)
	}
	token := diag.Finding{Code: "A103", Severity: diag.SeverityError, Message: "the token may not"}
	if got := diag.ExitOf(diag.Findings([]diag.Finding{first, token})); got != diag.ExitAuth {
		t.Errorf("what the token lacks ends with %d, want %d", got, diag.ExitAuth)
	}
}

func TestEveryPageHasTitleExampleAndFix(t *testing.T) {
	t.Parallel()
	for _, code := range diag.Codes() {
		page, ok := diag.Explain(strings.ToLower(code))
		if !ok || !strings.HasPrefix(page, "# ") || !strings.Contains(page, "["+code+"]") || !strings.Contains(page, "Fix") {
			t.Errorf("%s: wants a title, an example that shows [%s], and the word Fix", code, code)
		}
	}
	if _, ok := diag.Explain("Z999"); ok {
		t.Error("Z999 has a page")
	}
}

func TestErrorsAreToldOneByOne(t *testing.T) {
	t.Parallel()
	one := &diag.Error{Finding: diag.Finding{Code: "W001", Message: "one"}}
	two := &diag.Error{Finding: diag.Finding{Code: "W002"}, Err: errors.New("two")}
	three := diag.Findings([]diag.Finding{{Code: "W003", Severity: diag.SeverityError, Message: "three"}, {Code: "W004", Severity: diag.SeverityError, Message: "four"}})
	for _, tt := range []struct {
		name string
		err  error
		want []string
	}{
		{"nothing", nil, nil},
		{"an error of ours that is wrapped", fmt.Errorf("around: %w", one), []string{"W001 one"}},
		{"one whose text is that of its cause", two, []string{"W002 two"}},
		{"another's error", errors.New("a mistake"), []string{"I902 a mistake"}},
		{"joined ones in joined ones", errors.Join(one, errors.Join(two, errors.New("a mistake"))), []string{"W001 one", "W002 two", "I902 a mistake"}},
		{"many places of one cause", three, []string{"W003 three", "W004 four"}},
	} {
		var got []string
		for _, e := range diag.Errors(tt.err) {
			for _, f := range e.Details() {
				got = append(got, f.Code+" "+f.Message)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}
