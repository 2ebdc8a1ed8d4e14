package r2

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// ListOptions select a page: keys that begin with Prefix, after StartAfter or from
// Cursor on, at most Limit of them (default and most MaxList). With a Delimiter, keys
// that have it behind the prefix count as one, up to and with the delimiter.
type ListOptions struct {
	Prefix, Delimiter  string
	StartAfter, Cursor string
	Limit              int
}

// Item is an object of a page, or a prefix that stands for several: its Key is "".
type Item struct {
	Object
	Prefix string
}

// Page is items in the order of their bytes; Cursor is "" on the last page.
type Page struct {
	Items  []Item
	Cursor string
}

// Cut keeps the first n items.
func (p *Page) Cut(n int) {
	if n < len(p.Items) {
		p.Cursor = cursorOf(p.Items[n-1].next())
		p.Items = p.Items[:n]
	}
}

// next is where keys behind the item begin; nil when there are none.
func (i Item) next() []byte {
	if i.Prefix != "" {
		return sqlite.Behind(i.Prefix)
	}
	return append([]byte(i.Key), 0)
}

func cursorOf(from []byte) string { return base64.RawURLEncoding.EncodeToString(from) }

// List is one page of a bucket.
func (s *Store) List(ctx context.Context, bucketID string, o ListOptions) (Page, error) {
	if o.Limit == 0 {
		o.Limit = MaxList
	}
	if o.Limit < 1 || o.Limit > MaxList {
		return Page{}, ErrInvalidMaxKeys
	}
	b, err := s.bucket(bucketID)
	if err != nil {
		return Page{}, err
	}
	from := []byte(o.Prefix)
	if o.StartAfter != "" {
		from = later(from, append([]byte(o.StartAfter), 0))
	}
	cursor, err := base64.RawURLEncoding.DecodeString(o.Cursor)
	if err != nil {
		return Page{}, invalid("The cursor %q is none of a list.", o.Cursor)
	}
	from = later(from, cursor)
	var page Page
	err = s.pool.Read(ctx, func(conn *sqlite.Conn) error {
		for from != nil {
			next, err := page.fill(conn, b.seq, from, o)
			if err != nil {
				return err
			}
			from = next
		}
		return nil
	})
	return page, err
}

func later(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return b
	}
	return a
}

// errSkip ends a query: the rows that follow are all below one prefix.
var errSkip = errors.New("skip to the next prefix")

// fill adds items whose keys begin at from, and answers where to go on: nil when the
// page is full or there is nothing more.
func (p *Page) fill(conn *sqlite.Conn, bucket int64, from []byte, o ListOptions) (next []byte, err error) {
	each := func(row *sqlite.Stmt) error {
		if len(p.Items) == o.Limit {
			p.Cursor = cursorOf(p.Items[o.Limit-1].next())
			return errSkip
		}
		if o.Delimiter != "" {
			key := string(sqlite.Bytes(row, 0))
			if at := strings.Index(key[len(o.Prefix):], o.Delimiter); at >= 0 {
				item := Item{Prefix: key[:len(o.Prefix)+at+len(o.Delimiter)]}
				p.Items = append(p.Items, item)
				next = item.next()
				return errSkip
			}
		}
		object, err := scanObject(row)
		p.Items = append(p.Items, Item{Object: object})
		return err
	}
	const query = "SELECT " + headColumns + " FROM objects WHERE bucket = ? AND key >= ?"
	limit := o.Limit - len(p.Items) + 1
	if end := sqlite.Behind(o.Prefix); end != nil {
		err = conn.Query(each, query+" AND key < ? ORDER BY key LIMIT ?", bucket, from, end, limit)
	} else {
		err = conn.Query(each, query+" ORDER BY key LIMIT ?", bucket, from, limit)
	}
	if errors.Is(err, errSkip) {
		err = nil
	}
	return next, err
}
