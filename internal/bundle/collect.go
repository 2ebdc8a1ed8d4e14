package bundle

import (
	"context"
	"crypto/sha1" // names of modules, as wrangler makes them; nothing is protected by it
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tamylaa/clodo/diag"
)

// collector gathers the modules that are uploaded beside the bundle: files that a
// module rule names are not bundled, their import stays.
type collector struct {
	mu      sync.Mutex
	modules map[string]Module // by name
	inputs  []string
	found   map[string]bool // absolute paths of additional modules
}

func (c *collector) add(file string, m Module) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.modules[m.Name] = m
	c.inputs = append(c.inputs, file)
}

// sorted is every collected module by name. The order in which a build meets them
// differs from run to run.
func (c *collector) sorted() []Module {
	var list []Module
	for _, m := range c.modules {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// collectPlugin applies the module rules to imports.
func (b *build) collectPlugin(c *collector) api.Plugin {
	return api.Plugin{Name: "modules", Setup: func(p api.PluginBuild) {
		b.collectBareNames(p, c)
		for _, r := range b.rules {
			if r.javascript() && len(c.found) == 0 {
				continue
			}
			for _, re := range r.imports {
				b.collectImports(p, c, r, re)
			}
		}
		for _, r := range b.removed {
			for _, re := range r.imports {
				p.OnResolve(api.OnResolveOptions{Filter: re.String()}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
					if a.Kind == api.ResolveEntryPoint || a.PluginData == (resolvedOnce{"modules"}) {
						return api.OnResolveResult{}, nil
					}
					return api.OnResolveResult{Errors: []api.Message{{Text: a.Path, Detail: diag.Finding{
						Code: "B112", Severity: diag.SeverityError, Message: "\"" + a.Path + "\" matches a module rule that is never used",
						Why: fmt.Sprintf("Rule %s %q stands behind another rule of the same type that has no `fallthrough`.", r.Kind, r.Globs),
						Fix: `add "fallthrough": true to the earlier rule of type ` + r.Kind + " in " + b.worker.File,
					}}}}, nil
				})
			}
		}
	}}
}

func (b *build) collectImports(p api.PluginBuild, c *collector, r rule, re *regexp.Regexp) {
	p.OnResolve(api.OnResolveOptions{Filter: re.String()}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if a.PluginData == (resolvedOnce{"modules"}) || a.Kind == api.ResolveEntryPoint {
			return api.OnResolveResult{}, nil
		}
		written, _, _ := strings.Cut(a.Path, "?")
		file := filepath.Join(a.ResolveDir, filepath.FromSlash(written))
		if c.found[file] {
			return api.OnResolveResult{Path: written, External: true}, nil
		}
		if r.javascript() {
			return api.OnResolveResult{}, nil
		}
		resolved := p.Resolve(written, api.ResolveOptions{Importer: a.Importer, ResolveDir: a.ResolveDir, Kind: a.Kind, PluginData: resolvedOnce{"modules"}})
		switch {
		case len(resolved.Errors) == 0 && resolved.Path != "" && !resolved.External:
			file = resolved.Path
		case !strings.HasPrefix(written, "."):
			if inPackage := findPackageFile(a.ResolveDir, written); inPackage != "" {
				file = inPackage
			}
		}
		return b.collectFile(c, r, file, written)
	})
	if b.format != ServiceWorker {
		return
	}
	// A service worker has no imports: the module becomes a global of that name.
	p.OnLoad(api.OnLoadOptions{Filter: re.String(), Namespace: namespaceOf(r)}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		code := "export default " + identifier(a.Path) + ";"
		return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS}, nil
	})
}

// collectFile reads one module that an import names and leaves the import of it.
func (b *build) collectFile(c *collector, r rule, file, written string) (api.OnResolveResult, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return api.OnResolveResult{Errors: []api.Message{{Text: `Could not resolve "` + written + `"`}}}, nil
	}
	name := b.collectedName(written, content)
	m := Module{Name: name, ContentType: r.contentType(), Bytes: content}
	if b.format == ServiceWorker {
		m.Name = identifier(name)
	}
	c.add(file, m)
	return api.OnResolveResult{Path: name, External: b.format == Modules, Namespace: namespaceOf(r)}, nil
}

// collectBareNames accepts `import text from "schema.sql"` for a file beside the
// entry point, which wrangler 1 allowed, and says how to write it.
func (b *build) collectBareNames(p api.PluginBuild, c *collector) {
	dir := filepath.Dir(b.entry)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != filepath.Base(b.entry) {
			names = append(names, regexp.QuoteMeta(e.Name()))
		}
	}
	if len(names) == 0 {
		return
	}
	p.OnResolve(api.OnResolveOptions{Filter: "^(" + strings.Join(names, "|") + ")$"}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if a.Kind != api.ResolveJSImportStatement && a.Kind != api.ResolveJSRequireCall || a.PluginData != nil {
			return api.OnResolveResult{}, nil
		}
		for _, r := range b.rules {
			if r.javascript() || !slices.ContainsFunc(r.imports, func(re *regexp.Regexp) bool { return re.MatchString("./" + a.Path) }) {
				continue
			}
			result, err := b.collectFile(c, r, filepath.Join(dir, a.Path), a.Path)
			result.Warnings = []api.Message{{Text: a.Path, Detail: diag.Finding{
				Code: "B108", Message: "\"" + a.Path + "\" is imported as if it were a package", Fix: "write \"./" + a.Path + "\"",
				Why: "The file beside the entry point is used, as early versions of wrangler did.",
			}}}
			return result, err
		}
		return api.OnResolveResult{}, nil
	})
}

// collectedName is what a collected module is uploaded as: its content's hash and
// its base name, or the path as written with preserve_file_names.
func (b *build) collectedName(written string, content []byte) string {
	sum := sha1.Sum(content)
	hash := hex.EncodeToString(sum[:])
	switch base := path.Base(filepath.ToSlash(written)); {
	case !b.worker.PreserveFileNames:
		return "./" + hash + "-" + base
	case filepath.IsAbs(written) || path.IsAbs(written):
		return "./" + hash + "/" + base
	}
	return filepath.ToSlash(written)
}

// namespaceModule begins the namespaces of collected modules in a service worker.
const namespaceModule = "wrangler-module-"

func namespaceOf(r rule) string { return namespaceModule + r.Kind }

// identifier is a name as a JavaScript variable.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '$' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// findPackageFile is a file that an import names by its place in a package, past
// what the package says it exports.
func findPackageFile(dir, written string) string {
	pkg := packageName(written)
	found := findPackageDir(dir, pkg)
	if found == "" {
		return ""
	}
	file := filepath.Join(found, filepath.FromSlash(strings.TrimPrefix(written, pkg)))
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return file
}

// findModules reads every file below the module root that a rule names, except the
// entry point, the wrangler file, and clodo's and wrangler's own folders.
func (b *build) findModules(ctx context.Context, c *collector) error {
	root := b.moduleRoot()
	config := filepath.Join(b.root, filepath.FromSlash(b.worker.File))
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.IsDir() {
			if file == filepath.Join(b.worker.Dir, ".wrangler") || d.Name() == ".clodo" {
				return filepath.SkipDir
			}
			return nil
		}
		if file == config || file == b.entry {
			return nil
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		r, ok := matchFile(b.rules, name)
		if !ok {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		c.found[file] = true
		c.add(file, Module{Name: name, ContentType: r.contentType(), Bytes: content})
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading additional modules of %q: %w", b.worker.Name, err)
	}
	return nil
}

// collectOnly is the Worker of no_bundle: the entry point as it is, and beside it
// what the rules name.
func (b *build) collectOnly(ctx context.Context) (Result, error) {
	main, err := os.ReadFile(b.entry)
	if err != nil {
		return Result{}, fmt.Errorf("reading entry point of %q: %w", b.worker.Name, err)
	}
	c := newCollector()
	if err := b.findModules(ctx, c); err != nil {
		return Result{}, err
	}
	for i := range c.modules {
		if m := c.modules[i]; b.format == ServiceWorker {
			m.Name = identifier(m.Name)
			c.modules[i] = m
		}
	}
	name := filepath.Base(b.entry)
	modules := append([]Module{{Name: name, ContentType: b.mainType(), Bytes: main}}, c.sorted()...)
	inputs := append(c.inputs, b.entry)
	slices.Sort(inputs)
	result := Result{Format: b.format, MainModule: name, Modules: modules, Inputs: inputs, Warnings: b.warnings}
	if wanted := b.worker.UploadSourceMaps; wanted == nil || *wanted {
		if err := b.attachSourceMaps(&result, wanted != nil); err != nil {
			return Result{}, err
		}
	}
	return result, nil
}

func newCollector() *collector {
	return &collector{modules: map[string]Module{}, found: map[string]bool{}}
}

// mainType is the content type of the main module.
func (b *build) mainType() string {
	if b.format == ServiceWorker {
		return TypeCommonJS
	}
	return TypeESModule
}
