package project

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/source"
)

// layers is what a service is made of before an environment and a customer are
// chosen: the wrangler file and the service's own part of clodo.yaml.
type layers struct {
	wrangler *source.Document // never nil once loaded without errors
	service  *source.Value    // the service in clodo.yaml, nil without one
}

var (
	workerName  = lazyregexp.New(`^[a-z0-9_][a-z0-9_-]*$`)
	dateForm    = lazyregexp.New(`^\d{4}-\d{2}-\d{2}$`)
	placeholder = lazyregexp.New(`\{domain:([^{}]*)\}`)
)

// maxWorkerName is also the longest label of a workers.dev address.
const maxWorkerName = 63

func isWorkerName(s string) bool { return workerName.MatchString(s) }

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && dateForm.MatchString(s)
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// resolver makes one Target.
type resolver struct {
	p     *Portfolio
	s     *Service
	env   *Environment
	cust  *Customer // nil: the shared target
	dir   string    // absolute folder of the wrangler file
	name  string    // the Worker's name
	found []diag.Finding
}

func (r *resolver) fail(code string, pos diag.Position, message, why, fix string) {
	r.found = append(r.found, r.p.finding(code, pos, message, why, fix))
}

func (r *resolver) warn(code string, pos diag.Position, message, why, fix string) {
	r.fail(code, pos, message, why, fix)
	r.found[len(r.found)-1].Severity = diag.SeverityWarning
}

// resolve makes the target of a service in an environment for a customer (nil: the
// shared one). Findings are what is wrong with this target only.
func (p *Portfolio) resolve(s *Service, env *Environment, cust *Customer) (*Target, []diag.Finding) {
	r := &resolver{p: p, s: s, env: env, cust: cust, dir: filepath.Join(p.Root, filepath.FromSlash(s.Dir))}
	root := s.layers.wrangler.Root
	if env.Name != "" && root.Get("env", env.Name) == nil && len(s.EnvNames) > 0 && s.Inherit != "all" && !env.Local {
		r.fail("C023", s.WranglerPos, fmt.Sprintf("%s has no environment %q", s.File, env.Name),
			"its environments are: "+strings.Join(s.EnvNames, ", "),
			fmt.Sprintf("add env.%s to it, or set `inherit: all` for this service in clodo.yaml", env.Name))
	}
	tree := environmentOf(root, env.Name, s.Inherit == "all")
	r.name = p.workerName(s, env, cust)
	if !isWorkerName(r.name) {
		r.fail("C014", s.WranglerPos, fmt.Sprintf("the Worker's name %q is not in the right form", r.name),
			"it is made of the wrangler file's name, the environment and the customer", "rename the environment: lower-case letters, digits, - and _")
	}
	if len(r.name) > maxWorkerName {
		r.fail("C041", s.WranglerPos, fmt.Sprintf("the Worker's name %q has %d characters, the highest allowed number is %d", r.name, len(r.name), maxWorkerName),
			"it is made of the wrangler file's name, the environment and the customer", "shorten one of them")
	}
	t := &Target{
		TargetID:  TargetID{Service: s.Name, Environment: env.Name},
		Account:   p.accountOf(env, cust),
		Local:     env.Local,
		Protected: env.Protected.V,
		Strategy:  env.Rollout.Strategy.V,
		Root:      p.Root,
	}
	if cust != nil {
		t.Customer = cust.Name
	}
	t.Worker = r.worker(tree)
	t.Worker.signals()
	r.clodo(t)
	r.context(t)
	r.flags(t)
	return t, r.found
}

// workerName is wrangler's rule, with the customer at the end.
func (p *Portfolio) workerName(s *Service, env *Environment, cust *Customer) string {
	root := s.layers.wrangler.Root
	name := root.Get("name").Str()
	if env.Name != "" {
		if own := root.Get("env", env.Name, "name").Str(); own != "" {
			name = own
		} else {
			name += "-" + env.Name
		}
	}
	if cust != nil {
		name += "--" + cust.Name
	}
	return name
}

func (p *Portfolio) accountOf(env *Environment, cust *Customer) *Account {
	name := env.Account
	if cust != nil && cust.Account != "" {
		name = cust.Account
	}
	for _, a := range p.Accounts {
		if a.Name == name {
			return a
		}
	}
	if name == "" && len(p.Accounts) == 1 {
		return p.Accounts[0]
	}
	return nil
}

// path is a path of the wrangler file, which is relative to its folder.
func (r *resolver) path(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(r.dir, name)
}

// text is a value with its place.
func text(v *source.Value) Value[string] { return Value[string]{V: v.Str(), Pos: v.At()} }

func texts(v *source.Value) []string {
	var out []string
	for _, item := range v.List() {
		out = append(out, item.Str())
	}
	return out
}

func textMap(v *source.Value) map[string]string {
	if len(v.Map()) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, p := range v.Map() {
		m[p.Key] = p.Value.Str()
	}
	return m
}

func flag(v *source.Value) *bool {
	if v == nil || v.Kind != source.Bool {
		return nil
	}
	return &v.Bool
}

func object(v *source.Value) map[string]any {
	m, _ := v.Any().(map[string]any)
	return m
}

// worker reads a merged wrangler tree.
func (r *resolver) worker(tree *source.Value) Worker {
	w := Worker{
		Name: r.name, Dir: r.dir, File: r.s.File,
		Main:                  text(tree.Get("main")),
		NoBundle:              tree.Get("no_bundle").True(),
		FindAdditionalModules: tree.Get("find_additional_modules").True(),
		PreserveFileNames:     tree.Get("preserve_file_names").True(),
		BaseDir:               tree.Get("base_dir").Str(),
		Alias:                 textMap(tree.Get("alias")),
		Define:                textMap(tree.Get("define")),
		Minify:                tree.Get("minify").True(),
		KeepNames:             flag(tree.Get("keep_names")),
		UploadSourceMaps:      flag(tree.Get("upload_source_maps")),
		TSConfig:              tree.Get("tsconfig").Str(),
		JSXFactory:            tree.Get("jsx_factory").Str(),
		JSXFragment:           tree.Get("jsx_fragment").Str(),
		CompatibilityDate:     text(tree.Get("compatibility_date")),
		CompatibilityFlags:    texts(tree.Get("compatibility_flags")),
		WorkersDev:            flag(tree.Get("workers_dev")),
		PreviewURLs:           flag(tree.Get("preview_urls")),
		KeepVars:              tree.Get("keep_vars").True(),
		Logpush:               flag(tree.Get("logpush")),
		Observability:         object(tree.Get("observability")),
		Limits:                object(tree.Get("limits")),
		Placement:             placement(tree.Get("placement")),
	}
	for _, rule := range tree.Get("rules").List() {
		w.Rules = append(w.Rules, ModuleRule{Kind: rule.Get("type").Str(), Globs: texts(rule.Get("globs")), Fallthrough: rule.Get("fallthrough").True()})
	}
	if b := tree.Get("build"); b.Get("command").Str() != "" {
		w.Build = CustomBuild{Command: b.Get("command").Str(), Cwd: r.path(b.Get("cwd").Str()), Pos: b.Get("command").At()}
	}
	for _, c := range tree.Get("triggers", "crons").List() {
		w.Crons = append(w.Crons, text(c))
	}
	for _, s := range tree.Get("secrets", "required").List() {
		w.RequiredSecrets = append(w.RequiredSecrets, text(s))
	}
	for _, c := range tree.Get("tail_consumers").List() {
		w.TailConsumers = append(w.TailConsumers, object(c))
	}
	for _, c := range tree.Get("queues", "consumers").List() {
		w.QueueConsumers = append(w.QueueConsumers, queueConsumer(c))
	}
	w.DOMigrations = doMigrations(tree.Get("migrations"))
	w.Assets = r.assets(tree.Get("assets"))
	w.Routes = routes(tree)
	w.Metadata = moreMetadata(tree)
	w.Bindings = r.bindings(tree)
	r.needed(&w, tree)
	r.unsupported(tree)
	return w
}

// needed reports what a Worker cannot be deployed without.
func (r *resolver) needed(w *Worker, tree *source.Value) {
	top := r.s.WranglerPos
	if w.Main.V == "" && (w.Assets == nil || w.Assets.Dir == "") && tree.Get("site") == nil && tree.Get("pages_build_output_dir") == nil {
		r.fail("C011", top, r.s.File+" needs main, or assets with a directory", "without either there is nothing to deploy", `add "main": "src/index.ts"`)
	}
	if w.Main.V == "" && w.Assets != nil && w.Assets.Binding != "" {
		r.fail("C011", w.Assets.Pos, "assets.binding has no code that could use it", "the file has no main", "add main, or remove assets.binding")
	}
	if w.CompatibilityDate.V == "" {
		r.fail("C011", top, r.s.File+" needs compatibility_date", "it pins how the runtime behaves; without it wrangler refuses to deploy too", `add "compatibility_date" with the date on which the Worker was last tested, such as "2026-11-01"`)
	}
}

func placement(v *source.Value) map[string]any {
	if hint := v.Get("hint").Str(); hint != "" {
		return map[string]any{"mode": "smart", "hint": hint}
	}
	if v.Get("mode").Str() == "smart" {
		return map[string]any{"mode": "smart"}
	}
	if v.Get("mode").Str() == "off" {
		return nil
	}
	for _, key := range []string{"region", "host", "hostname"} {
		if s := v.Get(key).Str(); s != "" {
			return map[string]any{"mode": "targeted", key: s}
		}
	}
	return nil
}

func doMigrations(v *source.Value) []DOMigration {
	var out []DOMigration
	for _, m := range v.List() {
		d := DOMigration{
			Tag: m.Get("tag").Str(), NewClasses: texts(m.Get("new_classes")),
			NewSQLiteClasses: texts(m.Get("new_sqlite_classes")), DeletedClasses: texts(m.Get("deleted_classes")),
		}
		for _, c := range m.Get("renamed_classes").List() {
			d.RenamedClasses = append(d.RenamedClasses, RenamedClass{From: c.Get("from").Str(), To: c.Get("to").Str()})
		}
		for _, c := range m.Get("transferred_classes").List() {
			d.TransferredClasses = append(d.TransferredClasses, TransferredClass{From: c.Get("from").Str(), FromScript: c.Get("from_script").Str(), To: c.Get("to").Str()})
		}
		out = append(out, d)
	}
	return out
}

func (r *resolver) assets(v *source.Value) *Assets {
	if v == nil || v.Kind != source.Map {
		return nil
	}
	a := &Assets{
		Binding: v.Get("binding").Str(), HTMLHandling: v.Get("html_handling").Str(),
		NotFoundHandling: v.Get("not_found_handling").Str(), BasePath: v.Get("base_path").Str(), Pos: v.Pos,
	}
	if d := v.Get("directory"); d.Str() != "" {
		a.Dir, a.Pos = r.path(d.Str()), d.Pos
	}
	switch first := v.Get("run_worker_first"); {
	case first == nil:
	case first.Kind == source.List:
		a.RunWorkerFirst = texts(first)
	case first.Kind == source.Bool:
		a.RunWorkerFirst = first.Bool
	}
	return a
}

// routes are wrangler's: the list, else the single route.
func routes(tree *source.Value) []Route {
	list := tree.Get("routes").List()
	if one := tree.Get("route"); tree.Get("routes") == nil && one != nil && one.Text+one.Get("pattern").Str() != "" {
		list = []*source.Value{one}
	}
	var out []Route
	for _, v := range list {
		if v.Kind == source.String {
			out = append(out, Route{Pattern: v.Text, Pos: v.Pos})
			continue
		}
		out = append(out, Route{
			Pattern: v.Get("pattern").Str(), ZoneName: v.Get("zone_name").Str(), ZoneID: v.Get("zone_id").Str(),
			CustomDomain: v.Get("custom_domain").True(), Pos: v.Get("pattern").At(),
		})
	}
	return out
}

// moreMetadata is the rest of the upload's metadata, in the words of the API.
func moreMetadata(tree *source.Value) map[string]any {
	m := map[string]any{}
	if v := tree.Get("cache"); v != nil {
		m["cache_options"] = v.Any()
	}
	if v := tree.Get("exports"); len(v.Map()) > 0 {
		m["exports"] = v.Any()
	}
	if v := tree.Get("streaming_tail_consumers"); v != nil {
		m["streaming_tail_consumers"] = v.Any()
	}
	if v := tree.Get("durable_objects", "code_update_strategy"); v != nil {
		m["code_update_strategy"] = v.Any()
	}
	for _, p := range tree.Get("unsafe", "metadata").Map() {
		m[p.Key] = p.Value.Any()
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

// relative is name below root with slashes, or name itself when it lies elsewhere.
func relative(root, name string) string {
	rel, err := filepath.Rel(root, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(name)
	}
	return path.Clean(filepath.ToSlash(rel))
}
