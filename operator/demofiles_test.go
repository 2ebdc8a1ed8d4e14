package operator

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/project"
)

func TestTheDemoIsWholeWithGoAndWithout(t *testing.T) {
	t.Parallel()
	for _, withGo := range []bool{true, false} {
		files, err := demoTree(withGo)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for name, content := range files {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		p, found := project.Load(project.LoadOptions{Dir: dir})
		if len(found) > 0 {
			t.Fatalf("with Go %t: %v", withGo, found)
		}
		if found := p.Check(nil); len(found) > 0 {
			t.Errorf("with Go %t: %v", withGo, found)
		}
		var names []string
		for _, s := range p.Services {
			names = append(names, s.Name)
		}
		want := "orders api web"
		if withGo {
			want += " stock"
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("with Go %t: the services are %s, want %s", withGo, got, want)
		}
	}
}
