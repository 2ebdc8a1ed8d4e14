package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// The linker leaves out methods that nothing calls. It cannot when a function of the
// program finds methods by what is known only at run time, as text/template does: then it
// keeps all exported ones, which was a tenth of the program.
func TestNoMethodIsFoundAtRunTime(t *testing.T) {
	t.Parallel()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "clodo"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	edges, err := build.CombinedOutput() // of the linker's graph, one a line
	if err != nil {
		t.Fatalf("%v\n%s", err, edges[max(0, len(edges)-4000):])
	}
	if !regexp.MustCompile(`(?m)^main\.main -> `).Match(edges) {
		t.Fatal("the linker does not tell any more what calls what")
	}
	finders := regexp.MustCompile(` -> (\S+).*<ReflectMethod>`).FindAllSubmatch(edges, -1)
	var names []string
	for _, m := range finders {
		names = append(names, string(m[1]))
	}
	slices.Sort(names)
	if len(names) > 0 {
		t.Errorf("these keep every exported method: %q", slices.Compact(names))
	}
}
