// Package bundle turns the source of a Worker into the exact bytes that are uploaded:
// TypeScript and JavaScript in this process and without Node, with the options,
// resolution and module names of wrangler, so that a Worker behaves the same whichever
// of the two has built it; Go by the go command, with the shim that runs it on Workers.
package bundle

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// Format is the kind of script that a Worker is written as.
type Format string

// The formats. Modules is every Worker with an export.
const (
	Modules       Format = "modules"
	ServiceWorker Format = "service-worker"
)

// The content types of modules, as the upload sends them.
const (
	TypeESModule  = "application/javascript+module"
	TypeCommonJS  = "application/javascript" // also the main script of a service worker
	TypeWasm      = "application/wasm"
	TypeData      = "application/octet-stream"
	TypeText      = "text/plain"
	TypeSourceMap = "application/source-map"
)

// Module is one part of the upload.
type Module struct {
	Name        string // slash-separated on every system; part name and file name of the upload
	ContentType string
	Bytes       []byte
}

// Result is a built Worker. Its bytes depend on the content of the inputs only, not
// on where they lie on the disk.
type Result struct {
	Format     Format
	MainModule string   // "" for a Worker that is nothing but assets
	Modules    []Module // the main module first, the others sorted by name
	SourceMaps []Module // only with upload_source_maps
	Exports    []string // what the main module exports, sorted
	Inputs     []string // every file that was read, absolute, sorted
	Warnings   []diag.Finding
}

// Bundle builds w. Root is the portfolio's folder, to which the positions of
// findings are relative. The error carries all findings of the build at once; when
// ctx ends first it is ctx's error and whatever the build had started is stopped.
func Bundle(ctx context.Context, w *project.Worker, root string) (Result, error) {
	b := &build{worker: w, root: root}
	if err := b.runCommand(ctx); err != nil {
		return Result{}, err
	}
	if w.Main.V == "" {
		if w.Assets != nil {
			return Result{Format: Modules}, nil
		}
		return Result{}, b.fail(diag.Finding{
			Code: "B101", Message: "\"" + w.Name + "\" has neither code nor assets", Pos: diag.Position{File: w.File},
			Why: "The wrangler file names no `main` and no `assets` directory.",
			Fix: `add "main": "src/index.ts" to ` + w.File,
		})
	}
	b.entry = w.Entry()
	if err := b.checkEntry(); err != nil {
		return Result{}, err
	}
	if strings.EqualFold(filepath.Ext(b.entry), ".go") {
		return b.goProgram(ctx)
	}
	rules, removed := parseRules(w.Rules)
	b.rules, b.removed = rules, removed
	b.warnShadowedRules()
	mode, err := b.nodeMode()
	if err != nil {
		return Result{}, err
	}
	b.node = mode
	format, err := b.guessFormat()
	if err != nil {
		return Result{}, err
	}
	b.format = format
	if err := b.checkFormat(); err != nil {
		return Result{}, err
	}
	if w.NoBundle {
		return b.collectOnly(ctx)
	}
	return b.bundle(ctx)
}

// build is the state of one Bundle call.
type build struct {
	worker   *project.Worker
	root     string
	entry    string // absolute
	format   Format
	node     nodeMode
	imports  externals // what the bundle leaves to the runtime
	rules    []rule
	removed  []rule
	warnings []diag.Finding
}

// moduleRoot is the folder to which the names of additional modules are relative.
func (b *build) moduleRoot() string {
	switch dir := filepath.FromSlash(b.worker.BaseDir); {
	case dir == "":
		return filepath.Dir(b.entry)
	case filepath.IsAbs(dir):
		return dir
	default:
		return filepath.Join(b.worker.Dir, dir)
	}
}

// checkEntry says early, and in clodo's own words, that the entry point is not
// there or is written in a language that is not built here.
func (b *build) checkEntry() error {
	w := b.worker
	switch ext := strings.ToLower(filepath.Ext(b.entry)); ext {
	case ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".go":
	default:
		return b.fail(diag.Finding{
			Code: "B102", Message: "\"" + w.Main.V + "\" is not a file that can be the entry point of a Worker", Pos: w.Main.Pos,
			Why: "An entry point ends in .ts, .tsx, .mts, .cts, .js, .jsx, .mjs, .cjs or .go.",
			Fix: "point `main` in " + w.File + " at the Worker's source",
		})
	}
	if f, missing := w.MissingEntry(b.root); missing {
		return b.fail(f)
	}
	return nil
}

// checkFormat refuses what a service worker cannot have.
func (b *build) checkFormat() error {
	if b.format != ServiceWorker {
		return nil
	}
	w := b.worker
	var fs []diag.Finding
	for _, d := range w.Bindings {
		if d.Kind == "durable_object_namespace" && b.local(d) {
			fs = append(fs, diag.Finding{
				Code: "B111", Message: "durable object \"" + d.ClassName + "\" cannot live in a service worker", Pos: d.Pos,
				Why: "\"" + w.Main.V + "\" has no default export, so it is built as a service worker, and those export no classes.",
				Fix: "write the Worker as a module: export default { fetch(request, env) { … } }",
			})
		}
	}
	if len(w.DOMigrations) > 0 {
		fs = append(fs, diag.Finding{
			Code: "B111", Message: "durable object migrations cannot be applied to a service worker", Pos: w.Main.Pos,
			Why: "\"" + w.Main.V + "\" has no default export, so it is built as a service worker.",
			Fix: "write the Worker as a module: export default { fetch(request, env) { … } }",
		})
	}
	if w.FindAdditionalModules && !w.NoBundle {
		fs = append(fs, diag.Finding{
			Code: "B111", Message: "`find_additional_modules` cannot be used with a service worker", Pos: w.Main.Pos,
			Why: "\"" + w.Main.V + "\" has no default export, so it is built as a service worker, and those have one script only.",
			Fix: "remove `find_additional_modules`, or write the Worker as a module",
		})
	}
	return b.fail(fs...)
}

// checkExports finds classes that a binding names and the main module lacks.
func (b *build) checkExports(exports []string) error {
	var fs []diag.Finding
	for _, d := range b.worker.Bindings {
		if d.Kind != "durable_object_namespace" && d.Kind != "workflow" || !b.local(d) || d.ClassName == "" {
			continue
		}
		if slices.Contains(exports, d.ClassName) {
			continue
		}
		f := diag.Finding{
			Code: "B110", Message: "class \"" + d.ClassName + "\" is not exported by \"" + b.worker.Main.V + "\"", Pos: d.Pos,
			Why: "Binding \"" + d.Name + "\" needs it.",
			Fix: "add `export class " + d.ClassName + "` or `export { " + d.ClassName + " } from …` to " + b.worker.Main.V,
		}
		if near := diag.Nearest(d.ClassName, exports); near != "" {
			f.Fix = "did you mean \"" + near + "\"?"
		}
		fs = append(fs, f)
	}
	return b.fail(fs...)
}

// local reports whether the class of d lives in this Worker.
func (b *build) local(d project.Binding) bool {
	return d.ScriptName == "" || d.ScriptName == b.worker.Name
}
