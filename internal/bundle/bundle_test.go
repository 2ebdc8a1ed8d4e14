package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// The findings of projects that cannot be built, with place, cause and fix, stand
// in testdata/findings: a project and the text that a person reads.
func TestFindingsSayWhatToDo(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/findings/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no fixtures (%v)", err)
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			t.Parallel()
			dir, w := unpack(t, archive)
			r, err := Bundle(t.Context(), &w, dir)
			found := r.Warnings
			var e *diag.Error
			if errors.As(err, &e) {
				found = e.Findings
				if e.Exit != diag.ExitConfig || e.State != diag.NothingChanged {
					t.Errorf("got exit %d and state %q, want %d and %q", e.Exit, e.State, diag.ExitConfig, diag.NothingChanged)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			diag.Sort(found)
			var got strings.Builder
			for _, f := range found {
				fmt.Fprintf(&got, "%s %s %s: %s\n", f.Severity, f.Code, f.Pos, f.Message)
				for _, line := range [][2]string{{"source", strings.TrimSpace(f.Source)}, {"why", f.Why}, {"fix", f.Fix}} {
					if line[1] != "" {
						fmt.Fprintf(&got, "  %s: %s\n", line[0], strings.ReplaceAll(line[1], "\n", "\n    "))
					}
				}
				if _, ok := diag.Explain(f.Code); !ok {
					t.Errorf("code %s has no page", f.Code)
				}
			}
			text, err := os.ReadFile(filepath.Join(dir, "findings"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), got.String()); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
				update(t, archive, got.String())
			}
		})
	}
}

// update writes the findings into the fixture when UPDATE is set.
func update(t *testing.T, archive, findings string) {
	if os.Getenv("UPDATE") == "" {
		return
	}
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Files {
		if a.Files[i].Name == "findings" {
			a.Files[i].Data = []byte(findings)
		}
	}
	if err := os.WriteFile(archive, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBytesDoNotDependOnWhenOrWhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"modules", "npm", "dynamic", "serviceworker", "nobundle", "nodecompat"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first Result
			for i := range 3 {
				dir, w := unpack(t, "testdata/projects/"+name+".txtar")
				r, err := Bundle(t.Context(), &w, dir)
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Inputs) == 0 {
					t.Error("no inputs")
				}
				for i, file := range r.Inputs {
					if _, err := os.Stat(file); err != nil {
						t.Errorf("input: %v", err)
					}
					rel, err := filepath.Rel(dir, file)
					if err != nil || strings.HasPrefix(rel, "..") {
						t.Errorf("input %s is not in the project", file)
					}
					r.Inputs[i] = filepath.ToSlash(rel)
				}
				if i == 0 {
					first = r
					continue
				}
				if diff := cmp.Diff(first, r); diff != "" {
					t.Errorf("the same project elsewhere gives other bytes (-first +now):\n%s", diff)
				}
			}
		})
	}
}

func TestSourceMapsNameTheProjectsFiles(t *testing.T) {
	t.Parallel()
	dir, w := unpack(t, "testdata/projects/dynamic.txtar")
	r, err := Bundle(t.Context(), &w, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.SourceMaps) != 1 || r.SourceMaps[0].Name != "main.js.map" || r.SourceMaps[0].ContentType != TypeSourceMap {
		t.Fatalf("got source maps %v, want main.js.map", r.SourceMaps)
	}
	var m struct {
		File     string
		Sources  []string
		Mappings string
	}
	if err := json.Unmarshal(r.SourceMaps[0].Bytes, &m); err != nil {
		t.Fatal(err)
	}
	want := []string{"src/later.ts", "src/table.json", "src/main.mts"}
	if diff := cmp.Diff(want, m.Sources); diff != "" || m.File != "main.js" || m.Mappings == "" {
		t.Errorf("got file %q, %d bytes of mappings and sources (-want +got):\n%s", m.File, len(m.Mappings), diff)
	}
}

func TestUnbundledSourceMapsAreFoundByTheirComments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wrangler.json"), `{"name": "x", "main": "dist/index.js", "compatibility_date": "2026-04-01", "no_bundle": true, "upload_source_maps": true}`)
	write(t, filepath.Join(dir, "dist/index.js"), "export default {};\n//# sourceMappingURL=maps/index.js.map\n")
	write(t, filepath.Join(dir, "dist/maps/index.js.map"), `{"version":3,"sources":["a.ts"],"mappings":""}`)
	w := worker(t, dir)
	r, err := Bundle(t.Context(), &w, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.SourceMaps) != 1 || string(r.SourceMaps[0].Bytes) != `{"file":"index.js","mappings":"","sources":["a.ts"],"version":3}` {
		t.Errorf("got %q, want the map with its file", r.SourceMaps)
	}
}

func TestAssetsAloneNeedNoCode(t *testing.T) {
	t.Parallel()
	r, err := Bundle(t.Context(), &project.Worker{Name: "x", Dir: t.TempDir(), Assets: &project.Assets{Dir: "public"}}, t.TempDir())
	if err != nil || r.MainModule != "" || len(r.Modules) != 0 {
		t.Errorf("got %+v and %v, want nothing to upload", r, err)
	}
}

func TestAWorkerNeedsCodeOrAssets(t *testing.T) {
	t.Parallel()
	_, err := Bundle(t.Context(), &project.Worker{Name: "x", Dir: t.TempDir(), File: "wrangler.json"}, t.TempDir())
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "B101" || e.Message != `"x" has neither code nor assets` {
		t.Errorf("got %v, want B101", err)
	}
}

func TestWhatIsMissingAtTheEndOfAFileIsShownAtItsLastLine(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"one final newline": "\n", "several": "\n\n  \n", "none": ""} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "index.js"), []byte("export default {\n  fetch() { return 1"+code), 0o600); err != nil {
			t.Fatal(err)
		}
		w := &project.Worker{Name: "x", Dir: dir, File: "wrangler.json", Main: project.Value[string]{V: "index.js"}, CompatibilityDate: project.Value[string]{V: "2026-11-01"}}
		_, err := Bundle(t.Context(), w, dir)
		var e *diag.Error
		if !errors.As(err, &e) || e.Code != "B107" || e.Pos.String() != "index.js:2:21" || e.Source != "  fetch() { return 1" {
			t.Errorf("%s: got %+v, want B107 behind line 2", name, e)
		}
	}
}

func TestTheCustomBuildRunsInItsFolderBeforeTheBundler(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wrangler.json"), `{"name": "x", "main": "out/index.js", "compatibility_date": "2026-04-01", "build": {"command": "echo export default {} > index.js", "cwd": "out"}}`)
	write(t, filepath.Join(dir, "out/keep"), "")
	w := worker(t, dir)
	r, err := Bundle(t.Context(), &w, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Modules) != 1 || !strings.Contains(string(r.Modules[0].Bytes), "export") {
		t.Errorf("got %q, want what the command wrote", r.Modules)
	}
}

func TestTheCustomBuildFindsTheCommandsOfPackages(t *testing.T) {
	t.Parallel()
	if os.PathSeparator != '/' {
		t.Skip("the package's command is a shell script")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "services/x/wrangler.json"), `{"name": "x", "main": "index.js", "compatibility_date": "2026-04-01", "build": {"command": "compile-for-test > index.js"}}`)
	write(t, filepath.Join(dir, "node_modules/.bin/compile-for-test"), "#!/bin/sh\necho 'export default {}'\n")
	if err := os.Chmod(filepath.Join(dir, "node_modules/.bin/compile-for-test"), 0o755); err != nil {
		t.Fatal(err)
	}
	w := worker(t, dir)
	if _, err := Bundle(t.Context(), &w, dir); err != nil {
		t.Error(err)
	}
}

// What the command started holds one end of a pipe open until it is gone.
func TestEndingTheContextEndsTheCustomBuildWithItsChildren(t *testing.T) {
	t.Parallel()
	if os.PathSeparator != '/' {
		t.Skip("the command is a shell's")
	}
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if out, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := project.Worker{Name: "x", Dir: dir, Build: project.CustomBuild{Command: "sleep 600 >pipe & wait"}}
	done := make(chan error, 1)
	go func() {
		_, err := Bundle(ctx, &w, dir)
		done <- err
	}()
	child, err := os.Open(pipe) // waits for the child
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if err := child.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(child); err != nil {
		t.Errorf("a child of the command outlived it: %v", err)
	}
}

func TestABuildDoesNotBeginAfterTheContextEnded(t *testing.T) {
	t.Parallel()
	dir, w := unpack(t, "testdata/projects/typescript.txtar")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Bundle(ctx, &w, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestNodeModeFollowsDateAndFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, date, flags string
		want              nodeMode
	}{
		{"no flag", "2026-04-01", "", nodeNone},
		{"the flag before v2", "2024-09-22", "nodejs_compat", nodeV1},
		{"the flag from v2 on", "2024-09-23", "nodejs_compat", nodeV2},
		{"v2 by its own flag", "2023-01-01", "nodejs_compat_v2", nodeV2},
		{"v2 refused", "2025-01-01", "nodejs_compat no_nodejs_compat_v2", nodeV1},
		{"AsyncLocalStorage only", "2025-01-01", "nodejs_als", nodeALS},
		{"on by date", "2026-08-04", "", nodeV2},
		{"on by date, and refused", "2026-08-04", "no_nodejs_compat no_nodejs_compat_v2", nodeNone},
		{"no date", "", "nodejs_compat", nodeV1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := decideNodeMode(tt.date, strings.Fields(tt.flags)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRuntimeModulesFollowDateAndFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, date, flags, module string
		want                      bool
	}{
		{"always there", "2024-09-23", "", "crypto", true},
		{"before its date", "2025-09-14", "", "fs", false},
		{"from its date on", "2025-09-15", "", "fs", true},
		{"before its date by flag", "2025-01-01", "enable_nodejs_fs_module", "fs/promises", true},
		{"after its date, refused", "2026-04-01", "disable_nodejs_fs_module", "fs", false},
		{"http server after http", "2025-08-20", "", "_http_server", false},
		{"http server", "2025-09-01", "", "_http_server", true},
		{"http server without http", "2025-09-01", "disable_nodejs_http_modules", "_http_server", false},
		{"process waits for fetch", "2025-10-01", "", "process", false},
		{"process", "2026-02-19", "", "process", true},
		{"everything", "2026-03-17", "", "child_process", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := runtimeModules(tt.date, strings.Fields(tt.flags)).native[tt.module]; got != tt.want {
				t.Errorf("%s at %s with %q: got %v, want %v", tt.module, tt.date, tt.flags, got, tt.want)
			}
		})
	}
}

func TestEveryNodeModuleIsNativeOrHasAPolyfill(t *testing.T) {
	t.Parallel()
	oldest := runtimeModules("2024-09-23", nil)
	for _, name := range builtins() {
		if !oldest.native[name] && polyfill("node:"+name) == "" && name != "test" {
			t.Errorf("%s is neither in the runtime nor replaced", name)
		}
	}
}

func TestGlobsMeanWhatTheyMeanToWrangler(t *testing.T) {
	t.Parallel()
	tests := []struct {
		glob, path    string
		imports, file bool
	}{
		{"**/*.sql", "./a.sql", true, false}, // no file's path begins with a dot and a slash
		{"**/*.sql", "a.sql", false, true},
		{"**/*.sql", "deep/er/a.sql", true, true},
		{"**/*.wasm?module", "./a.wasm?module", true, false},
		{"**/*.wasm?module", "./a.wasmXmodule", false, false},
		{"lang/*.mjs", "lang/de.mjs", true, true},
		{"lang/*.mjs", "lang/x/de.mjs", true, false},
		{"a.b", "aXb", false, false},
		{"{a,b}.txt", "a.txt", false, false},
	}
	for _, tt := range tests {
		rules, _ := parseRules([]project.ModuleRule{{Kind: "ESModule", Globs: []string{tt.glob}}})
		if got := rules[0].imports[0].MatchString(tt.path); got != tt.imports {
			t.Errorf("glob %q against import %q: got %v, want %v", tt.glob, tt.path, got, tt.imports)
		}
		if got := rules[0].files[0].MatchString(tt.path); got != tt.file && !strings.HasPrefix(tt.path, "./") {
			t.Errorf("glob %q against file %q: got %v, want %v", tt.glob, tt.path, got, tt.file)
		}
	}
}

func FuzzGlobPattern(f *testing.F) {
	f.Add("**/*.[sql?(", true)
	f.Add("\xdc", true) // not UTF-8
	f.Fuzz(func(_ *testing.T, glob string, paths bool) {
		if rules, _ := parseRules([]project.ModuleRule{{Kind: "Text", Globs: []string{glob}}}); paths {
			matchFile(rules, glob)
		}
	})
}

func TestAGlobWithoutStarsMatchesItselfOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z./?\[\](){}+^$|-]{1,12}`).Draw(t, "name")
		rules, _ := parseRules([]project.ModuleRule{{Kind: "Data", Globs: []string{name}}})
		if r, ok := matchFile(rules, name); !ok || r.Kind != "Data" {
			t.Errorf("glob %q does not match itself", name)
		}
		if _, ok := matchFile(rules[:1], name+"x"); ok {
			t.Errorf("glob %q matches %q", name, name+"x")
		}
	})
}
