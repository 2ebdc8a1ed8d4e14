package bundle

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/assets"
	"github.com/tamylaa/clodo/project"
)

// Builder builds targets. Targets that differ in nothing that a build looks at, such
// as one service for many customers, are built once; sources that change later are
// therefore not seen, and every run takes a new Builder. The zero Builder is ready,
// and safe for concurrent use.
type Builder struct {
	mu    sync.Mutex
	built map[string]*once
}

// once is one build. Its lock is held while building; a build that failed is tried
// again by the next who asks.
type once struct {
	mu       sync.Mutex
	done     bool
	artifact deploy.Artifact
}

// Build makes what t uploads: modules, source maps, and the list of static files.
// Every problem in the source comes back at once, as a *diag.Error with findings
// and ExitConfig.
func (b *Builder) Build(ctx context.Context, t project.Target) (deploy.Artifact, error) {
	o := b.once(t)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.artifact, nil
	}
	artifact, err := Build(ctx, t)
	if err != nil {
		return deploy.Artifact{}, err
	}
	o.artifact, o.done = artifact, true
	return artifact, nil
}

func (b *Builder) once(t project.Target) *once {
	key := buildKey(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.built == nil {
		b.built = map[string]*once{}
	}
	if b.built[key] == nil {
		b.built[key] = &once{}
	}
	return b.built[key]
}

// buildKey is everything of t that a build looks at.
func buildKey(t project.Target) string {
	w := t.Worker
	var classes [][2]string
	for _, d := range w.Bindings {
		if d.ClassName != "" && (d.ScriptName == "" || d.ScriptName == w.Name) {
			classes = append(classes, [2]string{d.Kind + " " + d.Name, d.ClassName})
		}
	}
	key, err := json.Marshal([]any{
		t.Root, w.Dir, w.File, w.Main, w.NoBundle, w.FindAdditionalModules, w.BaseDir, w.PreserveFileNames, w.Rules, w.Alias, w.Define,
		w.Minify, w.KeepNames, w.UploadSourceMaps, w.TSConfig, w.JSXFactory, w.JSXFragment, w.Build,
		w.CompatibilityDate, w.CompatibilityFlags, classes, len(w.DOMigrations) > 0, w.Assets, w.Crons, w.QueueConsumers,
	})
	if err != nil {
		panic(fmt.Sprintf("bundle: settings of %q cannot be written: %v", w.Name, err)) // they came from JSON
	}
	return string(key)
}

// Build makes what t uploads, without looking at earlier builds.
func Build(ctx context.Context, t project.Target) (deploy.Artifact, error) {
	w := t.Worker
	r, err := Bundle(ctx, &w, t.Root)
	if err != nil {
		return deploy.Artifact{}, err
	}
	a := deploy.Artifact{MainModule: r.MainModule, ServiceWorker: r.Format == ServiceWorker}
	warnings := r.Warnings
	if w.Assets != nil {
		found, err := readAssets(ctx, t, &a)
		if err != nil {
			return deploy.Artifact{}, err
		}
		warnings = append(warnings, found...)
	}
	// wrangler's figure: the modules one after another in one stream
	var packed counter
	zip := gzip.NewWriter(&packed)
	for _, m := range r.Modules {
		a.Modules = append(a.Modules, deploy.NewModule(m.Name, m.ContentType, m.Bytes))
		a.Size += int64(len(m.Bytes))
		if _, err := zip.Write(m.Bytes); err != nil {
			return deploy.Artifact{}, fmt.Errorf("measuring the bundle of %q: %w", w.Name, err)
		}
	}
	if err := zip.Close(); err != nil {
		return deploy.Artifact{}, fmt.Errorf("measuring the bundle of %q: %w", w.Name, err)
	}
	if len(r.Modules) > 0 {
		a.GzipSize = int64(packed)
	}
	for _, m := range r.SourceMaps {
		a.Modules = append(a.Modules, deploy.NewModule(m.Name, m.ContentType, m.Bytes))
	}
	diag.Sort(warnings)
	for _, f := range warnings {
		a.Warnings = append(a.Warnings, warningText(f))
	}
	return a, nil
}

// warningText is a finding in one line.
func warningText(f diag.Finding) string {
	text := f.Error() + " [" + f.Code + "]"
	if f.Fix != "" {
		text += ": " + f.Fix
	}
	return text
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// readAssets adds the static files to a.
func readAssets(ctx context.Context, t project.Target, a *deploy.Artifact) (warnings []diag.Finding, err error) {
	w := t.Worker
	folder, found, err := assets.Read(ctx, assets.Options{Dir: w.Assets.Dir, Root: t.Root, Pos: w.Assets.Pos})
	if err != nil {
		return nil, err
	}
	if w.Main.V == "" && (w.Assets.Binding != "" || w.Assets.RunWorkerFirst != nil && w.Assets.RunWorkerFirst != false) {
		found = append(found, diag.Finding{
			Code: "B128", Severity: diag.SeverityError, Pos: w.Assets.Pos,
			Message: "`assets.binding` and `run_worker_first` need a Worker's code",
			Why:     "\"" + w.Name + "\" has static assets only.",
			Fix:     "remove them from `assets`, or name the code with `main` in " + w.File,
		})
	}
	if err := diag.Findings(found); err != nil {
		return nil, err
	}
	a.AssetDir = w.Assets.Dir
	for _, f := range folder.Files {
		a.Assets = append(a.Assets, deploy.Asset{Path: f.Path, Hash: f.Hash, Size: f.Size, ContentType: f.ContentType, File: strings.TrimPrefix(f.Path, "/")})
	}
	var config bytes.Buffer
	encoder := json.NewEncoder(&config)
	encoder.SetEscapeHTML(false) // headers and redirects hold < and &
	err = encoder.Encode(struct {
		HTMLHandling     string  `json:"html_handling,omitempty"`
		NotFoundHandling string  `json:"not_found_handling,omitempty"`
		RunWorkerFirst   any     `json:"run_worker_first,omitempty"`
		Redirects        *string `json:"_redirects,omitempty"`
		Headers          *string `json:"_headers,omitempty"`
	}{w.Assets.HTMLHandling, w.Assets.NotFoundHandling, w.Assets.RunWorkerFirst, folder.Redirects, folder.Headers})
	if err != nil {
		return nil, fmt.Errorf("writing the assets configuration of %q: %w", w.Name, err)
	}
	a.AssetConfig = bytes.TrimSpace(config.Bytes())
	return found, nil
}

var _ deploy.Builder = (*Builder)(nil)
