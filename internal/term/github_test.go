package term

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

func TestAnnotationEscapesWhatGitHubReads(t *testing.T) {
	t.Parallel()
	term, _, talk := newTest(env{"GITHUB_ACTIONS": "true"}, Settings{})
	term.Annotate([]diag.Finding{{
		Code: "C021", Severity: diag.SeverityError, Message: "100% wrong", Fix: "line one\nline two",
		Pos: diag.Position{File: "a,b:c.yaml", Line: 3, Column: 5, EndColumn: 9},
	}})
	want := "::error file=a%2Cb%3Ac.yaml,line=3,col=5,endColumn=9,title=C021::100%25 wrong%0Aline one%0Aline two\n"
	if diff := cmp.Diff(want, talk.String()); diff != "" {
		t.Error(diff)
	}
}

func TestAnnotationsAreAsManyAsGitHubShowsWorstFirst(t *testing.T) {
	t.Parallel()
	term, _, talk := newTest(env{"GITHUB_ACTIONS": "true"}, Settings{})
	fs := []diag.Finding{{Code: "W1", Severity: diag.SeverityWarning, Message: "warned"}}
	for i := range 12 {
		fs = append(fs, diag.Finding{Code: "C1", Severity: diag.SeverityError, Message: fmt.Sprint("wrong ", i)})
	}
	term.Annotate(fs)
	got := strings.Split(strings.TrimSpace(talk.String()), "\n")
	if len(got) != 12 || !strings.HasPrefix(got[0], "::error") || !strings.HasPrefix(got[10], "::warning") {
		t.Errorf("got %q", got)
	}
	if want := "2 more are in the log above; GitHub shows 10 of a kind"; got[len(got)-1] != want {
		t.Errorf("last line %q, want %q", got[len(got)-1], want)
	}
}

func TestNothingIsAnnotatedElsewhere(t *testing.T) {
	t.Parallel()
	term, _, talk := newTest(env{}, Settings{})
	term.Annotate([]diag.Finding{{Severity: diag.SeverityError, Message: "x"}})
	if talk.String() != "" {
		t.Errorf("got %q", talk.String())
	}
}

func TestHiddenValuesAreMaskedAtGitHubFirst(t *testing.T) {
	t.Parallel()
	term, _, talk := newTest(env{"GITHUB_ACTIONS": "true"}, Settings{})
	term.Hide("topsecret")
	term.Note("the key is topsecret")
	if want := "::add-mask::topsecret\nthe key is *****\n"; talk.String() != want {
		t.Errorf("got %q, want %q", talk.String(), want)
	}
}
