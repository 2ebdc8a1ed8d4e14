// Package shim holds the JavaScript that runs Go programs on Workers. It is part of
// what a build of a Go service uploads, beside wasm_exec.js of the Go installation and
// the program itself.
package shim

import (
	"embed"
	"path"
	"strings"
)

// The names of the modules that a build gives by itself, and of the main one.
const (
	WorkerName  = "worker.js"
	ExecName    = "wasm_exec.js"
	ProgramName = "app.wasm"
)

//go:embed worker.js bindings/*.js
var files embed.FS

// Module is a module in JavaScript.
type Module struct {
	Name  string // by which others import it: bindings/kv.js
	Bytes []byte
}

// Modules are all of them, in the order of their names. What is in the folder bindings
// is found by its file's name: bindings/kv.js does the operations of bindings of the
// kind "kv". The module bindings.js, which lists them, is written here.
func Modules() []Module {
	main, glue := must(files.ReadFile(WorkerName)), must(files.ReadDir("bindings"))
	var imports, kinds strings.Builder
	all := []Module{{WorkerName, main}}
	for _, f := range glue {
		name := "bindings/" + f.Name()
		kind := strings.TrimSuffix(path.Base(name), ".js")
		imports.WriteString("import " + kind + " from \"./" + name + "\";\n")
		kinds.WriteString(kind + ", ")
		all = append(all, Module{name, must(files.ReadFile(name))})
	}
	list := imports.String() + "export default { " + strings.TrimSuffix(kinds.String(), ", ") + " };\n"
	return append(all, Module{"bindings.js", []byte(list)})
}

// must is for the reading of files that are part of this program.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
