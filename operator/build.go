package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/project"
)

// Built is what a target uploads, in a folder.
type Built struct {
	Target  project.TargetID `json:"target"`
	Worker  string           `json:"worker"`
	Dir     string           `json:"dir"`    // absolute; it has metadata.json and the folder modules
	Digest  string           `json:"digest"` // of everything that is uploaded but the metadata
	Modules []deploy.Module  `json:"modules"`
	Assets  int              `json:"assets,omitempty"` // how many static files are uploaded beside them
	Size    int64            `json:"size"`             // bytes of all modules but source maps
	Gzip    int64            `json:"gzip_size"`        // the same, packed
}

// BuildOptions are the details of a Build.
type BuildOptions struct {
	// Dir is where the folders of Workers are made; default: build in the state folder.
	Dir string
}

// Build builds the selected targets as Deploy does, and writes what it would upload into
// a folder named like the Worker, which it replaces. It asks no network. The same sources
// and tools give the same bytes.
func (o *Operator) Build(ctx context.Context, sel project.Selector, b BuildOptions) ([]Built, error) {
	targets, err := o.resolve(ctx, sel)
	if err != nil {
		return nil, err
	}
	into, err := o.buildDir(b)
	if err != nil {
		return nil, err
	}
	var builder bundle.Builder
	var list []Built
	for _, t := range targets {
		a, err := builder.Build(ctx, *t)
		if err != nil {
			return list, err
		}
		b := Built{
			Target: t.TargetID, Worker: t.Worker.Name, Dir: filepath.Join(into, t.Worker.Name),
			Digest: a.Digest(), Modules: a.Modules, Assets: len(a.Assets), Size: a.Size, Gzip: a.GzipSize,
		}
		if err := writeBuild(b.Dir, t.Worker, a); err != nil {
			return list, fmt.Errorf("write what %s uploads: %w", t, err)
		}
		list = append(list, b)
	}
	return list, nil
}

// buildDir is where builds go.
func (o *Operator) buildDir(b BuildOptions) (string, error) {
	if b.Dir != "" {
		return filepath.Abs(b.Dir)
	}
	return filepath.Join(o.stateDir(), "build"), state.MakeFolder(o.stateDir())
}

// metadataFile is what every folder has that Build makes.
const metadataFile = "metadata.json"

// writeBuild writes an upload beside dir, and puts it there when it is whole. A folder that
// is not a build is not replaced.
func writeBuild(dir string, w project.Worker, a deploy.Artifact) (err error) {
	if _, err := os.Stat(dir); err == nil {
		if _, err := os.Stat(filepath.Join(dir, metadataFile)); err != nil {
			return diag.Findings([]diag.Finding{foreign(dir)})
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(made)) }()
	metadata, err := deploy.Metadata(w, a)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, metadataFile), append(metadata, '\n'), 0o644); err != nil {
		return err
	}
	for _, m := range a.Modules {
		name := filepath.FromSlash(m.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the module %q would be written outside of the folder", m.Name)
		}
		file := filepath.Join(made, "modules", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, m.Bytes, 0o644); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(made, dir)
}
