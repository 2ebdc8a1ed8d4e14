package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/internal/lazyregexp"
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
	compiled, err := goprogram.Compile(ctx, dir, ownGroup)
	if err != nil {
		return Result{}, b.notCompiled(dir, err)
	}
	var modules []Module
	for _, m := range compiled {
		modules = append(modules, Module(m))
		if m.ContentType == TypeWasm {
			b.warnUnhandled(m.Bytes)
		}
	}
	return Result{
		Format: Modules, MainModule: goprogram.Main, Exports: []string{"default"}, Modules: modules, Warnings: b.warnings,
	}, nil
}

// notCompiled is an error of compiling the package in dir in clodo's words.
func (b *build) notCompiled(dir string, err error) error {
	var failed *goprogram.CompileError
	switch {
	case errors.Is(err, goprogram.ErrNoGo):
		return b.fail(diag.Finding{
			Code: "B115", Message: "Go is not installed", Pos: b.worker.Main.Pos,
			Why: "\"" + b.worker.Main.V + "\" is compiled by the go command, which is not in PATH.", Fix: "install Go 1.26 or newer",
		})
	case errors.Is(err, goprogram.ErrOldGo):
		return b.fail(diag.Finding{
			Code: "B115", Message: "the installed Go cannot build Workers", Pos: b.worker.Main.Pos,
			Why: err.Error(), Fix: "install Go 1.26 or newer",
		})
	case errors.Is(err, goprogram.ErrNotProgram):
		return b.fail(diag.Finding{
			Code: "B116", Message: "\"" + b.worker.Main.V + "\" is no program", Pos: b.worker.Main.Pos,
			Why: "What go build made of it does not run.", Fix: "make it package main, with a main function that ends in clodo.Serve",
		})
	case errors.As(err, &failed):
		return b.fail(b.goFindings(dir, failed.Output)...)
	}
	return err
}

// goPlace is how the compiler begins a line about a place.
var goPlace = lazyregexp.New(`^(.+\.go):(\d+):(?:(\d+):)? (.+)$`)

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
