package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// reading is how many queries run side by side.
const reading = 4

// tables are those of the schema; all of them have an id and a time.
var tables = []string{"invocations", "d1_calls", "d1_statements"}

const schema = `
CREATE TABLE IF NOT EXISTS d1_calls(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, last INTEGER NOT NULL, database TEXT NOT NULL, entries BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS d1_calls_at ON d1_calls(database, at);
CREATE TABLE IF NOT EXISTS d1_statements(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, last INTEGER NOT NULL, database TEXT NOT NULL, text TEXT NOT NULL, entries BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS d1_statements_at ON d1_statements(database, at);
CREATE TABLE IF NOT EXISTS invocations(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, account TEXT NOT NULL, script TEXT NOT NULL, version TEXT NOT NULL, entrypoint TEXT NOT NULL,
  kind TEXT NOT NULL, outcome TEXT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL, status INTEGER NOT NULL, ray TEXT NOT NULL,
  wall INTEGER NOT NULL, duration INTEGER NOT NULL, cpu INTEGER NOT NULL, bytes INTEGER NOT NULL, detail TEXT NOT NULL) STRICT;
DROP INDEX IF EXISTS invocations_at;
DROP INDEX IF EXISTS invocations_of;
CREATE INDEX IF NOT EXISTS invocations_time ON invocations(at);
`

// database is traffic.db.
type database struct{ pool *sqlite.Pool }

func openDatabase(path string) (*database, error) {
	pool, err := sqlite.OpenPool(path, reading, func(c *sqlite.Conn) error { return c.Script(schema) })
	if err != nil {
		return nil, fmt.Errorf("opening the record of the traffic: %w", err)
	}
	return &database{pool}, nil
}

func (db *database) close() error { return db.pool.Close() }

func (db *database) last() (id int64, err error) {
	err = db.read(context.Background(), func(c *sqlite.Conn) error {
		return c.Query(func(s *sqlite.Stmt) error { id = s.ColumnInt64(0); return nil }, "SELECT coalesce(max(id), 0) FROM invocations")
	})
	return id, err
}

// change runs fn as one change.
func (db *database) change(fn func(*sqlite.Conn) error) error {
	return db.pool.Write(context.Background(), fn)
}

// read lends a connection for one query, which ends with ctx.
func (db *database) read(ctx context.Context, fn func(*sqlite.Conn) error) error {
	return db.pool.Read(ctx, func(c *sqlite.Conn) error {
		c.Interrupt(ctx.Done())
		defer c.Interrupt(nil)
		return fn(c)
	})
}

func put(c *sqlite.Conn, r Record) error {
	detail, err := r.Detail.encode()
	if err != nil {
		return fmt.Errorf("encoding a record: %w", err)
	}
	return c.Exec(`INSERT OR REPLACE INTO invocations(`+columns+`) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		r.ID, r.Time.UnixMicro(), r.Account, r.Script, r.Version, r.Entrypoint, r.Trigger, r.Outcome, r.Method, r.URL, r.Status, r.Ray,
		micros(r.Wall), micros(r.Duration), micros(r.CPU), r.Bytes, detail)
}

// encode is what json.Marshal makes of d, faster for the most frequent.
func (d *Detail) encode() (string, error) {
	if len(d.Logs)+len(d.Exceptions)+len(d.Diagnostics) > 0 || d.ObjectID != "" || d.Truncated || len(d.Event) == 0 {
		b, err := json.Marshal(d)
		return string(b), err
	}
	b := append(make([]byte, 0, len(d.Event)+128), `{"event":`...)
	b = append(b, d.Event...)
	if d.Model != "" {
		b = appendText(append(b, `,"model":`...), d.Model)
	}
	if d.ClientIP != "" {
		b = appendText(append(b, `,"ip":`...), d.ClientIP)
	}
	if d.Traced {
		b = append(b, `,"traced":true`...)
	}
	return string(append(b, '}')), nil
}

const columns = `id, at, account, script, version, entrypoint, kind, outcome, method, url, status, ray, wall, duration, cpu, bytes, detail`

func micros(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Microseconds()
}

func duration(micros int64) time.Duration {
	if micros < 0 {
		return -1
	}
	return time.Duration(micros) * time.Microsecond
}

func scan(s *sqlite.Stmt) (Record, error) {
	r := Record{
		ID: s.ColumnInt64(0), Time: time.UnixMicro(s.ColumnInt64(1)).UTC(), Account: s.ColumnText(2), Script: s.ColumnText(3), Version: s.ColumnText(4),
		Entrypoint: s.ColumnText(5), Trigger: s.ColumnText(6), Outcome: s.ColumnText(7), Method: s.ColumnText(8), URL: s.ColumnText(9),
		Status: s.ColumnInt(10), Ray: s.ColumnText(11), Wall: duration(s.ColumnInt64(12)), Duration: duration(s.ColumnInt64(13)),
		CPU: duration(s.ColumnInt64(14)), Bytes: s.ColumnInt64(15),
	}
	if s.ColumnCount() > 16 {
		if err := json.Unmarshal([]byte(s.ColumnText(16)), &r.Detail); err != nil {
			return r, fmt.Errorf("reading a record of the traffic: %w", err)
		}
	}
	return r, nil
}

// rows runs a query that is made anew each time.
func rows(c *sqlite.Conn, row func(*sqlite.Stmt) error, query string, args []any) (err error) {
	stmt, _, err := c.Prepare(query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stmt.Finalize()) }()
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			stmt.BindText(i+1, v)
		case int64:
			stmt.BindInt64(i+1, v)
		default:
			return fmt.Errorf("argument %d has type %T", i+1, arg)
		}
	}
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		if err := row(stmt); err != nil {
			return err
		}
	}
}
