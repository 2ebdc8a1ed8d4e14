package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tamylaa/clodo/diag"
)

// commonOptions are shared by the look at the entry point and by the build. Syntax
// up to ES2024, and `using` besides, runs in every Worker as it is written.
func (b *build) commonOptions() api.BuildOptions {
	options := api.BuildOptions{
		EntryPoints:   []string{b.entry},
		AbsWorkingDir: b.worker.Dir,
		Metafile:      true,
		Target:        api.ES2024,
		Supported:     map[string]bool{"import-source": true, "using": true},
		Loader:        map[string]api.Loader{".js": api.LoaderJSX, ".mjs": api.LoaderJSX, ".cjs": api.LoaderJSX},
		LogLevel:      api.LogLevelSilent,
		Outdir:        b.worker.Dir, // nothing is written; paths in source maps are relative to it
	}
	if t := filepath.FromSlash(b.worker.TSConfig); t != "" {
		if !filepath.IsAbs(t) {
			t = filepath.Join(b.worker.Dir, t)
		}
		options.Tsconfig = t
	}
	return options
}

// guessFormat is the format that the entry point is written in: a Worker without
// exports is a service worker. A file that does not parse counts as a module; the
// build then reports everything that is wrong with it.
func (b *build) guessFormat() (Format, error) {
	const listener = "__CLODO_SERVICE_WORKER_LISTENER__"
	options := b.commonOptions()
	options.Define = map[string]string{
		"addEventListener": listener, "globalThis.addEventListener": listener, "self.addEventListener": listener,
	}
	r := api.Build(options)
	if len(r.Errors) > 0 {
		return Modules, nil
	}
	meta, err := readMetafile(r.Metafile)
	if err != nil {
		return "", err
	}
	switch {
	case len(meta.exports) == 0:
		return ServiceWorker, nil
	case slices.Contains(meta.exports, "default") || !strings.Contains(string(r.OutputFiles[0].Contents), listener):
		return Modules, nil
	}
	b.warnings = append(b.warnings, diag.Finding{
		Code: "B108", Severity: diag.SeverityWarning, Pos: b.worker.Main.Pos,
		Message: "\"" + b.worker.Main.V + "\" is built as a service worker although it has exports",
		Why:     "It adds event listeners and has no default export.", Fix: "add `export default { fetch(request, env) { … } }`",
	})
	return ServiceWorker, nil
}

// options are wrangler's for a deploy.
func (b *build) options(c *collector) api.BuildOptions {
	w := b.worker
	o := b.commonOptions()
	o.Bundle = true
	o.KeepNames = w.KeepNames == nil || *w.KeepNames
	o.External = []string{"__STATIC_CONTENT_MANIFEST"}
	o.Format = api.FormatESModule
	if b.format == ServiceWorker {
		o.Format = api.FormatIIFE
	}
	o.Platform = api.PlatformBrowser
	o.Conditions = []string{"workerd", "worker", "browser"}
	o.MinifyWhitespace, o.MinifyIdentifiers, o.MinifySyntax = w.Minify, w.Minify, w.Minify
	o.JSXFactory, o.JSXFragment = w.JSXFactory, w.JSXFragment
	if w.UploadSourceMaps == nil || *w.UploadSourceMaps {
		o.Sourcemap = api.SourceMapLinked
	}
	o.Define = map[string]string{
		"process.env.NODE_ENV": `"production"`, "global.process.env.NODE_ENV": `"production"`, "globalThis.process.env.NODE_ENV": `"production"`,
	}
	if b.navigatorDefined() {
		o.Define["navigator.userAgent"] = `"Cloudflare-Workers"`
	}
	maps.Copy(o.Define, w.Define)
	o.Plugins = []api.Plugin{b.aliasPlugin(), b.collectPlugin(c), b.nodePlugin(), b.runtimePlugin()}
	return o
}

// bundle runs the build.
func (b *build) bundle(ctx context.Context) (Result, error) {
	c := newCollector()
	if b.worker.FindAdditionalModules {
		if err := b.findModules(ctx, c); err != nil {
			return Result{}, err
		}
	}
	r, err := run(ctx, b.options(c))
	if err != nil {
		return Result{}, err
	}
	for _, m := range r.Warnings {
		b.warnings = append(b.warnings, b.warningFinding(m))
	}
	var fs []diag.Finding
	for _, m := range r.Errors {
		fs = append(fs, b.errorFinding(m))
	}
	if imports := b.imports.sorted(); b.format == ServiceWorker && len(imports) > 0 {
		fs = append(fs, diag.Finding{
			Code: "B111", Message: "a service worker cannot import \"" + strings.Join(imports, "\", \"") + "\"", Pos: b.worker.Main.Pos,
			Why: "\"" + b.worker.Main.V + "\" has no default export, so it is built as a service worker, and those cannot import from the runtime.",
			Fix: "write the Worker as a module: export default { fetch(request, env) { … } }",
		})
	}
	if err := b.fail(fs...); err != nil {
		return Result{}, err
	}
	meta, err := readMetafile(r.Metafile)
	if err != nil {
		return Result{}, err
	}
	if err := b.checkExports(meta.exports); err != nil {
		return Result{}, err
	}
	result := Result{Format: b.format, Exports: meta.exports, Warnings: b.warnings}
	for _, in := range meta.inputs {
		if file, ok := b.inputFile(in); ok {
			result.Inputs = append(result.Inputs, file)
		}
	}
	result.Inputs = append(result.Inputs, c.inputs...)
	slices.Sort(result.Inputs)
	result.Inputs = slices.Compact(result.Inputs)
	for _, f := range r.OutputFiles {
		name := filepath.Base(f.Path)
		if strings.HasSuffix(name, ".map") {
			source, err := relocateMap(f.Contents, strings.TrimSuffix(name, ".map"))
			if err != nil {
				return Result{}, err
			}
			result.SourceMaps = append(result.SourceMaps, Module{Name: name, ContentType: TypeSourceMap, Bytes: source})
			continue
		}
		result.MainModule = name
		result.Modules = append(result.Modules, Module{Name: name, ContentType: b.mainType(), Bytes: f.Contents})
	}
	result.Modules = append(result.Modules, c.sorted()...)
	return result, nil
}

// inputFile is the file that the bundler's account calls name; ok is false for a
// module that plugins made up.
func (b *build) inputFile(name string) (file string, ok bool) {
	for _, namespace := range []string{namespaceRequiredBuiltin, namespaceRequiredPolyfill, namespaceModule} {
		if strings.HasPrefix(name, namespace) {
			return "", false
		}
	}
	file = filepath.FromSlash(name)
	if !filepath.IsAbs(file) {
		file = filepath.Join(b.worker.Dir, file)
	}
	return file, !strings.HasPrefix(filepath.Base(file), polyfillFile)
}

// run builds until it is done or ctx ends.
func run(ctx context.Context, options api.BuildOptions) (api.BuildResult, error) {
	if ctx.Err() != nil {
		return api.BuildResult{}, ctx.Err()
	}
	c, failed := api.Context(options)
	if failed != nil {
		return api.BuildResult{Errors: failed.Errors}, nil
	}
	defer c.Dispose()
	stop := context.AfterFunc(ctx, c.Cancel)
	defer stop()
	r := c.Rebuild()
	if ctx.Err() != nil {
		return api.BuildResult{}, ctx.Err()
	}
	return r, nil
}

// metafile is the part of esbuild's account of a build that is used here.
type metafile struct {
	exports []string // of the entry point, sorted
	inputs  []string // relative to the working folder
}

func readMetafile(text string) (metafile, error) {
	var m struct {
		Inputs  map[string]any
		Outputs map[string]struct {
			EntryPoint string
			Exports    []string
		}
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return metafile{}, fmt.Errorf("reading the bundler's account of the build: %w", err)
	}
	for _, o := range m.Outputs {
		if o.EntryPoint == "" {
			continue
		}
		slices.Sort(o.Exports)
		return metafile{exports: o.Exports, inputs: slices.Sorted(maps.Keys(m.Inputs))}, nil
	}
	return metafile{}, errors.New("the bundler's account of the build names no entry point")
}

// aliasPlugin replaces whole import paths. Targets are resolved from the project's
// folder.
func (b *build) aliasPlugin() api.Plugin {
	return api.Plugin{Name: "alias", Setup: func(p api.PluginBuild) {
		if len(b.worker.Alias) == 0 {
			return
		}
		var names []string
		for _, n := range slices.Sorted(maps.Keys(b.worker.Alias)) {
			names = append(names, regexp.QuoteMeta(n))
		}
		p.OnResolve(api.OnResolveOptions{Filter: "^(" + strings.Join(names, "|") + ")$"}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			if a.PluginData == (resolvedOnce{"alias"}) {
				return api.OnResolveResult{}, nil
			}
			target := b.worker.Alias[a.Path]
			r := p.Resolve(target, api.ResolveOptions{ResolveDir: b.worker.Dir, Kind: a.Kind, PluginData: resolvedOnce{"alias"}})
			if len(r.Errors) > 0 {
				return api.OnResolveResult{Errors: []api.Message{{Text: a.Path, Detail: diag.Finding{
					Code: "B103", Severity: diag.SeverityError, Message: "\"" + target + "\" could not be found",
					Why: "It stands in for \"" + a.Path + "\" in `alias`, and is looked for from " + b.relative(b.worker.Dir) + ".",
					Fix: "correct `alias` in " + b.worker.File,
				}}}}, nil
			}
			return api.OnResolveResult{Path: r.Path, External: r.External, Namespace: r.Namespace, Suffix: r.Suffix}, nil
		})
	}}
}

// runtimePlugin leaves imports of cloudflare: to the runtime.
func (b *build) runtimePlugin() api.Plugin {
	return api.Plugin{Name: "runtime", Setup: func(p api.PluginBuild) {
		p.OnResolve(api.OnResolveOptions{Filter: `^cloudflare:`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			b.imports.add(a.Path)
			return api.OnResolveResult{Path: a.Path, External: true}, nil
		})
	}}
}
