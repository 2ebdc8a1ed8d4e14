package clodo

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
)

// FilesOptions say how files are served.
type FilesOptions struct {
	// CacheControl is the header of the answers. Default: public, max-age=0,
	// must-revalidate, so that a client asks each time and is mostly told 304. For names
	// that change with their content: public, max-age=31536000, immutable.
	CacheControl string
	// Fallback is the file for paths without a dot in their last part where there is no
	// file: the index.html of an application that routes in the browser. "" is none.
	Fallback string
}

// Files serves the files of a file system, such as an embed.FS or os.Root.FS(): with
// strong entity tags, ranges, and index.html for a folder. Where there is a file with .br
// or .gz behind its name, clients that take it get that. Names that begin with a dot are
// not there, except .well-known, and folders are not listed. os.DirFS follows symbolic
// links out of its folder, os.Root does not.
//
//	app.Handle("GET /assets/", http.StripPrefix("/assets", clodo.Files(assets, clodo.FilesOptions{})))
//
// On Workers static assets of the wrangler file cost neither CPU time nor size; Files is
// for those that the program makes, guards, or serves natively too.
func Files(fsys fs.FS, o FilesOptions) http.Handler {
	if o.CacheControl == "" {
		o.CacheControl = "public, max-age=0, must-revalidate"
	}
	if o.Fallback != "" && !fs.ValidPath(o.Fallback) {
		panic("clodo: " + quoted(o.Fallback) + " is no name of a file")
	}
	return &fileServer{fsys: fsys, options: o, tags: map[string]fileTag{}}
}

type fileServer struct {
	fsys    fs.FS
	options FilesOptions

	mu   sync.Mutex
	tags map[string]fileTag // by name; of files that are there, so there are not many
}

// fileTag is the entity tag of a file as it was.
type fileTag struct {
	changed time.Time
	size    int64
	etag    string
}

func (s *fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		WriteError(w, r, &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "Files can only be read.", Header: http.Header{"Allow": {"GET, HEAD"}}})
		return
	}
	err := s.serve(w, r)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) {
		err = &Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is no such file.", Err: err}
	}
	if err != nil {
		WriteError(w, r, err)
	}
}

func (s *fileServer) serve(w http.ResponseWriter, r *http.Request) error {
	name, err := fileName(r.URL.Path)
	if err != nil {
		return err
	}
	f, info, err := s.open(name)
	if errors.Is(err, fs.ErrNotExist) && s.options.Fallback != "" && !strings.Contains(path.Base(name), ".") {
		name = s.options.Fallback
		f, info, err = s.open(name)
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		_ = f.Close() // nothing was written
		if p := r.URL.Path; p != "" && !strings.HasSuffix(p, "/") {
			w.Header().Set("Location", "./"+url.PathEscape(path.Base(p))+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return nil
		}
		name = path.Join(name, "index.html")
		if f, info, err = s.open(name); err != nil {
			return err
		}
		if info.IsDir() {
			_ = f.Close() // as above
			return fs.ErrNotExist
		}
	}
	return s.send(w, r, name, f, info)
}

// fileName is the name, in a file system, of a path. A slash at its end is a folder's,
// and does not matter here.
func fileName(urlPath string) (string, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(urlPath, "/"), "/")
	if name == "" {
		return ".", nil
	}
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return "", fs.ErrNotExist
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" {
			return "", fs.ErrNotExist
		}
	}
	return name, nil
}

func (s *fileServer) open(name string) (fs.File, fs.FileInfo, error) {
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		_ = f.Close() // as above
		return nil, nil, fs.ErrNotExist
	}
	return f, info, nil
}

// send answers with a file, or with its compressed variant.
func (s *fileServer) send(w http.ResponseWriter, r *http.Request, name string, f fs.File, info fs.FileInfo) error {
	opened := []fs.File{f}
	defer func() {
		for _, f := range opened {
			_ = f.Close() // it was only read
		}
	}()
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	if h.Get("Content-Type") == "" {
		h.Del("Content-Type") // http.ServeContent looks at the bytes
	}
	for _, variant := range []struct{ suffix, coding string }{{".br", "br"}, {".gz", "gzip"}} {
		other, otherInfo, err := s.open(name + variant.suffix)
		if err != nil {
			continue
		}
		opened = append(opened, other)
		if otherInfo.IsDir() {
			continue
		}
		h.Set("Vary", "Accept-Encoding")
		if h.Get("Content-Encoding") == "" && takes(r, variant.coding) && h.Get("Content-Type") != "" {
			h.Set("Content-Encoding", variant.coding)
			f, info, name = other, otherInfo, name+variant.suffix
		}
	}
	content, ok := f.(io.ReadSeeker)
	if !ok {
		b, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	etag, err := s.etag(name, content, info)
	if err != nil {
		return err
	}
	h.Set("Etag", etag)
	h.Set("Cache-Control", s.options.CacheControl)
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", info.ModTime(), content)
	return nil
}

// etag is the hash of a file, made once for each change of it.
func (s *fileServer) etag(name string, content io.ReadSeeker, info fs.FileInfo) (string, error) {
	s.mu.Lock()
	known, ok := s.tags[name]
	s.mu.Unlock()
	if ok && known.changed.Equal(info.ModTime()) && known.size == info.Size() {
		return known.etag, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return "", err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	etag := `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]) + `"`
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags[name] = fileTag{info.ModTime(), info.Size(), etag}
	return etag, nil
}

// contentType is the type of a file by its name; "" when that does not tell. The table
// of package mime depends on the machine, and on Workers it is short.
func contentType(name string) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	case ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".mp4":
		return "video/mp4"
	default:
		return mime.TypeByExtension(ext)
	}
}
