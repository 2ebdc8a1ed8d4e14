package clodo_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tamylaa/clodo"
)

func site() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"index.html": file("<h1>home</h1>"), "app.js": file("let a = 1"), "app.js.br": file("brotli"), "app.js.gz": file("gzip"),
		"docs/index.html": file("docs"), "docs/a b.txt": file("0123456789"), "empty/x.txt": file("x"), "evil.example/index.html": file("e"),
		".env": file("SECRET"), ".git/config": file("SECRET"), "docs/.hidden": file("SECRET"), ".well-known/x.txt": file("known"),
		"noext": file("plain"), "data.bin": file("\x00\x01"),
	}
}

func TestFilesAreServed(t *testing.T) {
	t.Parallel()
	h := clodo.Files(site(), clodo.FilesOptions{})
	tests := map[string]struct {
		path   string
		header []string
		status int
		want   string // the body, or what a redirect leads to
		kind   string
	}{
		"a file":                         {"/docs/a%20b.txt", nil, 200, "0123456789", "text/plain; charset=utf-8"},
		"the index":                      {"/", nil, 200, "<h1>home</h1>", "text/html; charset=utf-8"},
		"the index of a folder":          {"/docs/", nil, 200, "docs", "text/html; charset=utf-8"},
		"by its name":                    {"/docs/index.html", nil, 200, "docs", "text/html; charset=utf-8"},
		"a folder without its slash":     {"/docs", nil, 307, "./docs/", ""},
		"one that is called like a host": {"//evil.example", nil, 404, "not_found", ""},
		"the same, in its place":         {"/evil.example", nil, 307, "./evil.example/", ""},
		"a folder without an index":      {"/empty/", nil, 404, "not_found", ""},
		"a kind that its name tells not": {"/noext", nil, 200, "plain", "text/plain; charset=utf-8"},
		"bytes":                          {"/data.bin", nil, 200, "\x00\x01", "application/octet-stream"},
		"what is well known":             {"/.well-known/x.txt", nil, 200, "known", "text/plain; charset=utf-8"},
		"a part":                         {"/docs/a%20b.txt", []string{"Range", "bytes=2-4"}, 206, "234", "text/plain; charset=utf-8"},
		"a part that is not there":       {"/docs/a%20b.txt", []string{"Range", "bytes=20-"}, 416, "invalid range", ""},
		"a part of another version":      {"/docs/a%20b.txt", []string{"Range", "bytes=2-4", "If-Range", `"x"`}, 200, "0123456789", "text/plain; charset=utf-8"},
		"a compressed variant":           {"/app.js", []string{"Accept-Encoding", "gzip, br"}, 200, "brotli", "text/javascript; charset=utf-8"},
		"another":                        {"/app.js", []string{"Accept-Encoding", "gzip"}, 200, "gzip", "text/javascript; charset=utf-8"},
		"none that is wanted":            {"/app.js", []string{"Accept-Encoding", "br;q=0"}, 200, "let a = 1", "text/javascript; charset=utf-8"},
		"nothing":                        {"/nothing.txt", nil, 404, "not_found", ""},
		"a hidden file":                  {"/.env", nil, 404, "not_found", ""},
		"a hidden folder":                {"/.git/config", nil, 404, "not_found", ""},
		"a hidden file in a folder":      {"/docs/.hidden", nil, 404, "not_found", ""},
		"a way up":                       {"/../files_test.go", nil, 404, "not_found", ""},
		"an escaped way up":              {"/docs/%2e%2e/%2e%2e/etc/passwd", nil, 404, "not_found", ""},
		"a way up behind a backslash":    {`/docs/..%5c..%5cx`, nil, 404, "not_found", ""},
		"a NUL":                          {"/docs/a%00.txt", nil, 404, "not_found", ""},
		"a file as a folder":             {"/app.js/x", nil, 404, "not_found", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := request(h, "GET", "http://x"+test.path, "", test.header...)
			got := w.Body.String()
			if w.Code == 307 {
				got = w.Header().Get("Location")
			}
			if w.Code != test.status || !strings.Contains(got, test.want) || strings.Contains(got, "SECRET") || test.kind != "" && w.Header().Get("Content-Type") != test.kind {
				t.Errorf("%d %s %v", w.Code, got, w.Header())
			}
			if w.Code == 200 {
				again := request(h, "GET", "http://x"+test.path, "", append(test.header, "If-None-Match", w.Header().Get("Etag"))...)
				if again.Code != 304 || again.Body.Len() != 0 || w.Header().Get("Cache-Control") != "public, max-age=0, must-revalidate" {
					t.Errorf("again: %d %s, %v", again.Code, again.Body, w.Header())
				}
			}
		})
	}
	if a, b := request(h, "GET", "/app.js", "").Header(), request(h, "GET", "/app.js", "", "Accept-Encoding", "br").Header(); a.Get("Etag") == b.Get("Etag") || a.Get("Vary") != "Accept-Encoding" || b.Get("Content-Encoding") != "br" {
		t.Errorf("the variants: %v and %v", a, b)
	}
	if w := ask(h, "POST", "/app.js"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("a POST: %d %v", w.Code, w.Header())
	}
	if w := ask(h, "HEAD", "/app.js"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "9" {
		t.Errorf("a HEAD: %d %v", w.Code, w.Header())
	}
}

func TestAnApplicationThatRoutesInTheBrowserHasOnePage(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	app.Handle("GET /app/", http.StripPrefix("/app", clodo.Files(site(), clodo.FilesOptions{Fallback: "index.html", CacheControl: "no-store"})))
	for path, want := range map[string]string{"/app/users/7": "<h1>home</h1>", "/app/app.js": "let a = 1", "/app/users/7.png": "not_found", "/app/.env": "not_found"} {
		if w := ask(app, "GET", path); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// counted counts the files that are open.
type counted struct {
	fs.FS
	open *int
}

func (c counted) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	*c.open++
	return &closer{f.(io.ReadSeeker), f, c.open}, nil
}

type closer struct {
	io.ReadSeeker
	fs.File
	open *int
}

func (c *closer) Read(b []byte) (int, error) { return c.File.Read(b) }

func (c *closer) Close() error {
	if c.open != nil {
		*c.open--
		c.open = nil
	}
	return c.File.Close()
}

func TestNoFileStaysOpen(t *testing.T) {
	t.Parallel()
	open := 0
	files := site()
	h := clodo.Files(counted{files, &open}, clodo.FilesOptions{Fallback: "noext"})
	for _, path := range []string{"/app.js", "/nothing", "/nothing.txt", "/.env", "/noext"} {
		for _, coding := range []string{"", "gzip", "br"} {
			if request(h, "GET", path, "", "Accept-Encoding", coding); open != 0 {
				t.Fatalf("%s, %s: %d files are open", path, coding, open)
			}
		}
	}
}

func TestAFileThatChangesHasAnotherTag(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "a.txt")
	write := func(s string, at time.Time) {
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	h := clodo.Files(root.FS(), clodo.FilesOptions{})
	write("one", time.Unix(1000, 0))
	first := ask(h, "GET", "/a.txt")
	write("two", time.Unix(2000, 0))
	second := ask(h, "GET", "/a.txt")
	if first.Header().Get("Etag") == second.Header().Get("Etag") || second.Body.String() != "two" {
		t.Errorf("%v, then %v %s", first.Header(), second.Header(), second.Body)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "out.txt")); err != nil {
		t.Fatal(err)
	}
	if w := ask(h, "GET", "/out.txt"); w.Code < 400 {
		t.Errorf("a link led out of the folder: %d %s", w.Code, w.Body)
	}
}

func FuzzFiles(f *testing.F) {
	for _, s := range []string{"/", "/docs", "/../x", "/docs/../.env", "//x", "/a\x00", "/.", "/..", "docs", "", "/docs/", "/docs//index.html", "/\\..\\x", "/.well-known/../.env"} {
		f.Add(s)
	}
	dir := f.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "site"), site()); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "outside.txt"), []byte("SECRET"), 0o600); err != nil {
		f.Fatal(err)
	}
	h := clodo.Files(os.DirFS(filepath.Join(dir, "site")), clodo.FilesOptions{})
	f.Fuzz(func(t *testing.T, path string) {
		w := &recorder{header: http.Header{}}
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: &url.URL{Path: path}, Header: http.Header{}})
		if strings.Contains(w.body.String(), "SECRET") || strings.ContainsAny(w.header.Get("Location"), "\r\n") || strings.HasPrefix(w.header.Get("Location"), "/") {
			t.Errorf("%q: %s, Location %q", path, &w.body, w.header.Get("Location"))
		}
	})
}
