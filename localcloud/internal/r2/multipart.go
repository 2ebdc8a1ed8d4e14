package r2

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// Part is one uploaded part of a multipart upload.
type Part struct {
	Number int
	ETag   string
}

// upload is a multipart upload as it is kept. One that was completed or aborted is
// kept too: it can be aborted again, and answers differently from one that never was.
type upload struct {
	open     bool
	settings Settings
	keyMD5   string
}

// CreateUpload begins a multipart upload and answers its id.
func (s *Store) CreateUpload(ctx context.Context, bucketID, key string, o Settings) (id string, err error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if err := o.check(); err != nil {
		return "", err
	}
	http, err := encoded(o.HTTP)
	if err != nil {
		return "", err
	}
	custom, err := encoded(o.Custom)
	if err != nil {
		return "", err
	}
	id = pieces.NewID() + pieces.NewID()
	return id, s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		b, err := s.bucket(bucketID)
		if err != nil {
			return err
		}
		return conn.Exec("INSERT INTO uploads(id, bucket, key, started, open, class, http, custom, secret_md5) VALUES(?, ?, ?, ?, 1, ?, ?, ?, ?)",
			id, b.seq, []byte(key), s.now().UnixMilli(), o.Class, http, custom, secretMD5(o.Secret))
	})
}

// upload finds an upload of a key; one that the bucket's rules give up is gone.
func (s *Store) upload(conn *sqlite.Conn, bucketID, key, id string) (u upload, err error) {
	b, err := s.bucket(bucketID)
	if err != nil {
		return u, err
	}
	found := false
	err = conn.Query(func(row *sqlite.Stmt) error {
		found = !b.rules.aborts(key, time.UnixMilli(row.ColumnInt64(5)), s.now())
		u.open, u.settings.Class, u.keyMD5 = row.ColumnInt64(0) == 1, row.ColumnText(1), row.ColumnText(4)
		for i, into := range []any{&u.settings.HTTP, &u.settings.Custom} {
			if text := row.ColumnText(2 + i); text != "" {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					return fmt.Errorf("reading what is kept of a multipart upload: %w", err)
				}
			}
		}
		return nil
	}, "SELECT open, class, http, custom, secret_md5, started FROM uploads WHERE id = ? AND bucket = ? AND key = ?", id, b.seq, []byte(key))
	if err == nil && !found {
		err = ErrNoSuchUpload
	}
	return u, err
}

// PutPart stores a part, in place of the one that has its number.
func (s *Store) PutPart(ctx context.Context, bucketID, key, id string, number int, body io.Reader, secret []byte) (etag string, err error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if number < 1 || number > MaxParts {
		return "", invalid("Part number must be between 1 and %d (inclusive). Actual value was: %d", MaxParts, number)
	}
	if err := checkSecret(secret); err != nil {
		return "", err
	}
	sum := md5.New()
	c, err := s.receive(body, -1, "", secret, sum)
	if err != nil {
		return "", err
	}
	etag = hex.EncodeToString(sum.Sum(nil))
	var old []pieces.Piece
	err = s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		u, err := s.upload(conn, bucketID, key, id)
		if err != nil {
			return err
		}
		if !u.open {
			return ErrNoSuchUpload
		}
		if err := opens(secret, u.keyMD5); err != nil {
			return err
		}
		if err := conn.Query(func(row *sqlite.Stmt) error {
			old = append(old, pieces.Piece{ID: row.ColumnText(0)})
			return nil
		}, "SELECT piece FROM parts WHERE upload = ? AND number = ?", id, number); err != nil {
			return err
		}
		return conn.Exec("INSERT OR REPLACE INTO parts(upload, number, etag, piece, size) VALUES(?, ?, ?, ?, ?)", id, number, etag, c.pieces[0].ID, c.size)
	})
	if err != nil {
		s.files.Remove(c.pieces...)
		return "", err
	}
	s.files.Remove(old...)
	return etag, nil
}

// keptPart is a part on disk.
type keptPart struct {
	pieces.Piece
	etag string
}

// CompleteUpload makes an object of parts, in the order of their numbers.
func (s *Store) CompleteUpload(ctx context.Context, bucketID, key, id string, parts []Part) (Object, error) {
	if err := checkKey(key); err != nil {
		return Object{}, err
	}
	object := Object{Key: key, Version: pieces.NewID()}
	var gone []pieces.Piece
	err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		u, err := s.upload(conn, bucketID, key, id)
		if err != nil {
			return err
		}
		if !u.open {
			return ErrNoSuchUpload
		}
		kept, err := readParts(conn, id)
		if err != nil {
			return err
		}
		c, etag, err := assemble(parts, kept)
		if err != nil {
			return err
		}
		object.Size, object.ETag, object.KeyMD5 = c.size, etag, u.keyMD5
		object.Class, object.HTTP, object.Custom = u.settings.Class, u.settings.HTTP, u.settings.Custom
		if gone, err = s.replace(conn, bucketID, &object, c, nil); err != nil {
			return err
		}
		for _, p := range parts {
			delete(kept, p.Number)
		}
		for _, unused := range kept {
			gone = append(gone, unused.Piece)
		}
		return closeUpload(conn, id)
	})
	if err != nil {
		return Object{}, err
	}
	s.files.Remove(gone...)
	return object, nil
}

func readParts(conn *sqlite.Conn, id string) (map[int]keptPart, error) {
	kept := map[int]keptPart{}
	err := conn.Query(func(row *sqlite.Stmt) error {
		kept[int(row.ColumnInt64(0))] = keptPart{pieces.Piece{ID: row.ColumnText(2), Size: row.ColumnInt64(3)}, row.ColumnText(1)}
		return nil
	}, "SELECT number, etag, piece, size FROM parts WHERE upload = ?", id)
	return kept, err
}

// assemble joins the chosen parts: each must have been uploaded, all but the last be
// of one size that is not too small, and the last be no larger.
func assemble(parts []Part, kept map[int]keptPart) (c content, etag string, err error) {
	if len(parts) == 0 || len(parts) > MaxParts {
		return c, "", invalid("%d parts in a multipart upload; it has 1 to %d.", len(parts), MaxParts)
	}
	sorted := slices.SortedFunc(slices.Values(parts), func(a, b Part) int { return a.Number - b.Number })
	sum := md5.New()
	for i, p := range sorted {
		k, ok := kept[p.Number]
		if !ok || k.etag != p.ETag || i > 0 && sorted[i-1].Number == p.Number {
			return c, "", ErrInvalidPart
		}
		last := i == len(sorted)-1
		switch first := kept[sorted[0].Number]; {
		case !last && k.Size < MinPart:
			return c, "", ErrEntityTooSmall
		case !last && k.Size != first.Size, k.Size > first.Size:
			return c, "", ErrUnequalParts
		}
		digest, err := hex.DecodeString(k.etag)
		if err != nil {
			return c, "", err
		}
		sum.Write(digest)
		c.pieces = append(c.pieces, k.Piece)
		if c.size += k.Size; c.size > MaxObject {
			return c, "", ErrEntityTooLarge
		}
	}
	return c, fmt.Sprintf("%x-%d", sum.Sum(nil), len(sorted)), nil
}

// AbortUpload gives up an upload and its parts; that it is over already is no error.
func (s *Store) AbortUpload(ctx context.Context, bucketID, key, id string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	var gone []pieces.Piece
	err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		u, err := s.upload(conn, bucketID, key, id)
		if err != nil || !u.open {
			return err
		}
		kept, err := readParts(conn, id)
		if err != nil {
			return err
		}
		for _, p := range kept {
			gone = append(gone, p.Piece)
		}
		return closeUpload(conn, id)
	})
	if err == nil {
		s.files.Remove(gone...)
	}
	return err
}

func closeUpload(conn *sqlite.Conn, id string) error {
	if err := conn.Exec("UPDATE uploads SET open = 0 WHERE id = ?", id); err != nil {
		return err
	}
	return conn.Exec("DELETE FROM parts WHERE upload = ?", id)
}
