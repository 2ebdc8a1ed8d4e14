package operator

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/sdk"
	"github.com/tamylaa/clodo/project"
)

// demoFiles is the portfolio that Demo writes. It is an ordinary one: nothing in
// clodo knows it but this file and demo.go.
//
//go:embed all:demo
var demoFiles embed.FS

// demoGo is the service in Go. It is the last one in clodo.yaml.
const demoGo = "stock"

// demoHas reports whether the demo's portfolio has a service.
func (o *Operator) demoHas(service string) bool {
	return slices.ContainsFunc(o.Portfolio().Services, func(s *project.Service) bool { return s.Name == service })
}

// writeDemo writes the demo's files into dir, those of the service in Go where it can
// be compiled. A folder that is already the demo's keeps the files it has; any other
// folder with something in it is refused.
func writeDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		config, err := os.ReadFile(filepath.Join(dir, "clodo.yaml"))
		if err != nil || !strings.Contains(string(config), "portfolio: demo\n") {
			return &diag.Error{Finding: diag.Finding{
				Code: "U005", Severity: diag.SeverityError, Message: fmt.Sprintf("%q is not empty and is not the demo", dir),
				Fix: "name another folder: clodo demo FOLDER",
			}, State: diag.NothingChanged, Exit: diag.ExitUsage}
		}
	}
	_, noGo := exec.LookPath("go")
	files, err := demoTree(noGo == nil)
	if err != nil {
		return err
	}
	for name, content := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Stat(target); err == nil {
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// demoTree is the demo's files by their slash-separated names, with or without the
// service in Go.
func demoTree(withGo bool) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(demoFiles, "demo", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[strings.TrimPrefix(path, "demo/")], err = demoFiles.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if withGo {
		files["go.mod"], files["go.sum"], err = sdk.ModuleFiles("demo", "./"+sdk.Folder, sdk.Release{}) // it needs no network
		return files, err
	}
	for name := range files {
		if strings.HasPrefix(name, "services/"+demoGo+"/") {
			delete(files, name)
		}
	}
	config, _, _ := strings.Cut(string(files["clodo.yaml"]), "\n  "+demoGo+":")
	files["clodo.yaml"] = []byte(config)
	return files, nil
}
