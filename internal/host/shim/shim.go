// Package shim holds the JavaScript that runs Go programs on Workers. It is part of
// what a build of a Go service uploads, beside wasm_exec.js of the Go installation and
// the program itself.
package shim

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

// The names of the main module, and of those that a build gives.
const (
	WorkerName  = "worker.js"
	ExecName    = "wasm_exec.js"
	ProgramName = "app.wasm"
)

//go:embed *.js bindings/*.js
var files embed.FS

// Module is a module in JavaScript.
type Module struct {
	Name  string // by which others import it: bindings/kv.js
	Bytes []byte
}

// Modules are all of them, the main one first. What is in the folder bindings is found
// by its file's name: bindings/kv.js does the operations of bindings of the kind "kv".
// The module bindings.js, which lists them, is written here.
func Modules() []Module {
	all := []Module{{WorkerName, must(files.ReadFile(WorkerName))}}
	var imports, kinds strings.Builder
	for _, name := range append(must(fs.Glob(files, "*.js")), must(fs.Glob(files, "bindings/*.js"))...) {
		if name == WorkerName {
			continue
		}
		all = append(all, Module{name, must(files.ReadFile(name))})
		if kind, ok := strings.CutSuffix(path.Base(name), ".js"); ok && path.Dir(name) == "bindings" {
			imports.WriteString("import " + kind + " from \"./" + name + "\";\n")
			kinds.WriteString("  " + kind + ",\n")
		}
	}
	list := imports.String() + "\nexport default {\n" + kinds.String() + "};\n"
	return append(all, Module{"bindings.js", []byte(list)})
}

// must is for the reading of files that are part of this program.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
