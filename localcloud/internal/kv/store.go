// Package kv is Workers KV on this machine: namespaces in one SQLite file, used by
// the REST API and by Workers through workerd's own KV binding.
package kv

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Cloudflare's limits.
const (
	MaxKey      = 512      // bytes
	MaxValue    = 25 << 20 // bytes
	MaxMetadata = 1024     // bytes of JSON
	MinTTL      = 60       // seconds
	MinCacheTTL = 30       // seconds
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

// reading is how many readers work side by side.
const reading = 4

// Store holds all namespaces. A namespace needs no making: it exists as far as the
// Store goes once it has a key. It is safe for concurrent use.
type Store struct {
	pool  *sqlite.Pool
	clock *clock.Clock
}

// Open opens the file at path, which is made when it is missing. Entries expire by c.
func Open(path string, c *clock.Clock) (*Store, error) {
	pool, err := sqlite.OpenPool(sqlite.Options{Path: path}, reading)
	if err != nil {
		return nil, err
	}
	s := &Store{pool: pool, clock: c}
	err = s.write(func(conn *sqlite.Conn) error {
		return errors.Join(
			conn.Exec(`CREATE TABLE IF NOT EXISTS entries (
				namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, metadata TEXT, expiration INTEGER NOT NULL,
				PRIMARY KEY (namespace, key)) WITHOUT ROWID`),
			conn.Exec("DELETE FROM entries WHERE expiration BETWEEN 1 AND ?", s.now()))
	})
	if err != nil {
		return nil, fmt.Errorf("opening the KV file %s: %w", path, errors.Join(err, pool.Close()))
	}
	return s, nil
}

// Close closes the file once what has begun is done.
func (s *Store) Close() error { return s.pool.Close() }

// Freeze completes the file and keeps changes waiting until thaw is called, so that it
// can be copied.
func (s *Store) Freeze() (thaw func(), err error) {
	if thaw, err = s.pool.Freeze(); err != nil {
		return nil, fmt.Errorf("completing the KV file: %w", err)
	}
	return thaw, nil
}

// now is the cloud's time in Unix seconds.
func (s *Store) now() int64 { return s.clock.Now().Unix() }

func (s *Store) read(fn func(*sqlite.Conn) error) error { return s.pool.Read(context.Background(), fn) }

func (s *Store) write(fn func(*sqlite.Conn) error) error {
	return s.pool.Write(context.Background(), fn)
}

// DeleteNamespace deletes all keys of a namespace.
func (s *Store) DeleteNamespace(namespace string) error {
	return s.write(func(conn *sqlite.Conn) error {
		return conn.Exec("DELETE FROM entries WHERE namespace = ?", namespace)
	})
}

// Get is the entry of a key; ok is false when there is none or it has expired.
func (s *Store) Get(namespace, key string) (e Entry, ok bool, err error) {
	if err := checkKey(key); err != nil {
		return Entry{}, false, err
	}
	err = s.read(func(conn *sqlite.Conn) error {
		return conn.Query(func(row *sqlite.Stmt) error {
			ok = true
			e.Value = sqlite.Bytes(row, 0)
			e.Metadata = metadataOf(row, 1)
			e.Expiration = row.ColumnInt64(2)
			return nil
		}, "SELECT value, metadata, expiration FROM entries WHERE namespace = ? AND key = ? AND (expiration = 0 OR expiration > ?)", namespace, []byte(key), s.now())
	})
	return e, ok, err
}

// Put stores entries, all or none of them.
func (s *Store) Put(namespace string, pairs ...Pair) error {
	for _, p := range pairs {
		if err := s.check(p); err != nil {
			return err
		}
	}
	return s.write(func(conn *sqlite.Conn) error {
		for _, p := range pairs {
			var metadata any
			if p.Metadata != nil {
				metadata = string(p.Metadata)
			}
			value := p.Value
			if value == nil {
				value = []byte{}
			}
			if err := conn.Exec("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", namespace, []byte(p.Key), value, metadata, p.Expiration); err != nil {
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
	return s.write(func(conn *sqlite.Conn) error {
		for _, key := range keys {
			if err := conn.Exec("DELETE FROM entries WHERE namespace = ? AND key = ?", namespace, []byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
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
	switch {
	case o.Limit < 1:
		return Page{}, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid key_count_limit of %d. Please specify an integer greater than 0.", o.Limit)}
	case o.Limit > MaxList:
		return Page{}, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid key_count_limit of %d. Please specify an integer less than %d.", o.Limit, MaxList)}
	}
	if err := checkLength(o.Prefix); err != nil {
		return Page{}, err
	}
	after, err := base64.RawURLEncoding.DecodeString(o.Cursor)
	if err != nil {
		return Page{}, &Error{http.StatusBadRequest, "the cursor is none of this namespace's"}
	}
	page := Page{Keys: []Key{}}
	each := func(row *sqlite.Stmt) error {
		if len(page.Keys) == o.Limit {
			page.Cursor = base64.RawURLEncoding.EncodeToString([]byte(page.Keys[o.Limit-1].Name))
			return nil
		}
		page.Keys = append(page.Keys, Key{Name: string(sqlite.Bytes(row, 0)), Metadata: metadataOf(row, 1), Expiration: row.ColumnInt64(2)})
		return nil
	}
	const query = "SELECT key, metadata, expiration FROM entries WHERE namespace = ? AND (expiration = 0 OR expiration > ?) AND key >= ? AND key > ?"
	err = s.read(func(conn *sqlite.Conn) error {
		if end := sqlite.Behind(o.Prefix); end != nil {
			return conn.Query(each, query+" AND key < ? ORDER BY key LIMIT ?", namespace, s.now(), []byte(o.Prefix), after, end, o.Limit+1)
		}
		return conn.Query(each, query+" ORDER BY key LIMIT ?", namespace, s.now(), []byte(o.Prefix), after, o.Limit+1)
	})
	return page, err
}

// Expiration is the Unix second that a request's expiration or expiration_ttl
// means; both 0 is never.
func (s *Store) Expiration(at, ttl int64) (int64, error) {
	now := s.now()
	switch {
	case ttl != 0 && ttl < MinTTL:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration_ttl of %d. Expiration TTL must be at least %d.", ttl, MinTTL)}
	case ttl != 0:
		return now + ttl, nil
	case at != 0 && at <= now:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration of %d. Please specify integer greater than the current number of seconds since the UNIX epoch.", at)}
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
		return tooLarge(int64(len(p.Value)))
	}
	if len(p.Metadata) > MaxMetadata {
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("Metadata length of %d exceeds limit of %d.", len(p.Metadata), MaxMetadata)}
	}
	if p.Metadata != nil && !json.Valid(p.Metadata) {
		return &Error{http.StatusBadRequest, "Metadata must be JSON."}
	}
	return nil
}

func tooLarge(length int64) error {
	return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("Value length of %d exceeds limit of %d.", length, MaxValue)}
}

func checkKey(key string) error {
	switch {
	case key == "":
		return &Error{http.StatusBadRequest, "Key names must not be empty"}
	case key == "." || key == "..":
		return &Error{http.StatusBadRequest, fmt.Sprintf("Illegal key name %q. Please use a different name.", key)}
	}
	return checkLength(key)
}

// checkLength is for prefixes too.
func checkLength(key string) error {
	if len(key) > MaxKey {
		return &Error{http.StatusRequestURITooLong, fmt.Sprintf("UTF-8 encoded length of %d exceeds key length limit of %d.", len(key), MaxKey)}
	}
	return nil
}

func metadataOf(row *sqlite.Stmt, i int) json.RawMessage {
	if row.ColumnIsNull(i) {
		return nil
	}
	return json.RawMessage(row.ColumnText(i))
}
