// Package host is where a service runs: a server of net/http on this machine, or a
// Worker, in which a shim written in JavaScript hands requests to Go compiled to
// WebAssembly. Services use package clodo, which stands on it.
//
// On Workers an instance of the program has one request at a time. The two sides
// exchange bytes through the memory of the instance and call each other by functions
// that WebAssembly exports and imports; none is made for a request. What JavaScript
// does asynchronously is a call with a number, whose result it hands over later.
package host
