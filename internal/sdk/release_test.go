package sdk

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"

	"github.com/tamylaa/clodo"
)

func TestWhichProgramsAreReleases(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		main debug.Module
		want bool
	}{
		{"go install of a version", debug.Module{Path: Module, Version: "v1.2.3", Sum: "h1:x"}, true},
		{"of one before a release", debug.Module{Path: Module, Version: "v1.2.3-rc.1", Sum: "h1:x"}, true},
		{"go build in a checkout", debug.Module{Path: Module, Version: "(devel)"}, false},
		{"go build in a checkout of a tag", debug.Module{Path: Module, Version: "v1.2.3"}, false},
		{"a commit", debug.Module{Path: Module, Version: "v0.0.0-20261128153000-ee95a8e00000", Sum: "h1:x"}, false},
		{"changes that are not committed", debug.Module{Path: Module, Version: "v1.2.3+dirty", Sum: "h1:x"}, false},
		{"another program", debug.Module{Path: "example.com/x", Version: "v1.2.3", Sum: "h1:x"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := releaseOf(tt.main) != (Release{}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// carriedFile is a file of the module as the go command's archives want it.
type carriedFile struct{ name string }

func (f carriedFile) Path() string { return f.name }
func (f carriedFile) Lstat() (fs.FileInfo, error) {
	return fs.Stat(clodo.Sources, f.name)
}
func (f carriedFile) Open() (io.ReadCloser, error) { return clodo.Sources.Open(f.name) }

// A module proxy in a folder has this module as a release; a service that was made by it
// finds what the go command downloads from there and verifies by go.sum.
func TestAServiceOfAReleaseFindsIt(t *testing.T) {
	t.Parallel()
	version := module.Version{Path: Module, Version: "v1.2.3"}
	proxy := t.TempDir()
	at := filepath.Join(proxy, filepath.FromSlash(Module), "@v")
	fatal(t, os.MkdirAll(at, 0o755))
	var files []zip.File
	fatal(t, fs.WalkDir(clodo.Sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, carriedFile{name})
		}
		return err
	}))
	var archive bytes.Buffer
	fatal(t, zip.Create(&archive, version, files))
	goMod, err := clodo.Sources.ReadFile("go.mod")
	fatal(t, err)
	for name, content := range map[string][]byte{
		"v1.2.3.zip": archive.Bytes(), "v1.2.3.mod": goMod, "v1.2.3.info": []byte(`{"Version":"v1.2.3","Time":"` + time.Unix(0, 0).UTC().Format(time.RFC3339) + `"}`),
	} {
		fatal(t, os.WriteFile(filepath.Join(at, name), content, 0o644))
	}
	sum, err := dirhash.HashZip(filepath.Join(at, "v1.2.3.zip"), dirhash.Hash1)
	fatal(t, err)

	dir := t.TempDir()
	ownMod, ownSum, err := ModuleFiles("shop", "", Release{Version: "v1.2.3", Sum: sum})
	fatal(t, err)
	if strings.Contains(string(ownMod), "replace") {
		t.Errorf("go.mod replaces the module: %s", ownMod)
	}
	service := "package main\n\nimport \"" + Module + "\"\n\nfunc main() { _ = clodo.Serve(clodo.NewRouter()) }\n"
	for name, content := range map[string][]byte{"go.mod": ownMod, "go.sum": ownSum, "main.go": []byte(service)} {
		fatal(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	cache := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .Module}}{{.ImportPath}} {{.Module.Version}}{{end}}", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(proxy), "GOMODCACHE="+cache, "GOFLAGS=-mod=readonly -modcacherw", "GONOSUMDB="+Module, "GOWORK=off")
	out, err := build.CombinedOutput()
	if err != nil || !strings.Contains(string(out), Module+" v1.2.3") {
		t.Errorf("%v\n%s", err, out)
	}
}
