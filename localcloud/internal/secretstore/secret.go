package secretstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Secrets are those of a store, by their names.
func (s *Stores) Secrets(ctx context.Context, account, store string) ([]Secret, error) {
	var all []Secret
	err := s.pool.Read(ctx, func(c *sqlite.Conn) (err error) {
		if _, err = one[Store](c, "SELECT doc FROM stores WHERE account = ? AND id = ?", account, store); err == nil {
			all, err = docs[Secret](c, "SELECT doc FROM secrets WHERE account = ? AND store = ? ORDER BY name", account, store)
		}
		return err
	})
	return all, err
}

// Used is how many secrets an account has.
func (s *Stores) Used(ctx context.Context, account string) (int, error) {
	n := 0
	err := s.pool.Read(ctx, func(c *sqlite.Conn) (err error) {
		n, err = used(c, account)
		return err
	})
	return n, err
}

func used(c *sqlite.Conn, account string) (n int, err error) {
	err = c.Query(func(row *sqlite.Stmt) error { n = row.ColumnInt(0); return nil }, "SELECT count(*) FROM secrets WHERE account = ?", account)
	return n, err
}

// Secret is one of a store, by its id.
func (s *Stores) Secret(ctx context.Context, account, store, id string) (Secret, error) {
	var found Secret
	err := s.pool.Read(ctx, func(c *sqlite.Conn) (err error) {
		found, err = one[Secret](c, byID, account, store, id)
		return err
	})
	return found, err
}

const byID = "SELECT doc FROM secrets WHERE account = ? AND store = ? AND id = ?"

// New is a secret with its value.
type New struct {
	Secret
	Value string
}

// Add makes secrets, all or none, in a store that is there.
func (s *Stores) Add(ctx context.Context, account, store string, all []New) ([]Secret, error) {
	var made []Secret
	err := s.pool.Write(ctx, func(c *sqlite.Conn) error {
		if _, err := one[Store](c, "SELECT doc FROM stores WHERE account = ? AND id = ?", account, store); err != nil {
			return err
		}
		n, err := used(c, account)
		if err != nil {
			return err
		}
		if n+len(all) > Quota {
			return ErrQuota
		}
		for _, one := range all {
			one.ID, one.Store, one.Created = newID(), store, s.clock.Now()
			one.Modified = one.Created
			if err := insert(c, account, one); err != nil {
				return err
			}
			made = append(made, one.Secret)
		}
		return nil
	})
	return made, err
}

func insert(c *sqlite.Conn, account string, n New) error {
	switch _, err := one[Secret](c, "SELECT doc FROM secrets WHERE account = ? AND store = ? AND name = ?", account, n.Store, n.Name); {
	case err == nil:
		return fmt.Errorf("%w: %q", ErrExists, n.Name)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	return c.Exec("INSERT INTO secrets(id, account, store, name, doc, value) VALUES(?, ?, ?, ?, ?, ?)", n.ID, account, n.Store, n.Name, encode(n.Secret), n.Value)
}

// Change lets edit change a secret and its value. Its id, store and name stay.
func (s *Stores) Change(ctx context.Context, account, store, id string, edit func(*New)) (Secret, error) {
	var n New
	err := s.pool.Write(ctx, func(c *sqlite.Conn) (err error) {
		if n, err = whole(c, byWholeID, account, store, id); err != nil {
			return err
		}
		edit(&n)
		n.Modified = s.clock.Now()
		return c.Exec("UPDATE secrets SET doc = ?, value = ? WHERE account = ? AND store = ? AND id = ?", encode(n.Secret), n.Value, account, store, id)
	})
	return n.Secret, err
}

// Duplicate makes a secret with the value of another one.
func (s *Stores) Duplicate(ctx context.Context, account, store, id string, as Secret) (Secret, error) {
	err := s.pool.Write(ctx, func(c *sqlite.Conn) error {
		n, err := whole(c, byWholeID, account, store, id)
		if err != nil {
			return err
		}
		count, err := used(c, account)
		if err != nil {
			return err
		}
		if count >= Quota {
			return ErrQuota
		}
		as.ID, as.Store, as.Created = newID(), store, s.clock.Now()
		as.Modified = as.Created
		return insert(c, account, New{as, n.Value})
	})
	return as, err
}

const byWholeID = "SELECT doc, value FROM secrets WHERE account = ? AND store = ? AND id = ?"

// whole is a secret with its value.
func whole(c *sqlite.Conn, query string, args ...any) (n New, err error) {
	found := false
	err = c.Query(func(row *sqlite.Stmt) error {
		found, n.Value = true, row.ColumnText(1)
		return json.Unmarshal([]byte(row.ColumnText(0)), &n.Secret)
	}, query, args...)
	if err == nil && !found {
		err = ErrNotFound
	}
	return n, err
}

// Delete deletes secrets, all or none: one that is not there is ErrNotFound.
func (s *Stores) Delete(ctx context.Context, account, store string, ids []string) error {
	return s.pool.Write(ctx, func(c *sqlite.Conn) error {
		for _, id := range ids {
			if _, err := one[Secret](c, byID, account, store, id); err != nil {
				return err
			}
			if err := c.Exec("DELETE FROM secrets WHERE account = ? AND store = ? AND id = ?", account, store, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Put gives a secret for Workers a value, whether it is there or not. It reports whether it
// had to: one that Workers read that value from stays as it is.
func (s *Stores) Put(ctx context.Context, account, store, name, value string) (changed bool, err error) {
	if err := s.Ensure(ctx, account, store); err != nil {
		return false, err
	}
	err = s.pool.Write(ctx, func(c *sqlite.Conn) error {
		is, err := whole(c, byName, account, store, name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if changed = err != nil || is.Value != value || !is.usable(); !changed {
			return nil
		}
		if err := c.Exec("DELETE FROM secrets WHERE account = ? AND store = ? AND name = ?", account, store, name); err != nil {
			return err
		}
		now := s.clock.Now()
		return insert(c, account, New{Secret{ID: newID(), Store: store, Name: name, Scopes: []string{Scope}, Created: now, Modified: now}, value})
	})
	return changed, err
}

// Readable reports whether Workers can read a secret.
func (s *Stores) Readable(ctx context.Context, account, store, name string) (bool, error) {
	var n New
	err := s.pool.Read(ctx, func(c *sqlite.Conn) (err error) {
		n, err = whole(c, byName, account, store, name)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && n.usable(), err
}

const byName = "SELECT doc, value FROM secrets WHERE account = ? AND store = ? AND name = ?"

// Binding answers js/bindings/secrets_store_secret.js with the value as JSON; id is
// ACCOUNT/STORE/NAME.
func (s *Stores) Binding(w http.ResponseWriter, r *http.Request, id string) {
	account, rest, _ := strings.Cut(id, "/")
	store, name, _ := strings.Cut(rest, "/")
	var n New
	err := s.pool.Read(r.Context(), func(c *sqlite.Conn) (err error) {
		n, err = whole(c, byName, account, store, name)
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound):
		err = fmt.Errorf("Secret %q not found", name)
	case err == nil && !n.usable():
		err = fmt.Errorf("Secret %q is not for Workers: it has not the scope %q", name, Scope)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(encode(n.Value))) // the Worker may be gone
}
