package host

import (
	"os"
	"unsafe"
)

// shimEnvironment puts what the Worker has into the n bytes at p when these are enough,
// and returns how many bytes it is: how many bindings there are that are no texts and
// their names, and then the names and values of those environment variables that the
// runtime, which takes 8 KB, had no room for.
//
//go:wasmimport clodo environment
func shimEnvironment(p unsafe.Pointer, n int32) int32

// takeEnvironment sets those variables and returns the names of the bindings.
func takeEnvironment() (bindings []string) {
	b := make([]byte, shimEnvironment(nil, 0))
	shimEnvironment(unsafe.Pointer(unsafe.SliceData(b)), int32(len(b)))
	r := reader{b}
	for n := r.number(); n > 0; n-- {
		bindings = append(bindings, r.text())
	}
	for len(r.rest) > 0 {
		_ = os.Setenv(r.text(), r.text()) // it refuses names that no variable can have, such as ""
	}
	return bindings
}
