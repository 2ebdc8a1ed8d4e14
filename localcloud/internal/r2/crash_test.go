package r2

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// crashDir tells a process of this test that it is the one to be killed.
const crashDir = "R2_TEST_CRASH_DIR"

// What a killed process acknowledged is there, whole; what it did not is there whole
// or not at all.
func TestAKilledProcessLosesNothing(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		putUntilKilled(t, dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	acknowledged := 0
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAKilledProcessLosesNothing$")
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for seen := 0; seen < 20+round*7 && lines.Scan(); seen++ {
			n, err := strconv.Atoi(lines.Text())
			check(t, err)
			acknowledged = n
		}
		check(t, cmd.Process.Kill())
		for lines.Scan() {
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				acknowledged = n
			}
		}
		_ = cmd.Wait() // it was killed
		s, err := Open(dir, &clock.Clock{})
		check(t, err)
		for n := 0; n <= acknowledged; n++ {
			if got := read(t, s, key(n), GetOptions{}); got != contentOf(n) {
				t.Errorf("round %d: of object %d there are %d bytes, want %d", round, n, len(got), len(contentOf(n)))
			}
		}
		if got := read(t, s, key(acknowledged+1), GetOptions{}); got != contentOf(acknowledged+1) && got != ErrNoSuchKey.Error() {
			t.Errorf("round %d: of an object that was not acknowledged there are %d bytes", round, len(got))
		}
		if want := (acknowledged + 2) / 2; s.countPieces(t) > want+1 {
			t.Errorf("round %d: %d files, want about %d", round, s.countPieces(t), want)
		}
		check(t, s.Close())
	}
}

func key(n int) string { return fmt.Sprint("k", n) }

// contentOf is what object n has; every second one is large.
func contentOf(n int) string { return fmt.Sprint(n, strings.Repeat(large, n%2)) }

func putUntilKilled(t *testing.T, dir string) {
	s, err := Open(dir, &clock.Clock{})
	check(t, err)
	check(t, s.CreateBucket(t.Context(), "b"))
	for n := 0; ; n++ {
		if _, err := s.Head(t.Context(), "b", key(n)); err == nil {
			continue
		}
		put(t, s, key(n), contentOf(n), PutOptions{})
		if _, err := io.WriteString(os.Stdout, fmt.Sprintln(n)); err != nil {
			return
		}
	}
}
