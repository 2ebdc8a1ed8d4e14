package r2

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// PutOptions are how an object is put. Expect holds the checksums that the content
// must have, in hex; those are kept with the object.
type PutOptions struct {
	Settings
	OnlyIf *Condition
	Expect Checksums
}

// digest is one checksum of a content.
type digest struct {
	name   string
	expect string
	sum    hash.Hash
	keep   *string
}

// digests are MD5, which is the entity tag, and what e expects besides; their values
// are to be kept in c.
func digests(e Checksums, c *Checksums) []digest {
	list := []digest{{"MD5", e.MD5, md5.New(), &c.MD5}}
	for _, d := range []struct {
		name, expect string
		make         func() hash.Hash
		keep         *string
	}{
		{"SHA-1", e.SHA1, sha1.New, &c.SHA1},
		{"SHA-256", e.SHA256, sha256.New, &c.SHA256},
		{"SHA-384", e.SHA384, sha512.New384, &c.SHA384},
		{"SHA-512", e.SHA512, sha512.New, &c.SHA512},
	} {
		if d.expect != "" {
			list = append(list, digest{d.name, d.expect, d.make(), d.keep})
		}
	}
	return list
}

// Put stores an object. It reads the body to its end, and nothing is changed when it
// breaks off.
func (s *Store) Put(ctx context.Context, bucketID, key string, body io.Reader, o PutOptions) (Object, error) {
	if err := checkKey(key); err != nil {
		return Object{}, err
	}
	if err := o.check(); err != nil {
		return Object{}, err
	}
	if _, err := s.bucket(bucketID); err != nil {
		return Object{}, err
	}
	object := Object{Key: key, Version: pieces.NewID(), Class: o.Class, HTTP: o.HTTP, Custom: o.Custom, KeyMD5: secretMD5(o.Secret)}
	list := digests(o.Expect, &object.Checksums)
	sums := make([]hash.Hash, len(list))
	for i, d := range list {
		sums[i] = d.sum
	}
	c, err := s.receive(body, inlineMax, object.Version, o.Secret, sums...)
	if err != nil {
		return Object{}, err
	}
	object.Size = c.size
	for _, d := range list {
		*d.keep = hex.EncodeToString(d.sum.Sum(nil))
		if d.expect != "" && d.expect != *d.keep {
			s.files.Remove(c.pieces...)
			return Object{}, &Error{ErrBadDigest.Status, ErrBadDigest.Code, fmt.Sprintf(
				"The %[1]s checksum you specified did not match what we received.\nYou provided a %[1]s checksum with value: %[2]s\nActual %[1]s was: %[3]s",
				d.name, d.expect, *d.keep)}
		}
	}
	object.ETag = object.Checksums.MD5
	var old []pieces.Piece
	err = s.pool.Write(ctx, func(conn *sqlite.Conn) (err error) {
		old, err = s.replace(conn, bucketID, &object, c, o.OnlyIf)
		return err
	})
	if err != nil {
		s.files.Remove(c.pieces...)
		return Object{}, err
	}
	s.files.Remove(old...)
	return object, nil
}

// replace writes an object's row, if onlyIf holds for the one that is there, and
// answers the pieces that nobody has any more.
func (s *Store) replace(conn *sqlite.Conn, bucketID string, o *Object, c content, onlyIf *Condition) (old []pieces.Piece, err error) {
	b, err := s.bucket(bucketID)
	if err != nil {
		return nil, err
	}
	var before *Object
	if err := conn.Query(func(row *sqlite.Stmt) error {
		was, err := scanObject(row)
		if err != nil {
			return err
		}
		before = &was
		old, err = decodePieces(row.ColumnText(columnsOfHead))
		return err
	}, "SELECT "+headColumns+", pieces FROM objects WHERE bucket = ? AND key = ?", b.seq, []byte(o.Key)); err != nil {
		return nil, err
	}
	if !onlyIf.holds(before) {
		return nil, ErrPreconditionFailed
	}
	o.Uploaded = s.now()
	if before != nil {
		if err := b.rules.locked(*before, o.Uploaded); err != nil {
			return nil, err
		}
	}
	var columns [4]string
	for i, v := range []any{o.Checksums, o.HTTP, o.Custom} {
		if columns[i], err = encoded(v); err != nil {
			return nil, err
		}
	}
	var small any
	if c.pieces == nil {
		small = c.small
	} else {
		text, err := json.Marshal(c.pieces)
		if err != nil {
			return nil, err
		}
		columns[3] = string(text)
	}
	return old, conn.Exec(`INSERT INTO objects(bucket, key, version, size, etag, uploaded, class, checksums, http, custom, secret_md5, pieces, small)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(bucket, key) DO UPDATE SET version = excluded.version, size = excluded.size, etag = excluded.etag,
			uploaded = excluded.uploaded, class = excluded.class, checksums = excluded.checksums, http = excluded.http,
			custom = excluded.custom, secret_md5 = excluded.secret_md5, pieces = excluded.pieces, small = excluded.small`,
		b.seq, []byte(o.Key), o.Version, o.Size, o.ETag, o.Uploaded.UnixMilli(), o.Class,
		columns[0], columns[1], columns[2], o.KeyMD5, columns[3], small)
}

// Delete removes objects; those that do not exist are no error.
func (s *Store) Delete(ctx context.Context, bucketID string, keys ...string) error {
	if len(keys) > MaxDelete {
		return invalid("%d keys in one delete; it takes up to %d.", len(keys), MaxDelete)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	var gone []pieces.Piece
	err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		b, err := s.bucket(bucketID)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := checkLocks(conn, b, key, s.now()); err != nil {
				return err
			}
			list, err := deleteObject(conn, b.seq, key)
			if err != nil {
				return err
			}
			gone = append(gone, list...)
		}
		return nil
	})
	if err == nil {
		s.files.Remove(gone...)
	}
	return err
}

// checkLocks refuses to delete an object that a lock protects.
func checkLocks(conn *sqlite.Conn, b bucket, key string, now time.Time) error {
	if len(b.rules.Lock) == 0 {
		return nil
	}
	return conn.Query(func(row *sqlite.Stmt) error {
		o, err := scanObject(row)
		if err != nil {
			return err
		}
		return b.rules.locked(o, now)
	}, "SELECT "+headColumns+" FROM objects WHERE bucket = ? AND key = ?", b.seq, []byte(key))
}

// deleteObject removes an object's row and answers its pieces.
func deleteObject(conn *sqlite.Conn, bucket int64, key string) (gone []pieces.Piece, err error) {
	err = conn.Query(func(row *sqlite.Stmt) (err error) {
		gone, err = decodePieces(row.ColumnText(0))
		return err
	}, "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING pieces", bucket, []byte(key))
	return gone, err
}
