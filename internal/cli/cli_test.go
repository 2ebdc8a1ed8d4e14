package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tamylaa/clodo/internal/gotest"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"clodo": func() {
			streams := term.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
			os.Exit(Main(os.Args[1:], streams, "v0.0.0-test"))
		},
	})
}

// TestScripts runs the real command where it needs no Cloudflare at all.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/script", "")
}

// TestLocalScripts runs the real command with the Cloudflare on this machine.
func TestLocalScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/local", npmtest.Workerd(t))
}

// runScripts gives each script a home of its own, no token, and no build server
// around it, and ends the local clouds that it leaves behind.
func runScripts(t *testing.T, dir, workerd string) {
	environment := gotest.Environment(t)
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"cloud": serveCloud, "limit": limit, "until": until},
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home")
			if err := os.Mkdir(home, 0o700); err != nil {
				return err
			}
			e.Setenv("HOME", home)
			e.Setenv("CLODO_HOME", filepath.Join(home, "clodo"))
			e.Setenv("CLODO_SECRETS_PASSPHRASE", "only for this test")
			e.Setenv("CLODO_WORKERD", workerd)
			for name, value := range environment {
				e.Setenv(name, value)
			}
			e.Setenv("CLODO_CLOUD_PORT", "0")
			e.Setenv("TERM", "xterm")
			for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // else each script compiles everything
				value, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				e.Setenv(name, strings.TrimSpace(string(value)))
			}
			e.Defer(func() { stopClouds(t, e.WorkDir) })
			return nil
		},
	})
}

// serveCloud is `cloud ZONE…` in a script: a Cloudflare that somebody else runs, with
// these zones, reached as the real one is by address and token.
func serveCloud(ts *testscript.TestScript, neg bool, zones []string) {
	if neg {
		ts.Fatalf("unsupported: ! cloud")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan operator.CloudInfo, 1), make(chan error, 1)
	go func() {
		o := operator.CloudOptions{StateDir: ts.MkAbs(".elsewhere"), AnyPort: true, Zones: zones}
		ended <- operator.ServeCloud(ctx, o, func(info operator.CloudInfo) { ready <- info })
	}()
	ts.Defer(func() {
		cancel()
		<-ended
	})
	select {
	case info := <-ready:
		ts.Setenv("CLOUDFLARE_API_BASE_URL", info.API)
		ts.Setenv("CLOUDFLARE_API_TOKEN", info.APIToken)
		ts.Setenv("CLOUDFLARE_ACCOUNT_ID", info.AccountID)
	case err := <-ended:
		ended <- err
		ts.Fatalf("the cloud did not start: %v", err)
	}
}

// limit is `limit GROUP…` in a script: from here on commands use a token of the cloud
// that has these permission groups only.
func limit(ts *testscript.TestScript, neg bool, groups []string) {
	const token = "clodo_local_limited"
	if neg || len(groups) == 0 {
		ts.Fatalf("usage: limit GROUP…")
	}
	base, err := url.Parse(ts.Getenv("CLOUDFLARE_API_BASE_URL"))
	ts.Check(err)
	base.Path = "/local/extend"
	body, err := json.Marshal(map[string]any{"tokens": []map[string]any{{"value": token, "groups": groups}}})
	ts.Check(err)
	req, err := http.NewRequest(http.MethodPost, base.String(), bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("CLOUDFLARE_API_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	answer, err := io.ReadAll(res.Body)
	ts.Check(errors.Join(err, res.Body.Close()))
	if res.StatusCode != http.StatusOK {
		ts.Fatalf("a token with %q: %s", groups, answer)
	}
	ts.Setenv("CLOUDFLARE_API_TOKEN", token)
}

// until is `until TEXT COMMAND…` in a script: it repeats the command until its answer
// holds the text.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until TEXT COMMAND…")
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		_ = ts.Exec(args[1], args[2:]...) // the answer decides, not the exit code
		if strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q never answered %q", args[1:], args[0])
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stopClouds stops what a failed script did not.
func stopClouds(t *testing.T, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() != "cloud" {
			return err
		}
		_, err = operator.StopCloud(ctx, path)
		return err
	})
	if err != nil {
		t.Errorf("stop the local clouds of a script: %v", err)
	}
}
