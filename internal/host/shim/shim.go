// Package shim holds the JavaScript that runs Go programs on Workers. It is part of
// what a build of a Go service uploads, beside wasm_exec.js of the Go installation and
// the program itself.
package shim

import _ "embed"

// Worker is the main module. It imports the two others by these names.
//
//go:embed worker.js
var Worker []byte

// The names of the modules.
const (
	WorkerName  = "worker.js"
	ExecName    = "wasm_exec.js"
	ProgramName = "app.wasm"
)
