package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The folders below Options.Dir.
const (
	assetsFolder  = "assets"  // a tree for each version in use, made from files kept elsewhere
	objectsFolder = "objects" // durable objects: a folder for each class
	bootFolder    = "boot"    // configurations while workerd reads them
)

// placeAssets makes the tree of a version's files, which workerd serves from a
// folder, and returns its path. A version never changes, so a tree that is there is
// complete and right.
func placeAssets(root string, v *Version) (string, error) {
	dir := filepath.Join(root, escaped(v.ID))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("making the folder of assets: %w", err)
	}
	tmp, err := os.MkdirTemp(root, ".placing-")
	if err != nil {
		return "", fmt.Errorf("making the folder of assets: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone after the rename; after a failure only space is lost
	for name, f := range v.Assets.Files {
		local := filepath.FromSlash(strings.TrimPrefix(name, "/"))
		if !filepath.IsLocal(local) {
			return "", &StartupError{Message: fmt.Sprintf("asset %q has a path outside the assets", name), Code: CodeStartup}
		}
		if err := place(f.Path, filepath.Join(tmp, local)); err != nil {
			return "", fmt.Errorf("placing asset %q: %w", name, err)
		}
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, other := os.Stat(dir); other == nil {
			return dir, nil // another call was faster
		}
		return "", fmt.Errorf("placing assets: %w", err)
	}
	return dir, nil
}

// place links a file where that works, and copies it elsewhere.
func place(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
