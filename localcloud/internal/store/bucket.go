package store

import (
	"encoding/json"
	"time"
)

// Bucket is an R2 bucket; its objects live with the R2 engine under its ID.
type Bucket struct {
	Account      string
	Jurisdiction string // default, eu or fedramp: each has names of its own
	Name         string
	Location     string // the hint it was made with, or ""
	Class        string // of objects that are put without one
	CreatedOn    time.Time
	CORS         json.RawMessage `json:",omitempty"` // the policy as the API shows it; nil for none
}

const bucketSchema = `
CREATE TABLE IF NOT EXISTS r2_buckets(account TEXT NOT NULL, jurisdiction TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(account, jurisdiction, name)) STRICT;
`

// ID is what the R2 engine and the runtime know the bucket by.
func (b Bucket) ID() string { return b.Account + "/" + b.Jurisdiction + "/" + b.Name }

// Buckets lists the buckets of an account in a jurisdiction, by name; "" is all of
// them.
func (tx *Tx) Buckets(account, jurisdiction string) ([]Bucket, error) {
	return list[Bucket](tx, `SELECT doc FROM r2_buckets WHERE account = ?1 AND (?2 = '' OR jurisdiction = ?2) ORDER BY name, jurisdiction`, account, jurisdiction)
}

// Bucket is one bucket.
func (tx *Tx) Bucket(account, jurisdiction, name string) (Bucket, error) {
	return first[Bucket](tx, `SELECT doc FROM r2_buckets WHERE account = ? AND jurisdiction = ? AND name = ?`, account, jurisdiction, name)
}

// AddBucket adds a bucket; ErrExists when the name is taken.
func (tx *Tx) AddBucket(b Bucket) error {
	return insert(tx, `INSERT INTO r2_buckets(account, jurisdiction, name, doc) VALUES(?, ?, ?, ?)`, b, b.Account, b.Jurisdiction, b.Name)
}

// PutBucket replaces what is known of a bucket.
func (tx *Tx) PutBucket(b Bucket) error {
	return insert(tx, `INSERT INTO r2_buckets(account, jurisdiction, name, doc) VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc`, b, b.Account, b.Jurisdiction, b.Name)
}

// DeleteBucket removes a bucket's record.
func (tx *Tx) DeleteBucket(b Bucket) error {
	return tx.conn.exec(`DELETE FROM r2_buckets WHERE account = ? AND jurisdiction = ? AND name = ?`, b.Account, b.Jurisdiction, b.Name)
}
