// Package dataset is Workers Analytics Engine on this machine: data points that
// Workers write, and a small part of the SQL by which they are read.
package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Cloudflare's limits of one data point.
const (
	maxIndex = 96 // bytes
	maxBlobs = 20
	blobSize = 16 << 10 // bytes of all blobs together
	maxPoint = 64 << 10 // bytes of a call with many points, each
)

// Point is one data point.
type Point struct {
	Indexes []string  `json:"indexes"`
	Blobs   []string  `json:"blobs"`
	Doubles []float64 `json:"doubles"`
}

// Store holds the data points of all datasets in one file.
type Store struct {
	pool  *sqlite.Pool
	clock *clock.Clock
}

const schema = `
CREATE TABLE IF NOT EXISTS points(id INTEGER PRIMARY KEY, account TEXT NOT NULL, dataset TEXT NOT NULL, at INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS points_of ON points(account, dataset, at)`

// Open opens the file at path, which is made when it is missing.
func Open(path string, c *clock.Clock) (*Store, error) {
	pool, err := sqlite.OpenPool(path, 2, func(c *sqlite.Conn) error { return c.Script(schema) })
	if err != nil {
		return nil, fmt.Errorf("opening the Analytics Engine file: %w", err)
	}
	return &Store{pool: pool, clock: c}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.pool.Close() }

// Clear forgets all data points.
func (s *Store) Clear(ctx context.Context) error {
	return s.pool.Write(ctx, func(c *sqlite.Conn) error { return c.Exec(`DELETE FROM points`) })
}

// Write keeps data points. It refuses all of them when one breaks a limit.
func (s *Store) Write(ctx context.Context, account, dataset string, points ...Point) error {
	for _, p := range points {
		if err := p.check(); err != nil {
			return err
		}
	}
	at := s.clock.Now().UnixMilli()
	return s.pool.Write(ctx, func(c *sqlite.Conn) error {
		for _, p := range points {
			doc, err := json.Marshal(p)
			if err != nil {
				return fmt.Errorf("encoding a data point: %w", err)
			}
			if err := c.Exec(`INSERT INTO points(account, dataset, at, doc) VALUES(?, ?, ?, ?)`, account, dataset, at, string(doc)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p Point) check() error {
	size := 0
	for _, b := range p.Blobs {
		size += len(b)
	}
	switch {
	case len(p.Indexes) > 1:
		return fmt.Errorf("a data point has %d indexes, and can have 1", len(p.Indexes))
	case len(p.Indexes) == 1 && len(p.Indexes[0]) > maxIndex:
		return fmt.Errorf("the index of a data point has %d bytes, and can have %d", len(p.Indexes[0]), maxIndex)
	case len(p.Blobs) > maxBlobs || len(p.Doubles) > maxBlobs:
		return fmt.Errorf("a data point has %d blobs and %d doubles, and can have %d of each", len(p.Blobs), len(p.Doubles), maxBlobs)
	case size > blobSize:
		return fmt.Errorf("the blobs of a data point have %d bytes, and can have %d", size, blobSize)
	}
	return nil
}

// Binding answers js/bindings/analytics_engine.js; id is ACCOUNT/DATASET.
func (s *Store) Binding(w http.ResponseWriter, r *http.Request, id string) {
	account, dataset, _ := strings.Cut(id, "/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1000*maxPoint))
	var points []Point
	if err == nil {
		err = json.Unmarshal(body, &points)
	}
	if err == nil {
		err = s.Write(r.Context(), account, dataset, points...)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// datasets are the names of an account's datasets that have data points.
func (s *Store) datasets(ctx context.Context, account string) ([]string, error) {
	names := []string{}
	err := s.pool.Read(ctx, func(c *sqlite.Conn) error {
		return c.Query(func(st *sqlite.Stmt) error {
			names = append(names, st.ColumnText(0))
			return nil
		}, `SELECT DISTINCT dataset FROM points WHERE account = ? ORDER BY dataset`, account)
	})
	return names, err
}

// row is a data point as SQL sees it.
type row struct {
	Point
	dataset string
	at      time.Time
}

// column is the value of a column; ok is false for a name that is none.
func (r row) column(name string) (v any, ok bool) {
	switch name {
	case "dataset":
		return r.dataset, true
	case "timestamp":
		return r.at, true
	case "_sample_interval":
		return 1.0, true
	case "index1":
		return at(r.Indexes, 1, ""), true
	}
	var n int
	if _, err := fmt.Sscanf(name, "blob%d", &n); err == nil && n >= 1 && n <= maxBlobs && name == fmt.Sprint("blob", n) {
		return at(r.Blobs, n, ""), true
	}
	if _, err := fmt.Sscanf(name, "double%d", &n); err == nil && n >= 1 && n <= maxBlobs && name == fmt.Sprint("double", n) {
		return at(r.Doubles, n, 0.0), true
	}
	return nil, false
}

// at is the n-th value, counted from 1, or what stands for one that was not written.
func at[T any](all []T, n int, none T) any {
	if n > len(all) {
		return none
	}
	return all[n-1]
}

// each hands the data points of a dataset to fn.
func (s *Store) each(ctx context.Context, account, dataset string, fn func(row) error) error {
	return s.pool.Read(ctx, func(c *sqlite.Conn) error {
		c.Interrupt(ctx.Done())
		defer c.Interrupt(nil)
		return c.Query(func(st *sqlite.Stmt) error {
			r := row{dataset: dataset, at: time.UnixMilli(st.ColumnInt64(0)).UTC().Truncate(time.Second)}
			if err := json.Unmarshal([]byte(st.ColumnText(1)), &r.Point); err != nil {
				return fmt.Errorf("reading a data point: %w", err)
			}
			return fn(r)
		}, `SELECT at, doc FROM points WHERE account = ? AND dataset = ? ORDER BY at, id`, account, dataset)
	})
}
