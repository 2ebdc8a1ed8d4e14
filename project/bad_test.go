package project_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	mains       = regexp.MustCompile(`"?\bmain"?\s*[:=]\s*"([^"]+)"`)
	directories = regexp.MustCompile(`"?\bdirectory"?\s*[:=]\s*"([^"]+)"`)
)

// whole writes files with the entry points and folders of assets that they name.
func whole(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := write(t, files)
	for name, text := range files {
		if path.Base(name) == "clodo.yaml" {
			continue
		}
		at := filepath.Join(dir, filepath.FromSlash(path.Dir(name)))
		for _, m := range directories.FindAllStringSubmatch(text, -1) {
			if err := os.MkdirAll(filepath.Join(at, m[1]), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range mains.FindAllStringSubmatch(text, -1) {
			file := filepath.Join(at, m[1])
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// write makes a folder of files; a name is a slash-separated path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// example is the files of testdata/example.
func example(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(filepath.Join("testdata", "example"))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func rendered(t *testing.T, found []diag.Finding) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Render(&b, found); err != nil {
		t.Fatal(err)
	}
	if s := diag.Summary(found); s != "" {
		b.WriteString("\n" + s + ". " + diag.NothingChanged + "\n")
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: -want +got\n%s", name, d)
	}
}

func TestEveryMistakeInClodoYAMLHasItsMessage(t *testing.T) {
	t.Parallel()
	mistakes, err := filepath.Glob(filepath.Join("testdata", "bad", "*.yaml"))
	if err != nil || len(mistakes) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range mistakes {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			files := example(t)
			files["clodo.yaml"] = string(text)
			p, found := project.Load(project.LoadOptions{Dir: whole(t, files)})
			if p != nil && !diag.HasErrors(found) {
				found = p.Check(found)
			}
			if strings.Contains(rendered(t, found), "hunter2") {
				t.Errorf("a secret is shown:\n%s", rendered(t, found))
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", rendered(t, found))
		})
	}
}

func TestEveryMistakeInAWranglerFileHasItsMessage(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"badwrangler", "lint"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no testdata: %v", err)
		}
		for _, file := range files {
			ext := filepath.Ext(file)
			if ext == ".txt" {
				continue
			}
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				p, found := project.Load(project.LoadOptions{Dir: whole(t, map[string]string{"wrangler" + ext: string(text)})})
				if p != nil {
					found = p.Check(found)
				}
				got := rendered(t, found)
				if strings.Contains(got, "show_me") || strings.Contains(got, "show-me") || strings.Contains(got, "nor-me") {
					t.Errorf("a secret is shown:\n%s", got)
				}
				golden(t, strings.TrimSuffix(file, ext)+".txt", got)
			})
		}
	}
}
