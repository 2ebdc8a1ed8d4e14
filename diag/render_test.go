package diag_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

func TestRender(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		findings []diag.Finding
		want     string
	}{
		"a finding with everything marks the whole value": {
			[]diag.Finding{{
				Code: "C010", Severity: diag.SeverityError, Message: `unknown key "domain" in services.auth`,
				Why: "because", Fix: `did you mean "domains"?`, Source: "    domain:",
				Pos: diag.Position{File: "clodo.yaml", Line: 32, Column: 5, EndColumn: 11},
			}},
			`error[C010]: unknown key "domain" in services.auth
  --> clodo.yaml:32:5
   |
32 |     domain:
   |     ^^^^^^
   = why: because
   = fix: did you mean "domains"?
`,
		},
		"without an end one mark is set, and the gutter is as wide as the number": {
			[]diag.Finding{{
				Code: "W001", Severity: diag.SeverityWarning, Message: "m", Source: "\t\"a\": {",
				Pos: diag.Position{File: "w.jsonc", Line: 9, Column: 7},
			}},
			"warning[W001]: m\n  --> w.jsonc:9:7\n  |\n9 | \t\"a\": {\n  | \t     ^\n",
		},
		"without a place only the texts are left, and long ones are aligned": {
			[]diag.Finding{{Code: "A103", Severity: diag.SeverityError, Message: "m", Why: "first\nsecond", Fix: "f"}},
			"error[A103]: m\n  = why: first\n         second\n  = fix: f\n",
		},
		"an empty line stands between two findings": {
			[]diag.Finding{{Severity: diag.SeverityNote, Message: "a"}, {Severity: diag.SeverityNote, Message: "b"}},
			"note: a\n\nnote: b\n",
		},
		"what steers a terminal is shown as a dot": {
			[]diag.Finding{{Severity: diag.SeverityError, Message: "m", Source: "a: \x1b[2J", Pos: diag.Position{File: "f", Line: 1, Column: 4, EndColumn: 8}}},
			"error: m\n  --> f:1:4\n  |\n1 | a: ·[2J\n  |    ^^^^\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			if err := diag.Render(&b, tt.findings); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, b.String()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestRenderShowsTheMarkedPartOfAVeryLongLine(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 5000) + "HERE" + strings.Repeat("y", 5000)
	var b strings.Builder
	f := diag.Finding{Severity: diag.SeverityError, Message: "m", Source: line, Pos: diag.Position{File: "f", Line: 1, Column: 5001, EndColumn: 5005}}
	if err := diag.Render(&b, []diag.Finding{f}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	text, mark := lines[3], lines[4]
	if len(text) > 200 || strings.Index(text, "HERE")-len("…")+1 != strings.Index(mark, "^^^^") {
		t.Errorf("the mark is not below the text:\n%s\n%s", text, mark)
	}
}

func TestRendererStylesEachPart(t *testing.T) {
	t.Parallel()
	wrap := func(name string) func(string) string {
		return func(s string) string { return "<" + name + ">" + s + "</>" }
	}
	r := diag.Renderer{Error: wrap("e"), Message: wrap("m"), Place: wrap("p"), Mark: wrap("k")}
	var b strings.Builder
	f := diag.Finding{Code: "X1", Severity: diag.SeverityError, Message: "m", Fix: "f", Source: "ab", Pos: diag.Position{File: "f", Line: 1, Column: 2, EndColumn: 3}}
	if err := r.Render(&b, []diag.Finding{f}); err != nil {
		t.Fatal(err)
	}
	want := "<e>error[X1]</>: <m>m</>\n  <p>--></> f:1:2\n  <p>|</>\n<p>1 |</> ab\n  <p>|</>  <k>^</>\n  <p>= fix:</> f\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	at := func(s diag.Severity, file string) diag.Finding {
		return diag.Finding{Severity: s, Pos: diag.Position{File: file, Line: 1}}
	}
	tests := map[string]struct {
		findings []diag.Finding
		want     string
	}{
		"nothing found says nothing":            {nil, ""},
		"one problem names its file":            {[]diag.Finding{at(diag.SeverityError, "a")}, "1 problem in a"},
		"several kinds in several files add up": {[]diag.Finding{at(diag.SeverityError, "a"), at(diag.SeverityError, "a"), at(diag.SeverityWarning, "b")}, "2 problems and 1 warning in 2 files"},
		"without a file only the numbers count": {[]diag.Finding{{Severity: diag.SeverityWarning}}, "1 warning"},
	}
	for name, tt := range tests {
		if got := diag.Summary(tt.findings); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
