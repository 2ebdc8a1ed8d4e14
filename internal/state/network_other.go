//go:build !linux

package state

// networkFileSystem is not known on this system.
func networkFileSystem(string) string { return "" }
