package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

func TestGitHubGetsAPageAndOutputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": filepath.Join(dir, "page"), "GITHUB_OUTPUT": filepath.Join(dir, "out"),
	}
	getenv := func(name string) string { return env[name] }
	a := &app{getenv: getenv, term: term.New(term.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: getenv})}
	a.reply = a.releaseReply(sampleRelease(), nil)
	a.summarize("clodo deploy", diag.ExitPartial)
	for name, want := range map[string]string{
		"page": "### `clodo deploy` ended with exit code 5\n\n| TARGET | STATE | VERSION | URL | SECONDS |\n| --- | --- | --- | --- | --- |\n" +
			"| auth/staging | released | 1f2e3d4c | https://auth.example.com | 2.0 |\n| api/staging | rolled-back | 0a0a0a0a |  | 3.0 |\n| web/staging | unchanged |  |  | 0.0 |\n",
		"out": "deployment=r_01\nurls=https://auth.example.com\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
