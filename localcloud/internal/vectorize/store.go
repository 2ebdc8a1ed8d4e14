// Package vectorize is Vectorize on this machine: indexes of vectors in one SQLite
// file, used by the REST API and by Workers through workerd's own binding. Searches
// are exact: they look at every vector. Changes are there at once.
package vectorize

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Cloudflare's limits.
const (
	MaxDimensions = 1536
	MaxProperties = 10       // metadata indexes of one index
	MaxID         = 64       // bytes, of a vector's id and of its namespace
	MaxMetadata   = 10 << 10 // bytes of JSON, of one vector
	MaxBatch      = 5000     // vectors of one change
	MaxBoundBatch = 1000     // vectors of one change by a Worker
	MaxIDs        = 1000     // of one deletion or lookup
	MaxTopK       = 100      // matches of a query
	MaxFullTopK   = 50       // matches with their values or all their metadata
	MaxFilter     = 2048     // bytes of JSON
	MaxList       = 1000     // ids of one page
	maxIndexed    = 64       // bytes of a string that a metadata index sees
)

// Metrics say how near two vectors are to each other.
const (
	Cosine     = "cosine"      // 1 is the nearest, -1 the farthest
	Euclidean  = "euclidean"   // 0 is the nearest
	DotProduct = "dot-product" // the negative product: the lowest is the nearest
)

// Error is a request that Vectorize refuses, with the HTTP status it refuses it with.
type Error struct {
	Status  int
	Code    int
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(status, code int, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Index is what is known about an index beside its vectors.
type Index struct {
	Account     string
	Name        string
	Description string
	Dimensions  int
	Metric      string
	CreatedOn   time.Time
	ModifiedOn  time.Time
	Properties  []Property
	Changes     int64     // counts the changes of vectors and properties
	Last        string    // id of the last change, or ""
	LastOn      time.Time // of the last change
}

// Property is a metadata index. It knows the vectors that were put after it was made.
type Property struct {
	Name  string
	Type  string // string, number or boolean
	Since int64  // Index.Changes when it was made
}

// schema: vectors_of finds the vectors of an index in the order of the file.
const schema = `
CREATE TABLE IF NOT EXISTS indexes(
	number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(account, name)) STRICT;
CREATE TABLE IF NOT EXISTS vectors(
	number INTEGER PRIMARY KEY, of INTEGER NOT NULL, id TEXT NOT NULL, namespace TEXT NOT NULL, metadata TEXT, change INTEGER NOT NULL,
	floats BLOB NOT NULL, UNIQUE(of, id)) STRICT;
CREATE INDEX IF NOT EXISTS vectors_of ON vectors(of)`

// Store holds all indexes.
type Store struct {
	pool  *sqlite.Pool
	clock *clock.Clock
	cache cache
}

// Open opens the file at path, which is made when it is missing.
func Open(path string, c *clock.Clock) (*Store, error) {
	pool, err := sqlite.OpenPool(path, 2, func(c *sqlite.Conn) error { return c.Script(schema) })
	if err != nil {
		return nil, fmt.Errorf("opening the Vectorize file: %w", err)
	}
	return &Store{pool: pool, clock: c}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.pool.Close() }

// Clear deletes all indexes.
func (s *Store) Clear(ctx context.Context) error {
	return s.pool.Write(ctx, func(c *sqlite.Conn) error {
		return errors.Join(c.Exec("DELETE FROM vectors"), c.Exec("DELETE FROM indexes"))
	})
}

var indexName = lazyregexp.New(`^[a-z][a-z0-9-]{0,63}$`)

// Create makes an index.
func (s *Store) Create(ctx context.Context, i Index) (Index, error) {
	switch {
	case !indexName.MatchString(i.Name):
		return i, refuse(http.StatusBadRequest, 3003, "invalid index name %q: it is lower-case letters, digits and hyphens, up to 64, and starts with a letter", i.Name)
	case i.Dimensions < 1 || i.Dimensions > MaxDimensions:
		return i, refuse(http.StatusBadRequest, 3004, "invalid dimensions %d: an index has 1 to %d", i.Dimensions, MaxDimensions)
	case !slices.Contains([]string{Cosine, Euclidean, DotProduct}, i.Metric):
		return i, refuse(http.StatusBadRequest, 3005, "invalid metric %q: it is %s, %s or %s", i.Metric, Cosine, Euclidean, DotProduct)
	}
	i.CreatedOn = s.now()
	i.ModifiedOn = i.CreatedOn
	return i, s.pool.Write(ctx, func(c *sqlite.Conn) error {
		if _, _, err := find(c, i.Account, i.Name); err == nil {
			return refuse(http.StatusConflict, 3002, "vectorize.index.duplicate_name: there is an index %q already", i.Name)
		}
		doc, err := json.Marshal(i)
		if err != nil {
			return fmt.Errorf("encoding an index: %w", err)
		}
		return c.Exec("INSERT INTO indexes(account, name, doc) VALUES(?, ?, ?)", i.Account, i.Name, string(doc))
	})
}

func (s *Store) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

// find is an index and its number in the file.
func find(c *sqlite.Conn, account, name string) (i Index, number int64, err error) {
	found := false
	err = c.Query(func(row *sqlite.Stmt) error {
		found, number = true, row.ColumnInt64(0)
		return json.Unmarshal([]byte(row.ColumnText(1)), &i)
	}, "SELECT number, doc FROM indexes WHERE account = ? AND name = ?", account, name)
	if err == nil && !found {
		err = refuse(http.StatusNotFound, 3000, "vectorize.not_found: there is no index %q", name)
	}
	return i, number, err
}

// Index is one index; without it the error is an *Error with status 404.
func (s *Store) Index(ctx context.Context, account, name string) (i Index, err error) {
	err = s.pool.Read(ctx, func(c *sqlite.Conn) error {
		i, _, err = find(c, account, name)
		return err
	})
	return i, err
}

// Indexes are those of an account, by name.
func (s *Store) Indexes(ctx context.Context, account string) ([]Index, error) {
	all := []Index{}
	err := s.pool.Read(ctx, func(c *sqlite.Conn) error {
		return c.Query(func(row *sqlite.Stmt) error {
			var i Index
			err := json.Unmarshal([]byte(row.ColumnText(0)), &i)
			all = append(all, i)
			return err
		}, "SELECT doc FROM indexes WHERE account = ? ORDER BY name", account)
	})
	return all, err
}

// Delete deletes an index with its vectors.
func (s *Store) Delete(ctx context.Context, account, name string) error {
	return s.pool.Write(ctx, func(c *sqlite.Conn) error {
		_, number, err := find(c, account, name)
		if err != nil {
			return err
		}
		return errors.Join(c.Exec("DELETE FROM vectors WHERE of = ?", number), c.Exec("DELETE FROM indexes WHERE number = ?", number))
	})
}

// change runs edit on an index as one change, and answers the change's id.
func (s *Store) change(ctx context.Context, account, name string, edit func(c *sqlite.Conn, i *Index, number int64) error) (string, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return id, s.pool.Write(ctx, func(c *sqlite.Conn) error {
		i, number, err := find(c, account, name)
		if err != nil {
			return err
		}
		i.Changes++
		i.Last, i.LastOn, i.ModifiedOn = id, s.now(), s.now()
		if err := edit(c, &i, number); err != nil {
			return err
		}
		doc, err := json.Marshal(i)
		if err != nil {
			return fmt.Errorf("encoding an index: %w", err)
		}
		return c.Exec("UPDATE indexes SET doc = ? WHERE number = ?", string(doc), number)
	})
}

// AddProperty makes a metadata index. Vectors that are there already are not in it.
func (s *Store) AddProperty(ctx context.Context, account, name string, p Property) (string, error) {
	switch {
	case p.Name == "" || len(p.Name) > 512:
		return "", refuse(http.StatusBadRequest, 40018, "invalid property name %.80q", p.Name)
	case !slices.Contains([]string{"string", "number", "boolean"}, p.Type):
		return "", refuse(http.StatusBadRequest, 40018, "invalid index type %q: it is string, number or boolean", p.Type)
	}
	return s.change(ctx, account, name, func(_ *sqlite.Conn, i *Index, _ int64) error {
		if _, there := i.property(p.Name); there {
			return refuse(http.StatusConflict, 40019, "there is a metadata index of the property %q already", p.Name)
		}
		if len(i.Properties) == MaxProperties {
			return refuse(http.StatusBadRequest, 40020, "the index has %d metadata indexes, and no more are possible", MaxProperties)
		}
		p.Since = i.Changes
		i.Properties = append(i.Properties, p)
		return nil
	})
}

// RemoveProperty deletes a metadata index.
func (s *Store) RemoveProperty(ctx context.Context, account, name, property string) (string, error) {
	return s.change(ctx, account, name, func(_ *sqlite.Conn, i *Index, _ int64) error {
		if _, there := i.property(property); !there {
			return refuse(http.StatusNotFound, 40021, "there is no metadata index of the property %q", property)
		}
		i.Properties = slices.DeleteFunc(i.Properties, func(p Property) bool { return p.Name == property })
		return nil
	})
}

func (i *Index) property(name string) (Property, bool) {
	for _, p := range i.Properties {
		if p.Name == name {
			return p, true
		}
	}
	return Property{}, false
}

// Info is what an index tells about its vectors.
type Info struct {
	Dimensions int        `json:"dimensions"`
	Vectors    int        `json:"vectorCount"`
	LastOn     *time.Time `json:"processedUpToDatetime"`
	Last       string     `json:"processedUpToMutation"`
}

// Info counts an index's vectors. Every change that was answered is in it.
func (s *Store) Info(ctx context.Context, account, name string) (out Info, err error) {
	err = s.pool.Read(ctx, func(c *sqlite.Conn) error {
		i, number, err := find(c, account, name)
		if err != nil {
			return err
		}
		out = Info{Dimensions: i.Dimensions, Last: i.Last}
		if i.Last != "" {
			out.LastOn = &i.LastOn
		}
		out.Vectors, err = countOf(c, number)
		return err
	})
	return out, err
}
