package term

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

// env is an environment for tests.
type env map[string]string

func (e env) get(name string) string { return e[name] }

func newTest(e env, s Settings) (t *Terminal, out, talk *bytes.Buffer) {
	out, talk = &bytes.Buffer{}, &bytes.Buffer{}
	t = New(Streams{In: strings.NewReader(""), Out: out, Err: talk, Getenv: e.get})
	t.Set(s)
	return t, out, talk
}

func TestColourAppearsOnlyWhereItIsWanted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		env      env
		settings Settings
		want     bool
	}{
		{"a pipe gets none", env{}, Settings{}, false},
		{"CLICOLOR_FORCE colours a pipe", env{"CLICOLOR_FORCE": "1"}, Settings{}, true},
		{"FORCE_COLOR colours a pipe", env{"FORCE_COLOR": "1"}, Settings{}, true},
		{"FORCE_COLOR=0 forces nothing", env{"FORCE_COLOR": "0"}, Settings{}, false},
		{"NO_COLOR wins over force", env{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, Settings{}, false},
		{"--no-color wins over force", env{"CLICOLOR_FORCE": "1"}, Settings{NoColor: true}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			term, _, _ := newTest(tt.env, tt.settings)
			if got := term.OutStyle().On(); got != tt.want {
				t.Errorf("colour is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCIIsRecognised(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  env
		want bool
	}{
		{"nothing set", env{}, false},
		{"CI=true", env{"CI": "true"}, true},
		{"CI=false is no CI", env{"CI": "false"}, false},
		{"GitHub", env{"GITHUB_ACTIONS": "true"}, true},
		{"TeamCity", env{"TEAMCITY_VERSION": "2026.1"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			term, _, _ := newTest(tt.env, Settings{})
			if got := term.CI(); got != tt.want {
				t.Errorf("CI is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		env      env
		settings Settings
		wantWhy  string
	}{
		{"stdin is a pipe", env{}, Settings{}, "there is no terminal to ask on"},
		{"a build server", env{"CI": "1"}, Settings{}, "this is a build server (CI is set)"},
		{"--no-input", env{}, Settings{NoInput: true}, "--no-input is set"},
		{"--json", env{}, Settings{Format: JSON}, "the output is for a program (--output json)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			term, _, _ := newTest(tt.env, tt.settings)
			_, err := term.Prompter().Choose(t.Context(), Question{
				Text: "Which environment?", Instead: "--env NAME", Options: []Option{{Value: "staging"}, {Value: "production"}},
			})
			var got *diag.Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want a *diag.Error", err)
			}
			want := diag.Finding{
				Code: "U002", Severity: diag.SeverityError,
				Message: `"Which environment?" needs an answer, and nobody can be asked`,
				Why:     tt.wantWhy, Fix: "say it on the command line: --env NAME  (one of: staging, production)",
			}
			if diff := cmp.Diff(want, got.Finding); diff != "" {
				t.Error(diff)
			}
			if got.Exit != diag.ExitUsage {
				t.Errorf("exit %d, want %d", got.Exit, diag.ExitUsage)
			}
		})
	}
}

func TestTableInAPipeIsTabsWithoutHeadings(t *testing.T) {
	t.Parallel()
	term, out, _ := newTest(env{}, Settings{})
	term.Table([][]string{{"NAME", "STATE"}, {"api", "live"}, {"a-much-longer-name", "live"}})
	if want := "api\tlive\na-much-longer-name\tlive\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTableInATerminalIsAlignedAndCut(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeAligned(&b, [][]string{{"NAME", "STATE"}, {"api", "live"}, {"größer", "a text that is too long"}}, 20, Style{})
	want := "NAME    STATE\napi     live\ngrößer  a text that…\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestQuietHidesNotesAndNotAnswers(t *testing.T) {
	t.Parallel()
	term, out, talk := newTest(env{}, Settings{Quiet: true})
	term.Note("a note")
	_, _ = term.Out().Write([]byte("answer"))
	if talk.String() != "" || out.String() != "answer" {
		t.Errorf("talk %q, answer %q", talk.String(), out.String())
	}
}

func TestPanicReportHoldsTheStackAndNoSecret(t *testing.T) {
	term, _, talk := newTest(env{}, Settings{})
	t.Setenv("TMPDIR", t.TempDir())
	term.Hide("topsecret")
	term.ReportPanic("index of topsecret", []byte("goroutine 1\nmain.go:7 topsecret"))
	said := talk.String()
	if !strings.Contains(said, "error[I901]: this is a bug in clodo: index of *****") {
		t.Errorf("said %q", said)
	}
	_, rest, _ := strings.Cut(said, "developers: ")
	path, _, _ := strings.Cut(rest, "\n")
	report, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(report); !strings.Contains(s, "main.go:7 *****") || strings.Contains(s, "topsecret") {
		t.Errorf("report %q", s)
	}
}
