package d1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/history"
)

// Statement is SQL, possibly several statements, and the values for its
// parameters: JSON numbers (bound as REAL, as D1 does), strings, null, booleans,
// and arrays of bytes. With several statements only the last may have parameters.
type Statement struct {
	SQL    string            `json:"sql"`
	Params []json.RawMessage `json:"params"`
}

// Request is one call: all its statements succeed, or none has an effect.
type Request struct {
	Batch []Statement
	// Rows asks for {"columns":[…],"rows":[[…]]} instead of an array of objects.
	Rows bool
	// EveryStatement gives a result for each SQL statement, as the REST API does;
	// without it there is one for each element of Batch, that of its last statement.
	EveryStatement bool

	session bool // the bookmark after it is asked for
}

// Error is what D1 says about a call that failed; nothing of the call was kept.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

// DB is one database. Its calls run one at a time, as on Cloudflare.
type DB struct {
	id     string
	store  *Store
	turn   turn
	conn   *sqlite.Conn // nil when closed
	guard  *guard
	cache  *cache
	cancel chan struct{} // closing it interrupts conn
	size   int64         // bytes

	history *history.Log
	frames  int // in the write-ahead log

	jobs jobs
}

// jobs are what goes on beside the calls.
type jobs struct {
	sync.Mutex
	last  map[Kind]*Job
	group sync.WaitGroup
	ctx   context.Context // ends with the database
	stop  context.CancelFunc
}

func openDB(store *Store, id string) (_ *DB, err error) {
	d := &DB{id: id, store: store, guard: &guard{trusted: true}, cache: newCache(256), turn: newTurn()}
	d.jobs.last = map[Kind]*Job{}
	d.jobs.ctx, d.jobs.stop = context.WithCancel(context.Background())
	path := store.path(id)
	defer func() {
		if err != nil {
			err = fmt.Errorf("opening database %s: %w", id, errors.Join(err, d.close()))
		}
	}()
	// Before SQLite touches what a killed process left, the history takes it.
	if d.history, err = history.Open(store.history(id), path, store.keep); err != nil {
		return nil, err
	}
	if d.conn, err = sqlite.Open(sqlite.Options{Path: path, Exclusive: true, DoubleQuotedStrings: true}); err != nil {
		return nil, err
	}
	if err := d.conn.OnCommit(d.committed); err != nil {
		return nil, err
	}
	limit(d.conn)
	if err := d.conn.Authorize(d.guard.check); err != nil {
		return nil, err
	}
	if err := d.checkpoint(); err != nil {
		return nil, err
	}
	if err := d.history.Start(); err != nil {
		return nil, err
	}
	if err := d.measure(); err != nil {
		return nil, err
	}
	d.guard.trusted = false
	d.resetInterrupt()
	return d, nil
}

func (d *DB) close() error {
	d.jobs.Lock()
	d.jobs.stop()
	d.jobs.Unlock()
	d.jobs.group.Wait()
	d.turn.Lock()
	defer d.turn.Unlock()
	var err error
	if d.conn != nil {
		d.cache.clear()
		err = errors.Join(d.archive(), d.conn.Close())
		d.conn = nil
	}
	if d.history != nil {
		err = errors.Join(err, d.history.Close())
		d.history = nil
	}
	return err
}

func (d *DB) resetInterrupt() {
	d.cancel = make(chan struct{})
	d.conn.Interrupt(d.cancel)
}

// Query runs r and returns a JSON array of results, each {"success":true,
// "results":…,"meta":{…}}. The error is an *Error when SQL is to blame, else
// ErrNotFound for a database deleted meanwhile, or a fault of the machine.
func (d *DB) Query(ctx context.Context, r Request) (json.RawMessage, error) {
	out, _, err := d.run(ctx, r)
	return out, err
}

// run is Query that also returns the bookmark after it, in a session.
func (d *DB) run(ctx context.Context, r Request) (out json.RawMessage, bookmark string, err error) {
	err = d.hold(ctx, func() error {
		out, bookmark, err = d.runNow(r)
		return err
	})
	return out, bookmark, err
}

func (d *DB) runNow(r Request) (json.RawMessage, string, error) {
	start := time.Now()
	q := &query{db: d, request: r, out: make([]byte, 0, 512)}
	err := d.execute(q)
	bookmark := ""
	if r.session {
		bookmark = d.bookmark()
	}
	d.archiveWhenLong()
	d.store.observed(Call{
		Database: d.id, Reads: q.reads, Writes: q.writes, RowsRead: q.rowsRead, RowsWritten: q.rowsWritten,
		Duration: time.Since(start), ResponseBytes: len(q.out), Executed: q.executed, Err: err,
	})
	if err != nil {
		return nil, "", err
	}
	return q.out, bookmark, nil
}

// execute runs q to its end, of which there is one within QueryTimeout.
func (d *DB) execute(q *query) error {
	cancel := d.cancel
	timer := time.AfterFunc(QueryTimeout, func() { close(cancel) })
	err := q.all()
	if !timer.Stop() {
		<-cancel
		d.resetInterrupt()
	}
	if rollback := d.settle(err); rollback != nil {
		return rollback
	}
	if err != nil {
		return explain(err)
	}
	return nil
}

// settle undoes what a failed call left open.
func (d *DB) settle(failed error) error {
	if failed == nil || d.conn.Autocommit() {
		return nil
	}
	d.cache.outdate() // what was compiled may be about tables that there never were
	if err := d.own("ROLLBACK"); err != nil {
		return fmt.Errorf("undoing a failed call (%w): %w", failed, err)
	}
	return d.measure()
}

// own runs a statement that callers are refused.
func (d *DB) own(sql string) error { return d.trusting(func() error { return d.conn.Exec(sql) }) }

// trusting runs what callers are refused.
func (d *DB) trusting(f func() error) error {
	before := d.guard.trusted
	d.guard.trusted = true
	defer func() { d.guard.trusted = before }()
	return f()
}

// measure reads the size of the database.
func (d *DB) measure() error {
	return d.trusting(func() error {
		return d.conn.Query(func(s *sqlite.Stmt) error { d.size = s.ColumnInt64(0) * pageSize; return nil }, "PRAGMA page_count")
	})
}

// pageSize is SQLite's default, which callers cannot change.
const pageSize = 4096

// Info is what the API tells about a database.
type Info struct {
	Size   int64 // bytes
	Tables int   // of the user
}

// Info measures the database.
func (d *DB) Info(ctx context.Context) (info Info, err error) {
	err = d.hold(ctx, func() error {
		info.Size = d.size
		return d.conn.Query(func(s *sqlite.Stmt) error { info.Tables = s.ColumnInt(0); return nil },
			`SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_cf\_%' ESCAPE '\'`)
	})
	return info, err
}

// Dump is the database as the bytes of an SQLite file.
func (d *DB) Dump(ctx context.Context) (file []byte, err error) {
	err = d.hold(ctx, func() error {
		return d.trusting(func() (err error) {
			file, err = d.conn.Serialize()
			return err
		})
	})
	return file, err
}

// hold runs f when it is this call's turn.
func (d *DB) hold(ctx context.Context, f func() error) error {
	if err := d.turn.take(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	if d.conn == nil {
		return ErrNotFound
	}
	return f()
}
