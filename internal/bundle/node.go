package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tamylaa/clodo/diag"
)

// nodeMode decides how the Worker may use Node's modules, and refuses flags that
// contradict each other.
func (b *build) nodeMode() (nodeMode, error) {
	w := b.worker
	has := func(f string) bool { return slices.Contains(w.CompatibilityFlags, f) }
	var fs []diag.Finding
	conflict := func(x, y string) {
		fs = append(fs, diag.Finding{
			Code: "B113", Message: "compatibility flags \"" + x + "\" and \"" + y + "\" contradict each other", Pos: diag.Position{File: w.File},
			Fix: "keep one of the two in `compatibility_flags`",
		})
	}
	for _, pair := range [][2]string{
		{"nodejs_compat", "nodejs_compat_v2"},
		{"nodejs_compat", "no_nodejs_compat"},
		{"nodejs_compat_v2", "no_nodejs_compat_v2"},
		{"global_navigator", "no_global_navigator"},
	} {
		if has(pair[0]) && has(pair[1]) {
			conflict(pair[0], pair[1])
		}
	}
	if has("experimental:nodejs_compat_v2") {
		fs = append(fs, diag.Finding{
			Code: "B113", Message: "compatibility flag \"experimental:nodejs_compat_v2\" no longer exists", Pos: diag.Position{File: w.File},
			Fix: "write \"nodejs_compat\"",
		})
	}
	if err := b.fail(fs...); err != nil {
		return "", err
	}
	return decideNodeMode(w.CompatibilityDate.V, w.CompatibilityFlags), nil
}

// navigatorDefined reports whether the runtime has navigator.userAgent, so that the
// bundle may take its value as known.
func (b *build) navigatorDefined() bool {
	flags := b.worker.CompatibilityFlags
	switch {
	case slices.Contains(flags, "global_navigator"):
		return true
	case slices.Contains(flags, "no_global_navigator"):
		return false
	}
	return b.worker.CompatibilityDate.V >= "2022-03-21"
}

// Namespaces of the small modules that stand between a require call and what it
// names. The names show up in the comments of the bundle; they are wrangler's.
const (
	namespaceRequiredBuiltin  = "node-built-in-modules"
	namespaceRequiredPolyfill = "required-unenv-alias"
)

// polyfillFile begins the names of files that set a global and exist in a build only.
const polyfillFile = "_virtual_unenv_global_polyfill-"

// resolvedOnce marks a resolution that a plugin started itself.
type resolvedOnce struct{ by string }

// nodePlugin makes imports of Node's modules mean what the Workers runtime offers.
func (b *build) nodePlugin() api.Plugin {
	if b.node == nodeV2 {
		return b.nodeV2Plugin()
	}
	return api.Plugin{Name: "node", Setup: func(p api.PluginBuild) {
		p.OnResolve(api.OnResolveOptions{Filter: `^node:`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			if a.PluginData == (resolvedOnce{"node"}) {
				return api.OnResolveResult{}, nil
			}
			if b.node == nodeALS && (a.Path == "node:async_hooks" || strings.HasPrefix(a.Path, "node:async_hooks/")) {
				return api.OnResolveResult{Path: a.Path, External: true}, nil
			}
			r := p.Resolve(a.Path, api.ResolveOptions{Importer: a.Importer, Namespace: a.Namespace, ResolveDir: a.ResolveDir, Kind: a.Kind, PluginData: resolvedOnce{"node"}})
			if len(r.Errors) == 0 {
				return api.OnResolveResult{Path: r.Path, External: r.External, Namespace: r.Namespace, Suffix: r.Suffix}, nil
			}
			b.imports.add(a.Path)
			result := api.OnResolveResult{Path: a.Path, External: true}
			if b.node != nodeV1 {
				result.Warnings = []api.Message{{Text: a.Path, Detail: b.missingFlagFinding(a.Path)}}
			}
			return result, nil
		})
	}}
}

// missingFlagFinding warns of an import that stays in the bundle although the
// runtime has no Node modules without the flag.
func (b *build) missingFlagFinding(path string) diag.Finding {
	return diag.Finding{
		Code: "B105", Severity: diag.SeverityWarning, Message: "\"" + path + "\" needs compatibility flag \"nodejs_compat\"",
		Why: "It is one of Node's modules. The import stays in the bundle, and the Workers runtime refuses it without the flag.",
		Fix: `add "compatibility_flags": ["nodejs_compat"] to ` + b.worker.File,
	}
}

// builtinFinding explains an import of one of Node's modules that cannot be built.
func (b *build) builtinFinding(path, name string) diag.Finding {
	f := diag.Finding{Code: "B105", Severity: diag.SeverityError, Message: "\"" + path + "\" needs compatibility flag \"nodejs_compat\"", Why: "It is one of Node's modules, not a package."}
	switch b.node {
	case nodeNone, nodeALS:
		f.Fix = `add "compatibility_flags": ["nodejs_compat"] to ` + b.worker.File
	case nodeV1:
		f.Message = "\"" + path + "\" must be imported as \"node:" + name + "\""
		f.Why = "Before compatibility date 2024-09-23 the Workers runtime knows Node's modules by that name only."
		f.Fix = "import from \"node:" + name + "\", or set a `compatibility_date` of 2024-09-23 or later"
	case nodeV2:
		f.Code = "B106"
		f.Message = "\"" + path + "\" is not in the Workers runtime at compatibility date " + b.worker.CompatibilityDate.V
		f.Why = "wrangler would replace it with a polyfill from package \"unenv\", which is not installed here."
		f.Fix = "run `" + findPackages(b.worker.Dir).addCommand("unenv @cloudflare/unenv-preset") + "`"
		if since := nativeSince(name); since != "" {
			f.Fix = "set `compatibility_date` to " + since + " or later, or " + f.Fix
		} else if name == "test" {
			f.Why, f.Fix = "It exists in Node only.", "remove the import"
		}
	}
	return f
}

// nativeSince is the compatibility date from which the runtime has a module, ""
// when no date brings it.
func nativeSince(name string) string {
	if name == "process" {
		return "2026-02-19"
	}
	if name == "_http_server" {
		return "2025-09-01"
	}
	for _, f := range nodeFeatures() {
		if slices.Contains(strings.Fields(f.modules), name) {
			return f.date
		}
	}
	return ""
}

// externals gathers the imports that the bundle leaves to the runtime, which a
// service worker cannot have.
type externals struct {
	mu    sync.Mutex
	paths []string
}

func (e *externals) add(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.paths, path) {
		e.paths = append(e.paths, path)
	}
}

func (e *externals) sorted() []string {
	slices.Sort(e.paths)
	return e.paths
}

// nodeV2Plugin leaves what the runtime has to the runtime, and takes the rest from
// the polyfills of package unenv when the project has it, as it has with wrangler.
func (b *build) nodeV2Plugin() api.Plugin {
	runtime := runtimeModules(b.worker.CompatibilityDate.V, b.worker.CompatibilityFlags)
	polyfills := findPolyfills(b.worker.Dir)
	return api.Plugin{Name: "node", Setup: func(p api.PluginBuild) {
		var names []string
		for _, n := range builtins() {
			if n != "sqlite" && n != "test" {
				names = append(names, regexp.QuoteMeta(n))
			}
		}
		builtin := "^(" + strings.Join(names, "|") + "|node:.+)$"
		p.OnResolve(api.OnResolveOptions{Filter: builtin}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			if a.PluginData == (resolvedOnce{"node"}) {
				return api.OnResolveResult{}, nil
			}
			b.imports.add(a.Path)
			if a.Kind == api.ResolveJSRequireCall {
				return api.OnResolveResult{Path: a.Path, Namespace: namespaceRequiredBuiltin}, nil
			}
			name, _ := builtinName(a.Path)
			if runtime.native[name] {
				return api.OnResolveResult{Path: a.Path, External: true}, nil
			}
			if target := polyfill(a.Path); target != "" && polyfills != "" {
				r := p.Resolve(target, api.ResolveOptions{ResolveDir: polyfills, Kind: api.ResolveJSImportStatement, PluginData: resolvedOnce{"node"}})
				return api.OnResolveResult{Path: r.Path, Errors: r.Errors}, nil
			}
			return api.OnResolveResult{}, nil // esbuild's own error becomes builtinFinding
		})
		p.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: namespaceRequiredBuiltin}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
			code := "import libDefault from " + quote(a.Path) + ";\nmodule.exports = libDefault;"
			return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS, ResolveDir: b.worker.Dir}, nil
		})
		if polyfills != "" {
			b.replacePackages(p, polyfills)
		}
		b.keepNodeDebug(p)
		b.injectGlobals(p, runtime, polyfills)
	}}
}

// replacePackages gives the npm packages that wrap what the runtime has anyway
// their small replacements.
func (b *build) replacePackages(p api.PluginBuild, polyfills string) {
	var names []string
	for _, n := range polyfillPackages() {
		names = append(names, regexp.QuoteMeta(n))
	}
	p.OnResolve(api.OnResolveOptions{Filter: "^(" + strings.Join(names, "|") + ")$"}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if a.Kind == api.ResolveJSRequireCall {
			return api.OnResolveResult{Path: a.Path, Namespace: namespaceRequiredPolyfill}, nil
		}
		r := p.Resolve(polyfill(a.Path), api.ResolveOptions{ResolveDir: polyfills, Kind: api.ResolveJSImportStatement, PluginData: resolvedOnce{"node"}})
		return api.OnResolveResult{Path: r.Path, Errors: r.Errors}, nil
	})
	p.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: namespaceRequiredPolyfill}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		code := "import * as esm from " + quote(a.Path) + `;
module.exports = "default" in esm ? esm.default : {};
for (const [name, value] of Object.entries(esm)) {
	if (name !== "default") Object.defineProperty(module.exports, name, { value, enumerable: true });
}`
		return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS, ResolveDir: b.worker.Dir}, nil
	})
}

// keepNodeDebug takes package debug by its Node entry: its browser entry wants a
// document and a localStorage.
func (b *build) keepNodeDebug(p api.PluginBuild) {
	dir := findPackageDir(b.worker.Dir, "debug")
	if dir == "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return
	}
	var file struct{ Main string }
	if json.Unmarshal(text, &file) != nil || file.Main == "" {
		return
	}
	p.OnResolve(api.OnResolveOptions{Filter: `^debug$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if a.PluginData == (resolvedOnce{"debug"}) {
			return api.OnResolveResult{}, nil
		}
		main := "./" + strings.TrimPrefix(filepath.ToSlash(file.Main), "./")
		r := p.Resolve(main, api.ResolveOptions{ResolveDir: dir, Kind: a.Kind, PluginData: resolvedOnce{"debug"}})
		if len(r.Errors) > 0 {
			return api.OnResolveResult{}, nil
		}
		return api.OnResolveResult{Path: r.Path}, nil
	})
}

// injectGlobals sets the globals that the runtime lacks at this date.
func (b *build) injectGlobals(p api.PluginBuild, runtime nodeModules, polyfills string) {
	var missing []string
	inject := map[string]string{} // file that exists only here -> its content
	add := func(on bool, global, target string) {
		if !on {
			return
		}
		missing = append(missing, global)
		if polyfills == "" {
			return
		}
		file := filepath.Join(b.worker.Dir, polyfillFile+strings.ReplaceAll(target, "/", "-"))
		inject[file] = "import { default as defaultExport } from " + quote(target) + ";\nglobalThis." + global + " = defaultExport;\n"
		p.InitialOptions.Inject = append(p.InitialOptions.Inject, file)
	}
	add(runtime.process, "process", "@cloudflare/unenv-preset/node/process")
	add(runtime.console, "console", "@cloudflare/unenv-preset/node/console")
	if runtime.performance {
		missing = append(missing, "performance")
		if polyfills != "" {
			p.InitialOptions.Inject = append(p.InitialOptions.Inject,
				filepath.Join(filepath.Dir(polyfills), "polyfill", "performance.mjs"))
		}
	}
	if polyfills == "" && len(missing) > 0 {
		b.warnings = append(b.warnings, diag.Finding{
			Code: "B114", Severity: diag.SeverityNote, Pos: b.worker.CompatibilityDate.Pos,
			Message: "Node's globals " + strings.Join(missing, ", ") + " stay as the Workers runtime has them",
			Why:     "At compatibility date " + b.worker.CompatibilityDate.V + " wrangler would extend them with package \"unenv\", which is not installed here.",
			Fix:     "set `compatibility_date` to 2026-03-17 or later, or run `" + findPackages(b.worker.Dir).addCommand("unenv @cloudflare/unenv-preset") + "`",
		})
	}
	p.OnResolve(api.OnResolveOptions{Filter: polyfillFile + `.+$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		return api.OnResolveResult{Path: a.Path}, nil
	})
	p.OnLoad(api.OnLoadOptions{Filter: polyfillFile + `.+$`}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		code, ok := inject[a.Path]
		if !ok {
			return api.OnLoadResult{}, nil
		}
		return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS, ResolveDir: polyfills}, nil
	})
}

// findPolyfills is a folder from which both unenv and Cloudflare's preset for it can
// be imported, or "" when the project has them not. They are dependencies of
// wrangler, and lie beside its real folder when the package manager does not hoist.
func findPolyfills(dir string) string {
	starts := []string{dir}
	if wrangler := findPackageDir(dir, "wrangler"); wrangler != "" {
		if real, err := filepath.EvalSymlinks(wrangler); err == nil {
			starts = append(starts, real)
		}
	}
	for _, start := range starts {
		preset := findPackageDir(start, "@cloudflare/unenv-preset")
		if preset == "" {
			continue
		}
		real, err := filepath.EvalSymlinks(preset)
		if err != nil || findPackageDir(real, "unenv") == "" {
			continue
		}
		runtime := filepath.Join(real, "dist", "runtime", "node")
		if _, err := os.Stat(runtime); err == nil {
			return runtime
		}
	}
	return ""
}

// quote writes s as a JavaScript string.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be written as JSON
	}
	return string(text)
}
