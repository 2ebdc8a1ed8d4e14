// Package r2 is R2 on this machine: buckets whose objects lie in one SQLite file, the
// large ones in files beside it, used by the REST API and by Workers through
// workerd's own R2 binding.
//
// A put writes the content first and then, in one transaction, the object: after a
// crash the object is there with all of it, or as it was before. Content that belongs
// to no object is swept when the store is opened.
package r2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

const schema = `
CREATE TABLE IF NOT EXISTS buckets (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rules TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS objects (
	seq INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, key BLOB NOT NULL,
	version TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, uploaded INTEGER NOT NULL, class TEXT NOT NULL,
	checksums TEXT NOT NULL, http TEXT NOT NULL, custom TEXT NOT NULL, secret_md5 TEXT NOT NULL,
	pieces TEXT NOT NULL, small BLOB, UNIQUE (bucket, key)) STRICT;
CREATE TABLE IF NOT EXISTS uploads (
	id TEXT PRIMARY KEY, bucket INTEGER NOT NULL, key BLOB NOT NULL, started INTEGER NOT NULL, open INTEGER NOT NULL,
	class TEXT NOT NULL, http TEXT NOT NULL, custom TEXT NOT NULL, secret_md5 TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
	upload TEXT NOT NULL, number INTEGER NOT NULL, etag TEXT NOT NULL, piece TEXT NOT NULL, size INTEGER NOT NULL,
	PRIMARY KEY (upload, number)) STRICT, WITHOUT ROWID;`

// reading is how many readers work side by side.
const reading = 4

// Store holds all buckets. It is safe for concurrent use; changes run one after the
// other.
type Store struct {
	pool    *sqlite.Pool
	files   *pieces.Folder
	clock   *clock.Clock
	mu      sync.RWMutex
	buckets map[string]bucket // by id; changed inside of changes only
	cancel  context.CancelFunc
	tended  chan error
}

// bucket is what the store remembers of one.
type bucket struct {
	seq   int64 // its number in the database
	rules Rules
}

// Open opens what dir holds, making what is missing.
func Open(dir string, c *clock.Clock) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making R2's folder: %w", err)
	}
	pool, err := sqlite.OpenPool(filepath.Join(dir, "r2.db"), reading, func(conn *sqlite.Conn) error { return conn.Script(schema) })
	if err != nil {
		return nil, err
	}
	s := &Store{pool: pool, clock: c, buckets: map[string]bucket{}, tended: make(chan error, 1)}
	if s.files, err = pieces.Open(filepath.Join(dir, "objects")); err == nil {
		err = s.prepare(context.Background())
	}
	if err != nil {
		return nil, fmt.Errorf("opening R2's folder %s: %w", dir, errors.Join(err, pool.Close()))
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	next := c.Now().Add(tendEvery)
	go func() { s.tended <- s.tend(ctx, next) }()
	return s, nil
}

// prepare learns the buckets and removes what nobody needs.
func (s *Store) prepare(ctx context.Context) error {
	err := s.pool.Read(ctx, func(conn *sqlite.Conn) error {
		return conn.Query(func(row *sqlite.Stmt) error {
			b := bucket{seq: row.ColumnInt64(1)}
			err := json.Unmarshal([]byte(row.ColumnText(2)), &b.rules)
			s.buckets[row.ColumnText(0)] = b
			return err
		}, "SELECT id, seq, rules FROM buckets")
	})
	if err != nil {
		return err
	}
	if err := s.follow(ctx); err != nil {
		return err
	}
	used := map[string]bool{}
	err = s.pool.Read(ctx, func(conn *sqlite.Conn) error {
		return errors.Join(
			conn.Query(func(row *sqlite.Stmt) error { return use(used, row.ColumnText(0)) }, "SELECT pieces FROM objects WHERE small IS NULL"),
			conn.Query(func(row *sqlite.Stmt) error {
				used[row.ColumnText(0)] = true
				return nil
			}, "SELECT piece FROM parts"),
		)
	})
	if err != nil {
		return err
	}
	return s.files.Sweep(used)
}

func use(used map[string]bool, encoded string) error {
	list, err := decodePieces(encoded)
	for _, p := range list {
		used[p.ID] = true
	}
	return err
}

func decodePieces(encoded string) (list []pieces.Piece, err error) {
	if encoded != "" {
		err = json.Unmarshal([]byte(encoded), &list)
	}
	return list, err
}

// Close closes the files once what has begun is done. Its error may be of the rules
// that could not be followed before.
func (s *Store) Close() error {
	s.cancel()
	return errors.Join(<-s.tended, s.pool.Close())
}

// CreateBucket makes a bucket; one that exists stays as it is.
func (s *Store) CreateBucket(ctx context.Context, id string) error {
	return s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		if _, err := s.bucket(id); err == nil {
			return nil
		}
		b := bucket{rules: defaultRules()}
		rules, err := json.Marshal(b.rules)
		if err != nil {
			return err
		}
		if err := conn.Exec("INSERT INTO buckets(id, rules) VALUES(?, ?)", id, string(rules)); err != nil {
			return err
		}
		b.seq = conn.LastInsertRowID()
		s.know(id, b)
		return nil
	})
}

// know notes a bucket; without a number it is gone.
func (s *Store) know(id string, b bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.seq == 0 {
		delete(s.buckets, id)
		return
	}
	s.buckets[id] = b
}

// Rules are those of a bucket.
func (s *Store) Rules(id string) (Rules, error) {
	b, err := s.bucket(id)
	return b.rules, err
}

// SetRules has change edit the rules of a bucket, and checks the outcome. What is kept is
// a copy: those that are in force are read meanwhile, and change may keep what it has set.
func (s *Store) SetRules(ctx context.Context, id string, change func(*Rules)) error {
	return s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		b, err := s.bucket(id)
		if err != nil {
			return err
		}
		edited := Rules{Lifecycle: slices.Clone(b.rules.Lifecycle), Lock: slices.Clone(b.rules.Lock)}
		change(&edited)
		if err := edited.Check(); err != nil {
			return err
		}
		rules, err := json.Marshal(edited)
		if err != nil {
			return err
		}
		b.rules = Rules{}
		if err := json.Unmarshal(rules, &b.rules); err != nil {
			return err
		}
		if err := conn.Exec("UPDATE buckets SET rules = ? WHERE seq = ?", string(rules), b.seq); err != nil {
			return err
		}
		s.know(id, b)
		return nil
	})
}

// DeleteBucket removes a bucket that has no objects, with its multipart uploads.
func (s *Store) DeleteBucket(ctx context.Context, id string) error {
	return s.dropBucket(ctx, id, false)
}

// DestroyBucket removes a bucket with all that is in it.
func (s *Store) DestroyBucket(ctx context.Context, id string) error {
	return s.dropBucket(ctx, id, true)
}

func (s *Store) dropBucket(ctx context.Context, id string, objects bool) error {
	var gone []pieces.Piece
	err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		b, err := s.bucket(id)
		if err != nil {
			return err
		}
		if err := conn.Query(func(row *sqlite.Stmt) error {
			if !objects {
				return ErrBucketNotEmpty
			}
			list, err := decodePieces(row.ColumnText(0))
			gone = append(gone, list...)
			return err
		}, "SELECT pieces FROM objects WHERE bucket = ?", b.seq); err != nil {
			return err
		}
		err = errors.Join(
			conn.Query(func(row *sqlite.Stmt) error {
				gone = append(gone, pieces.Piece{ID: row.ColumnText(0)})
				return nil
			}, "SELECT piece FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)", b.seq),
			conn.Exec("DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)", b.seq),
			conn.Exec("DELETE FROM uploads WHERE bucket = ?", b.seq),
			conn.Exec("DELETE FROM objects WHERE bucket = ?", b.seq),
			conn.Exec("DELETE FROM buckets WHERE seq = ?", b.seq),
		)
		if err == nil {
			s.know(id, bucket{}) // before another change can find it
		}
		return err
	})
	if err == nil {
		s.files.Remove(gone...)
	}
	return err
}

func (s *Store) bucket(id string) (bucket, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.buckets[id]
	if !ok {
		return bucket{}, ErrNoSuchBucket
	}
	return b, nil
}

// Usage is how much a bucket holds; Metadata is in bytes too.
type Usage struct{ Objects, Bytes, Metadata int64 }

// Usage counts what a bucket holds now.
func (s *Store) Usage(ctx context.Context, id string) (u Usage, err error) {
	b, err := s.bucket(id)
	if err != nil {
		return u, err
	}
	err = s.pool.Read(ctx, func(conn *sqlite.Conn) error {
		return conn.Query(func(row *sqlite.Stmt) error {
			u = Usage{row.ColumnInt64(0), row.ColumnInt64(1), row.ColumnInt64(2)}
			return nil
		}, "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(length(http) + length(custom)), 0) FROM objects WHERE bucket = ?", b.seq)
	})
	return u, err
}

// now is the cloud's time as objects carry it.
func (s *Store) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }
