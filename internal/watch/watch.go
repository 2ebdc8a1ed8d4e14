// Package watch tells which files below a folder change, so that what is made of them
// can be made again.
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options say what is watched.
type Options struct {
	Dir string // the folder, with everything below it
	// Ignore leaves a file out, or a folder with all below it. It gets the path relative
	// to Dir, with slashes. What editors write beside the file that they save is left out
	// anyway.
	Ignore func(path string) bool
	// Quiet is how long nothing has to change before what has changed is told: an editor
	// or a checkout changes many files. Default: 10 ms. After ten times as long it is told
	// anyway.
	Quiet time.Duration
}

// Watcher tells changes until it is closed.
type Watcher struct {
	// Changes are the files that changed, were made or removed: sorted, relative to Dir
	// and with slashes. It is closed by Close, and when watching has failed.
	Changes <-chan []string

	options Options
	notify  *fsnotify.Watcher
	changes chan []string
	done    chan struct{}
	err     error // why it ended; to be read after Changes is closed
}

// New begins to watch. Close has to be called.
func New(o Options) (*Watcher, error) {
	if o.Quiet == 0 {
		o.Quiet = 10 * time.Millisecond
	}
	if o.Ignore == nil {
		o.Ignore = func(string) bool { return false }
	}
	if _, err := os.Stat(o.Dir); err != nil {
		return nil, fmt.Errorf("watching a folder: %w", err)
	}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", o.Dir, err)
	}
	w := &Watcher{options: o, notify: n, changes: make(chan []string), done: make(chan struct{})}
	w.Changes = w.changes
	if _, err := w.add(o.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("watching %s: %w", o.Dir, err), n.Close())
	}
	go w.run()
	return w, nil
}

// Close ends the watcher.
func (w *Watcher) Close() error {
	err := w.notify.Close()
	<-w.done
	return err
}

// Err is why Changes was closed, nil after Close.
func (w *Watcher) Err() error { return w.err }

// add watches a folder and those below it, and lists the files that are there: who
// makes a folder writes into it before it can be watched.
func (w *Watcher) add(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it is gone again
		}
		if err != nil {
			return err
		}
		rel, wanted := w.wanted(path)
		switch {
		case path != w.options.Dir && !wanted && entry.IsDir():
			return filepath.SkipDir
		case path != w.options.Dir && !wanted:
			return nil
		case entry.IsDir():
			if err := w.notify.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}
		files = append(files, rel)
		return nil
	})
	return files, err
}

// wanted reports whether somebody wants to know of a path, and what it is called.
func (w *Watcher) wanted(path string) (rel string, ok bool) {
	rel, err := filepath.Rel(w.options.Dir, path)
	if err != nil {
		return "", false
	}
	rel = filepath.ToSlash(rel)
	return rel, !scratch(filepath.Base(path)) && !w.options.Ignore(rel)
}

// scratch reports whether an editor makes such a file while it saves another.
func scratch(name string) bool {
	return strings.HasSuffix(name, "~") || strings.HasPrefix(name, ".#") || strings.HasPrefix(name, "#") || name == "4913" ||
		slices.Contains([]string{".swp", ".swx", ".swo", ".tmp"}, filepath.Ext(name))
}

func (w *Watcher) run() {
	defer close(w.done)
	defer close(w.changes)
	changed := map[string]bool{}
	var quiet, latest <-chan time.Time
	for {
		var out chan<- []string
		var batch []string
		if len(changed) > 0 && quiet == nil {
			out = w.changes
			for path := range changed {
				batch = append(batch, path)
			}
			slices.Sort(batch)
		}
		select {
		case e, ok := <-w.notify.Events:
			if !ok {
				return
			}
			before := len(changed)
			if err := w.note(e, changed); err != nil {
				w.err = err
				return
			}
			if len(changed) == 0 {
				continue
			}
			quiet = time.After(w.options.Quiet)
			if before == 0 {
				latest = time.After(10 * w.options.Quiet)
			}
		case err, ok := <-w.notify.Errors:
			if ok {
				w.err = fmt.Errorf("watching %s: %w", w.options.Dir, err)
			}
			return
		case <-quiet:
			quiet, latest = nil, nil
		case <-latest:
			quiet, latest = nil, nil
		case out <- batch:
			clear(changed)
		}
	}
}

// note puts down what an event means.
func (w *Watcher) note(e fsnotify.Event, changed map[string]bool) error {
	rel, ok := w.wanted(e.Name)
	if !ok || e.Op == fsnotify.Chmod {
		return nil
	}
	if e.Has(fsnotify.Create) {
		files, err := w.add(e.Name)
		if err != nil {
			return fmt.Errorf("watching %s: %w", e.Name, err)
		}
		for _, f := range files {
			changed[f] = true
		}
		return nil
	}
	changed[rel] = true
	return nil
}
