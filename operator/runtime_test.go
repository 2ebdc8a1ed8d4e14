package operator_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
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
