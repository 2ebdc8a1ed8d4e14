package scaffold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Action says what becomes of a file.
type Action string

// What becomes of a file.
const (
	Create    Action = "create"
	Overwrite Action = "overwrite"
	Keep      Action = "keep" // it is there already
)

// File is a file that is to be there.
type File struct {
	Path    string `json:"path"` // slash-separated, below the root
	Size    int    `json:"size"` // bytes
	Action  Action `json:"action"`
	content []byte
	before  []byte // what it holds until it is overwritten
	mode    fs.FileMode
}

// Content is what the file is to hold.
func (f File) Content() []byte { return f.content }

// look finds out what becomes of a file whose content is to be there. What is neither
// a file nor nothing cannot be replaced, and is an error.
func look(root *os.Root, name string, content []byte) (File, error) {
	f := File{Path: name, Size: len(content), Action: Create, content: content, mode: 0o644}
	info, err := root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return f, err
	case !info.Mode().IsRegular():
		return f, fmt.Errorf("%s is there and is not a file", name)
	}
	if f.before, err = root.ReadFile(filepath.FromSlash(name)); err != nil {
		return f, err
	}
	f.Action, f.mode = Overwrite, info.Mode().Perm()
	if bytes.Equal(f.before, content) {
		f.Action = Keep
	}
	return f, nil
}

// write puts all files in their places below root, or leaves everything as it was.
// Contents are written beside their places first: what then is left to do needs no
// space and hardly any time.
func write(ctx context.Context, root *os.Root, files []File) (err error) {
	var undo []func() error
	defer func() {
		if err != nil {
			slices.Reverse(undo)
			for _, back := range undo {
				err = errors.Join(err, back())
			}
		}
	}()
	todo := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Action == Keep })
	for _, f := range todo {
		made, err := makeFolders(root, path.Dir(f.Path))
		undo = append(undo, made...)
		if err != nil {
			return err
		}
		draft := draftOf(f.Path)
		undo = append(undo, func() error { return gone(root.Remove(draft)) })
		if err := root.WriteFile(draft, f.content, f.mode); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, f := range todo {
		if f.Action == Overwrite {
			if now, err := root.ReadFile(filepath.FromSlash(f.Path)); err != nil || !bytes.Equal(now, f.before) {
				return errors.Join(fmt.Errorf("%s was changed by somebody else just now", f.Path), err)
			}
		}
		if err := root.Rename(draftOf(f.Path), filepath.FromSlash(f.Path)); err != nil {
			return err
		}
		undo = append(undo, func() error { return putBack(root, f) })
	}
	return nil
}

// draftOf is where the content of a file waits.
func draftOf(name string) string {
	return filepath.FromSlash(path.Join(path.Dir(name), "."+path.Base(name)+".clodo-draft"))
}

// putBack makes a file what it was.
func putBack(root *os.Root, f File) error {
	if f.Action == Create {
		return gone(root.Remove(filepath.FromSlash(f.Path)))
	}
	return root.WriteFile(filepath.FromSlash(f.Path), f.before, f.mode)
}

// makeFolders makes dir with all above it; undo removes those that it made.
func makeFolders(root *os.Root, dir string) (undo []func() error, err error) {
	if dir == "." {
		return nil, nil
	}
	undo, err = makeFolders(root, path.Dir(dir))
	if err != nil {
		return undo, err
	}
	name := filepath.FromSlash(dir)
	err = root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return undo, nil
	}
	if err == nil {
		undo = append(undo, func() error { return gone(root.Remove(name)) })
	}
	return undo, err
}

// gone takes what is not there any more for removed.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
