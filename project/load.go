package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// LoadOptions says what to load. Both fields may be empty.
type LoadOptions struct {
	Dir  string // where to start; "" is the working directory
	File string // a clodo.yaml or wrangler file to use instead of searching, relative to Dir
}

const configName = "clodo.yaml"

// wranglerNames are in wrangler's order of precedence.
var wranglerNames = [...]string{"wrangler.json", "wrangler.jsonc", "wrangler.toml"}

// skippedDirs are never searched for projects; neither is any other folder whose
// name begins with a dot.
var skippedDirs = map[string]bool{"node_modules": true, "dist": true}

// Load reads the nearest clodo.yaml at or above Dir with all it refers to, or else
// wrangler files: the one in Dir, those below it, or the nearest one above. Every
// problem of form is a finding, all at once, sorted. The Portfolio is nil when there
// is nothing to work with; with findings of SeverityError it is good for messages,
// not for deploying.
func Load(opts LoadOptions) (*Portfolio, []diag.Finding) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, []diag.Finding{missing(opts.Dir, err)}
	}
	l := loader{dir: dir}
	p := l.load(opts)
	if p != nil {
		p.docs = l.docs
		l.found = append(l.found, p.references()...)
	}
	diag.Sort(l.found)
	return p, l.found
}

type loader struct {
	dir   string
	root  string
	docs  map[string]*source.Document
	found []diag.Finding
}

func missing(name string, err error) diag.Finding {
	why := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "it does not exist"
	case errors.Is(err, fs.ErrPermission):
		why = "this user may not read it"
	case err != nil:
		why = err.Error()
	}
	return diag.Finding{Code: "C004", Severity: diag.SeverityError, Message: fmt.Sprintf("%s cannot be read", name), Why: why}
}

func (l *loader) load(opts LoadOptions) *Portfolio {
	if info, err := os.Stat(l.dir); err != nil || !info.IsDir() {
		f := missing(l.dir, err)
		if err == nil {
			f.Why = "it is not a folder"
		}
		l.found = append(l.found, f)
		return nil
	}
	if opts.File != "" {
		return l.named(opts.File)
	}
	if root, ok := upwards(l.dir, func(dir string) bool { return isFile(filepath.Join(dir, configName)) }); ok {
		return l.portfolio(root, configName)
	}
	if l.wranglerIn(l.dir) != "" {
		return l.plain(l.dir, []string{l.dir})
	}
	below, err := projectsBelow(l.dir)
	if err != nil {
		l.found = append(l.found, missing(l.dir, err))
		return nil
	}
	if len(below) > 0 {
		return l.plain(l.dir, below)
	}
	if root, ok := upwards(l.dir, func(dir string) bool { return l.wranglerIn(dir) != "" }); ok {
		return l.plain(root, []string{root})
	}
	l.found = append(l.found, diag.Finding{
		Code: "C004", Severity: diag.SeverityError,
		Message: "there is no clodo.yaml and no wrangler file here",
		Why:     fmt.Sprintf("clodo looked in %s, in the folders below it and in those above it", l.dir),
		Fix:     "go to the folder of a project, name one with clodo --cwd DIR, or make one: clodo init DIR",
	})
	return nil
}

// named loads the file that was asked for.
func (l *loader) named(file string) *Portfolio {
	full := file
	if !filepath.IsAbs(full) {
		full = filepath.Join(l.dir, full)
	}
	if !isFile(full) {
		_, err := os.Stat(full)
		f := missing(file, err)
		if err == nil {
			f.Why = "it is not a file"
		}
		l.found = append(l.found, f)
		return nil
	}
	dir, base := filepath.Dir(full), filepath.Base(full)
	switch filepath.Ext(base) {
	case ".yaml", ".yml":
		return l.portfolio(dir, base)
	case ".toml", ".json", ".jsonc":
		l.root = dir
		p := &Portfolio{Root: dir, Name: filepath.Base(dir), Environments: []*Environment{{}}, cwd: l.dir}
		if s := l.service(base); s != nil {
			p.Services = []*Service{s}
		}
		l.wranglerEnvironments(p)
		return p
	}
	l.found = append(l.found, diag.Finding{
		Code: "C004", Severity: diag.SeverityError, Message: fmt.Sprintf("%s is neither a clodo.yaml nor a wrangler file", file),
		Why: "its name ends in " + filepath.Ext(base), Fix: "name a .yaml, .jsonc, .json or .toml file",
	})
	return nil
}

// plain makes a portfolio of wrangler files alone.
func (l *loader) plain(root string, dirs []string) *Portfolio {
	l.root = root
	p := &Portfolio{Root: root, Name: filepath.Base(root), Environments: []*Environment{{}}, cwd: l.dir}
	for _, dir := range dirs {
		if s := l.service(relative(root, filepath.Join(dir, l.wranglerIn(dir)))); s != nil {
			p.Services = append(p.Services, s)
		}
	}
	slices.SortFunc(p.Services, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	for i, s := range p.Services[min(1, len(p.Services)):] {
		if before := p.Services[i]; s.Name == before.Name {
			l.found = append(l.found, l.docs[s.File].Finding("C031", s.WranglerPos, fmt.Sprintf("two Workers are called %q", s.Name),
				"the other one is at "+before.WranglerPos.String()+"; deploying one would overwrite the other", "rename one of the two"))
		}
	}
	l.wranglerEnvironments(p)
	return p
}

// wranglerEnvironments adds the environments that the wrangler files declare.
func (l *loader) wranglerEnvironments(p *Portfolio) {
	for _, s := range p.Services {
		for _, name := range s.EnvNames {
			if !slices.ContainsFunc(p.Environments, func(e *Environment) bool { return e.Name == name }) {
				p.Environments = append(p.Environments, &Environment{Name: name, Pos: s.layers.wrangler.Root.Get("env").Pair(name).Pos})
			}
		}
	}
}

// read parses a file below the root, and remembers it for excerpts.
func (l *loader) read(file string) *source.Document {
	full := filepath.Join(l.root, filepath.FromSlash(file))
	data, err := os.ReadFile(full)
	if err != nil {
		f := missing(file, err)
		if isLink(full) && errors.Is(err, fs.ErrNotExist) {
			f.Why, f.Fix = "it is a link to something that does not exist", "point the link to the file, or remove it"
		}
		f.Pos = diag.Position{File: file}
		l.found = append(l.found, f)
		return nil
	}
	doc, found := source.Parse(file, data)
	l.found = append(l.found, found...)
	if l.docs == nil {
		l.docs = map[string]*source.Document{}
	}
	l.docs[file] = doc
	if doc.Root == nil {
		return nil
	}
	return doc
}

// service reads a wrangler file, whose name is relative to the root.
func (l *loader) service(file string) *Service {
	doc := l.read(file)
	if doc == nil {
		return nil
	}
	found := checkWrangler(doc)
	l.found = append(l.found, found...)
	if doc.Root.Kind != source.Map || diag.HasErrors(found) {
		return nil
	}
	name := doc.Root.Get("name")
	s := &Service{
		Name: name.Str(), Dir: slashDir(file), File: file, Inherit: "wrangler",
		EnvNames: doc.Root.Get("env").Keys(), WranglerPos: diag.Position{File: file, Line: 1, Column: 1},
		layers: layers{wrangler: doc},
	}
	s.Pos = s.WranglerPos
	if name.Str() == "" {
		l.found = append(l.found, doc.Finding("C011", s.WranglerPos, file+" needs name", "it is what the Worker is called in the account", `add "name"`))
		return nil
	}
	s.WranglerPos = name.Pos
	if redirect := slashJoin(s.Dir, ".wrangler/deploy/config.json"); isFile(filepath.Join(l.root, filepath.FromSlash(redirect))) {
		f := doc.Finding("W012", name.Pos, fmt.Sprintf("wrangler would deploy another configuration than %s", file),
			"a build tool wrote "+redirect+", which redirects wrangler; clodo deploys what this file says", "remove it if it is left over, or name the generated file with --config")
		f.Severity = diag.SeverityWarning
		l.found = append(l.found, f)
	}
	return s
}

func slashJoin(dir, name string) string { return strings.TrimPrefix(dir+"/"+name, "./") }

func slashDir(file string) string {
	if i := strings.LastIndexByte(file, '/'); i >= 0 {
		return file[:i]
	}
	return "."
}

// wranglerIn is the wrangler file that wrangler would take in dir, or "".
func (l *loader) wranglerIn(dir string) string {
	var there []string
	for _, name := range wranglerNames {
		if isFile(filepath.Join(dir, name)) {
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return ""
	}
	if len(there) > 1 {
		file := relative(l.dir, filepath.Join(dir, there[0]))
		f := diag.Finding{
			Code: "W011", Severity: diag.SeverityWarning, Pos: diag.Position{File: file},
			Message: fmt.Sprintf("%s is used; without effect beside it: %s", there[0], strings.Join(there[1:], ", ")),
			Why:     "wrangler takes .json before .jsonc before .toml", Fix: "keep one of them",
		}
		if !slices.Contains(l.found, f) {
			l.found = append(l.found, f)
		}
	}
	return there[0]
}

// isFile reports whether there is a file, or a link to what is not there: whoever made
// it means a file, and must be told instead of being taken for somebody without one.
func isFile(name string) bool {
	info, err := os.Stat(name)
	if err != nil {
		return isLink(name)
	}
	return !info.IsDir()
}

func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// upwards is the nearest folder at or above dir for which ok holds.
func upwards(dir string, ok func(string) bool) (string, bool) {
	for {
		if ok(dir) {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// maxFolders bounds the search below a folder, which may be somebody's whole disk.
const maxFolders = 20_000

var errTooManyFolders = fmt.Errorf("more than %d folders lie below it", maxFolders)

// projectsBelow finds the folders with a wrangler file below dir. What lies inside
// such a folder belongs to its project and is not searched.
func projectsBelow(dir string) ([]string, error) {
	var dirs []string
	folders := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name != dir && errors.Is(err, fs.ErrPermission) {
				return fs.SkipDir
			}
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if name != dir && (skippedDirs[d.Name()] || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if folders++; folders > maxFolders {
			return errTooManyFolders
		}
		for _, w := range wranglerNames {
			if name != dir && isFile(filepath.Join(name, w)) {
				dirs = append(dirs, name)
				return fs.SkipDir
			}
		}
		return nil
	})
	if err != nil {
		return dirs, fmt.Errorf("search for wrangler files: %w", err)
	}
	return dirs, nil
}
