package r2

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// piece is a file that holds an object's content, or one part of it.
type piece struct {
	ID   string `json:"i"` // 32 hex
	Size int64  `json:"n"`
}

// files is the folder of pieces. A piece is written once and never changed; it is
// removed when no object has it any more and nobody reads it.
type files struct {
	dir string
	// looking is held for reading from looking an object up until its pieces are leased,
	// so that who removes pieces can wait for those who are about to read them.
	looking sync.RWMutex
	// removing is held for reading while a file is removed, and taken by who must not
	// see one vanish.
	removing sync.RWMutex
	mu       sync.Mutex
	leases   map[string]int  // how many read a piece
	doomed   map[string]bool // pieces to remove as soon as possible
	held     int             // how many keep pieces from being removed
}

func newFiles(dir string) (*files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of R2's objects: %w", err)
	}
	return &files{dir: dir, leases: map[string]int{}, doomed: map[string]bool{}}, nil
}

func (f *files) path(id string) string { return filepath.Join(f.dir, id[:2], id[2:]) }

// create opens a new piece for writing.
func (f *files) create() (id string, file *os.File, err error) {
	id = newID()
	file, err = os.OpenFile(f.path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(f.path(id)), 0o700); err == nil {
			file, err = os.OpenFile(f.path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
	return id, file, err
}

// lease keeps pieces until release; the caller holds looking.
func (f *files) lease(pieces []piece) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range pieces {
		f.leases[p.ID]++
	}
}

func (f *files) release(pieces []piece) {
	f.removing.RLock()
	defer f.removing.RUnlock()
	for _, p := range pieces {
		f.mu.Lock()
		last := f.leases[p.ID] == 1
		if f.leases[p.ID]--; last {
			delete(f.leases, p.ID)
		}
		gone := last && f.doomed[p.ID] && f.held == 0
		if gone {
			delete(f.doomed, p.ID)
		}
		f.mu.Unlock()
		if gone {
			f.unlink(p.ID)
		}
	}
}

// remove removes pieces that no object has any more.
func (f *files) remove(pieces ...piece) {
	if len(pieces) == 0 {
		return
	}
	f.looking.Lock()   // who saw the object with these pieces has leased them by now
	f.looking.Unlock() //nolint:staticcheck // that is all
	f.removing.RLock()
	defer f.removing.RUnlock()
	for _, p := range pieces {
		f.mu.Lock()
		wait := f.leases[p.ID] > 0 || f.held > 0
		if wait {
			f.doomed[p.ID] = true
		}
		f.mu.Unlock()
		if !wait {
			f.unlink(p.ID)
		}
	}
}

// unlink removes a file. One that stays is swept when the store is opened again.
func (f *files) unlink(id string) { _ = os.Remove(f.path(id)) }

// hold keeps all files where they are until the function it returns is called.
func (f *files) hold() (letGo func()) {
	f.removing.Lock() // wait for those that are being removed
	f.mu.Lock()
	f.held++
	f.mu.Unlock()
	f.removing.Unlock()
	return func() {
		var gone []string
		f.mu.Lock()
		if f.held--; f.held == 0 {
			for id := range f.doomed {
				if f.leases[id] == 0 {
					delete(f.doomed, id)
					gone = append(gone, id)
				}
			}
		}
		f.mu.Unlock()
		for _, id := range gone {
			f.unlink(id)
		}
	}
}

// sweep removes what no object has: of uploads that broke off, and what could not be
// removed in time.
func (f *files) sweep(used map[string]bool) error {
	return filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if used[filepath.Base(filepath.Dir(path))+d.Name()] {
			return nil
		}
		return os.Remove(path)
	})
}

// newID is 32 random hex digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
