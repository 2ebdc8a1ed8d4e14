package store

import "time"

// Database is a D1 database; its rows live with the D1 engine under its id.
type Database struct {
	ID              string // UUID
	Account         string
	Name            string
	Location        string // the hint it was made with
	Jurisdiction    string
	ReadReplication string // auto or disabled
	CreatedOn       time.Time
}

// Namespace is a KV namespace; its pairs live with the KV engine under its id.
type Namespace struct {
	ID      string // 32 hex
	Account string
	Title   string
}

// AssetUpload is one session in which a client hands over the assets of a version.
type AssetUpload struct {
	ID        string // UUID
	Account   string
	Script    string
	Manifest  map[string]ManifestEntry
	CreatedOn time.Time
}

// ManifestEntry announces one asset; Hash is the client's own name for its bytes.
type ManifestEntry struct {
	Hash string `json:"hash"`
	Size int64  `json:"size"`
}

// AssetFile is the bytes that an account uploaded under a hash.
type AssetFile struct {
	Account string
	Hash    string
	Asset
}

// Databases lists the D1 databases of an account.
func (tx *Tx) Databases(account string) ([]Database, error) {
	return list[Database](tx, `SELECT doc FROM d1_databases WHERE account = ? ORDER BY seq`, account)
}

// PutDatabase adds or replaces a database; ErrExists when the account has its name.
func (tx *Tx) PutDatabase(d Database) error {
	return insert(tx, `INSERT INTO d1_databases(id, account, name, doc) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET doc = excluded.doc`, d, d.ID, d.Account, d.Name)
}

// Database is the database with that id, or else with that name.
func (tx *Tx) Database(account, idOrName string) (Database, error) {
	return first[Database](tx, `SELECT doc FROM d1_databases WHERE account = ?1 AND (id = ?2 OR name = ?2) ORDER BY id = ?2 DESC`, account, idOrName)
}

// DeleteDatabase removes a database's record.
func (tx *Tx) DeleteDatabase(id string) error {
	return tx.conn.exec(`DELETE FROM d1_databases WHERE id = ?`, id)
}

// Namespaces lists the KV namespaces of an account.
func (tx *Tx) Namespaces(account string) ([]Namespace, error) {
	return list[Namespace](tx, `SELECT doc FROM kv_namespaces WHERE account = ? ORDER BY seq`, account)
}

// Namespace is one KV namespace.
func (tx *Tx) Namespace(account, id string) (Namespace, error) {
	return first[Namespace](tx, `SELECT doc FROM kv_namespaces WHERE account = ? AND id = ?`, account, id)
}

// PutNamespace adds or renames a namespace; ErrExists when the account has its title.
func (tx *Tx) PutNamespace(n Namespace) error {
	return insert(tx, `INSERT INTO kv_namespaces(id, account, title, doc) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET title = excluded.title, doc = excluded.doc`, n, n.ID, n.Account, n.Title)
}

// DeleteNamespace removes a namespace's record.
func (tx *Tx) DeleteNamespace(id string) error {
	return tx.conn.exec(`DELETE FROM kv_namespaces WHERE id = ?`, id)
}

// AssetUpload is one session.
func (tx *Tx) AssetUpload(id string) (AssetUpload, error) {
	return first[AssetUpload](tx, `SELECT doc FROM asset_uploads WHERE id = ?`, id)
}

// AddAssetUpload opens a session and forgets those older than a day.
func (tx *Tx) AddAssetUpload(u AssetUpload) error {
	if err := tx.conn.exec(`DELETE FROM asset_uploads WHERE doc ->> 'CreatedOn' < ?`, u.CreatedOn.Add(-24*time.Hour).Format(time.RFC3339)); err != nil {
		return err
	}
	return insert(tx, `INSERT INTO asset_uploads(id, doc) VALUES(?, ?)`, u, u.ID)
}

// AssetFile is the bytes an account uploaded under a hash.
func (tx *Tx) AssetFile(account, hash string) (AssetFile, error) {
	return first[AssetFile](tx, `SELECT doc FROM asset_files WHERE account = ? AND hash = ?`, account, hash)
}

// PutAssetFile keeps the bytes that were uploaded under a hash.
func (tx *Tx) PutAssetFile(f AssetFile) error {
	return insert(tx, `INSERT INTO asset_files(account, hash, doc) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc`, f, f.Account, f.Hash)
}
