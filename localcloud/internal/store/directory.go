package store

import (
	"context"
	"sync/atomic"
)

// Directory is who there is and what is asked for with every call: tokens, accounts
// and zones. It stays in memory until one of them changes. It is not changed by its
// holders.
type Directory struct {
	Accounts []Account // in the order they were made
	Zones    []Zone    // in the order they were made
	Tokens   []Token   // in the order they were made
	tokens   map[string]Token
	accounts map[string]Account
	zones    map[string]Zone
	change   uint64 // the number of changes that it knows
}

// Token is the token of that value.
func (d *Directory) Token(value string) (Token, error) { return found(d.tokens, value) }

// Account is one account.
func (d *Directory) Account(id string) (Account, error) { return found(d.accounts, id) }

// Zone is one zone.
func (d *Directory) Zone(id string) (Zone, error) { return found(d.zones, id) }

func found[T any](in map[string]T, key string) (T, error) {
	v, ok := in[key]
	if !ok {
		return v, ErrNotFound
	}
	return v, nil
}

// directory keeps the newest Directory and counts the changes that outdate one.
type directory struct {
	newest  atomic.Pointer[Directory]
	changes atomic.Uint64
}

// Directory is who there is now: every change whose Write has returned is in it.
func (s *Store) Directory(ctx context.Context) (*Directory, error) {
	// A change is counted after it was kept and before its Write returns. What is read
	// after the count was taken is at least as new as that count.
	change := s.directory.changes.Load()
	if d := s.directory.newest.Load(); d != nil && d.change == change {
		return d, nil
	}
	d := &Directory{tokens: map[string]Token{}, accounts: map[string]Account{}, zones: map[string]Zone{}, change: change}
	err := s.Read(ctx, func(tx *Tx) error {
		var err error
		if d.Tokens, err = tx.Tokens(); err != nil {
			return err
		}
		for _, t := range d.Tokens {
			d.tokens[t.Value] = t
		}
		if d.Accounts, err = tx.Accounts(); err != nil {
			return err
		}
		for _, a := range d.Accounts {
			d.accounts[a.ID] = a
		}
		d.Zones, err = tx.Zones()
		for _, z := range d.Zones {
			d.zones[z.ID] = z
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.directory.newest.Store(d)
	return d, nil
}
