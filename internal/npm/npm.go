// Package npm installs pinned npm packages into the user's cache folder with the
// npm client. A lock file written here pins version and content, never an address:
// which registry is asked stays the user's own npm configuration.
package npm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Package is one npm package at one version. Integrity is the SRI string of its
// tarball ("sha512-…"); empty means that the version alone is pinned and npm's own
// check against the registry's record is all there is.
type Package struct {
	Name      string
	Version   string
	Integrity string
}

// Tree is a package with all its dependencies, pinned by the two files that npm
// itself writes. Name is only a label for the folder and for messages.
type Tree struct {
	Name        string
	PackageJSON []byte
	LockJSON    []byte
}

// Installer puts packages under Dir. The zero value works: it uses CacheDir and
// the npm on PATH.
type Installer struct {
	Dir    string               // default CacheDir()
	NPM    string               // command, default "npm"
	Notice func(message string) // called once before a download starts, may be nil
}

// CacheDir is where downloads live: $CLODO_HOME/cache, else the folder "clodo" in
// the user's cache folder.
func CacheDir() (string, error) {
	if home := os.Getenv("CLODO_HOME"); home != "" {
		return filepath.Join(home, "cache"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for downloads (set CLODO_HOME to choose one): %w", err)
	}
	return filepath.Join(dir, "clodo"), nil
}

// Install makes p available and returns the absolute folder of its files. When it
// is already there that costs one stat.
func (in Installer) Install(ctx context.Context, p Package) (string, error) {
	dir, err := in.InstallTree(ctx, p.tree())
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "node_modules", filepath.FromSlash(p.Name)), nil
}

// InstallTree makes t available and returns the absolute folder that contains its
// node_modules. Callers in any number of processes may race: one installs, the
// others wait for it.
func (in Installer) InstallTree(ctx context.Context, t Tree) (string, error) {
	dir, err := in.treeDir(t)
	if err != nil || installed(dir) {
		return dir, err
	}
	root := filepath.Dir(dir)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("making the download folder: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("waiting for another clodo that installs %s: %w", t.Name, err)
	}
	defer unlock()
	if installed(dir) {
		return dir, nil
	}
	if in.Notice != nil {
		in.Notice(fmt.Sprintf("installing %s with npm (once, into %s)", t.Name, root))
	}
	return dir, in.install(ctx, t, root, dir)
}

// treeDir is where t is, or will be.
func (in Installer) treeDir(t Tree) (string, error) {
	root := in.Dir
	if root == "" {
		cache, err := CacheDir()
		if err != nil {
			return "", err
		}
		root = cache
	}
	dir, err := filepath.Abs(filepath.Join(root, "npm", t.folder()))
	if err != nil {
		return "", fmt.Errorf("finding the download folder: %w", err)
	}
	return dir, nil
}

// install runs npm in a folder beside dir and moves the result into place, so that
// dir either does not exist or is complete.
func (in Installer) install(ctx context.Context, t Tree, root, dir string) error {
	tmp, err := os.MkdirTemp(root, ".installing-")
	if err != nil {
		return fmt.Errorf("making a folder to install %s: %w", t.Name, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone after the rename; after a failure only space is lost
	for name, data := range map[string][]byte{"package.json": t.PackageJSON, "package-lock.json": t.LockJSON} {
		if err := os.WriteFile(filepath.Join(tmp, name), data, 0o644); err != nil {
			return fmt.Errorf("writing %s to install %s: %w", name, t.Name, err)
		}
	}
	if err := in.run(ctx, t.Name, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("moving %s into place: %w", t.Name, err)
	}
	return nil
}

func (in Installer) run(ctx context.Context, name, dir string) error {
	npm := in.NPM
	if npm == "" {
		npm = "npm"
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
		// Two repetitions within 6 seconds instead of 70, in which nothing would be seen.
		"--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("installing %s: %w", name, ctx.Err())
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return missing(npm, name, err)
	}
	return failure(name, out.String(), err)
}

// Installed reports whether p is available without a download.
func (in Installer) Installed(p Package) bool {
	dir, err := in.treeDir(p.tree())
	return err == nil && installed(dir)
}

// installed reports whether dir is a finished installation; install makes it
// appear in one step.
func installed(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// folder names an installation by what it pins, so that another pin is another
// folder and none is ever changed.
func (t Tree) folder() string {
	sum := sha256.New()
	sum.Write(t.PackageJSON)
	sum.Write([]byte{0})
	sum.Write(t.LockJSON)
	label := strings.NewReplacer("/", "-", "@", "").Replace(t.Name)
	return label + "-" + hex.EncodeToString(sum.Sum(nil)[:6])
}

type lockEntry struct {
	Name         string            `json:"name,omitempty"`
	Version      string            `json:"version,omitempty"`
	Integrity    string            `json:"integrity,omitempty"`
	Dependencies map[string]string `json:"dependencies,omitempty"`
}

// tree is a lock file with p alone. A package that has dependencies needs a Tree
// of its own.
func (p Package) tree() Tree {
	root := lockEntry{Name: "clodo-download", Dependencies: map[string]string{p.Name: p.Version}}
	manifest := encode(map[string]any{"name": root.Name, "private": true, "dependencies": root.Dependencies})
	lock := encode(map[string]any{
		"name": root.Name, "lockfileVersion": 3, "requires": true,
		"packages": map[string]lockEntry{
			"":                       root,
			"node_modules/" + p.Name: {Version: p.Version, Integrity: p.Integrity},
		},
	})
	return Tree{Name: p.Name + "@" + p.Version, PackageJSON: manifest, LockJSON: lock}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings go in
	}
	return b
}
