package vectorize

import (
	"context"
	"sync"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// maxCached bounds the vectors that are kept in memory, in bytes. Reading them from
// the file takes longer than comparing them.
const maxCached = 256 << 20

// cache holds the vectors of indexes that were searched, until they change.
type cache struct {
	mu     sync.Mutex
	size   int
	tables map[int64]*table // by the index's number
}

// table is the vectors of an index in the order of the file. It never changes.
type table struct {
	changes int64 // Index.Changes that it shows
	rows    []row
	floats  []float32 // of all vectors, one after the other
}

// row is a vector without its values.
type row struct {
	id, namespace, metadata string
	change                  int64
}

func (t *table) size() int {
	n := 4 * cap(t.floats)
	for _, r := range t.rows {
		n += 64 + len(r.id) + len(r.namespace) + len(r.metadata)
	}
	return n
}

func (s *cache) get(number, changes int64) *table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tables[number]; t != nil && t.changes == changes {
		return t
	}
	return nil
}

// put keeps t. When there is no room, everything else goes.
func (s *cache) put(number int64, t *table) {
	size := t.size()
	if size > maxCached {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.tables[number]; old != nil {
		s.size -= old.size()
	}
	if s.tables == nil || s.size+size > maxCached {
		s.tables, s.size = map[int64]*table{}, 0
	}
	s.tables[number] = t
	s.size += size
}

// table is the vectors of an index, from the cache or the file.
func (s *Store) table(ctx context.Context, c *sqlite.Conn, i *Index, number int64) (*table, error) {
	if t := s.cache.get(number, i.Changes); t != nil {
		return t, nil
	}
	count, err := countOf(c, number)
	if err != nil {
		return nil, err
	}
	t := &table{changes: i.Changes, rows: make([]row, 0, count), floats: make([]float32, 0, count*i.Dimensions)}
	buffer := make([]byte, 4*i.Dimensions)
	err = c.Query(func(r *sqlite.Stmt) error {
		if len(t.rows)%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r.ColumnBytes(3, buffer)
		t.floats = decode(t.floats, buffer)
		t.rows = append(t.rows, row{r.ColumnText(0), r.ColumnText(1), r.ColumnText(2), r.ColumnInt64(4)})
		return nil
	}, "SELECT id, namespace, metadata, floats, change FROM vectors INDEXED BY vectors_of WHERE of = ?", number)
	if err != nil {
		return nil, err
	}
	s.cache.put(number, t)
	return t, nil
}
