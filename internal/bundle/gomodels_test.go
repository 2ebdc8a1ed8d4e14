package bundle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$GREETING $WHO, waiting for $CLODO_BINDINGS.\"\nsleep 60 &\nwait\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &build{worker: &project.Worker{Bindings: []project.Binding{{Kind: "plain_text", Name: "GREETING", Text: "hello"}}}}
	began := time.Now()
	said, err := b.describe(t.Context(), 300*time.Millisecond, []string{"WHO=a secret"}, program, dir, filepath.Join(dir, "told"))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
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
