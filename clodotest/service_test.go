package clodotest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAVariableIsWhatItIsInDev(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"wrangler.jsonc": `{"name": "shop", "main": "main.go", "compatibility_date": "2026-11-01", "vars": {"FILE": "file", "DEV": "file", "TEST": "file"}, "kv_namespaces": [{"binding": "CACHE", "id": "c"}]}`,
		".dev.vars":      "DEV=dev\nTEST=dev\nONLY=dev\nCACHE=dev\nCLODO_SERVICE=dev\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := find(Options{Dir: dir, Vars: map[string]string{"TEST": "test"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"FILE": "file", "DEV": "dev", "TEST": "test", "ONLY": "dev", "CLODO_SERVICE": "shop"}, s.vars); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}
