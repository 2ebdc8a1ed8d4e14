package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/host/shim"
	"github.com/tamylaa/clodo/internal/sdk"
)

// goProgram builds a Worker that is written in Go: the package in the folder of `main`,
// compiled by the go command that is installed here, and the shim that runs it. The
// same source and the same go give the same bytes.
func (b *build) goProgram(ctx context.Context) (Result, error) {
	if err := b.noClassesInGo(); err != nil {
		return Result{}, err
	}
	dir := filepath.Dir(b.entry)
	if _, err := sdk.Restore(dir); err != nil {
		return Result{}, fmt.Errorf("putting the sources of package clodo in their place: %w", err)
	}
	root, err := b.goCommand(ctx, dir, "env", "GOROOT")
	if err != nil {
		return Result{}, err
	}
	exec, err := os.ReadFile(filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return Result{}, b.fail(diag.Finding{
			Code: "B115", Message: "the installed Go cannot build Workers", Pos: b.worker.Main.Pos,
			Why: "It lacks lib/wasm/wasm_exec.js, which Go has from version 1.24 on: " + err.Error(), Fix: "install Go 1.26 or newer",
		})
	}
	out, err := os.MkdirTemp("", "clodo-go-")
	if err != nil {
		return Result{}, fmt.Errorf("making a folder for the program: %w", err)
	}
	defer func() { _ = os.RemoveAll(out) }() // only space is lost
	name := filepath.Join(out, shim.ProgramName)
	if _, err := b.goCommand(ctx, dir, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", name, "."); err != nil {
		return Result{}, err
	}
	program, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Result{}, fmt.Errorf("reading the program: %w", err)
	}
	if !bytes.HasPrefix(program, []byte("\x00asm")) { // of a library go writes its archive
		return Result{}, b.fail(diag.Finding{
			Code: "B116", Message: "\"" + b.worker.Main.V + "\" is no program", Pos: b.worker.Main.Pos,
			Why: "What go build made of it does not run.", Fix: "make it package main, with a main function that ends in clodo.Serve",
		})
	}
	var modules []Module
	for _, m := range shim.Modules() {
		modules = append(modules, Module{Name: m.Name, ContentType: TypeESModule, Bytes: m.Bytes})
	}
	modules = append(modules,
		Module{Name: shim.ProgramName, ContentType: TypeWasm, Bytes: program},
		Module{Name: shim.ExecName, ContentType: TypeESModule, Bytes: exec})
	return Result{
		Format: Modules, MainModule: shim.WorkerName, Exports: []string{"default"}, Modules: modules, Warnings: b.warnings,
	}, nil
}

// goCommand runs go for WebAssembly in dir and returns what it printed.
func (b *build) goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.WaitDelay = grace
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return out.String(), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", b.fail(diag.Finding{
			Code: "B115", Message: "Go is not installed", Pos: b.worker.Main.Pos,
			Why: "\"" + b.worker.Main.V + "\" is compiled by the go command, which is not in PATH.", Fix: "install Go 1.26 or newer",
		})
	}
	return "", b.fail(b.goFindings(dir, problems.String())...)
}

// goPlace is how the compiler begins a line about a place.
var goPlace = regexp.MustCompile(`^(.+\.go):(\d+):(?:(\d+):)? (.+)$`)

// goFindings are the places that go names, or one finding with all that it said.
func (b *build) goFindings(dir, output string) []diag.Finding {
	var all []diag.Finding
	for line := range strings.Lines(output) {
		m := goPlace.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		file := filepath.FromSlash(m[1])
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		f := diag.Finding{Code: "B116", Message: m[4], Pos: diag.Position{File: b.relative(file)}}
		f.Pos.Line, _ = strconv.Atoi(m[2]) // they are digits
		f.Pos.Column, _ = strconv.Atoi(m[3])
		f.Source = lineOf(file, f.Pos.Line)
		all = append(all, f)
	}
	if len(all) == 0 {
		all = append(all, diag.Finding{
			Code: "B116", Message: "\"" + b.worker.Main.V + "\" could not be compiled", Pos: b.worker.Main.Pos,
			Why: lastOf(output, lastLines), Fix: "run `GOOS=js GOARCH=wasm go build` in \"" + b.relative(dir) + "\" until it succeeds",
		})
	}
	return all
}

// lineOf is a line of a file, counted from 1; "" when there is none.
func lineOf(file string, line int) string {
	text, err := os.ReadFile(file)
	lines := strings.Split(string(text), "\n")
	if err != nil || line < 1 || line > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[line-1], "\r")
}

// noClassesInGo refuses what only a class in JavaScript can be.
func (b *build) noClassesInGo() error {
	var fs []diag.Finding
	for _, d := range b.worker.Bindings {
		if (d.Kind == "durable_object_namespace" || d.Kind == "workflow") && b.local(d) && d.ClassName != "" {
			fs = append(fs, diag.Finding{
				Code: "B117", Message: "class \"" + d.ClassName + "\" cannot be written in Go", Pos: d.Pos,
				Why: "Binding \"" + d.Name + "\" needs a JavaScript class, and \"" + b.worker.Main.V + "\" is a Go program.",
				Fix: "write the class in a TypeScript service and name that with `script_name`",
			})
		}
	}
	return b.fail(fs...)
}
