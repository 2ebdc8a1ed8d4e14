package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTheGoCommandTakesTheModuleOfEveryPortfolio(t *testing.T) {
	t.Parallel()
	for _, portfolio := range []string{"shop", "all", "cmd", "internal", "main", "mod", "std", "test", "time", "tool", "vendor", "work"} {
		t.Run(portfolio, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			service := filepath.Join(dir, "services", "one")
			fatal(t, os.MkdirAll(service, 0o755))
			fatal(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+moduleName(portfolio)+"\n\ngo 1.26.0\n"), 0o644))
			fatal(t, os.WriteFile(filepath.Join(service, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644))
			cmd := exec.Command("go", "list", ".")
			cmd.Dir = service
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
