// Package goprogram compiles services in Go into the modules of a Worker: the program in
// WebAssembly, and the shim that runs it. The same source and the same go command give the
// same bytes.
package goprogram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/host/shim"
)

// Module is a file of the Worker.
type Module struct {
	Name        string
	ContentType string // as uploads have it
	Bytes       []byte
}

// The content types of modules.
const (
	typeESModule = "application/javascript+module"
	typeWasm     = "application/wasm"
)

// Main is the name of the main module.
const Main = shim.WorkerName

// Errors of Compile that say what to install or to change.
var (
	ErrNoGo       = errors.New("the go command is not in PATH")
	ErrOldGo      = errors.New("the installed Go lacks lib/wasm/wasm_exec.js, which it has from version 1.24 on")
	ErrNotProgram = errors.New("what go build made of it does not run: it is not package main")
)

// CompileError is what the go command said when it failed.
type CompileError struct{ Output string }

func (e *CompileError) Error() string { return "go build failed:\n" + strings.TrimSpace(e.Output) }

// grace is how long the go command may take to end when it has to.
const grace = 5 * time.Second

// Compile compiles the package in the folder dir. prepare sees the commands before they
// run; it may be nil.
func Compile(ctx context.Context, dir string, prepare func(*exec.Cmd)) ([]Module, error) {
	goCommand := func(args ...string) (string, error) { return run(ctx, dir, prepare, platform{"js", "wasm"}, args) }
	root, err := goCommand("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOldGo, err)
	}
	out, err := os.MkdirTemp("", "clodo-go-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the program: %w", err)
	}
	defer func() { _ = os.RemoveAll(out) }() // only space is lost
	name := filepath.Join(out, shim.ProgramName)
	build := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}, small()...)
	if _, err := goCommand(append(build, "-o", name, ".")...); err != nil {
		return nil, err
	}
	program, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	if !bytes.HasPrefix(program, []byte("\x00asm")) { // of a library go writes its archive
		return nil, ErrNotProgram
	}
	var all []Module
	for _, m := range shim.Modules() {
		all = append(all, Module{m.Name, typeESModule, m.Bytes})
	}
	return append(all, Module{shim.ProgramName, typeWasm, program}, Module{shim.ExecName, typeESModule, glue}), nil
}

// CompileNative compiles the package in the folder dir for this machine, into the file
// out.
func CompileNative(ctx context.Context, dir, out string, prepare func(*exec.Cmd)) error {
	_, err := run(ctx, dir, prepare, platform{runtime.GOOS, runtime.GOARCH}, []string{"build", "-buildvcs=false", "-o", out, "."})
	return err
}

// platform is what a program is compiled for.
type platform struct{ system, processor string }

// run runs go for a platform in dir and returns what it printed.
func run(ctx context.Context, dir string, prepare func(*exec.Cmd), p platform, args []string) (string, error) {
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+p.system, "GOARCH="+p.processor, "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.WaitDelay = grace
	if prepare != nil {
		prepare(cmd)
	}
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return out.String(), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", ErrNoGo
	}
	return "", &CompileError{problems.String()}
}
