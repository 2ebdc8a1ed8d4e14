package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/archive"
)

// tree is the files below a folder by name.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	check(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		found[filepath.ToSlash(rel)] = string(b)
		return err
	}))
	return found
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func saved(t *testing.T, files map[string]string) []byte {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, []byte(text), 0o600))
	}
	var b bytes.Buffer
	check(t, archive.Write(&b, root, func(name string) bool { return name == "lock" }))
	return b.Bytes()
}

func TestWhatIsSavedComesBack(t *testing.T) {
	t.Parallel()
	files := map[string]string{"cloud.db": "records", "d1/one.sqlite": strings.Repeat("x", 100_000), "blobs/ab/empty": ""}
	with := map[string]string{"lock": ""}
	for name, text := range files {
		with[name] = text
	}
	into := t.TempDir()
	check(t, archive.Read(bytes.NewReader(saved(t, with)), into))
	if diff := cmp.Diff(files, tree(t, into)); diff != "" {
		t.Error(diff)
	}
}

func TestADamagedFileGivesNothing(t *testing.T) {
	t.Parallel()
	files := map[string]string{"cloud.db": strings.Repeat("records ", 50), "kv.db": "values"}
	whole := saved(t, files)
	for n := range whole {
		if n%7 != 0 && n < len(whole)-8 {
			continue
		}
		cut := archive.Read(bytes.NewReader(whole[:n]), t.TempDir())
		flipped := bytes.Clone(whole)
		flipped[n] ^= 0x40
		into := t.TempDir()
		err := archive.Read(bytes.NewReader(flipped), into)
		// Bits of gzip that say nothing, such as its time and what fills the last byte, may
		// change: then all is there.
		if same := err == nil && cmp.Equal(files, tree(t, into)); !errors.Is(cut, archive.ErrForeign) || !errors.Is(err, archive.ErrForeign) && !same {
			t.Errorf("byte %d: cut %v, flipped %v", n, cut, err)
		}
	}
}

// packed is an archive with these entries in this order.
func packed(t *testing.T, entries ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range entries {
		text := h.PAXRecords["CLODO.text"]
		h.PAXRecords = nil
		h.Size = int64(len(text))
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
		}
		check(t, w.WriteHeader(h))
		if h.Size > 0 {
			_, err := io.WriteString(w, text)
			check(t, err)
		}
	}
	check(t, errors.Join(w.Close(), z.Close()))
	return b.Bytes()
}

func entry(name, text string) *tar.Header {
	return &tar.Header{Name: name, PAXRecords: map[string]string{"CLODO.text": text}}
}

// list is a manifest of files that hold "x".
func list(names ...string) *tar.Header {
	const sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	var files []string
	for _, n := range names {
		files = append(files, `{"name":"`+strings.ReplaceAll(n, `\`, `\\`)+`","size":1,"sha256":"`+sum+`"}`)
	}
	return entry("clodo-cloud.json", `{"format":"clodo.cloud-state/v1","files":[`+strings.Join(files, ",")+`]}`)
}

func TestWhatSomethingElseMadeGivesNothing(t *testing.T) {
	t.Parallel()
	check(t, archive.Read(bytes.NewReader(packed(t, list("a"), entry("a", "x"))), t.TempDir())) // the kit works
	for name, b := range map[string][]byte{
		"nothing":                  {},
		"text":                     []byte("a text file\n"),
		"an archive of others":     packed(t, entry("README", "x")),
		"another format":           packed(t, entry("clodo-cloud.json", `{"format":"clodo.cloud-state/v9"}`)),
		"a list that is no JSON":   packed(t, entry("clodo-cloud.json", `[`)),
		"a file beside the list":   packed(t, list("a"), entry("a", "x"), entry("b", "x")),
		"a file less":              packed(t, list("a", "b"), entry("a", "x")),
		"a file twice":             packed(t, list("a"), entry("a", "x"), entry("a", "x")),
		"a name twice in the list": packed(t, list("a", "a"), entry("a", "x")),
		"other bytes":              packed(t, list("a"), entry("a", "y")),
		"another size":             packed(t, list("a"), entry("a", "xx")),
		"a way out":                packed(t, list("../a"), entry("../a", "x")),
		"a way out further in":     packed(t, list("a/../../b"), entry("a/../../b", "x")),
		"a path of the system":     packed(t, list("/etc/a"), entry("/etc/a", "x")),
		"a path that is not clean": packed(t, list("a//b"), entry("a//b", "x")),
		"an empty name":            packed(t, list(""), entry("", "x")),
		"a link":                   packed(t, list("a"), &tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}),
		"a file in a file":         packed(t, list("a", "a/b"), entry("a", "x"), entry("a/b", "x")),
	} {
		root := t.TempDir()
		into := filepath.Join(root, "in", "to")
		check(t, os.MkdirAll(into, 0o700))
		if err := archive.Read(bytes.NewReader(b), into); err == nil || name != "a file in a file" && !errors.Is(err, archive.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
		for path := range tree(t, root) {
			if !strings.HasPrefix(path, "in/to/") {
				t.Errorf("%s wrote %s", name, path)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("a text file"))
	f.Fuzz(func(t *testing.T, b []byte) {
		root := t.TempDir()
		into := filepath.Join(root, "into")
		check(t, os.Mkdir(into, 0o700))
		_ = archive.Read(bytes.NewReader(b), into) // it must neither panic nor leave its folder
		entries, err := os.ReadDir(root)
		if check(t, err); len(entries) != 1 {
			t.Errorf("it wrote beside its folder: %v", entries)
		}
	})
}
