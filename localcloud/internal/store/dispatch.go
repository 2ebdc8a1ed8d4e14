package store

import (
	"strings"
	"time"
)

// DispatchNamespace holds user Workers, which dispatch bindings reach by name.
type DispatchNamespace struct {
	ID         string // UUID
	Account    string
	Name       string
	Trusted    bool
	CreatedOn  time.Time
	ModifiedOn time.Time
}

const dispatchSchema = `
CREATE TABLE IF NOT EXISTS dispatch_namespaces(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(account, name)) STRICT;
`

// UserWorker is the name of a user Worker: that of a Script is NAMESPACE-ID/SCRIPT,
// and no Worker outside of namespaces has a slash in its name.
func UserWorker(namespace, script string) string { return namespace + "/" + script }

// OwnName is the Worker's name without its dispatch namespace.
func (s Script) OwnName() string { return s.Name[strings.IndexByte(s.Name, '/')+1:] }

// DispatchNamespaces lists the dispatch namespaces of an account.
func (tx *Tx) DispatchNamespaces(account string) ([]DispatchNamespace, error) {
	return list[DispatchNamespace](tx, `SELECT doc FROM dispatch_namespaces WHERE account = ? ORDER BY seq`, account)
}

// AllDispatchNamespaces lists those of all accounts.
func (tx *Tx) AllDispatchNamespaces() ([]DispatchNamespace, error) {
	return list[DispatchNamespace](tx, `SELECT doc FROM dispatch_namespaces ORDER BY seq`)
}

// DispatchNamespace is the one of that name.
func (tx *Tx) DispatchNamespace(account, name string) (DispatchNamespace, error) {
	return first[DispatchNamespace](tx, `SELECT doc FROM dispatch_namespaces WHERE account = ? AND name = ?`, account, name)
}

// PutDispatchNamespace adds or changes one; ErrExists when the account has its name.
func (tx *Tx) PutDispatchNamespace(n DispatchNamespace) error {
	return insert(tx, `INSERT INTO dispatch_namespaces(id, account, name, doc) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name, doc = excluded.doc`, n, n.ID, n.Account, n.Name)
}

// DeleteDispatchNamespace removes a namespace with all its Workers.
func (tx *Tx) DeleteDispatchNamespace(n DispatchNamespace) error {
	all, err := tx.UserWorkers(n)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := tx.DeleteScript(s.Account, s.Name); err != nil {
			return err
		}
	}
	return tx.conn.exec(`DELETE FROM dispatch_namespaces WHERE id = ?`, n.ID)
}

// UserWorkers lists the Workers of a namespace by name.
func (tx *Tx) UserWorkers(n DispatchNamespace) ([]Script, error) {
	return list[Script](tx, `SELECT doc FROM scripts WHERE account = ? AND name > ? || '/' AND name < ? || '0' ORDER BY name`, n.Account, n.ID, n.ID)
}
