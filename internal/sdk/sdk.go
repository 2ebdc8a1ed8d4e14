// Package sdk is what a service in Go is compiled with: the sources of package clodo, of
// what lies below it, and of what the tests of a service need. The program carries them
// and puts them into the portfolio, where go.mod refers to them by a replace; so a
// service needs nothing that is not on the machine, but the modules that its tests use.
package sdk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tamylaa/clodo"
)

// Module is the path of the module that services import.
const Module = "github.com/tamylaa/clodo"

// Folder is where the sources lie, below the folder of go.mod. git does not see them.
const Folder = ".clodo/sdk"

// mark is the file of the folder that says which sources it holds.
const mark = ".digest"

// file is one file as it is unpacked.
type file struct {
	name    string // slash-separated
	content []byte
}

// contents are the files and their digest.
type contents struct {
	files  []file
	digest string
}

// carried is what this program carries. It costs some milliseconds once.
var carried = sync.OnceValues(func() (contents, error) { return collect(clodo.Sources) })

// collect takes the files out of the module's: not its tests, and not what embeds them.
func collect(module fs.FS) (contents, error) {
	var c contents
	sum := sha256.New()
	err := fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || name == "sources.go" || name == "go.sum" {
			return nil
		}
		b, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		if name == "go.mod" {
			if b, err = ownModule(b); err != nil {
				return err
			}
		}
		c.files = append(c.files, file{name, b})
		fmt.Fprintf(sum, "%s\x00%d\x00", name, len(b))
		sum.Write(b)
		return nil
	})
	c.digest = hex.EncodeToString(sum.Sum(nil))
	return c, err
}

// Unpack puts the sources below the folder dir of a go.mod, unless they are there
// already. Another process may do the same: a folder appears whole or not at all.
func Unpack(dir string) (unpacked bool, err error) {
	c, err := carried()
	if err != nil {
		return false, err
	}
	place := filepath.Join(dir, filepath.FromSlash(Folder))
	if c.isIn(place) {
		return false, nil
	}
	state := filepath.Dir(place)
	if err := ignoredFolder(state); err != nil {
		return false, err
	}
	draft, err := os.MkdirTemp(state, "sdk-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	if err := c.write(filepath.Join(draft, "new")); err != nil {
		return false, fmt.Errorf("unpack the sources of %s: %w", Module, err)
	}
	return true, c.swap(filepath.Join(draft, "new"), place, filepath.Join(draft, "old"))
}

// swap puts new in the place of what is there. Where another process was faster, what
// it put there is as good.
func (c contents) swap(fresh, place, old string) error {
	if err := os.Rename(place, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Rename(fresh, place)
	if err != nil && c.isIn(place) {
		return nil
	}
	return err
}

// isIn reports whether a folder holds these sources.
func (c contents) isIn(place string) bool {
	b, err := os.ReadFile(filepath.Join(place, mark))
	return err == nil && string(bytes.TrimSpace(b)) == c.digest
}

func (c contents) write(place string) error {
	made := map[string]bool{}
	for _, f := range c.files {
		dir := path.Dir(f.name)
		if !made[dir] {
			if err := os.MkdirAll(filepath.Join(place, filepath.FromSlash(dir)), 0o755); err != nil {
				return err
			}
			made[dir] = true
		}
		if err := os.WriteFile(filepath.Join(place, filepath.FromSlash(f.name)), f.content, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(place, mark), []byte(c.digest+"\n"), 0o644)
}

// ignoredFolder makes the state folder, which ignores itself in git.
func ignoredFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	return os.WriteFile(ignore, []byte("# made by clodo: state of this machine\n*\n"), 0o600)
}
