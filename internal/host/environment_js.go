package host

import (
	"os"
	"unsafe"
)

// shimEnvironment puts the environment variables that the runtime had no room for, it
// takes 8 KB in all, into the n bytes at p when these are enough, and returns how many
// bytes they are.
//
//go:wasmimport clodo environment
func shimEnvironment(p unsafe.Pointer, n int32) int32

// setEnvironment sets those variables.
func setEnvironment() {
	n := shimEnvironment(nil, 0)
	if n == 0 {
		return
	}
	b := make([]byte, n)
	shimEnvironment(unsafe.Pointer(unsafe.SliceData(b)), n)
	for r := (reader{b}); len(r.rest) > 0; {
		_ = os.Setenv(r.text(), r.text()) // it refuses names that no variable can have, such as ""
	}
}
