package r2

import (
	"context"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// GetOptions are how an object is read. Span is nil for all of it.
type GetOptions struct {
	OnlyIf *Condition
	Span   *Span
	Secret []byte // the customer's key of an object that has one
}

// Head is an object without its content.
func (s *Store) Head(ctx context.Context, bucketID, key string) (Object, error) {
	if err := checkKey(key); err != nil {
		return Object{}, err
	}
	b, err := s.bucket(bucketID)
	if err != nil {
		return Object{}, err
	}
	var o Object
	err = s.pool.Read(ctx, func(conn *sqlite.Conn) error {
		return conn.Query(func(row *sqlite.Stmt) (err error) {
			o, err = scanObject(row)
			return err
		}, "SELECT "+headColumns+" FROM objects WHERE bucket = ? AND key = ?", b.seq, []byte(key))
	})
	if err == nil && o.Key == "" {
		err = ErrNoSuchKey
	}
	return o, err
}

// Get opens an object for reading. When OnlyIf does not hold, the Reader has the
// object without its content, and the error is ErrPreconditionFailed.
func (s *Store) Get(ctx context.Context, bucketID, key string, o GetOptions) (*Reader, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := checkSecret(o.Secret); err != nil {
		return nil, err
	}
	b, err := s.bucket(bucketID)
	if err != nil {
		return nil, err
	}
	r, err := s.look(ctx, b.seq, key)
	if err != nil {
		return nil, err
	}
	if !o.OnlyIf.holds(&r.Object) {
		r.Close()
		return &Reader{Object: r.Object}, ErrPreconditionFailed
	}
	if err := r.narrow(o); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// look reads an object's row and leases its pieces, before they can be removed.
func (s *Store) look(ctx context.Context, bucket int64, key string) (*Reader, error) {
	r := &Reader{store: s}
	err := s.files.Look(func() error {
		err := s.pool.Read(ctx, func(conn *sqlite.Conn) error {
			return conn.Query(func(row *sqlite.Stmt) (err error) {
				if r.Object, err = scanObject(row); err != nil {
					return err
				}
				if r.pieces, err = decodePieces(row.ColumnText(columnsOfHead)); err == nil && r.pieces == nil {
					r.small = sqlite.Bytes(row, columnsOfHead+1)
				}
				return err
			}, "SELECT "+headColumns+", pieces, small FROM objects WHERE bucket = ? AND key = ?", bucket, []byte(key))
		})
		if err == nil && r.pieces != nil {
			s.files.Lease(r.pieces)
			r.leased = true
		}
		return err
	})
	if err == nil && r.Key == "" {
		err = ErrNoSuchKey
	}
	return r, err
}

// narrow limits what is read to the span of o, and prepares to decrypt it.
func (r *Reader) narrow(o GetOptions) (err error) {
	if err := opens(o.Secret, r.KeyMD5); err != nil {
		return err
	}
	r.Length, r.secret = r.Size, o.Secret
	if o.Span != nil {
		if r.Offset, r.Length, err = o.Span.within(r.Size); err != nil {
			return err
		}
	}
	if r.pieces != nil {
		return nil
	}
	r.small = r.small[r.Offset : r.Offset+r.Length]
	if r.secret != nil {
		stream, err := keystream(r.secret, r.Version, r.Offset)
		if err != nil {
			return err
		}
		stream.XORKeyStream(r.small, r.small)
	}
	return nil
}
