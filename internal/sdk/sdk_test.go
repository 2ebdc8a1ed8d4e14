package sdk

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listed is a package that go list tells of.
type listed struct {
	ImportPath                  string
	Standard                    bool
	Module                      struct{ Path string }
	GoFiles, SFiles, EmbedFiles []string
}

// closure is everything that services and their tests are made of on an operating system.
func closure(t *testing.T, system string) []listed {
	t.Helper()
	args := []string{"list", "-deps", "-json=ImportPath,Standard,Module,GoFiles,SFiles,EmbedFiles"}
	for _, dir := range []string{".", "bindings/...", "data", "feature", "services", "localcloud", "clodotest"} {
		if _, err := os.Stat(filepath.Join("..", "..", strings.TrimSuffix(dir, "/..."))); err == nil {
			args = append(args, "./"+dir)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	fatal(t, err)
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		fatal(t, err)
		if !p.Standard {
			all = append(all, p)
		}
	}
}

func TestServicesFindEverythingTheyAreMadeOf(t *testing.T) {
	t.Parallel()
	c, err := carried()
	fatal(t, err)
	there := map[string]bool{}
	for _, f := range c.files {
		there[f.name] = true
	}
	var modules []string
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, p := range closure(t, system) {
			rel, ours := strings.CutPrefix(p.ImportPath, Module)
			if !ours {
				modules = append(modules, p.Module.Path)
				continue
			}
			if rel == "" {
				p.EmbedFiles = nil // of sources.go
			}
			for _, name := range slices.Concat(p.GoFiles, p.SFiles, p.EmbedFiles) {
				if at := path.Join(strings.TrimPrefix(rel, "/"), name); at != "sources.go" && !there[at] {
					t.Errorf("%s is not carried: add its folder to sources.go", at)
				}
			}
		}
	}
	slices.Sort(modules)
	if diff := cmp.Diff(slices.Compact(modules), needed); diff != "" {
		t.Errorf("the modules that are needed are others (- needed, + listed in module.go):\n%s", diff)
	}
}

func TestNothingIsCarriedThatNoServiceNeeds(t *testing.T) {
	t.Parallel()
	c, err := carried()
	fatal(t, err)
	size := 0
	for _, f := range c.files {
		size += len(f.content)
		if strings.HasSuffix(f.name, "_test.go") || strings.Contains(f.name, "testdata/") || f.name == "sources.go" {
			t.Errorf("%s is unpacked", f.name)
		}
	}
	if size > 4<<20 {
		t.Errorf("%d bytes are unpacked", size)
	}
}

func TestUnpacking(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpacked, err := Unpack(dir)
	if !unpacked || err != nil {
		t.Fatalf("%v %v", unpacked, err)
	}
	place := filepath.Join(dir, ".clodo", "sdk")
	for _, name := range []string{"clodo.go", "go.mod", "LICENSE", "internal/host/shim/worker.js", "localcloud/cloud.go", "../.gitignore"} {
		if _, err := os.Stat(filepath.Join(place, name)); err != nil {
			t.Error(err)
		}
	}
	if unpacked, err := Unpack(dir); unpacked || err != nil {
		t.Errorf("again: %v %v", unpacked, err)
	}
	// Another version of clodo left its own.
	fatal(t, os.WriteFile(filepath.Join(place, mark), []byte("old\n"), 0o644))
	fatal(t, os.WriteFile(filepath.Join(place, "gone.go"), nil, 0o644))
	if unpacked, err := Unpack(dir); !unpacked || err != nil {
		t.Errorf("after another version: %v %v", unpacked, err)
	}
	if _, err := os.Stat(filepath.Join(place, "gone.go")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of the other version is left: %v", err)
	}
	rest, err := filepath.Glob(filepath.Join(dir, ".clodo", "sdk-*"))
	if err != nil || len(rest) > 0 {
		t.Errorf("left: %v %v", rest, err)
	}
}

func TestManyUnpackAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		all.Go(func() { _, errs[i] = Unpack(dir) })
	}
	all.Wait()
	fatal(t, errors.Join(errs...))
	if unpacked, err := Unpack(dir); unpacked || err != nil {
		t.Errorf("%v %v", unpacked, err)
	}
}

func TestTheModuleOfAPortfolio(t *testing.T) {
	t.Parallel()
	goMod, goSum, err := ModuleFiles("shop", "./"+Folder, Release{})
	fatal(t, err)
	for _, module := range needed {
		if !strings.Contains(string(goMod), "\t"+module+" v") || strings.Count(string(goSum), module+" v") != 2 {
			t.Errorf("%s is missing", module)
		}
	}
	dir := t.TempDir()
	uses := usesOf(dir, goMod)
	if diff := cmp.Diff(Uses{Dir: dir, Name: "shop", Folder: filepath.Join(dir, ".clodo", "sdk")}, uses); diff != "" {
		t.Error(diff)
	}
	// Nothing is missing, so nothing is added.
	newMod, newSum, err := Extend(goMod, goSum)
	if err != nil || string(newMod) != string(goMod) || string(newSum) != string(goSum) {
		t.Errorf("%v\n%s", err, cmp.Diff(string(goMod), string(newMod)))
	}
	// What is there stays in front of what is added.
	own := "module shop\n\ngo 1.26.0\n\nrequire " + Module + " v0.0.0\n\nrequire golang.org/x/sys v0.99.0\n"
	newMod, newSum, err = Extend([]byte(own), nil)
	if err != nil || !strings.HasPrefix(string(newMod), own) || strings.Count(string(newMod), "golang.org/x/sys ") != 1 || string(newSum) != string(goSum) {
		t.Errorf("%v\n%s", err, newMod)
	}
}

func TestWhichModulesUseTheUnpackedSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct{ name, goMod, folder string }{
		{"a replace of its own", "module a\nreplace " + Module + " => ./.clodo/sdk\n", filepath.Join(dir, ".clodo", "sdk")},
		{"one in a block, of a version, from further up", "module a\nreplace (\n\t" + Module + " v0.0.0 => ../../.clodo/sdk // ours\n)\n", filepath.Join(filepath.Dir(filepath.Dir(dir)), ".clodo", "sdk")},
		{"a checkout", "module a\nreplace " + Module + " => ../clodo\n", ""},
		{"a version", "module a\nrequire " + Module + " v1.2.3\n", ""},
		{"another module", "module a\nreplace " + Module + "x => ./.clodo/sdk\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := usesOf(dir, []byte(tt.goMod)).Folder; got != tt.folder {
				t.Errorf("got %q, want %q", got, tt.folder)
			}
		})
	}
}

func TestWhatIsMissingIsRestored(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	service := filepath.Join(top, "services", "orders")
	fatal(t, os.MkdirAll(service, 0o755))
	if restored, err := Restore(service); restored || err != nil {
		t.Errorf("without go.mod: %v %v", restored, err)
	}
	goMod, _, err := ModuleFiles("shop", "./"+Folder, Release{})
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(top, "go.mod"), goMod, 0o644))
	if restored, err := Restore(service); !restored || err != nil {
		t.Errorf("%v %v", restored, err)
	}
	if _, err := os.Stat(filepath.Join(top, ".clodo", "sdk", "clodo.go")); err != nil {
		t.Error(err)
	}
}

func FuzzUsesOf(f *testing.F) {
	f.Add("module a\nreplace " + Module + " => ./.clodo/sdk\n")
	f.Add("module \"a\n\nreplace (")
	f.Fuzz(func(t *testing.T, text string) {
		if u := usesOf("/p", []byte(text)); u.Folder != "" && !strings.HasSuffix(filepath.ToSlash(u.Folder), Folder) {
			t.Errorf("folder %q", u.Folder)
		}
	})
}
