// Package secretstore is the Secrets Store of the local cloud: secrets of an account that
// many Workers can read. Their values are in one SQLite file, as they are; they are for
// tests and development.
package secretstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Limits of the Secrets Store.
const (
	MaxValue = 64 << 10 // bytes
	Quota    = 100      // secrets of an account
)

// Scope is what Workers need a secret to be for.
const Scope = "workers"

// Store is one of an account's.
type Store struct {
	ID       string // 32 hex
	Account  string
	Name     string
	Created  time.Time
	Modified time.Time
}

// Secret is one in a store, without its value.
type Secret struct {
	ID       string // 32 hex
	Store    string
	Name     string
	Comment  string
	Scopes   []string // products that may use it
	Created  time.Time
	Modified time.Time
}

// What is wrong with a request.
var (
	ErrNotFound = errors.New("there is no such store or secret")
	ErrExists   = errors.New("the name is taken")
	ErrQuota    = fmt.Errorf("an account has %d secrets at most", Quota)
	ErrNotEmpty = errors.New("the store has secrets")
)

// secretName is what a secret can be called.
var secretName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// ValidName reports whether a secret, or a store, can be called so.
func ValidName(name string) bool { return secretName.MatchString(name) }

const schema = `
CREATE TABLE IF NOT EXISTS stores(account TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(account, id)) STRICT;
CREATE TABLE IF NOT EXISTS secrets(
	id TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, store TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, value TEXT NOT NULL,
	UNIQUE(account, store, name)) STRICT`

// Stores holds the stores of all accounts. It is safe for concurrent use.
type Stores struct {
	pool  *sqlite.Pool
	clock *clock.Clock
}

// Open opens the file at path, which is made when it is missing.
func Open(path string, c *clock.Clock) (*Stores, error) {
	pool, err := sqlite.OpenPool(path, 2, func(c *sqlite.Conn) error { return c.Script(schema) })
	if err != nil {
		return nil, fmt.Errorf("opening the file of the Secrets Store: %w", err)
	}
	return &Stores{pool: pool, clock: c}, nil
}

// Close closes the file.
func (s *Stores) Close() error { return s.pool.Close() }

// Clear deletes all stores.
func (s *Stores) Clear(ctx context.Context) error {
	return s.pool.Write(ctx, func(c *sqlite.Conn) error {
		return errors.Join(c.Exec("DELETE FROM secrets"), c.Exec("DELETE FROM stores"))
	})
}

// List are the stores of an account, by their names.
func (s *Stores) List(ctx context.Context, account string) ([]Store, error) {
	var all []Store
	err := s.pool.Read(ctx, func(c *sqlite.Conn) (err error) {
		all, err = docs[Store](c, "SELECT doc FROM stores WHERE account = ? ORDER BY name, id", account)
		return err
	})
	return all, err
}

// Find is one store.
func (s *Stores) Find(ctx context.Context, account, id string) (Store, error) {
	var found Store
	err := s.pool.Read(ctx, func(c *sqlite.Conn) (err error) {
		found, err = one[Store](c, "SELECT doc FROM stores WHERE account = ? AND id = ?", account, id)
		return err
	})
	return found, err
}

// Make makes a store. One of the same name is ErrExists.
func (s *Stores) Make(ctx context.Context, account, name string) (Store, error) {
	return s.make(ctx, account, newID(), name)
}

func (s *Stores) make(ctx context.Context, account, id, name string) (Store, error) {
	made := Store{ID: id, Account: account, Name: name, Created: s.clock.Now()}
	made.Modified = made.Created
	return made, s.pool.Write(ctx, func(c *sqlite.Conn) error {
		switch _, err := one[Store](c, "SELECT doc FROM stores WHERE account = ? AND name = ?", account, name); {
		case err == nil:
			return ErrExists
		case !errors.Is(err, ErrNotFound):
			return err
		}
		return c.Exec("INSERT INTO stores(account, id, name, doc) VALUES(?, ?, ?, ?)", account, id, name, encode(made))
	})
}

// Ensure makes a store of that id, unless it is there.
func (s *Stores) Ensure(ctx context.Context, account, id string) error {
	if _, err := s.Find(ctx, account, id); !errors.Is(err, ErrNotFound) {
		return err
	}
	if _, err := s.make(ctx, account, id, id); !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

// Remove deletes a store; one with secrets only if that is meant.
func (s *Stores) Remove(ctx context.Context, account, id string, full bool) error {
	return s.pool.Write(ctx, func(c *sqlite.Conn) error {
		if _, err := one[Store](c, "SELECT doc FROM stores WHERE account = ? AND id = ?", account, id); err != nil {
			return err
		}
		within, err := docs[Secret](c, "SELECT doc FROM secrets WHERE account = ? AND store = ?", account, id)
		if err != nil {
			return err
		}
		if len(within) > 0 && !full {
			return ErrNotEmpty
		}
		return errors.Join(
			c.Exec("DELETE FROM secrets WHERE account = ? AND store = ?", account, id),
			c.Exec("DELETE FROM stores WHERE account = ? AND id = ?", account, id))
	})
}

// docs are the documents that a query gives in its first column.
func docs[T any](c *sqlite.Conn, query string, args ...any) ([]T, error) {
	var all []T
	err := c.Query(func(row *sqlite.Stmt) error {
		var v T
		if err := json.Unmarshal([]byte(row.ColumnText(0)), &v); err != nil {
			return fmt.Errorf("reading the Secrets Store: %w", err)
		}
		all = append(all, v)
		return nil
	}, query, args...)
	return all, err
}

// one is the only document that a query gives.
func one[T any](c *sqlite.Conn, query string, args ...any) (T, error) {
	all, err := docs[T](c, query, args...)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

// newID is an id of 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // they have a JSON form
	}
	return string(b)
}

// usable reports whether Workers may read a secret.
func (s Secret) usable() bool { return slices.Contains(s.Scopes, Scope) }
