package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

var digestForm = lazyregexp.New(`^[0-9a-f]{64}$`)

func (s *Store) blob(digest string) string {
	return filepath.Join(s.dir, "artifacts", digest[:2], digest[2:])
}

// Put implements deploy.Blobs. The file appears under its name only when all of it is
// on the disk.
func (s *Store) Put(_ context.Context, b []byte) (string, error) {
	digest := deploy.Digest(b)
	path := s.blob(digest)
	if _, err := os.Stat(path); err == nil {
		return digest, nil
	}
	if err := s.putFile(path, b); err != nil {
		return "", s.explain(fmt.Errorf("keep artifact: %w", err))
	}
	return digest, nil
}

func (s *Store) putFile(path string, b []byte) (err error) {
	if err := MakeFolder(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(b); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Get implements deploy.Blobs.
func (s *Store) Get(_ context.Context, digest string) ([]byte, error) {
	if !digestForm.MatchString(digest) {
		return nil, fmt.Errorf("artifact %q: %w", digest, deploy.ErrNotFound)
	}
	b, err := os.ReadFile(s.blob(digest))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("artifact %s: %w", digest, deploy.ErrNotFound)
	case err != nil:
		return nil, s.explain(fmt.Errorf("read artifact: %w", err))
	case deploy.Digest(b) != digest:
		return nil, problem("D324", fmt.Errorf("artifact %s has another digest", digest), "an artifact in "+s.dir+" is damaged", "remove the folder "+filepath.Join(s.dir, "artifacts")+" and deploy again")
	}
	return b, nil
}
