// Package assets reads a folder of static files into the list that is uploaded with
// a Worker: paths, hashes and content types as wrangler makes them, so that a file
// that the account has already is not sent again.
package assets

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"lukechampine.com/blake3"

	"github.com/tamylaa/clodo/diag"
)

// Cloudflare's limits on static files.
const (
	MaxFileSize  = 25 << 20 // bytes of one file
	MaxFiles     = 100_000  // files of one version
	MaxFilesFree = 20_000   // the same on the free plan
)

// The files that configure assets instead of being served.
const (
	headersFile   = "_headers"
	redirectsFile = "_redirects"
	ignoreFile    = ".assetsignore"
)

// File is one static file.
type File struct {
	Path        string // as it is asked for: "/img/logo.png"; without the slash, its place below the folder
	Hash        string // see Hash
	Size        int64
	ContentType string // "" when the extension says nothing
}

// Folder is a folder of static files.
type Folder struct {
	Files     []File // sorted by Path
	Headers   *string
	Redirects *string
}

// Options says which folder is read and how to speak of it.
type Options struct {
	Dir  string        // absolute
	Root string        // absolute; positions in findings are relative to it
	Pos  diag.Position // where the folder is configured
}

// Hash is Cloudflare's name for the content of a static file: 32 hex digits, which
// depend on the content and on the extension of name.
func Hash(name string, content []byte) string {
	h := blake3.New(32, nil)
	encoder := base64.NewEncoder(base64.StdEncoding, h)
	// neither a hash nor an encoder above it ever fails to write
	_, _ = encoder.Write(content)
	_ = encoder.Close()
	_, _ = h.Write([]byte(strings.TrimPrefix(extension(name), ".")))
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// extension is that of Node's path.extname: a name that only begins with a dot has
// none.
func extension(name string) string {
	base := path.Base(filepath.ToSlash(name))
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		return base[i:]
	}
	return ""
}

// Read lists the folder. Files that must not be uploaded as they are come back as
// findings; the error is for a folder that cannot be read at all, or the end of ctx.
// Symbolic links are followed, as wrangler follows them.
func Read(ctx context.Context, o Options) (Folder, []diag.Finding, error) {
	info, err := os.Stat(o.Dir)
	if err != nil || !info.IsDir() {
		f := finding(o, "B121", "assets directory \""+o.relative(o.Dir)+"\" could not be found", "", "create the folder, let `build.command` make it, or correct `assets.directory`")
		if err == nil {
			f.Message = "assets directory \"" + o.relative(o.Dir) + "\" is not a folder"
		}
		f.Pos = o.Pos
		return Folder{}, []diag.Finding{f}, nil
	}
	w := walk{Options: o}
	if err := w.readIgnore(); err != nil {
		return Folder{}, nil, err
	}
	if err := w.dir(ctx, ""); err != nil {
		return Folder{}, nil, err
	}
	w.checkCount()
	if err := w.hash(ctx); err != nil {
		return Folder{}, nil, err
	}
	slices.SortFunc(w.folder.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for name, text := range map[string]**string{headersFile: &w.folder.Headers, redirectsFile: &w.folder.Redirects} {
		content, err := os.ReadFile(filepath.Join(o.Dir, name))
		switch {
		case err == nil:
			s := string(content)
			*text = &s
		case !errors.Is(err, fs.ErrNotExist):
			return Folder{}, nil, fmt.Errorf("reading %q: %w", name, err)
		}
	}
	return w.folder, w.findings, nil
}

// walk is the state of one Read.
type walk struct {
	Options
	ignore   ignoreList
	explicit bool // there is an .assetsignore
	parents  []os.FileInfo
	folder   Folder
	findings []diag.Finding
	warned   map[string]bool
}

func (w *walk) readIgnore() error {
	w.warned = map[string]bool{}
	lines := []string{"/" + ignoreFile, "/" + redirectsFile, "/" + headersFile}
	file := filepath.Join(w.Dir, ignoreFile)
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("reading %q: %w", ignoreFile, err)
	case !validText(text):
		w.findings = append(w.findings, finding(w.Options, "B124", "\""+w.relative(file)+"\" is not UTF-8 text",
			"Its patterns cannot be read, so nothing would be left out.", "save the file as UTF-8"))
	default:
		w.explicit = true
		lines = append(lines, strings.Split(string(text), "\n")...)
	}
	w.ignore = parseIgnore(lines)
	return nil
}

// dir adds what lies in a folder, named by its slash-separated path below Dir.
func (w *walk) dir(ctx context.Context, rel string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	abs := filepath.Join(w.Dir, filepath.FromSlash(rel))
	info, err := os.Stat(abs)
	if err != nil {
		return fmt.Errorf("reading assets: %w", err)
	}
	for _, p := range w.parents {
		if os.SameFile(p, info) {
			w.findings = append(w.findings, finding(w.Options, "B125", "\""+w.relative(abs)+"\" leads back to a folder above it",
				"The symbolic link would make the folder endless.", "remove the link, or name it in "+ignoreFile))
			return nil
		}
	}
	w.parents = append(w.parents, info)
	defer func() { w.parents = w.parents[:len(w.parents)-1] }()
	entries, err := os.ReadDir(abs)
	if err != nil {
		return fmt.Errorf("reading assets: %w", err)
	}
	for _, e := range entries {
		if err := w.entry(ctx, path.Join(rel, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(ctx context.Context, rel string) error {
	abs := filepath.Join(w.Dir, filepath.FromSlash(rel))
	info, err := os.Stat(abs)
	if err != nil {
		if w.ignore.matches(rel, false) {
			return nil
		}
		if target, linkErr := os.Readlink(abs); linkErr == nil {
			w.findings = append(w.findings, finding(w.Options, "B125", "\""+w.relative(abs)+"\" is a link to \""+target+"\", which is not there",
				"", "remove the link, or name it in "+ignoreFile))
			return nil
		}
		return fmt.Errorf("reading assets: %w", err)
	}
	if w.ignore.matches(rel, info.IsDir()) {
		return nil
	}
	if info.IsDir() {
		w.warnPrivate(rel)
		return w.dir(ctx, rel)
	}
	if !info.Mode().IsRegular() {
		w.findings = append(w.findings, finding(w.Options, "B125", "\""+w.relative(abs)+"\" is not a file", "Sockets, pipes and devices cannot be uploaded.",
			"remove it, or name it in "+ignoreFile))
		return nil
	}
	w.warnPrivate(rel)
	if first, _, _ := strings.Cut(rel, "/"); !w.explicit && strings.HasPrefix(first, "_worker.js") {
		if !w.warned["_worker.js"] {
			w.warned["_worker.js"] = true
			w.findings = append(w.findings, finding(w.Options, "B123", "\""+w.relative(filepath.Join(w.Dir, first))+"\" would be published as an asset",
				"It is the server code of a Pages project, and everyone could read it.",
				"remove it, or add a file "+ignoreFile+" beside it: with the line _worker.js to leave it out, empty to publish it"))
		}
		return nil
	}
	if info.Size() > MaxFileSize {
		w.findings = append(w.findings, finding(w.Options, "B122", fmt.Sprintf("%q has %.1f MiB, and a static file may have at most %d MiB", w.relative(abs), float64(info.Size())/(1<<20), MaxFileSize>>20),
			"", "make the file smaller, serve it from R2, or name it in "+ignoreFile))
		return nil
	}
	w.folder.Files = append(w.folder.Files, File{Path: "/" + rel, Size: info.Size(), ContentType: ContentType(rel)})
	return nil
}

// warnPrivate tells of what hardly anyone wants to publish. Wrangler uploads it
// silently; so does clodo, but not silently.
func (w *walk) warnPrivate(rel string) {
	base := path.Base(rel)
	kind := ""
	switch {
	case base == "node_modules", base == ".git", base == ".wrangler", base == ".clodo":
		kind = base
	case base == ".env" || strings.HasPrefix(base, ".env."), base == ".dev.vars" || strings.HasPrefix(base, ".dev.vars."):
		kind = base
	case base == "wrangler.toml", base == "wrangler.json", base == "wrangler.jsonc", base == "clodo.yaml":
		kind = base
	}
	if kind == "" || w.warned[kind] {
		return
	}
	w.warned[kind] = true
	f := finding(w.Options, "B126", "\""+w.relative(filepath.Join(w.Dir, filepath.FromSlash(rel)))+"\" will be published",
		"Everything in the assets directory can be read by everyone.", "add the line "+kind+" to a file "+ignoreFile+" in the assets directory")
	f.Severity = diag.SeverityWarning
	w.findings = append(w.findings, f)
}

func (w *walk) checkCount() {
	n := len(w.folder.Files)
	limit, severity := MaxFiles, diag.SeverityError
	if n <= MaxFiles {
		limit, severity = MaxFilesFree, diag.SeverityWarning
	}
	if n <= limit {
		return
	}
	f := finding(w.Options, "B127", fmt.Sprintf("the assets directory holds %d files, and a version may have at most %d", n, limit), "",
		"leave files out with "+ignoreFile+", or serve them from R2")
	if severity == diag.SeverityWarning {
		f.Message += " on the free plan"
	}
	f.Severity, f.Pos = severity, w.Pos
	w.findings = append(w.findings, f)
}

// hash reads every file, several at a time.
func (w *walk) hash(ctx context.Context) error {
	if diag.HasErrors(w.findings) {
		return nil // nothing will be uploaded
	}
	var wait sync.WaitGroup
	files := w.folder.Files
	workers := min(runtime.GOMAXPROCS(0), 8)
	errs := make([]error, workers)
	for n := range workers {
		wait.Go(func() {
			for i := n; i < len(files) && ctx.Err() == nil; i += workers {
				content, err := os.ReadFile(filepath.Join(w.Dir, filepath.FromSlash(files[i].Path)))
				if err != nil {
					errs[n] = fmt.Errorf("reading assets: %w", err)
					return
				}
				files[i].Hash, files[i].Size = Hash(files[i].Path, content), int64(len(content))
			}
		})
	}
	wait.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

func finding(o Options, code, message, why, fix string) diag.Finding {
	return diag.Finding{Code: code, Severity: diag.SeverityError, Message: message, Why: why, Fix: fix, Pos: o.Pos}
}

// relative is a file as it is told to people.
func (o Options) relative(file string) string {
	rel, err := filepath.Rel(o.Root, file)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(rel)
}
