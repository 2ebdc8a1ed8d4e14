// Package gotest is for tests that run the go command with a home folder of its own.
package gotest

import (
	"encoding/json"
	"os/exec"
	"testing"
)

// Environment are the variables that give the go command the caches of this one, which it
// would look for below HOME: else it would compile the standard library, and fetch every
// module, once more. Without the paths of folders in what it makes, sources that lie
// elsewhere each time are compiled once.
func Environment(t testing.TB) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GOFLAGS": "-trimpath"}
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	return env
}
