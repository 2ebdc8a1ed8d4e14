package npmtest

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/workerd"
)

func TestWranglerIsTheVersionAskedFor(t *testing.T) {
	t.Parallel()
	for _, version := range []string{WranglerOld, WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			out, err := Wrangler(t, version).Command(t.Context(), t.TempDir(), "--version").CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if !strings.Contains(string(out), version) {
				t.Errorf("got %q, want %s", out, version)
			}
		})
	}
}

func TestWorkerdIsThePinnedOne(t *testing.T) {
	t.Parallel()
	out, err := Tool{Argv: []string{Workerd(t)}}.Command(t.Context(), "", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.ReplaceAll(strings.TrimSpace(string(out)), "-", ""), "workerd "+strings.Split(workerd.Version, ".")[1]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLockFilesHoldNoAddressOfARegistry(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(locks, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := locks.ReadFile(path)
		if bytes.Contains(b, []byte(`"resolved"`)) {
			t.Errorf("%s has a resolved address", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
