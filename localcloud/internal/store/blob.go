package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// clean removes what an earlier process was writing when it died.
func (b Blobs) clean() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("reading the state folder: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "incoming-") {
			if err := os.Remove(filepath.Join(b.dir, e.Name())); err != nil {
				return fmt.Errorf("removing an interrupted upload: %w", err)
			}
		}
	}
	return nil
}
