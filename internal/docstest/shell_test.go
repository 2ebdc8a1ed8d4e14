package docstest

import (
	"runtime"
	"strings"
	"testing"
)

func TestAPageIsASession(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the pages show a POSIX shell")
	}
	page := "# Hi\n```txt title=\"sub/file.txt\"\nhello\n```\n" +
		"```console\n$ cd sub\n$ export WHO=you\n$ cat file.txt; echo $WHO\nhello\nyou\n$ ls nothing # exit 2\nls: …nothing…\n" +
		"$ printf 'a\\nb\\nc\\n'\na\n…\n$ sh -c 'echo ready; exec sleep 60' &\nready\n```\n" +
		"````md\n```console\n$ this is shown, not run\n```\n````\n"
	steps, err := parse(page)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 7 {
		t.Fatalf("got %d steps, want a file and six commands: %+v", len(steps), steps)
	}
	newShell(t, t.TempDir(), "").run("page", steps)
}

func TestAPageThatLiesIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ page, want string }{
		"other output":     {"```console\n$ echo one\ntwo\n```\n", `shows "two" next`},
		"output left out":  {"```console\n$ echo one\n```\n", "the page ends before"},
		"output made up":   {"```console\n$ true\none\n```\n", `shows "one" next`},
		"a failure hidden": {"```console\n$ false\n```\n", "ended with 1, want 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" {
				t.Skip("the pages show a POSIX shell")
			}
			steps, err := parse(c.page)
			if err != nil {
				t.Fatal(err)
			}
			err = newShell(t, t.TempDir(), "").do(steps[0])
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := parse("```console\n$ true\n"); err == nil {
		t.Error("a block without an end is taken")
	}
}
