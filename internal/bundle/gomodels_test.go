package bundle

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

func TestAProgramThatNeverServesIsEnded(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	dir := t.TempDir()
	program, pipe := filepath.Join(dir, "program"), filepath.Join(dir, "pipe")
	if out, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	syscall.ForkLock.RLock() // a child that another test forks now would keep the program from being run
	err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$GREETING $WHO, waiting for $CLODO_BINDINGS.\"\nsleep 600 >pipe &\nwait\n"), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	b := &build{worker: &project.Worker{Bindings: []project.Binding{{Kind: "plain_text", Name: "GREETING", Text: "hello"}}}}
	describe := func(ctx context.Context, limit time.Duration) (string, error) {
		return b.describe(ctx, limit, []string{"WHO=a secret"}, program, dir, filepath.Join(dir, "told"))
	}
	if _, err := describe(t.Context(), 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its time: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		f, err := os.Open(pipe) // waits for what the program starts when it has said all
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Error(err)
		}
		cancel()
	}()
	said, err := describe(ctx, time.Hour)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("when nobody waits any more: %v", err)
	}
	if diff := cmp.Diff("hello "+secret.Hidden+", waiting for .\n", said); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAProgramToldIsRead(t *testing.T) {
	t.Parallel()
	told := filepath.Join(t.TempDir(), "told")
	if models, served, err := readModels(told); models != nil || served || err != nil {
		t.Errorf("of nothing: %v %v %v", models, served, err)
	}
	line := `{"name":"Order","table":"orders","columns":[{"name":"id","type":"text"}],"key":0,"created":-1,"updated":-1,"version":-1,"deleted":-1}`
	if err := os.WriteFile(told, []byte(line+"\n"+strings.Replace(line, "rder", "ther", 1)+"\n"+line+"\nserved\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	models, served, err := readModels(told)
	if err != nil || !served || len(models) != 2 || models[0].Table != "orders" || models[1].Name != "Other" {
		t.Errorf("%v %v %v", models, served, err)
	}
	if err := os.WriteFile(told, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readModels(told); err == nil {
		t.Error("half a model was taken")
	}
}
