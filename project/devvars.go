package project

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/secret"
)

// DevVars are the values that the target has on this machine: those of
// .dev.vars.ENVIRONMENT, else of .dev.vars, beside the wrangler file, as wrangler reads
// them; nil without such a file. They come before variables of the wrangler file and of
// clodo.yaml; what else is bound, such as a database, keeps its name for itself.
func (t *Target) DevVars() (map[string]secret.Value, error) {
	vars, err := t.readDevVars()
	for _, b := range t.Worker.Bindings {
		if !b.IsVariable() {
			delete(vars, b.Name)
		}
	}
	return vars, err
}

// StoredDevVars are the values that the same file has for the target's bindings to the
// Secrets Store, by the names of the bindings.
func (t *Target) StoredDevVars() (map[string]secret.Value, error) {
	vars, err := t.readDevVars()
	maps.DeleteFunc(vars, func(name string, _ secret.Value) bool {
		return !slices.ContainsFunc(t.Worker.Bindings, func(b Binding) bool { return b.Name == name && b.Kind == "secrets_store_secret" })
	})
	return vars, err
}

func (t *Target) readDevVars() (map[string]secret.Value, error) {
	names := []string{".dev.vars"}
	if t.Environment != "" {
		names = []string{".dev.vars." + t.Environment, ".dev.vars"}
	}
	for _, name := range names {
		path := filepath.Join(t.Worker.Dir, name)
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read secrets for this machine: %w", err)
		}
		shown, err := filepath.Rel(t.Root, path)
		if err != nil {
			shown = path
		}
		vars, findings := secret.ParseDevVars(filepath.ToSlash(shown), data)
		if err := diag.Findings(findings); err != nil {
			return nil, err
		}
		return vars, nil
	}
	return nil, nil
}

// IsVariable reports a variable of the wrangler file or of clodo.yaml.
func (b Binding) IsVariable() bool {
	return !b.Given && (b.Kind == "plain_text" || b.Kind == "json")
}
