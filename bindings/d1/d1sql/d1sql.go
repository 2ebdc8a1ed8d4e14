// Package d1sql is a D1 database for database/sql, for code that is written to it.
//
//	var db = d1sql.Open("DB") // the name of the binding
//
//	err := db.QueryRowContext(r.Context(), "SELECT name FROM users WHERE id = ?", id).Scan(&name)
//
// Every call needs the context of the request, as those of package d1. Errors of D1 are
// [*d1.Error]. What differs from other databases:
//
//   - There are no transactions: Begin is [ErrNoTransactions]. Statements that belong
//     together are sent by the Batch of package d1.
//   - There are no named parameters, only ? and ?1.
//   - D1 has no times: they are stored as texts, and [Time] scans them.
//   - D1 does not tell the types of columns. ColumnTypes are those of the first row.
//
// It adds some 0.25 MB to what is uploaded of a service, compressed.
package d1sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
)

// ErrNoTransactions is why Begin fails.
var ErrNoTransactions = errors.New("d1sql: D1 has no transactions that stay open: send statements that belong together with the Batch of package d1")

// Open is the database that the binding of that name is for. It holds nothing of a request
// and serves all of them; it need not be closed.
func Open(binding string) *sql.DB { return sql.OpenDB(connector{d1.Open(binding)}) }

// connector is a database without connections: each call is a request of its own.
type connector struct{ db *d1.DB }

func (c connector) Connect(context.Context) (driver.Conn, error) { return conn(c), nil }
func (c connector) Driver() driver.Driver                        { return open{} }

// open makes databases of the names of bindings, as sql.Open would.
type open struct{}

func (open) Open(binding string) (driver.Conn, error) { return conn{d1.Open(binding)}, nil }

type conn struct{ db *d1.DB }

var (
	_ driver.QueryerContext    = conn{}
	_ driver.ExecerContext     = conn{}
	_ driver.ConnBeginTx       = conn{}
	_ driver.Pinger            = conn{}
	_ driver.StmtQueryContext  = statement{}
	_ driver.StmtExecContext   = statement{}
	_ driver.NamedValueChecker = conn{}
)

func (c conn) Prepare(query string) (driver.Stmt, error) { return statement{c, query}, nil }
func (c conn) Close() error                              { return nil }
func (c conn) Begin() (driver.Tx, error)                 { return nil, ErrNoTransactions }

func (c conn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	return nil, ErrNoTransactions
}

func (c conn) Ping(ctx context.Context) error { return c.db.Prepare("SELECT 1").First(ctx, nil) }

// CheckNamedValue leaves numbers as they are, which package d1 checks, and asks Valuers.
func (c conn) CheckNamedValue(v *driver.NamedValue) error {
	if v.Name != "" {
		return fmt.Errorf("d1sql: the parameter %q has a name, and D1 has only numbers", v.Name)
	}
	valuer, ok := v.Value.(driver.Valuer)
	if !ok {
		return nil
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(valuer)
	v.Value = value
	return err
}

func (c conn) bind(query string, args []driver.NamedValue) *d1.Stmt {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	return c.db.Prepare(query).Bind(values...)
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.bind(query, args).Raw(ctx)
	if err != nil {
		return nil, err
	}
	return newRows(r)
}

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	m, err := c.bind(query, args).Run(ctx)
	if err != nil {
		return nil, err
	}
	return result(m), nil
}

type statement struct {
	conn
	query string
}

func (s statement) NumInput() int { return -1 } // D1 says what is wrong

func (s statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

func (s statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

// errNoContext is of the old methods of drivers, which nobody calls.
var errNoContext = errors.New("d1sql: a query needs the context of its request")

func (s statement) Query([]driver.Value) (driver.Rows, error)  { return nil, errNoContext }
func (s statement) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }

type result d1.Meta

func (r result) LastInsertId() (int64, error) { return r.LastRowID, nil }
func (r result) RowsAffected() (int64, error) { return r.Changes, nil }

// rows are one row ahead, so that the types of the first are known.
type rows struct {
	from  *d1.Rows
	types []string
	next  []any
	more  bool
}

func newRows(from *d1.Rows) (*rows, error) {
	r := &rows{from: from}
	if err := r.advance(); err != nil {
		return nil, err
	}
	r.types = make([]string, len(from.Columns()))
	for i := range r.types {
		if r.more {
			r.types[i] = typeOf(r.next[i])
		}
	}
	return r, nil
}

func (r *rows) advance() error {
	if r.more = r.from.Next(); !r.more {
		return r.from.Err()
	}
	r.next = make([]any, len(r.from.Columns()))
	dest := make([]any, len(r.next))
	for i := range dest {
		dest[i] = &r.next[i]
	}
	return r.from.Scan(dest...)
}

func (r *rows) Columns() []string { return r.from.Columns() }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if !r.more {
		return io.EOF
	}
	for i, v := range r.next {
		dest[i] = v
	}
	return r.advance()
}

// ColumnTypeDatabaseTypeName is the type of the first row's value: TEXT, INTEGER, REAL,
// BLOB or NULL; "" without a row.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.types[i] }

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "NULL"
	case string:
		return "TEXT"
	case int64:
		return "INTEGER"
	case []byte:
		return "BLOB"
	}
	return "REAL"
}

// Time scans a time that D1 has as a text, in the form in which times are stored, in that
// of RFC 3339 and in those of SQLite's functions:
//
//	err := row.Scan((*d1sql.Time)(&created))
type Time time.Time

// Scan implements [sql.Scanner]. NULL is the zero time.
func (t *Time) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*t = Time{}
		return nil
	case string:
		parsed, err := d1.ParseTime(src)
		*t = Time(parsed)
		return err
	}
	return fmt.Errorf("d1sql: a %T is no time", src)
}

// Value implements [driver.Valuer].
func (t Time) Value() (driver.Value, error) { return time.Time(t), nil }
