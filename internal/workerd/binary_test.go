package workerd

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/tamylaa/clodo/diag"
)

// It is not parallel: a child that another test forks while the script is written
// would keep it from being run.
func TestAProgramThatNeverAnswersIsNotWaitedForForever(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	silent := filepath.Join(t.TempDir(), "workerd")
	if err := os.WriteFile(silent, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := identify(t.Context(), silent, 100*time.Millisecond)
	var told *diag.Error
	if !errors.As(err, &told) || told.Code != "N206" || told.Why != "asked for its version it says nothing for 100ms" {
		t.Errorf("got %v, want N206", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}
