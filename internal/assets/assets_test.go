package assets

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

func TestHashIsCloudflares(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, want string }{
		{"index.html", "<!doctype html><title>hello</title>", "8baa602be58a0f20047beb0a607727eb"},
		{"a/b.tar.gz", "x", "5ff97cea8ec5a5f41c0d36ee3bed6eea"},
		{"LICENSE", "", "af1349b9f5f9a1a6a0404dea36dcc949"},
		{".htaccess", "deny", "7498a67dbcaf2fc2d6456b2734c2b587"},
		{"photo.JPG", "ÿØÿ", "d536e2243377594c058d5ba1d86e1f0d"},
	}
	for _, tt := range tests {
		if got := Hash(tt.name, []byte(tt.content)); got != tt.want {
			t.Errorf("Hash(%q, %q) = %s, want %s", tt.name, tt.content, got, tt.want)
		}
	}
}

func TestContentTypeFollowsTheExtension(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"index.html", "text/html; charset=utf-8"},
		{"deep/Style.CSS", "text/css; charset=utf-8"},
		{"app.js", "text/javascript; charset=utf-8"},
		{"data.json", "application/json"},
		{"logo.svg", "image/svg+xml"},
		{"font.woff2", "font/woff2"},
		{"archive.tar.gz", "application/gzip"},
		{".html", ""},
		{"LICENSE", ""},
		{"name.unheard-of", ""},
	}
	for _, tt := range tests {
		if got := ContentType(tt.name); got != tt.want {
			t.Errorf("ContentType(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// folder writes files; a name that ends in a slash is a folder, a content that
// begins with "-> " a symbolic link.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, "public", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			if err := os.Symlink(target, file); err != nil {
				t.Skipf("this system makes no symbolic links: %v", err)
			}
			continue
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func read(t *testing.T, root string) (Folder, []diag.Finding) {
	t.Helper()
	f, found, err := Read(t.Context(), Options{Dir: filepath.Join(root, "public"), Root: root, Pos: diag.Position{File: "wrangler.json", Line: 3}})
	if err != nil {
		t.Fatal(err)
	}
	return f, found
}

func paths(f Folder) []string {
	list := []string{}
	for _, file := range f.Files {
		list = append(list, file.Path)
	}
	return list
}

func TestReadListsWhatWouldBeServed(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{
		"index.html": "hello", "img/logo.svg": "<svg/>", "deep/er/a.txt": "a", "deep/_headers": "served", ".well-known/security.txt": "x",
		"_headers": "/*\n  X: 1", "_redirects": "/a /b", ".assetsignore": "*.map\n/private/\n!keep.map\n",
		"app.js.map": "{}", "keep.map": "{}", "private/key.txt": "k", "deep/private/b.txt": "b", "linked.html": "-> index.html", "linked": "-> deep/er",
	})
	f, found := read(t, root)
	want := []string{
		"/.well-known/security.txt", "/deep/_headers", "/deep/er/a.txt", "/deep/private/b.txt", "/img/logo.svg",
		"/index.html", "/keep.map", "/linked.html", "/linked/a.txt",
	}
	if diff := cmp.Diff(want, paths(f)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(found) > 0 {
		t.Errorf("got findings %v, want none", found)
	}
	if f.Headers == nil || *f.Headers != "/*\n  X: 1" || f.Redirects == nil || *f.Redirects != "/a /b" {
		t.Errorf("got headers %v and redirects %v, want the contents of the files", f.Headers, f.Redirects)
	}
	for _, file := range f.Files {
		if len(file.Hash) != 32 {
			t.Errorf("%s: hash %q has not 32 digits", file.Path, file.Hash)
		}
	}
	if i := f.Files[5]; i.Size != 5 || i.ContentType != "text/html; charset=utf-8" {
		t.Errorf("got %+v, want 5 bytes of text/html", i)
	}
}

func TestReadFindsWhatCannotBeServed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  []string // code and message
	}{
		{"a link to nothing", map[string]string{"a": "-> gone"}, []string{`error B125 "public/a" is a link to "gone", which is not there`}},
		{"a link to nothing that is left out", map[string]string{"a": "-> gone", ".assetsignore": "a"}, nil},
		{"a link that leads back", map[string]string{"d/up": "-> ..", "index.html": ""}, []string{`error B125 "public/d/up" leads back to a folder above it`}},
		{"code of a Pages project", map[string]string{"_worker.js": "x"}, []string{`error B123 "public/_worker.js" would be published as an asset`}},
		{"code of a Pages project in a folder", map[string]string{"_worker.js/index.js": "x", "_worker.js/b.js": ""}, []string{`error B123 "public/_worker.js" would be published as an asset`}},
		{"code of a Pages project that is meant", map[string]string{"_worker.js": "x", ".assetsignore": ""}, nil},
		{"patterns that are not text", map[string]string{".assetsignore": "\xff\xfe"}, []string{`error B124 "public/.assetsignore" is not UTF-8 text`}},
		{
			"private files",
			map[string]string{".env.production": "A=1", "sub/.git/HEAD": "x", "node_modules/a/index.js": "", "node_modules/b/node_modules/c/index.js": ""},
			[]string{`warning B126 "public/.env.production" will be published`, `warning B126 "public/node_modules" will be published`, `warning B126 "public/sub/.git" will be published`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, found := read(t, folder(t, tt.files))
			var got []string
			for _, f := range found {
				got = append(got, fmt.Sprint(f.Severity, " ", f.Code, " ", f.Message))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadHoldsCloudflaresLimits(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{"big.bin": ""})
	if err := os.Truncate(filepath.Join(root, "public", "big.bin"), MaxFileSize+1<<19); err != nil {
		t.Fatal(err)
	}
	_, found := read(t, root)
	if len(found) != 1 || found[0].Code != "B122" || found[0].Message != `"public/big.bin" has 25.5 MiB, and a static file may have at most 25 MiB` {
		t.Errorf("got %+v, want B122 with both numbers", found)
	}

	for _, tt := range []struct {
		files int
		want  string
	}{
		{MaxFilesFree, ""},
		{MaxFilesFree + 1, "warning the assets directory holds 20001 files, and a version may have at most 20000 on the free plan"},
		{MaxFiles + 1, "error the assets directory holds 100001 files, and a version may have at most 100000"},
	} {
		w := walk{folder: Folder{Files: make([]File, tt.files)}}
		w.checkCount()
		got := ""
		for _, f := range w.findings {
			got += string(f.Severity) + " " + f.Message
		}
		if got != tt.want {
			t.Errorf("%d files: got %q, want %q", tt.files, got, tt.want)
		}
	}
}

func TestReadSaysThatTheFolderIsMissing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	_, found := read(t, root)
	if len(found) != 1 || found[0].Code != "B121" || found[0].Pos.Line != 3 {
		t.Errorf("got %+v, want B121 at the configuration's line", found)
	}
}
