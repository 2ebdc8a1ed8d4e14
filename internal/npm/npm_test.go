package npm

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

var hello = Package{Name: "@scope/hello", Version: "1.2.3", Integrity: "sha512-abc"}

// client is a program that stands in for npm: it counts its calls and does body.
func client(t *testing.T, body string) (command, calls string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for npm is a shell script")
	}
	dir := t.TempDir()
	command, calls = filepath.Join(dir, "npm"), filepath.Join(dir, "calls")
	script := "#!/bin/sh\necho \"$@\" >>" + calls + "\n" + body + "\n"
	syscall.ForkLock.RLock() // a child that another test forks now would keep the program from being run
	err := os.WriteFile(command, []byte(script), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return command, calls
}

func TestAPackageIsInstalledOnceByAnyNumberOfCallers(t *testing.T) {
	t.Parallel()
	command, calls := client(t, "mkdir -p node_modules/@scope/hello && cp package-lock.json node_modules/@scope/hello/")
	in := Installer{Dir: t.TempDir(), NPM: command}
	var group sync.WaitGroup
	dirs := make([]string, 8)
	for i := range dirs {
		group.Go(func() {
			dir, err := in.Install(t.Context(), hello)
			if err != nil {
				t.Error(err)
			}
			dirs[i] = dir
		})
	}
	group.Wait()
	for _, dir := range dirs {
		if dir != dirs[0] {
			t.Fatalf("callers got different folders: %q", dirs)
		}
	}
	if n := strings.Count(read(t, calls), "\n"); n != 1 {
		t.Errorf("npm ran %d times, want once", n)
	}
	if got := read(t, calls); !strings.Contains(got, "ci --ignore-scripts --no-audit --no-fund") {
		t.Errorf("npm ran as %q: install scripts have to stay off", got)
	}
	var got any
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dirs[0], "package-lock.json"))), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "clodo-download", "lockfileVersion": 3.0, "requires": true,
		"packages": map[string]any{
			"":                          map[string]any{"name": "clodo-download", "dependencies": map[string]any{"@scope/hello": "1.2.3"}},
			"node_modules/@scope/hello": map[string]any{"version": "1.2.3", "integrity": "sha512-abc"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lock file (-want +got):\n%s", diff)
	}
}

func TestAFailureSaysWhatToDoAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, code string }{
		"a package with other content than pinned": {"echo 'npm error code EINTEGRITY' >&2; exit 1", "N203"},
		"a registry name that does not resolve":    {"echo 'npm error code ENOTFOUND' >&2; exit 1", "N202"},
		"a registry that answers 503":              {"echo 'npm error code E503' >&2; exit 1", "N202"},
		"a registry that is tried again for seconds, not minutes": {
			"case \"$*\" in *--fetch-retry-maxtimeout=5000*) echo 'npm error code ECONNREFUSED' >&2;; esac; exit 1", "N202",
		},
		"a full disk": {"mkdir node_modules; echo 'npm error code ENOSPC' >&2; exit 1", "N204"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, _ := client(t, c.body)
			root := t.TempDir()
			_, err := Installer{Dir: root, NPM: command}.Install(t.Context(), hello)
			checkCode(t, err, c.code)
			checkEmpty(t, root)
		})
	}
	t.Run("no npm at all", func(t *testing.T) {
		t.Parallel()
		_, err := Installer{Dir: t.TempDir(), NPM: "npm-that-is-not-there"}.Install(t.Context(), hello)
		checkCode(t, err, "N201")
	})
	t.Run("cancelled while npm runs", func(t *testing.T) {
		t.Parallel()
		command, calls := client(t, "exec sleep 60")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Stat(calls); err == nil {
					cancel()
				}
				runtime.Gosched()
			}
		}()
		root := t.TempDir()
		_, err := Installer{Dir: root, NPM: command}.Install(ctx, hello)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		checkEmpty(t, root)
	})
}

func TestWhyTheRegistryDidNotAnswerIsOneLine(t *testing.T) {
	t.Parallel()
	told := failure("hello@1.0.0", `npm error code ECONNREFUSED
npm error errno ECONNREFUSED
npm error FetchError: request to http://127.0.0.1:9/hello failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error     at ClientRequest.<anonymous> (minipass-fetch/lib/index.js:130:14)
npm error   port: 9,
npm error }
`, errors.New("exit status 1"))
	checkCode(t, told, "N202")
	if want := "request to http://127.0.0.1:9/hello failed, reason: connect ECONNREFUSED 127.0.0.1:9"; told.(*diag.Error).Why != want {
		t.Errorf("why: %s", told.(*diag.Error).Why)
	}
}

func TestADeadHolderLetsGoOfTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	holder := exec.Command(os.Args[0], "-test.run=TestHoldLock")
	holder.Env = append(os.Environ(), "CLODO_TEST_HOLD="+path)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal("the holder did not say that it holds the lock")
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(short, path); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v while another process holds the lock, want context.Canceled", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // killed on purpose
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// TestHoldLock is the other process of TestADeadHolderLetsGoOfTheLock.
func TestHoldLock(t *testing.T) {
	path := os.Getenv("CLODO_TEST_HOLD")
	if path == "" {
		return // it is run as another process only
	}
	if _, err := lock(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("held\n")
	select {}
}

func checkCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *diag.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a diag.Error", err)
	}
	if e.Code != code || e.Fix == "" || e.State != diag.NothingChanged {
		t.Errorf("got %s (fix %q, state %q), want %s with a fix", e.Code, e.Fix, e.State, code)
	}
	if _, ok := diag.Explain(e.Code); !ok {
		t.Errorf("%s has no page", e.Code)
	}
}

func checkEmpty(t *testing.T, root string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "npm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
