package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// compiled are the pages whose Go stands, line for line, in a test: in an example, mostly.
var compiled = []string{"http.md", "authentication.md", "service-calls.md", "models.md"}

func TestGoOnAPageIsCompiled(t *testing.T) {
	t.Parallel()
	var code []string
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case strings.HasSuffix(name, "_test.go"):
			b, err := os.ReadFile(name)
			code = append(code, flat(string(b)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range compiled {
		b, err := os.ReadFile(filepath.Join(root, "docs", "guide", page))
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(b), "\n```go\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s has no Go", page)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "\n```\n")
			found := false
			for _, c := range code {
				found = found || strings.Contains(c, flat(block))
			}
			if !found {
				t.Errorf("%s: no test has this code:\n%s", page, block)
			}
		}
	}
}

// flat is code without its indentation and its empty lines.
func flat(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
