package operator_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// A cloud that starts without the runtime would fail later, in the middle of a release.
func TestWithoutTheRuntimeNoCloudStarts(t *testing.T) {
	t.Setenv("CLODO_WORKERD", filepath.Join(t.TempDir(), "gone"))
	dir := t.TempDir()
	hello(t, dir, "hi")
	op, err := operator.New(operator.Options{Dir: dir, Home: t.TempDir(), Local: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	var told *diag.Error
	if _, err := op.Cloud(t.Context()); !errors.As(err, &told) || told.Code != "N206" || told.State != diag.NothingChanged {
		t.Errorf("got %v, want N206 and nothing changed", err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".clodo", "cloud")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cloud left something behind: %v", err)
	}
}

// Without a network everything that needs the local cloud is told the same, and npm is
// not asked again for each of them.
func TestTheRuntimeIsAskedForOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for npm is a shell script")
	}
	tools := t.TempDir()
	npm := "#!/bin/sh\necho 'npm error request to http://127.0.0.1:9/workerd failed, reason: connect ECONNREFUSED 127.0.0.1:9' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(tools, "npm"), []byte(npm), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("CLODO_WORKERD", "")
	t.Setenv("CLODO_HOME", t.TempDir()) // where nothing is installed
	dir := t.TempDir()
	hello(t, dir, "hi")
	var notices []string
	op, err := operator.New(operator.Options{
		Dir: dir, Local: true, Getenv: func(string) string { return "" }, Notice: func(s string) { notices = append(notices, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	for _, ask := range []struct {
		what string
		call func() error
	}{
		{"account", func() error { _, err := op.Account(t.Context(), ""); return err }}, // the first one reads the configuration
		{"cloud", func() error { _, err := op.Cloud(t.Context()); return err }},
		{"plan", func() error { _, err := op.Plan(t.Context(), project.Selector{}); return err }},
	} {
		var told *diag.Error
		if err := ask.call(); !errors.As(err, &told) || told.Code != "N202" || told.State != diag.NothingChanged {
			t.Errorf("%s: got %v, want N202 and nothing changed", ask.what, err)
		}
	}
	if len(notices) != 1 {
		t.Errorf("got the notices %q, want one", notices)
	}
}

func TestTheDoctorAsksTheRuntimeWhoItIs(t *testing.T) {
	other, err := os.Executable() // this test, which is no workerd
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLODO_WORKERD", other)
	dir := t.TempDir()
	hello(t, dir, "hi")
	op, err := operator.New(operator.Options{Dir: dir, Home: t.TempDir(), Local: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	report, err := op.Doctor(t.Context())
	if report == nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(report.Checks, func(c operator.DoctorCheck) bool { return c.Name == "workerd" })
	if i < 0 || report.Checks[i].OK || report.Checks[i].Code != "N206" || report.Checks[i].Why == "" {
		t.Errorf("got %+v, want N206 and why", report.Checks)
	}
}
