package operator

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/tamylaa/clodo/internal/typescript"
	"github.com/tamylaa/clodo/scaffold"
)

// ofTypes reports whether files are of those that tell services in TypeScript what they
// know of their portfolio: clodo.yaml, wrangler files and OpenAPI documents.
func ofTypes(files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		switch path.Base(file) {
		case scaffold.ConfigName, "wrangler.json", "wrangler.jsonc", "wrangler.toml", "openapi.json", "openapi.yaml", "openapi.yml":
			return true
		}
		return false
	})
}

// types brings the generated files of the services up to date, where they have one, and
// gives those that were written.
func (d *dev) types(ctx context.Context, op *Operator) []string {
	var services []string
	for _, t := range d.targets {
		if _, err := os.Stat(filepath.Join(t.Root, filepath.FromSlash(typescript.File(t)))); err == nil && !slices.Contains(services, t.Service) {
			services = append(services, t.Service)
		}
	}
	if len(services) == 0 {
		return nil
	}
	files, _, err := op.Types(ctx, TypesRequest{Services: services, Present: true})
	if err != nil {
		d.options.Notice("the generated files of services in TypeScript stay as they are: " + err.Error())
		return nil
	}
	var written []string
	for _, f := range files {
		if f.State == TypesWritten {
			d.written[f.File] = f.text
			written = append(written, f.File)
		}
	}
	d.tell(len(written) > 0 && d.told.Generated != nil, func() { d.told.Generated(written) })
	return written
}

// news are changed files without those that are as Dev itself has written them: they are
// part of what was deployed then.
func (d *dev) news(root string, files []string) []string {
	return slices.DeleteFunc(files, func(file string) bool {
		text, ours := d.written[file]
		if !ours {
			return false
		}
		now, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err == nil && bytes.Equal(now, text) {
			return true
		}
		delete(d.written, file)
		return false
	})
}
