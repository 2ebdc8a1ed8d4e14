// Package archive puts the folder of a local cloud into one file and gets it out
// again. A file that is damaged, or that something else made, gives nothing at all.
package archive

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrForeign is returned for a file that is no saved cloud, or a damaged one.
var ErrForeign = errors.New("not a saved local cloud, or damaged")

const (
	format       = "clodo.cloud-state/v1"
	manifestName = "clodo-cloud.json"
	maxManifest  = 64 << 20
)

// manifest is the first entry: what the others must be.
type manifest struct {
	Format  string    `json:"format"`
	Created time.Time `json:"created"`
	Files   []file    `json:"files"`
}

type file struct {
	Name   string `json:"name"` // with slashes, below the folder
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Write writes the regular files below root, which must not change meanwhile, without
// those that skip names.
func Write(w io.Writer, root string, skip func(name string) bool) error {
	m := manifest{Format: format, Created: time.Now().UTC()}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if skip(name) {
			return nil
		}
		f, err := describe(path, name)
		m.Files = append(m.Files, f)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what is saved: %w", err)
	}
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := put(t, manifestName, int64(len(b)), strings.NewReader(string(b))); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := putFile(t, root, f); err != nil {
			return err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return fmt.Errorf("writing the saved cloud: %w", err)
	}
	return nil
}

func describe(path, name string) (file, error) {
	in, err := os.Open(path)
	if err != nil {
		return file{}, err
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	return file{Name: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

func putFile(t *tar.Writer, root string, f file) error {
	in, err := os.Open(filepath.Join(root, filepath.FromSlash(f.Name)))
	if err != nil {
		return fmt.Errorf("reading what is saved: %w", err)
	}
	defer in.Close()
	return put(t, f.Name, f.Size, in)
}

func put(t *tar.Writer, name string, size int64, content io.Reader) error {
	err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600})
	if err == nil {
		_, err = io.Copy(t, content)
	}
	if err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	return nil
}

// Read gets a saved cloud out into a folder that is empty. With an error that folder
// is of no use. What is not named by the file's own list, or is not as the list says,
// is ErrForeign; nothing is written outside of the folder.
func Read(r io.Reader, into string) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return foreign(err)
	}
	t := tar.NewReader(z)
	m, err := readManifest(t)
	if err != nil {
		return err
	}
	wanted := map[string]file{}
	for _, f := range m.Files {
		local, err := filepath.Localize(f.Name)
		if _, twice := wanted[f.Name]; err != nil || twice || f.Size < 0 || filepath.ToSlash(filepath.Clean(local)) != f.Name || f.Name == manifestName {
			return foreign(fmt.Errorf("its list has %q", f.Name))
		}
		wanted[f.Name] = f
	}
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return foreign(err)
		}
		f, ok := wanted[h.Name]
		if !ok || h.Typeflag != tar.TypeReg || h.Size != f.Size {
			return foreign(fmt.Errorf("%q is not what its list says", h.Name))
		}
		delete(wanted, h.Name)
		if err := get(t, into, f); err != nil {
			return err
		}
	}
	if len(wanted) > 0 {
		return foreign(fmt.Errorf("%d files of its list are missing", len(wanted)))
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // its checksum stands at the end
		return foreign(err)
	}
	return nil
}

func readManifest(t *tar.Reader) (manifest, error) {
	var m manifest
	h, err := t.Next()
	if err != nil {
		return m, foreign(err)
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return m, foreign(fmt.Errorf("it begins with %q", h.Name))
	}
	if err := json.NewDecoder(t).Decode(&m); err != nil {
		return m, foreign(err)
	}
	if m.Format != format {
		return m, foreign(fmt.Errorf("its format is %q, want %q", m.Format, format))
	}
	return m, nil
}

// get writes one file and compares it with the list.
func get(t *tar.Reader, into string, f file) error {
	path := filepath.Join(into, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return foreign(err) // two names that are one on this system
		}
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(out, io.TeeReader(t, sum)); err != nil {
		var file *fs.PathError
		if errors.As(err, &file) { // our own disk
			return errors.Join(err, out.Close())
		}
		return errors.Join(foreign(err), out.Close())
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return foreign(fmt.Errorf("%q has other bytes than its list says", f.Name))
	}
	return nil
}

func foreign(err error) error { return fmt.Errorf("%w: %w", ErrForeign, err) }
