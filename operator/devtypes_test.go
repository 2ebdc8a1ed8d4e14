package operator

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDevPassesOverWhatItWroteItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := &dev{written: map[string][]byte{"same.ts": []byte("a"), "edited.ts": []byte("a"), "gone.ts": []byte("a")}}
	write("same.ts", "a")
	write("edited.ts", "b")
	news := func() []string { return d.news(dir, []string{"edited.ts", "gone.ts", "other.ts", "same.ts"}) }
	if diff := cmp.Diff([]string{"edited.ts", "gone.ts", "other.ts"}, news()); diff != "" {
		t.Error(diff)
	}
	write("edited.ts", "a") // what runs was built of b
	if diff := cmp.Diff([]string{"edited.ts", "gone.ts", "other.ts"}, news()); diff != "" {
		t.Error(diff)
	}
}

func TestTypesAreOfTheConfigurationAndOfContracts(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		"clodo.yaml": true, "services/web/wrangler.jsonc": true, "services/web/wrangler.toml": true, "services/api/openapi.yml": true,
		"services/web/src/index.ts": false, "services/web/src/clodo.gen.ts": false, "services/web/clodo.yaml.md": false, "": false,
	} {
		if got := ofTypes([]string{"README.md", file}); got != want {
			t.Errorf("%q: %t, want %t", file, got, want)
		}
	}
}
