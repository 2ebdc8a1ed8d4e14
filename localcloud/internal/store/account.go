package store

import (
	"encoding/json"
	"time"
)

// Account owns Workers, databases, namespaces and zones.
type Account struct {
	ID        string // 32 hex
	Name      string
	Subdomain string // of workers.dev, without ".workers.dev"; "" when none was chosen
	CreatedOn time.Time
}

// Zone is a domain in an account; everything below it can be routed.
type Zone struct {
	ID         string // 32 hex
	Account    string
	Name       string // lower case, no final dot
	Type       string
	Paused     bool
	CreatedOn  time.Time
	ModifiedOn time.Time
}

// DNSRecord is one record of a zone. The local cloud answers no DNS; records exist
// so that conflicts with custom domains are found.
type DNSRecord struct {
	ID         string
	Zone       string
	Type       string
	Name       string
	Content    string
	TTL        float64
	Proxied    bool
	Priority   *float64
	Comment    string
	Tags       []string
	Settings   json.RawMessage `json:",omitempty"`
	Data       json.RawMessage `json:",omitempty"`
	Domain     string          // the custom domain that made it; such a record is read-only
	CreatedOn  time.Time
	ModifiedOn time.Time
}

// Accounts lists the accounts in the order they were made.
func (tx *Tx) Accounts() ([]Account, error) {
	return list[Account](tx, `SELECT doc FROM accounts ORDER BY seq`)
}

// Account is one account.
func (tx *Tx) Account(id string) (Account, error) {
	return first[Account](tx, `SELECT doc FROM accounts WHERE id = ?`, id)
}

// PutAccount adds or replaces an account.
func (tx *Tx) PutAccount(a Account) error {
	tx.who = true
	return insert(tx, `INSERT INTO accounts(id, doc) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET doc = excluded.doc`, a, a.ID)
}

// Zones lists the zones of all accounts in the order they were made.
func (tx *Tx) Zones() ([]Zone, error) {
	return list[Zone](tx, `SELECT doc FROM zones ORDER BY seq`)
}

// Zone is one zone.
func (tx *Tx) Zone(id string) (Zone, error) {
	return first[Zone](tx, `SELECT doc FROM zones WHERE id = ?`, id)
}

// AddZone adds a zone; ErrExists when any account has its name.
func (tx *Tx) AddZone(z Zone) error {
	tx.who = true
	return insert(tx, `INSERT INTO zones(id, account, name, doc) VALUES(?, ?, ?, ?)`, z, z.ID, z.Account, z.Name)
}

// PutZone replaces a zone that exists.
func (tx *Tx) PutZone(z Zone) error {
	tx.who = true
	return insert(tx, `UPDATE zones SET id = ?1, doc = ?2 WHERE id = ?1`, z, z.ID)
}

// DeleteZone removes a zone with its records, routes and custom domains.
func (tx *Tx) DeleteZone(z Zone) error {
	tx.who = true
	for _, q := range []string{`DELETE FROM routes WHERE zone = ?`, `DELETE FROM dns_records WHERE zone = ?`, `DELETE FROM domains WHERE doc ->> 'Zone' = ?`, `DELETE FROM zones WHERE id = ?`} {
		if err := tx.conn.exec(q, z.ID); err != nil {
			return err
		}
	}
	return nil
}

// DNSRecords lists the records of a zone in the order they were made.
func (tx *Tx) DNSRecords(zone string) ([]DNSRecord, error) {
	return list[DNSRecord](tx, `SELECT doc FROM dns_records WHERE zone = ? ORDER BY seq`, zone)
}

// PutDNSRecord adds or replaces a record.
func (tx *Tx) PutDNSRecord(r DNSRecord) error {
	return insert(tx, `INSERT INTO dns_records(id, zone, name, doc) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name, doc = excluded.doc`, r, r.ID, r.Zone, r.Name)
}

// DeleteDNSRecord removes a record.
func (tx *Tx) DeleteDNSRecord(id string) error {
	return tx.conn.exec(`DELETE FROM dns_records WHERE id = ?`, id)
}

// Setting reads a small value of the cloud itself into v; ErrNotFound when it was
// never put.
func (tx *Tx) Setting(name string, v any) error {
	raw, err := first[json.RawMessage](tx, `SELECT doc FROM settings WHERE name = ?`, name)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// PutSetting keeps a small value of the cloud itself.
func (tx *Tx) PutSetting(name string, v any) error {
	return insert(tx, `INSERT INTO settings(name, doc) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET doc = excluded.doc`, v, name)
}
