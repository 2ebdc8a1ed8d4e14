package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

var update = flag.Bool("update", false, "write golden files and the reference")

// run runs a command line with no terminal, no environment and an empty folder.
func run(t *testing.T, args ...string) (exit int, out, talk string) {
	t.Helper()
	var o, e bytes.Buffer
	home := t.TempDir()
	exit = Main(append([]string{"-C", t.TempDir()}, args...), term.Streams{In: strings.NewReader(""), Out: &o, Err: &e, Getenv: func(name string) string {
		if name == "CLODO_HOME" {
			return home
		}
		return ""
	}}, "v0.0.0-test")
	return exit, o.String(), e.String()
}

func tree() *cobra.Command {
	return newRoot(&app{term: term.New(term.Streams{Getenv: func(string) string { return "" }})})
}

// walk calls f with every command and the words that lead to it.
func walk(c *cobra.Command, path []string, f func(*cobra.Command, []string)) {
	f(c, path)
	for _, sub := range c.Commands() {
		walk(sub, append(path[:len(path):len(path)], sub.Name()), f)
	}
}

func TestEveryGroupRefusesAWrongWord(t *testing.T) {
	t.Parallel()
	groups := 0
	walk(tree(), nil, func(c *cobra.Command, path []string) {
		if len(visible(c)) == 0 {
			return
		}
		groups++
		t.Run(c.CommandPath(), func(t *testing.T) {
			t.Parallel()
			exit, out, talk := run(t, append(path, "nosuchword")...)
			if exit != int(diag.ExitUsage) || out != "" || !strings.Contains(talk, `unknown command "nosuchword" for `+"`"+c.CommandPath()+"`") {
				t.Errorf("exit %d, stdout %q, stderr %q", exit, out, talk)
			}
		})
	})
	if groups < 5 {
		t.Errorf("only %d groups were found", groups)
	}
}

func TestEveryCommandRefusesAnUnknownFlag(t *testing.T) {
	t.Parallel()
	walk(tree(), nil, func(c *cobra.Command, path []string) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			t.Parallel()
			exit, out, talk := run(t, append(path, "--dryrun")...)
			if exit != int(diag.ExitUsage) || out != "" || !strings.Contains(talk, "did you mean --dry-run?") {
				t.Errorf("exit %d, stdout %q, stderr %q", exit, out, talk)
			}
		})
	})
}

func TestEveryCommandHasHelpWithItsExampleFirst(t *testing.T) {
	t.Parallel()
	walk(tree(), nil, func(c *cobra.Command, path []string) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			t.Parallel()
			exit, out, talk := run(t, append(path, "--help")...)
			if exit != 0 || talk != "" || !strings.HasPrefix(out, c.Short) {
				t.Errorf("exit %d, stdout %q, stderr %q", exit, out, talk)
			}
			if len(visible(c)) == 0 && !c.Hidden && c.Parent().Name() != "completion" && c.Example == "" {
				t.Error("it has no example")
			}
			for _, line := range strings.Split(c.Long, "\n") {
				if len(line) > 84 {
					t.Errorf("%q is too long for a terminal", line)
				}
			}
		})
	})
}

func TestEveryTopCommandStandsInABlock(t *testing.T) {
	t.Parallel()
	_, out, _ := run(t)
	for _, c := range visible(tree()) {
		if !strings.Contains(out, "\n  "+c.Name()+" ") {
			t.Errorf("%s is not on the help page", c.Name())
		}
	}
}

// TestReferenceIsUpToDate compares docs/reference with what the code says; with
// -update it writes the files.
func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	for name, want := range Reference() {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), want); diff != "" {
			t.Errorf("%s is old; write it with: go test ./internal/cli -run Reference -update\n%s", name, diff)
		}
	}
}

func TestEveryExitCodeIsExplained(t *testing.T) {
	t.Parallel()
	var codes []diag.Exit
	for _, e := range exitMeanings() {
		codes = append(codes, e.code)
	}
	want := []diag.Exit{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Error(diff)
	}
}
