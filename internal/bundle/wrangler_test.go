package bundle

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/project"
)

// The differences between clodo's bundle and wrangler's, for the same project:
//
//   - Wrangler 4.86 appends a comment that names the source map also when the map is
//     not uploaded, which later ones always do unless upload_source_maps is false.
//   - Modules that set a global to its polyfill are named as if they lay in wrangler's
//     own folder; clodo's as if they lay in the project's.
//   - The code that makes a polyfill's exports those of a CommonJS package is
//     clodo's own, with the same effect.
//   - Wrangler 4.86 has an older esbuild: it lowers `using` to helpers, and its
//     helper for CommonJS modules does not forget a module that threw.
//   - The main script's parts of a service worker are named by the global that they
//     become; wrangler's files on disk have the names of modules.
func TestBundlesEqualWranglers(t *testing.T) {
	t.Parallel()
	projects, err := filepath.Glob("testdata/projects/*.txtar")
	if err != nil || len(projects) < 10 {
		t.Fatalf("got %d fixture projects, want at least 10 (%v)", len(projects), err)
	}
	for _, version := range []string{npmtest.WranglerCurrent, npmtest.WranglerOld} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			wrangler := npmtest.Wrangler(t, version)
			for _, archive := range projects {
				name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
				if version == npmtest.WranglerOld && !slices.Contains([]string{"npm", "nodecompat", "modules"}, name) {
					continue // the older one is tried on what differs between builds in practice
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					dir, w := unpack(t, archive)
					if name == "polyfills" {
						// .../node_modules/wrangler/bin/wrangler.js
						packages := filepath.Dir(filepath.Dir(filepath.Dir(wrangler.Argv[len(wrangler.Argv)-1])))
						if err := os.Symlink(packages, filepath.Join(dir, "node_modules")); err != nil {
							t.Skipf("this system makes no symbolic links: %v", err)
						}
					}
					r, err := Bundle(t.Context(), &w, dir)
					if err != nil {
						t.Fatal(err)
					}
					out := t.TempDir()
					cmd := wrangler.Command(t.Context(), w.Dir, "deploy", "--dry-run", "--outdir", out)
					if text, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("wrangler: %v\n%s", err, text)
					}
					want := readOutput(t, out)
					got := map[string]string{}
					for _, m := range r.Modules {
						name := filepath.ToSlash(filepath.Clean(m.Name))
						got[name] = comparable(m.Bytes)
					}
					if r.Format == ServiceWorker {
						want = rename(want, r.MainModule)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("bundle differs from wrangler %s (-wrangler +clodo):\n%s", version, diff)
					}
				})
			}
		})
	}
}

// unpack writes a fixture project to a folder and reads its Worker. Files called
// .hex are written as bytes.
func unpack(t *testing.T, archive string) (dir string, w project.Worker) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range a.Files {
		name, data := filepath.Join(dir, filepath.FromSlash(f.Name)), f.Data
		if plain, ok := strings.CutSuffix(name, ".hex"); ok {
			name = plain
			if data, err = hex.DecodeString(strings.Join(strings.Fields(string(data)), "")); err != nil {
				t.Fatal(err)
			}
		}
		write(t, name, string(data))
	}
	return dir, worker(t, dir)
}

// worker is the only Worker below root, as package project reads it. What project
// says against it is not looked at: some of these projects are broken on purpose.
func worker(t *testing.T, root string) project.Worker {
	t.Helper()
	p, found := project.Load(project.LoadOptions{Dir: root})
	if p == nil {
		t.Fatalf("no project: %v", found)
	}
	targets, err := p.Targets(project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].Worker
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readOutput is what wrangler wrote that it would upload.
func readOutput(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" || strings.HasSuffix(file, ".map") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		files[filepath.ToSlash(name)] = comparable(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// comparable is code without what is known to differ.
func comparable(code []byte) string {
	code = regexp.MustCompile(`(?m)^//# sourceMappingURL=.*\n?`).ReplaceAll(code, nil)
	code = regexp.MustCompile(`[./@\w-]+/_virtual_unenv_global_polyfill-`).ReplaceAll(code, []byte("_virtual_unenv_global_polyfill-"))
	code = regexp.MustCompile(`(?s)module\.exports = (Object\.entries\(inherits_exports\).*?\n    \);|"default" in inherits_exports.*?\n    \})`).ReplaceAll(code, []byte("(exports of a package that is replaced)"))
	code = bytes.Replace(code, []byte(`  try {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  } catch (e) {
    throw mod = 0, e;
  }
`), []byte(`  return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
`), 1)
	return string(bytes.TrimSpace(code))
}

// rename gives the parts of a service worker their names in the upload.
func rename(files map[string]string, main string) map[string]string {
	renamed := map[string]string{}
	for name, text := range files {
		if name != main {
			name = identifier("./" + name)
		}
		renamed[name] = text
	}
	return renamed
}
