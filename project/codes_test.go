package project_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/tamylaa/clodo/diag"
)

func TestEveryCodeThatIsUsedHasAPage(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`"([A-Z][0-9]{3})"`)
	for _, dir := range []string{".", filepath.Join("..", "internal", "source")} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources in %s: %v", dir, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range code.FindAllStringSubmatch(string(text), -1) {
				if _, ok := diag.Explain(m[1]); !ok {
					t.Errorf("%s: %s has no page", file, m[1])
				}
			}
		}
	}
}
