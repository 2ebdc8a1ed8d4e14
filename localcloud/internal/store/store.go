// Package store remembers what the local cloud was told: accounts, zones, Workers
// with their versions and deployments, addresses, and the names of databases and
// namespaces. It knows nothing of HTTP and nothing of the Workers runtime.
//
// Everything is one SQLite file plus content-addressed blobs beside it, in one
// folder. A change is one transaction: after a crash it is there or it is not.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// ErrNotFound is returned when a row that was asked for does not exist.
var ErrNotFound = errors.New("not found")

// ErrExists is returned when a name, hostname or pattern is taken.
var ErrExists = errors.New("exists already")

// Store is the memory of one local cloud. It is safe for concurrent use; changes
// run one after the other and readers see the state before or after a change.
type Store struct {
	Blobs     Blobs
	db        *sqlite.Pool
	directory directory
}

// Open opens or creates the store in dir. The caller must hold the folder's lock.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		return nil, fmt.Errorf("making the state folder: %w", err)
	}
	db, err := openDatabase(filepath.Join(dir, "cloud.db"))
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, Blobs: Blobs{dir: filepath.Join(dir, "blobs")}}
	if err := s.sweep(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// sweep removes the bytes of uploads that were refused, or whose Worker is gone.
func (s *Store) sweep() error {
	used := map[string]bool{}
	err := s.Read(context.Background(), func(tx *Tx) error {
		versions, err := list[Version](tx, `SELECT doc FROM versions`)
		if err != nil {
			return err
		}
		for _, v := range versions {
			for _, m := range v.Modules {
				used[m.Blob] = true
			}
			if v.Assets != nil {
				for _, f := range v.Assets.Files {
					used[f.Blob] = true
				}
			}
		}
		files, err := list[AssetFile](tx, `SELECT doc FROM asset_files`)
		for _, f := range files {
			used[f.Blob] = true
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what is deployed: %w", err)
	}
	return s.Blobs.sweep(used)
}

// Close releases the files.
func (s *Store) Close() error { return s.db.Close() }

// Tx is a view of the store that does not change under its holder, and the only way
// to change it. It must not be used after the function it was given to returns.
type Tx struct {
	conn conn
	who  bool // tokens, accounts or zones were changed
}

// Read runs fn on one consistent state.
func (s *Store) Read(ctx context.Context, fn func(*Tx) error) error {
	return s.db.View(ctx, func(c *sqlite.Conn) error { return fn(&Tx{conn: conn{c}}) })
}

// Write runs fn as one change: all of it is kept when fn returns nil, none of it
// otherwise. Readers see nothing of it before Write returns.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error {
	tx := &Tx{}
	defer func() {
		if tx.who {
			s.directory.changes.Add(1)
		}
	}()
	return s.db.Write(ctx, func(c *sqlite.Conn) error {
		tx.conn = conn{c}
		return fn(tx)
	})
}

// schema is applied at every start. Each table carries its keys as columns and the
// whole record as JSON in doc, so that a record gains fields without a migration.
const schema = `
CREATE TABLE IF NOT EXISTS settings(name TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens(value TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS zones(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, name TEXT NOT NULL UNIQUE, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dns_records(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, zone TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS scripts(account TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(account, name)) STRICT;
CREATE TABLE IF NOT EXISTS versions(id TEXT PRIMARY KEY, account TEXT NOT NULL, script TEXT NOT NULL, number INTEGER NOT NULL, doc TEXT NOT NULL, UNIQUE(account, script, number)) STRICT;
CREATE TABLE IF NOT EXISTS deployments(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, script TEXT NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS deployments_of ON deployments(account, script, seq);
CREATE TABLE IF NOT EXISTS routes(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, zone TEXT NOT NULL, pattern TEXT NOT NULL, account TEXT NOT NULL, script TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(zone, pattern)) STRICT;
CREATE TABLE IF NOT EXISTS domains(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, hostname TEXT NOT NULL UNIQUE, account TEXT NOT NULL, script TEXT NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS d1_databases(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(account, name)) STRICT;
CREATE TABLE IF NOT EXISTS kv_namespaces(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, title TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(account, title)) STRICT;
CREATE TABLE IF NOT EXISTS asset_uploads(id TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS asset_files(account TEXT NOT NULL, hash TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(account, hash)) STRICT;
` + bucketSchema + dispatchSchema + queueSchema

// insert adds a record whose statement ends with the doc column.
func insert(tx *Tx, query string, doc any, keys ...any) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding a record: %w", err)
	}
	return tx.conn.exec(query, append(keys, string(b))...)
}

// first is the record that query selects, or ErrNotFound.
func first[T any](tx *Tx, query string, keys ...any) (T, error) {
	found, err := list[T](tx, query, keys...)
	if err != nil || len(found) == 0 {
		var none T
		if err == nil {
			err = ErrNotFound
		}
		return none, err
	}
	return found[0], nil
}

// list is every record that query selects; query selects the doc column only.
func list[T any](tx *Tx, query string, keys ...any) ([]T, error) {
	found := []T{}
	err := tx.conn.rows(query, keys, func(doc string) error {
		var v T
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			return fmt.Errorf("reading a record of the state folder: %w", err)
		}
		found = append(found, v)
		return nil
	})
	return found, err
}

// Clear removes everything but the accounts, the tokens and the settings.
func (tx *Tx) Clear() error {
	tx.who = true
	for _, table := range []string{"zones", "dns_records", "scripts", "versions", "deployments", "routes", "domains", "d1_databases", "kv_namespaces", "asset_uploads", "asset_files", "r2_buckets", "dispatch_namespaces", "queues"} {
		if err := tx.conn.exec("DELETE FROM " + table); err != nil {
			return err
		}
	}
	return nil
}
