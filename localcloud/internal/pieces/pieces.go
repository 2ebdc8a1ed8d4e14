// Package pieces keeps large contents in files of one folder, each called by a random
// id: a database beside it says which belongs to what.
package pieces

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

// Piece is a file that holds a content, or one part of it.
type Piece struct {
	ID   string `json:"i"` // 32 hex
	Size int64  `json:"n"`
}

// Folder is the folder of pieces. A piece is written once and never changed; it is
// removed when nothing has it any more and nobody reads it. It is safe for concurrent
// use.
type Folder struct {
	dir string
	// looking is held for reading from looking a row up until its pieces are leased, so
	// that who removes pieces can wait for those who are about to read them.
	looking sync.RWMutex
	mu      sync.Mutex
	leases  map[string]int  // how many read a piece
	doomed  map[string]bool // pieces to remove once nobody reads them
}

// Open uses dir, which is made when it is missing.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of contents: %w", err)
	}
	return &Folder{dir: dir, leases: map[string]int{}, doomed: map[string]bool{}}, nil
}

// Path is where a piece lies.
func (f *Folder) Path(id string) string { return filepath.Join(f.dir, id[:2], id[2:]) }

// Create opens a new piece for writing.
func (f *Folder) Create() (id string, file *os.File, err error) {
	id = NewID()
	file, err = os.OpenFile(f.Path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(f.Path(id)), 0o700); err == nil {
			file, err = os.OpenFile(f.Path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
	return id, file, err
}

// Look runs look, which finds the pieces of a row and leases them, before anybody can
// remove them.
func (f *Folder) Look(look func() error) error {
	f.looking.RLock()
	defer f.looking.RUnlock()
	return look()
}

// Lease keeps pieces until Release, inside of Look.
func (f *Folder) Lease(pieces []Piece) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range pieces {
		f.leases[p.ID]++
	}
}

// Release ends a lease.
func (f *Folder) Release(pieces []Piece) {
	for _, p := range pieces {
		f.mu.Lock()
		last := f.leases[p.ID] == 1
		if f.leases[p.ID]--; last {
			delete(f.leases, p.ID)
		}
		gone := last && f.doomed[p.ID]
		if gone {
			delete(f.doomed, p.ID)
		}
		f.mu.Unlock()
		if gone {
			f.unlink(p.ID)
		}
	}
}

// Remove removes pieces that nothing has any more: at once, or when nobody reads them.
func (f *Folder) Remove(pieces ...Piece) {
	if len(pieces) == 0 {
		return
	}
	f.looking.Lock() // who saw the row with these pieces has leased them by now
	//lint:ignore SA2001 waiting for them is all
	f.looking.Unlock()
	for _, p := range pieces {
		f.mu.Lock()
		wait := f.leases[p.ID] > 0
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
func (f *Folder) unlink(id string) { _ = os.Remove(f.Path(id)) }

// Sweep removes the pieces that are not used, by their ids: of writes that broke off,
// and what could not be removed in time.
func (f *Folder) Sweep(used map[string]bool) error {
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

// NewID is 32 random hex digits.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
