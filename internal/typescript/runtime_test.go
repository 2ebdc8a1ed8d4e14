package typescript

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// The runtime itself is tested in its own language: testdata/*.test.ts import the
// generated file as a service does, with three functions more.
func TestTheRuntimeKeepsItsRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := generate(t, portfolio(t), "web") + "\nexport { bucket, murmur3, parseFlags };\n"
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	vectors, err := filepath.Abs("../../feature/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--no-warnings", "--test", "--test-reporter=spec"}
	for _, name := range []string{"flags.test.ts", "calls.test.ts"} {
		test, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), test, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	node := npmtest.Node(t)
	node.Env = append(node.Env, "VECTORS="+vectors)
	if out, err := node.Command(t.Context(), dir, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
