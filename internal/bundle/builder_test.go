package bundle

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/project"
)

// site is a project with assets of every kind that is treated in its own way.
func site(t *testing.T) (dir string, target project.Target) {
	t.Helper()
	dir, w := unpack(t, "testdata/projects/assets.txtar")
	for name, text := range map[string]string{
		"app.js": "alert(1)", "img/logo.svg": "<svg/>", "LICENSE": "MIT", "data.UNKNOWN": "?", "skip/me.txt": "x", "notes.map": "{}",
		".well-known/security.txt": "Contact: x", "_headers": "/*\n  X-A: <1&2>\n", "_redirects": "/old /new 301\n", "sub/_headers": "a file",
		".assetsignore": "skip/\n*.map\n",
	} {
		write(t, filepath.Join(dir, "public", filepath.FromSlash(name)), text)
	}
	w.Assets.HTMLHandling, w.Assets.RunWorkerFirst = "drop-trailing-slash", []any{"/api/*"}
	return dir, project.Target{TargetID: project.TargetID{Service: w.Name}, Root: dir, Worker: w}
}

func TestAnArtifactHasModulesAndAssets(t *testing.T) {
	t.Parallel()
	dir, target := site(t)
	a, err := new(Builder).Build(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if a.MainModule != "index.js" || len(a.Modules) != 2 || a.Modules[0].Name != "index.js" || a.Modules[0].Digest != deploy.Digest(a.Modules[0].Bytes) ||
		a.Modules[1].Name != "index.js.map" {
		t.Errorf("got main module %q and modules %+v, want index.js with its digest and its source map", a.MainModule, a.Modules)
	}
	if a.Size != int64(len(a.Modules[0].Bytes)) || a.GzipSize <= 0 || a.GzipSize >= a.Size {
		t.Errorf("got sizes %d and %d, want %d and fewer", a.Size, a.GzipSize, len(a.Modules[0].Bytes))
	}
	want := `{"html_handling":"drop-trailing-slash","run_worker_first":["/api/*"],"_redirects":"/old /new 301\n","_headers":"/*\n  X-A: <1&2>\n"}`
	if string(a.AssetConfig) != want {
		t.Errorf("got assets configuration %s, want %s", a.AssetConfig, want)
	}
	for _, f := range a.Assets {
		if _, err := os.Stat(filepath.Join(a.AssetDir, filepath.FromSlash(f.File))); err != nil {
			t.Errorf("asset %s: %v", f.Path, err)
		}
	}
	if a.AssetDir != filepath.Join(dir, "public") {
		t.Errorf("got assets of %s, want those of %s", a.AssetDir, dir)
	}
}

func TestWarningsAreOneLineEach(t *testing.T) {
	t.Parallel()
	dir, w := unpack(t, "testdata/findings/nodewarning.txtar")
	a, err := Build(t.Context(), project.Target{Root: dir, Worker: w})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`src/index.ts:1:28: "node:crypto" needs compatibility flag "nodejs_compat" [B105]: add "compatibility_flags": ["nodejs_compat"] to wrangler.json`}
	if diff := cmp.Diff(want, a.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestAssetsAloneCannotAskForCode(t *testing.T) {
	t.Parallel()
	dir, target := site(t)
	target.Worker.Main.V = ""
	_, err := Build(t.Context(), target)
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "B128" {
		t.Errorf("got %v, want B128", err)
	}
	target.Worker.Assets = &project.Assets{Dir: filepath.Join(dir, "public")}
	a, err := Build(t.Context(), target)
	if err != nil || a.MainModule != "" || len(a.Modules) != 0 || a.Size != 0 || a.GzipSize != 0 || len(a.Assets) == 0 {
		t.Errorf("got %+v and %v, want assets only", a, err)
	}
}

// One service for many customers is one build: the custom command runs once.
func TestTargetsThatBuildAlikeAreBuiltOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wrangler.json"), `{"name": "x", "main": "index.js", "compatibility_date": "2026-04-01", "build": {"command": "echo run >> runs"}}`)
	write(t, filepath.Join(dir, "index.js"), "export default {};")
	var b Builder
	var wait sync.WaitGroup
	for _, name := range []string{"acme", "globex", "initech"} {
		wait.Go(func() {
			w := worker(t, dir)
			w.Name = "x-" + name
			if _, err := b.Build(t.Context(), project.Target{TargetID: project.TargetID{Service: "x", Customer: name}, Root: dir, Worker: w}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	other := worker(t, dir)
	other.Define = map[string]string{"X": "1"}
	if _, err := b.Build(t.Context(), project.Target{Root: dir, Worker: other}); err != nil {
		t.Fatal(err)
	}
	runs, err := os.ReadFile(filepath.Join(dir, "runs"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(runs), "run"); got != 2 {
		t.Errorf("the command ran %d times, want 2: once for three customers, once for another define", got)
	}
}

// The manifest is taken from what the real wrangler sends; the API behind it knows
// nothing and refuses the upload.
func TestAssetsEqualWranglers(t *testing.T) {
	t.Parallel()
	wrangler := npmtest.Wrangler(t, npmtest.WranglerCurrent)
	dir, target := site(t)
	a, err := Build(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Hash string `json:"hash"`
		Size int64  `json:"size"`
	}
	var session struct{ Manifest map[string]entry }
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		code := "10007"
		switch {
		case strings.HasSuffix(r.URL.Path, "/assets-upload-session"):
			if err := json.NewDecoder(r.Body).Decode(&session); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusBadRequest)
		case strings.HasSuffix(r.URL.Path, "/workers/subdomain"):
			_, _ = w.Write([]byte(`{"success":true,"errors":[],"messages":[],"result":{"subdomain":"x"}}`))
			return
		case strings.Contains(r.URL.Path, "/workers/services/"):
			w.WriteHeader(http.StatusNotFound)
			code = "10090"
		default:
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(`{"success":false,"errors":[{"code":` + code + `,"message":"refused"}],"messages":[],"result":null}`))
	}))
	defer api.Close()
	wrangler.Env = append(wrangler.Env, "CLOUDFLARE_API_BASE_URL="+api.URL+"/client/v4", "CLOUDFLARE_API_TOKEN=x", "CLOUDFLARE_ACCOUNT_ID=00000000000000000000000000000001")
	out, err := wrangler.Command(t.Context(), dir, "deploy").CombinedOutput()
	if err == nil || session.Manifest == nil {
		t.Fatalf("wrangler did not send its manifest: %v\n%s", err, out)
	}
	got := map[string]entry{}
	for _, f := range a.Assets {
		got[f.Path] = entry{Hash: f.Hash, Size: f.Size}
	}
	if diff := cmp.Diff(session.Manifest, got); diff != "" {
		t.Errorf("manifest (-wrangler +clodo):\n%s", diff)
	}
}
