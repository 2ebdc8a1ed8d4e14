// Package kv is Workers KV on this machine: namespaces in one SQLite file, used by
// the REST API and by Workers through workerd's own KV binding.
package kv

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Cloudflare's limits.
const (
	MaxKey      = 512      // bytes
	MaxValue    = 25 << 20 // bytes
	MaxMetadata = 1024     // bytes of JSON
	MinTTL      = 60       // seconds
	MaxList     = 1000     // keys of one page
	MaxBulkGet  = 100      // keys
)

// Error is a request that KV refuses, with the HTTP status it refuses it with.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Entry is a value. Metadata is JSON or nil; Expiration is in Unix seconds, 0 for
// never.
type Entry struct {
	Value      []byte
	Metadata   json.RawMessage
	Expiration int64
}

// Pair is an entry with its key.
type Pair struct {
	Key string
	Entry
}

// Key is an entry without its value, as lists show it.
type Key struct {
	Name       string          `json:"name"`
	Expiration int64           `json:"expiration,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
}

// Store holds all namespaces. A namespace needs no making: it exists as far as the
// Store goes once it has a key.
type Store struct {
	mu   sync.Mutex
	conn *sqlite.Conn
	now  func() time.Time
}

// Open opens the file at path, which is made when it is missing.
func Open(path string) (*Store, error) { return open(path, time.Now) }

func open(path string, now func() time.Time) (*Store, error) {
	conn, err := sqlite.Open(sqlite.Options{Path: path})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		conn.Exec(`CREATE TABLE IF NOT EXISTS entries (
			namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, metadata TEXT, expiration INTEGER NOT NULL,
			PRIMARY KEY (namespace, key)) WITHOUT ROWID`),
		conn.Exec("DELETE FROM entries WHERE expiration BETWEEN 1 AND ?", now().Unix()))
	if err != nil {
		return nil, fmt.Errorf("opening the KV file %s: %w", path, errors.Join(err, conn.Close()))
	}
	return &Store{conn: conn, now: now}, nil
}

// Close closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Close()
}

// DeleteNamespace deletes all keys of a namespace.
func (s *Store) DeleteNamespace(namespace string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Exec("DELETE FROM entries WHERE namespace = ?", namespace)
}

// Get is the entry of a key; ok is false when there is none or it has expired.
func (s *Store) Get(namespace, key string) (e Entry, ok bool, err error) {
	if err := checkKey(key); err != nil {
		return Entry{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.conn.Query(func(row *sqlite.Stmt) error {
		ok = true
		e.Value = columnBytes(row, 0)
		e.Metadata = metadataOf(row, 1)
		e.Expiration = row.ColumnInt64(2)
		return nil
	}, "SELECT value, metadata, expiration FROM entries WHERE namespace = ? AND key = ? AND (expiration = 0 OR expiration > ?)", namespace, []byte(key), s.now().Unix())
	return e, ok, err
}

// Put stores entries, all or none of them.
func (s *Store) Put(namespace string, pairs ...Pair) error {
	for _, p := range pairs {
		if err := s.check(p); err != nil {
			return err
		}
	}
	return s.transaction(func() error {
		for _, p := range pairs {
			var metadata any
			if p.Metadata != nil {
				metadata = string(p.Metadata)
			}
			value := p.Value
			if value == nil {
				value = []byte{}
			}
			if err := s.conn.Exec("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", namespace, []byte(p.Key), value, metadata, p.Expiration); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete deletes keys; those that do not exist are no error.
func (s *Store) Delete(namespace string, keys ...string) error {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return s.transaction(func() error {
		for _, key := range keys {
			if err := s.conn.Exec("DELETE FROM entries WHERE namespace = ? AND key = ?", namespace, []byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) transaction(work func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := work(); err != nil {
		return errors.Join(err, s.conn.Exec("ROLLBACK"))
	}
	return s.conn.Exec("COMMIT")
}

// ListOptions selects a page: keys with Prefix after Cursor, at most Limit of them
// (default and most MaxList).
type ListOptions struct {
	Prefix string
	Cursor string
	Limit  int
}

// Page is keys in the order of their bytes; Cursor is "" on the last page.
type Page struct {
	Keys   []Key
	Cursor string
}

// List is one page of a namespace's keys.
func (s *Store) List(namespace string, o ListOptions) (Page, error) {
	if o.Limit == 0 {
		o.Limit = MaxList
	}
	if o.Limit < 1 || o.Limit > MaxList {
		return Page{}, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid key_count_limit of %d. Please specify an integer from 1 to %d.", o.Limit, MaxList)}
	}
	after, err := base64.RawURLEncoding.DecodeString(o.Cursor)
	if err != nil {
		return Page{}, &Error{http.StatusBadRequest, "the cursor is none of this namespace's"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := Page{Keys: []Key{}}
	err = s.conn.Query(func(row *sqlite.Stmt) error {
		if len(page.Keys) == o.Limit {
			page.Cursor = base64.RawURLEncoding.EncodeToString([]byte(page.Keys[o.Limit-1].Name))
			return nil
		}
		page.Keys = append(page.Keys, Key{Name: string(columnBytes(row, 0)), Metadata: metadataOf(row, 1), Expiration: row.ColumnInt64(2)})
		return nil
	}, "SELECT key, metadata, expiration FROM entries WHERE namespace = ? AND key >= ? AND key > ? AND substr(key, 1, ?) = ? AND (expiration = 0 OR expiration > ?) ORDER BY key LIMIT ?",
		namespace, []byte(o.Prefix), after, len(o.Prefix), []byte(o.Prefix), s.now().Unix(), o.Limit+1)
	return page, err
}

// Expiration is the Unix second that a request's expiration or expiration_ttl
// means; both 0 is never.
func (s *Store) Expiration(at, ttl int64) (int64, error) {
	now := s.now().Unix()
	switch {
	case ttl != 0 && ttl < MinTTL:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration_ttl of %d. Expiration TTL must be at least %d.", ttl, MinTTL)}
	case ttl != 0:
		return now + ttl, nil
	case at != 0 && at < now+MinTTL:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration of %d. Expiration times must be at least %d seconds in the future.", at, MinTTL)}
	}
	return at, nil
}

func (s *Store) check(p Pair) error {
	if err := checkKey(p.Key); err != nil {
		return err
	}
	if len(p.Value) > MaxValue {
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("Value length of %d exceeds limit of %d.", len(p.Value), MaxValue)}
	}
	if len(p.Metadata) > MaxMetadata {
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("Metadata length of %d exceeds limit of %d.", len(p.Metadata), MaxMetadata)}
	}
	if p.Metadata != nil && !json.Valid(p.Metadata) {
		return &Error{http.StatusBadRequest, "Metadata must be JSON."}
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return &Error{http.StatusBadRequest, "Key names must not be empty"}
	case key == "." || key == "..":
		return &Error{http.StatusBadRequest, fmt.Sprintf("Illegal key name %q. Please use a different name.", key)}
	case len(key) > MaxKey:
		return &Error{http.StatusRequestURITooLong, fmt.Sprintf("UTF-8 encoded length of %d exceeds key length limit of %d.", len(key), MaxKey)}
	}
	return nil
}

func columnBytes(row *sqlite.Stmt, i int) []byte {
	b := make([]byte, row.ColumnLen(i))
	row.ColumnBytes(i, b)
	return b
}

func metadataOf(row *sqlite.Stmt, i int) json.RawMessage {
	if row.ColumnIsNull(i) {
		return nil
	}
	return json.RawMessage(row.ColumnText(i))
}
