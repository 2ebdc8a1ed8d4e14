// Package d1 is D1 on this machine: databases as SQLite files in a folder, queried
// by the REST API and by Workers through workerd's own D1 binding, with D1's
// limits and D1's words when something is wrong.
package d1

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/history"
)

// ErrNotFound is a database that does not exist.
var ErrNotFound = errors.New("the database does not exist")

// ErrExists is a database that Create was asked for twice.
var ErrExists = errors.New("the database exists already")

// Store is a folder of databases, named by their id. Databases stay open until
// Close or Delete.
type Store struct {
	dir     string
	clock   *clock.Clock
	keep    history.Options
	mu      sync.Mutex
	open    map[string]*DB
	observe atomic.Pointer[func(Call)]
}

// NewStore keeps databases in dir, which is made when it is missing. Times are those
// of c.
func NewStore(dir string, c *clock.Clock) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the D1 databases: %w", err)
	}
	// What was on its way when the process before this ended does not arrive.
	if err := os.RemoveAll(filepath.Join(dir, scratch)); err != nil {
		return nil, fmt.Errorf("emptying the folder of files on their way: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, scratch), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of files on their way: %w", err)
	}
	return &Store{dir: dir, clock: c, keep: history.Options{Now: c.Now}, open: map[string]*DB{}}, nil
}

// scratch is the folder of files on their way.
const scratch = "transfers"

// Scratch is a path for a new file of the caller's. What is left there is removed
// when the next store is made.
func (s *Store) Scratch() string { return filepath.Join(s.dir, scratch, rand.Text()+".sql") }

// ids keeps an id from being a path; the REST API hands out UUIDs.
var ids = lazyregexp.New(`^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$`)

func (s *Store) path(id string) string     { return filepath.Join(s.dir, id+".sqlite") }
func (s *Store) history(id string) string  { return filepath.Join(s.dir, id+".history") }
func (s *Store) restores(id string) string { return s.path(id) + "-restores" }

func (s *Store) exists(id string) bool {
	if !ids.MatchString(id) {
		return false
	}
	_, err := os.Stat(s.path(id))
	return err == nil
}

// Create makes an empty database.
func (s *Store) Create(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ids.MatchString(id) {
		return fmt.Errorf("database id %q has characters that an id cannot have", id)
	}
	if s.exists(id) {
		return ErrExists
	}
	_, err := s.openDB(id)
	return err
}

// Get is the database with that id, or ErrNotFound.
func (s *Store) Get(id string) (*DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if db := s.open[id]; db != nil {
		return db, nil
	}
	if !s.exists(id) {
		return nil, ErrNotFound
	}
	return s.openDB(id)
}

// openDB opens a database, making it when it is missing. The caller holds s.mu.
func (s *Store) openDB(id string) (*DB, error) {
	db, err := openDB(s, id)
	if err != nil {
		return nil, err
	}
	s.open[id] = db
	return db, nil
}

// Delete removes a database and its data; a query that runs is finished first.
func (s *Store) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.exists(id) {
		return ErrNotFound
	}
	if db := s.open[id]; db != nil {
		delete(s.open, id)
		if err := db.close(); err != nil {
			return fmt.Errorf("closing database %s: %w", id, err)
		}
	}
	if err := os.RemoveAll(s.history(id)); err != nil {
		return fmt.Errorf("deleting the history of database %s: %w", id, err)
	}
	for _, suffix := range []string{"-wal", "-shm", "-restores", ""} {
		if err := os.Remove(s.path(id) + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("deleting database %s: %w", id, err)
		}
	}
	return nil
}

// Close closes all databases; queries that run are finished first.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, db := range s.open {
		if err := db.close(); err != nil {
			errs = append(errs, fmt.Errorf("closing database %s: %w", id, err))
		}
	}
	s.open = map[string]*DB{}
	return errors.Join(errs...)
}

// QueryTimeout is how long one call may work on a database, as on Cloudflare.
const QueryTimeout = 30 * time.Second
