// Package kv is Workers KV on this machine: namespaces in one SQLite file, with large
// values in files beside it, used by the REST API and by Workers through workerd's own
// KV binding.
package kv

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

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

// inlineMax is up to which size a value is kept in its row: a list passes over rows,
// and a large value is written faster to a file.
const inlineMax = 32 << 10

// schema has the value last: what is in front of it is read without it.
const schema = `CREATE TABLE IF NOT EXISTS pairs (
	seq INTEGER PRIMARY KEY, namespace TEXT NOT NULL, key BLOB NOT NULL, expiration INTEGER NOT NULL, metadata TEXT,
	piece TEXT NOT NULL, size INTEGER NOT NULL, value BLOB, UNIQUE (namespace, key)) STRICT;
	CREATE TABLE IF NOT EXISTS deleted (namespace TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`

// Store holds all namespaces. A namespace needs no making: as far as the Store goes it
// exists until it is deleted, and then never again: Workers may still be bound to it.
// It is safe for concurrent use.
type Store struct {
	pool    *sqlite.Pool
	large   *pieces.Folder // values over inlineMax
	clock   *clock.Clock
	deleted *sync.Map // true by namespace
}

// Open opens the file at path and the folder beside it, which are made when they are
// missing. Entries expire by c.
func Open(path string, c *clock.Clock) (*Store, error) {
	used, deleted := map[string]bool{}, &sync.Map{}
	pool, err := sqlite.OpenPool(path, reading, func(conn *sqlite.Conn) error { return prepare(conn, c, used, deleted) })
	if err != nil {
		return nil, fmt.Errorf("opening the KV file: %w", err)
	}
	large, err := pieces.Open(strings.TrimSuffix(path, filepath.Ext(path)))
	if err == nil {
		err = large.Sweep(used)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the folder of large KV values: %w", errors.Join(err, pool.Close()))
	}
	return &Store{pool: pool, large: large, clock: c, deleted: deleted}, nil
}

// prepare makes the tables, deletes what has expired, and notes the pieces that the rest
// uses and which namespaces are gone.
func prepare(conn *sqlite.Conn, c *clock.Clock, used map[string]bool, deleted *sync.Map) error {
	if err := errors.Join(conn.Script(schema), takeOver(conn)); err != nil {
		return err
	}
	if err := conn.Exec("DELETE FROM pairs WHERE expiration BETWEEN 1 AND ?", c.Now().Unix()); err != nil {
		return err
	}
	err := conn.Query(func(row *sqlite.Stmt) error {
		deleted.Store(row.ColumnText(0), true)
		return nil
	}, "SELECT namespace FROM deleted")
	return errors.Join(err, conn.Query(func(row *sqlite.Stmt) error {
		used[row.ColumnText(0)] = true
		return nil
	}, "SELECT piece FROM pairs WHERE piece <> ''"))
}

// takeOver moves the entries of a file that an earlier version made.
func takeOver(conn *sqlite.Conn) error {
	old := false
	if err := conn.Query(func(*sqlite.Stmt) error { old = true; return nil }, "SELECT 1 FROM sqlite_master WHERE name = 'entries'"); err != nil || !old {
		return err
	}
	return errors.Join(
		conn.Exec(`INSERT OR IGNORE INTO pairs(namespace, key, expiration, metadata, piece, size, value)
			SELECT namespace, key, expiration, metadata, '', length(value), value FROM entries`),
		conn.Exec("DROP TABLE entries"))
}

// Close closes the file once what has begun is done.
func (s *Store) Close() error { return s.pool.Close() }

// now is the cloud's time in Unix seconds.
func (s *Store) now() int64 { return s.clock.Now().Unix() }

func (s *Store) read(fn func(*sqlite.Conn) error) error { return s.pool.Read(context.Background(), fn) }

func (s *Store) write(fn func(*sqlite.Conn) error) error {
	return s.pool.Write(context.Background(), fn)
}

// DeleteNamespace deletes all keys of a namespace, which has none from then on.
func (s *Store) DeleteNamespace(namespace string) error {
	s.deleted.Store(namespace, true) // nothing is put after the rows were looked for
	err := s.change(func(conn *sqlite.Conn, gone func(*sqlite.Stmt) error) error {
		if err := conn.Exec("INSERT OR IGNORE INTO deleted VALUES (?)", namespace); err != nil {
			return err
		}
		return conn.Query(gone, "DELETE FROM pairs WHERE namespace = ? RETURNING piece", namespace)
	})
	if err != nil {
		s.deleted.Delete(namespace)
	}
	return err
}

// exists refuses a namespace that was deleted.
func (s *Store) exists(namespace string) error {
	if _, deleted := s.deleted.Load(namespace); deleted {
		return &Error{http.StatusBadRequest, "the namespace does not exist"}
	}
	return nil
}

// change runs a change, which hands the rows of pieces that it leaves to gone, and
// removes those.
func (s *Store) change(fn func(conn *sqlite.Conn, gone func(piece *sqlite.Stmt) error) error) error {
	var left []pieces.Piece
	err := s.write(func(conn *sqlite.Conn) error {
		return fn(conn, func(row *sqlite.Stmt) error {
			if id := row.ColumnText(0); id != "" {
				left = append(left, pieces.Piece{ID: id})
			}
			return nil
		})
	})
	if err == nil {
		s.large.Remove(left...)
	}
	return err
}

// Get is the entry of a key; ok is false when there is none or it has expired.
func (s *Store) Get(namespace, key string) (e Entry, ok bool, err error) {
	e, piece, ok, err := s.open(namespace, key)
	if err != nil || piece == nil {
		return e, ok, err
	}
	defer s.large.Release([]pieces.Piece{*piece})
	e.Value, err = os.ReadFile(s.large.Path(piece.ID))
	return e, ok, err
}

// open finds an entry. A large value is in a piece, which the caller has to release,
// and not in the entry.
func (s *Store) open(namespace, key string) (e Entry, piece *pieces.Piece, ok bool, err error) {
	if err := cmp.Or(s.exists(namespace), checkKey(key)); err != nil {
		return Entry{}, nil, false, err
	}
	err = s.large.Look(func() error {
		err := s.read(func(conn *sqlite.Conn) error {
			return conn.Query(func(row *sqlite.Stmt) error {
				ok = true
				e.Expiration, e.Metadata = row.ColumnInt64(0), metadataOf(row, 1)
				if id := row.ColumnText(2); id != "" {
					piece = &pieces.Piece{ID: id, Size: row.ColumnInt64(3)}
				} else {
					e.Value = sqlite.Bytes(row, 4)
				}
				return nil
			}, "SELECT expiration, metadata, piece, size, value FROM pairs WHERE namespace = ? AND key = ? AND (expiration = 0 OR expiration > ?)", namespace, []byte(key), s.now())
		})
		if err == nil && piece != nil {
			s.large.Lease([]pieces.Piece{*piece})
		}
		return err
	})
	return e, piece, ok, err
}

// Put stores entries, all or none of them.
func (s *Store) Put(namespace string, pairs ...Pair) error {
	for _, p := range pairs {
		if err := s.check(p); err != nil {
			return err
		}
	}
	made := make([]pieces.Piece, len(pairs)) // those of large values have an id
	err := s.keepLarge(pairs, made)
	if err == nil {
		err = s.change(func(conn *sqlite.Conn, gone func(*sqlite.Stmt) error) error {
			if err := s.exists(namespace); err != nil { // there is one change at a time
				return err
			}
			for i, p := range pairs {
				if err := putPair(conn, gone, namespace, p, made[i].ID); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		s.large.Remove(slices.DeleteFunc(made, func(p pieces.Piece) bool { return p.ID == "" })...)
	}
	return err
}

// keepLarge writes the large values to files.
func (s *Store) keepLarge(pairs []Pair, made []pieces.Piece) error {
	for i, p := range pairs {
		if len(p.Value) <= inlineMax {
			continue
		}
		id, file, err := s.large.Create()
		if err != nil {
			return fmt.Errorf("keeping a value: %w", err)
		}
		made[i] = pieces.Piece{ID: id, Size: int64(len(p.Value))}
		_, err = file.Write(p.Value)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("keeping a value: %w", err)
		}
	}
	return nil
}

func putPair(conn *sqlite.Conn, gone func(*sqlite.Stmt) error, namespace string, p Pair, piece string) error {
	if err := conn.Query(gone, "SELECT piece FROM pairs WHERE namespace = ? AND key = ?", namespace, []byte(p.Key)); err != nil {
		return err
	}
	var metadata, value any
	if p.Metadata != nil {
		metadata = string(p.Metadata)
	}
	if piece == "" {
		value = append([]byte{}, p.Value...) // not NULL
	}
	return conn.Exec(`INSERT INTO pairs(namespace, key, expiration, metadata, piece, size, value) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(namespace, key) DO UPDATE SET expiration = excluded.expiration, metadata = excluded.metadata,
			piece = excluded.piece, size = excluded.size, value = excluded.value`,
		namespace, []byte(p.Key), p.Expiration, metadata, piece, len(p.Value), value)
}

// Delete deletes keys; those that do not exist are no error.
func (s *Store) Delete(namespace string, keys ...string) error {
	if err := s.exists(namespace); err != nil {
		return err
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return s.change(func(conn *sqlite.Conn, gone func(*sqlite.Stmt) error) error {
		for _, key := range keys {
			if err := conn.Query(gone, "DELETE FROM pairs WHERE namespace = ? AND key = ? RETURNING piece", namespace, []byte(key)); err != nil {
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
	if err := cmp.Or(s.exists(namespace), checkLength(o.Prefix)); err != nil {
		return Page{}, err
	}
	after, err := afterCursor(o)
	if err != nil {
		return Page{}, err
	}
	page := Page{Keys: []Key{}}
	each := func(row *sqlite.Stmt) error {
		if len(page.Keys) == o.Limit {
			page.Cursor = cursorAfter(page.Keys[o.Limit-1].Name)
			return nil
		}
		page.Keys = append(page.Keys, Key{Name: string(sqlite.Bytes(row, 0)), Metadata: metadataOf(row, 1), Expiration: row.ColumnInt64(2)})
		return nil
	}
	const query = "SELECT key, metadata, expiration FROM pairs WHERE namespace = ? AND (expiration = 0 OR expiration > ?) AND key >= ? AND key > ?"
	err = s.read(func(conn *sqlite.Conn) error {
		if end := sqlite.Behind(o.Prefix); end != nil {
			return conn.Query(each, query+" AND key < ? ORDER BY key LIMIT ?", namespace, s.now(), []byte(o.Prefix), after, end, o.Limit+1)
		}
		return conn.Query(each, query+" ORDER BY key LIMIT ?", namespace, s.now(), []byte(o.Prefix), after, o.Limit+1)
	})
	return page, err
}

// cursorMark begins every cursor, before the last key of the page: what is no cursor
// hardly begins with it.
const cursorMark = "\x01kv\x02"

func cursorAfter(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorMark + key))
}

// afterCursor is the key that a page comes after. A cursor is one of a list with the same
// prefix.
func afterCursor(o ListOptions) ([]byte, error) {
	if o.Cursor == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(o.Cursor)
	key, marked := strings.CutPrefix(string(text), cursorMark)
	if err != nil || !marked || !strings.HasPrefix(key, o.Prefix) {
		return nil, &Error{http.StatusBadRequest, "the cursor is none of this namespace's"}
	}
	return []byte(key), nil
}

func metadataOf(row *sqlite.Stmt, i int) json.RawMessage {
	if row.ColumnIsNull(i) {
		return nil
	}
	return json.RawMessage(row.ColumnText(i))
}
