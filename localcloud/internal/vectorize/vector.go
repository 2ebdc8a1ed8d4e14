package vectorize

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Vector is one vector as clients send and get it.
type Vector struct {
	ID        string          `json:"id"`
	Values    []float32       `json:"values,omitempty"`
	Namespace string          `json:"namespace,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"` // an object, or nil
}

// maxLine is the length of one vector in JSON that is read: more than any can have.
const maxLine = 1 << 20

// whyNot says why a line is no vector, without the names of our types; nil is a line
// that is no object.
func whyNot(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case err == nil || ok && wrong.Field == "":
		return "it is not an object"
	case ok:
		return fmt.Sprintf("its %q cannot be of type %s", wrong.Field, wrong.Value)
	}
	return err.Error()
}

// Parse reads vectors, one JSON object a line. Lines that are none end it with an
// *Error, unless discard says that they do not count.
func Parse(r io.Reader, discard bool) ([]Vector, error) {
	var all []Vector
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var v Vector
		if err := json.Unmarshal(line, &v); err != nil || line[0] != '{' {
			if discard {
				continue
			}
			return nil, refuse(http.StatusBadRequest, 40009, "line %d is not a vector in JSON: %s", n, whyNot(err))
		}
		if string(v.Metadata) == "null" {
			v.Metadata = nil
		}
		if all = append(all, v); len(all) > MaxBatch {
			return nil, refuse(http.StatusRequestEntityTooLarge, 40010, "a change has at most %d vectors", MaxBatch)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, refuse(http.StatusRequestEntityTooLarge, 40010, "a line has more than %d bytes", maxLine)
	} else if err != nil {
		return nil, err
	}
	return all, nil
}

// check refuses what the index cannot take.
func (v *Vector) check(i *Index) error {
	var metadata map[string]json.RawMessage
	switch {
	case v.ID == "" || len(v.ID) > MaxID:
		return refuse(http.StatusBadRequest, 40008, "invalid vector id %.80q: it has 1 to %d bytes", v.ID, MaxID)
	case len(v.Values) != i.Dimensions:
		return refuse(http.StatusBadRequest, 40012, "invalid vector for id=%q, expected %d dimensions, and got %d dimensions", v.ID, i.Dimensions, len(v.Values))
	case len(v.Namespace) > MaxID:
		return refuse(http.StatusBadRequest, 40013, "invalid namespace for id=%q: it has at most %d bytes", v.ID, MaxID)
	case len(v.Metadata) > MaxMetadata:
		return refuse(http.StatusBadRequest, 40014, "invalid metadata for id=%q: it has %d bytes, more than %d", v.ID, len(v.Metadata), MaxMetadata)
	case v.Metadata != nil && json.Unmarshal(v.Metadata, &metadata) != nil:
		return refuse(http.StatusBadRequest, 40014, "invalid metadata for id=%q: it is not an object", v.ID)
	}
	for key := range metadata {
		if key == "" || strings.HasPrefix(key, "$") || strings.ContainsAny(key, `."`) {
			return refuse(http.StatusBadRequest, 40014, "invalid metadata for id=%q: a key cannot be empty, begin with $, or have a dot or a quote: %q", v.ID, key)
		}
	}
	return nil
}

// Insert adds vectors; those whose ids are taken stay as they are.
func (s *Store) Insert(ctx context.Context, account, name string, vectors []Vector) (string, error) {
	return s.put(ctx, account, name, "ON CONFLICT DO NOTHING", vectors)
}

// Upsert adds vectors; those whose ids are taken replace the old ones.
func (s *Store) Upsert(ctx context.Context, account, name string, vectors []Vector) (string, error) {
	return s.put(ctx, account, name, "ON CONFLICT DO UPDATE SET namespace = excluded.namespace, metadata = excluded.metadata, change = excluded.change, floats = excluded.floats", vectors)
}

func (s *Store) put(ctx context.Context, account, name, conflict string, vectors []Vector) (string, error) {
	if len(vectors) == 0 {
		return "", refuse(http.StatusBadRequest, 40009, "there are no vectors in the request")
	}
	return s.change(ctx, account, name, func(c *sqlite.Conn, i *Index, number int64) error {
		for _, v := range vectors {
			if err := v.check(i); err != nil {
				return err
			}
			var metadata any
			if v.Metadata != nil {
				metadata = string(v.Metadata)
			}
			if err := c.Exec("INSERT INTO vectors(of, id, namespace, metadata, change, floats) VALUES(?, ?, ?, ?, ?, ?) "+conflict,
				number, v.ID, v.Namespace, metadata, i.Changes, encode(v.Values)); err != nil {
				return err
			}
		}
		return nil
	})
}

func encode(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// decode appends values.
func decode(into []float32, b []byte) []float32 {
	for ; len(b) >= 4; b = b[4:] {
		into = append(into, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return into
}

func checkIDs(ids []string) error {
	if len(ids) == 0 || len(ids) > MaxIDs {
		return refuse(http.StatusBadRequest, 40011, "the request has %d ids: 1 to %d are possible", len(ids), MaxIDs)
	}
	return nil
}

// DeleteIDs deletes vectors by their ids; those that are not there do not matter.
func (s *Store) DeleteIDs(ctx context.Context, account, name string, ids []string) (string, error) {
	if err := checkIDs(ids); err != nil {
		return "", err
	}
	return s.change(ctx, account, name, func(c *sqlite.Conn, _ *Index, number int64) error {
		for _, id := range ids {
			if err := c.Exec("DELETE FROM vectors WHERE of = ? AND id = ?", number, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Get is the vectors that have the ids, in the order of the ids.
func (s *Store) Get(ctx context.Context, account, name string, ids []string) ([]Vector, error) {
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	found := []Vector{}
	err := s.pool.Read(ctx, func(c *sqlite.Conn) error {
		_, number, err := find(c, account, name)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := c.Query(func(row *sqlite.Stmt) error {
				found = append(found, vector(row))
				return nil
			}, "SELECT id, namespace, metadata, floats FROM vectors WHERE of = ? AND id = ?", number, id); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// vector reads the columns id, namespace, metadata, floats.
func vector(row *sqlite.Stmt) Vector {
	floats := make([]byte, row.ColumnLen(3))
	row.ColumnBytes(3, floats)
	v := Vector{ID: row.ColumnText(0), Namespace: row.ColumnText(1), Values: decode(make([]float32, 0, len(floats)/4), floats)}
	if text := row.ColumnText(2); text != "" {
		v.Metadata = json.RawMessage(text)
	}
	return v
}

// Page is a part of the ids of an index, in their order.
type Page struct {
	IDs     []string
	Total   int
	Next    string    // the cursor of the next page, "" at the end
	Expires time.Time // of the cursor, as Cloudflare tells it; here it does not
}

// List is the ids after the cursor, which is the last id of the page before.
func (s *Store) List(ctx context.Context, account, name, after string, count int) (p Page, err error) {
	err = s.pool.Read(ctx, func(c *sqlite.Conn) error {
		_, number, err := find(c, account, name)
		if err != nil {
			return err
		}
		if p.Total, err = countOf(c, number); err != nil {
			return err
		}
		return c.Query(func(row *sqlite.Stmt) error {
			if len(p.IDs) == count {
				p.Next, p.Expires = p.IDs[count-1], s.now().Add(24*time.Hour)
				return nil
			}
			p.IDs = append(p.IDs, row.ColumnText(0))
			return nil
		}, "SELECT id FROM vectors WHERE of = ? AND id > ? ORDER BY id LIMIT ?", number, after, count+1)
	})
	return p, err
}

func countOf(c *sqlite.Conn, number int64) (n int, err error) {
	err = c.Query(func(row *sqlite.Stmt) error {
		n = row.ColumnInt(0)
		return nil
	}, "SELECT count(*) FROM vectors WHERE of = ?", number)
	return n, err
}
