package host

import "unsafe"

// The methods of the console.
const (
	ConsoleDebug = iota
	ConsoleLog
	ConsoleWarn
	ConsoleError
)

// shimLog has a method of the console log a line.
//
//go:wasmimport clodo log
func shimLog(method int32, p unsafe.Pointer, n int32)

// Console logs a line by one of the console's methods.
func Console(method int, line []byte) {
	shimLog(int32(method), unsafe.Pointer(unsafe.SliceData(line)), int32(len(line)))
}
