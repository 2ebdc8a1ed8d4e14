package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Blobs are the bytes of modules and assets, each in a file named by its SHA-256.
// A blob is written and renamed before any record names it, so a record never
// points at half a file.
type Blobs struct{ dir string }

// Path is the absolute file of a blob that Write returned.
func (b Blobs) Path(digest string) string { return filepath.Join(b.dir, digest[:2], digest) }

// Write keeps what r yields and returns its digest in hex and its size in bytes.
func (b Blobs) Write(r io.Reader) (digest string, size int64, err error) {
	f, err := os.CreateTemp(b.dir, "incoming-*")
	if err != nil {
		return "", 0, fmt.Errorf("keeping an upload: %w", err)
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	sum := sha256.New()
	if size, err = io.Copy(io.MultiWriter(f, sum), r); err != nil {
		return "", 0, fmt.Errorf("keeping an upload: %w", err)
	}
	digest = hex.EncodeToString(sum.Sum(nil))
	if _, err := os.Stat(b.Path(digest)); err == nil {
		return digest, size, nil // the same bytes are here already; the copy goes
	}
	if err := os.MkdirAll(filepath.Dir(b.Path(digest)), 0o700); err != nil {
		return "", 0, fmt.Errorf("keeping an upload: %w", err)
	}
	kept = true
	if err := f.Close(); err != nil {
		return "", 0, errors.Join(fmt.Errorf("keeping an upload: %w", err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), b.Path(digest)); err != nil {
		return "", 0, errors.Join(fmt.Errorf("keeping an upload: %w", err), os.Remove(f.Name()))
	}
	return digest, size, nil
}

// Open reads a blob.
func (b Blobs) Open(digest string) (io.ReadCloser, error) {
	f, err := os.Open(b.Path(digest))
	if err != nil {
		return nil, fmt.Errorf("reading an uploaded file: %w", err)
	}
	return f, nil
}

// sweep removes the blobs that are not used, and what an earlier process was writing
// when it died. Nobody may write meanwhile.
func (b Blobs) sweep(used map[string]bool) error {
	err := filepath.WalkDir(b.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || used[e.Name()] {
			return err
		}
		return os.Remove(name)
	})
	if err != nil {
		return fmt.Errorf("clearing uploads that nothing uses: %w", err)
	}
	return nil
}
