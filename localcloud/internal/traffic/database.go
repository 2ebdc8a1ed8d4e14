package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
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
CREATE INDEX IF NOT EXISTS invocations_at ON invocations(account, at);
CREATE INDEX IF NOT EXISTS invocations_of ON invocations(account, script, at);
`

// database is traffic.db: one connection for the writer, a few for queries.
type database struct {
	writer  *sqlite.Conn
	readers chan *sqlite.Conn
}

func openDatabase(path string) (*database, error) {
	// URLs and logs are nobody else's business.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the record of the traffic: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, fmt.Errorf("opening the record of the traffic: %w", err)
	}
	db := &database{readers: make(chan *sqlite.Conn, reading)}
	if db.writer, err = sqlite.Open(sqlite.Options{Path: path}); err != nil {
		return nil, err
	}
	for statement := range strings.SplitSeq(schema, ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := db.writer.Exec(statement); err != nil {
			return nil, errors.Join(fmt.Errorf("preparing the record of the traffic: %w", err), db.close())
		}
	}
	for range reading {
		r, err := sqlite.Open(sqlite.Options{Path: path})
		if err != nil {
			return nil, errors.Join(err, db.close())
		}
		db.readers <- r
	}
	return db, nil
}

// close closes what nobody uses any more.
func (db *database) close() error {
	var errs []error
	for {
		select {
		case c := <-db.readers:
			errs = append(errs, c.Close())
		default:
			return errors.Join(append(errs, db.writer.Close())...)
		}
	}
}

func (db *database) last() (id int64, err error) {
	err = db.writer.Query(func(s *sqlite.Stmt) error { id = s.ColumnInt64(0); return nil }, "SELECT coalesce(max(id), 0) FROM invocations")
	return id, err
}

// change runs fn in a transaction of the writer.
func (db *database) change(fn func(*sqlite.Conn) error) (err error) {
	if err := db.writer.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if !db.writer.Autocommit() {
			err = errors.Join(err, db.writer.Exec("ROLLBACK"))
		}
	}()
	if err := fn(db.writer); err != nil {
		return err
	}
	return db.writer.Exec("COMMIT")
}

func put(c *sqlite.Conn, r Record) error {
	detail, err := json.Marshal(r.Detail)
	if err != nil {
		return fmt.Errorf("encoding a record: %w", err)
	}
	return c.Exec(`INSERT OR REPLACE INTO invocations(`+columns+`) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		r.ID, r.Time.UnixMicro(), r.Account, r.Script, r.Version, r.Entrypoint, r.Trigger, r.Outcome, r.Method, r.URL, r.Status, r.Ray,
		micros(r.Wall), micros(r.Duration), micros(r.CPU), r.Bytes, string(detail))
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

// read lends a connection for one query, which ends with ctx.
func (db *database) read(ctx context.Context, fn func(*sqlite.Conn) error) error {
	var c *sqlite.Conn
	select {
	case c = <-db.readers:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the record of the traffic: %w", context.Cause(ctx))
	}
	c.Interrupt(ctx.Done())
	defer func() {
		c.Interrupt(nil)
		db.readers <- c
	}()
	return fn(c)
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
