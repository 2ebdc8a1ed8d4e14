// Package sqlite is the little of SQLite that clodo needs at a low level: typed
// columns, statement tails, change counts, an authorizer, limits and interrupts.
// Its types and constants are the driver's own.
package sqlite

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
	driver "zombiezen.com/go/sqlite"
)

// The driver's own types, under this package's name.
type (
	Stmt         = driver.Stmt
	Action       = driver.Action
	AuthResult   = driver.AuthResult
	ResultCode   = driver.ResultCode
	ColumnType   = driver.ColumnType
	Limit        = driver.Limit
	AuthorizerFn = driver.AuthorizeFunc
)

// Options say how Open opens a database.
type Options struct {
	// Path is a file, created when missing; its folder has to exist. "" is a database in
	// memory, of this connection alone.
	Path string
	// Full makes every commit survive a loss of power (synchronous=FULL). Without it
	// commits survive the death of the process (synchronous=NORMAL). Both use WAL.
	Full bool
	// Exclusive keeps other connections and programs out until Close, and with them the
	// cost of locking for each statement.
	Exclusive bool
	// DoubleQuotedStrings accepts "text" as a string where no column has that name,
	// as SQLite's own default and D1 do.
	DoubleQuotedStrings bool
}

// Conn is one connection. It is for one goroutine at a time, except Interrupt's
// channel.
type Conn struct {
	driver *driver.Conn
	tls    *libc.TLS
	handle uintptr // sqlite3*
	commit func(tls *libc.TLS, arg, db, name uintptr, frames int32) int32
}

// Open opens a database with foreign keys on. A file that has to be made is for its
// owner only, and SQLite gives the files beside it the same mode.
func Open(o Options) (*Conn, error) {
	if o.Path == "" {
		o.Path = ":memory:"
	} else if err := touch(o.Path); err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Path, err)
	}
	d, err := driver.OpenConn(o.Path, driver.OpenReadWrite, driver.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Path, err)
	}
	c := &Conn{driver: d, tls: libc.NewTLS(), handle: uintptr(reflect.ValueOf(d).Elem().FieldByName("conn").Uint())}
	synchronous := "NORMAL"
	if o.Full {
		synchronous = "FULL"
	}
	if o.Exclusive {
		err = c.Exec("PRAGMA locking_mode=EXCLUSIVE") // first: WAL then needs no shared memory
	}
	err = errors.Join(err, c.Exec("PRAGMA journal_mode=WAL"), c.Exec("PRAGMA synchronous="+synchronous), c.Exec("PRAGMA foreign_keys=ON"))
	if o.DoubleQuotedStrings {
		err = errors.Join(err, c.enable(lib.SQLITE_DBCONFIG_DQS_DDL), c.enable(lib.SQLITE_DBCONFIG_DQS_DML))
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Path, errors.Join(err, c.Close()))
	}
	return c, nil
}

// touch makes a file for its owner only, unless it is there.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// enable turns on a switch that the driver keeps off and has no call for.
func (c *Conn) enable(option int32) error {
	args := libc.NewVaList(int32(1), uintptr(0))
	if args == 0 {
		return errors.New("setting an option: out of memory")
	}
	defer libc.Xfree(c.tls, args)
	if err := ResultCode(lib.Xsqlite3_db_config(c.tls, c.handle, option, args)).ToError(); err != nil {
		return fmt.Errorf("setting an option: %w", err)
	}
	return nil
}

// OnCommit has committed called after each commit to the write-ahead log, with the
// number of page images that the log then holds. The log is left to the caller: it
// is not moved into the database any more, except by PRAGMA wal_checkpoint.
func (c *Conn) OnCommit(committed func(frames int)) error {
	c.commit = func(_ *libc.TLS, _, _, _ uintptr, frames int32) int32 {
		committed(int(frames))
		return lib.SQLITE_OK
	}
	// What C calls a function is the address that a Go function value holds; the field
	// keeps it alive.
	lib.Xsqlite3_wal_hook(c.tls, c.handle, *(*uintptr)(unsafe.Pointer(&c.commit)), 0)
	return c.enable(lib.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE)
}

// CopyFrom makes the database what the one at path is, in one transaction. Nobody
// may use that one meanwhile. The statements of c go on working.
func (c *Conn) CopyFrom(path string) error {
	src, err := driver.OpenConn(path, driver.OpenReadWrite)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	b, err := driver.NewBackup(c.driver, "main", src, "main")
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = b.Step(-1)
	if err = errors.Join(err, b.Close(), src.Close()); err != nil {
		return fmt.Errorf("copying %s: %w", path, err)
	}
	// SQLite tells of a commit at the end of a statement, and this was none.
	return c.Exec("PRAGMA page_count")
}

// Close closes the connection; statements from Prepare have to be finalized first.
func (c *Conn) Close() error {
	err := c.driver.Close()
	c.tls.Close()
	return err
}

// Prepare compiles the first statement of text and returns how many bytes of text
// follow it. A text without a statement gives a statement for which Empty is true.
// The caller finalizes the statement.
func (c *Conn) Prepare(text string) (stmt *Stmt, rest int, err error) {
	return c.driver.PrepareTransient(text)
}

// Own returns a statement that stays prepared until Close: for a small fixed set
// of texts.
func (c *Conn) Own(text string) (*Stmt, error) { return c.driver.Prepare(text) }

// Script runs statements that end with semicolons, none of which has one inside.
func (c *Conn) Script(text string) error {
	for statement := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := c.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// Exec runs one statement of a fixed set with text, integer, bytes or nil arguments.
func (c *Conn) Exec(text string, args ...any) error {
	return c.Query(func(*Stmt) error { return nil }, text, args...)
}

// Query is Exec that hands every row to row.
func (c *Conn) Query(row func(*Stmt) error, text string, args ...any) error {
	stmt, err := c.Own(text)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Reset() }() // repeats the error of Step
	for i, arg := range args {
		switch v := arg.(type) {
		case nil:
			stmt.BindNull(i + 1)
		case string:
			stmt.BindText(i+1, v)
		case int64:
			stmt.BindInt64(i+1, v)
		case int:
			stmt.BindInt64(i+1, int64(v))
		case []byte:
			stmt.BindBytes(i+1, v)
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

// TotalChanges counts the rows changed since Open, by triggers too.
func (c *Conn) TotalChanges() int64 {
	return int64(lib.Xsqlite3_total_changes(c.tls, c.handle))
}

// LastInsertRowID is the row id of the last insert of this connection.
func (c *Conn) LastInsertRowID() int64 { return c.driver.LastInsertRowID() }

// Autocommit reports that no transaction is open.
func (c *Conn) Autocommit() bool { return c.driver.AutocommitEnabled() }

// SetLimit lowers one of SQLite's limits.
func (c *Conn) SetLimit(l Limit, value int32) { c.driver.Limit(l, value) }

// Authorize has every statement that is prepared checked by check.
func (c *Conn) Authorize(check AuthorizerFn) error { return c.driver.SetAuthorizer(check) }

// FunctionOf is the name of the function that an action of that type is about.
func FunctionOf(a Action) string { return reflect.ValueOf(a).FieldByName("arg2").String() }

// Interrupt makes the running statement, and all later ones, fail once done is
// closed, until Interrupt is called again.
func (c *Conn) Interrupt(done <-chan struct{}) { c.driver.SetInterrupt(done) }

// Serialize is the database as the bytes of a database file.
func (c *Conn) Serialize() ([]byte, error) { return c.driver.Serialize("main") }

// ReadOnly reports that a statement changes nothing of the database.
func (c *Conn) ReadOnly(s *Stmt) bool { return lib.Xsqlite3_stmt_readonly(c.tls, handle(s)) != 0 }

// Empty reports a statement without SQL in it: blanks and comments only.
func Empty(s *Stmt) bool { return handle(s) == 0 }

// ColumnNames are the names of a statement's columns, which need not be unique.
func (c *Conn) ColumnNames(s *Stmt) []string {
	names := make([]string, s.ColumnCount())
	for i := range names {
		names[i] = libc.GoString(lib.Xsqlite3_column_name(c.tls, handle(s), int32(i)))
	}
	return names
}

// handle is the sqlite3_stmt* of a statement.
func handle(s *Stmt) uintptr { return uintptr(reflect.ValueOf(s).Elem().FieldByName("stmt").Uint()) }

// Failure is what SQLite itself said about an error.
type Failure struct {
	Message string     // such as "UNIQUE constraint failed: t.id"
	Code    ResultCode // extended
	Offset  int        // byte offset in the statement, -1 when unknown
}

// FailureOf takes the driver's words off an error; ok is false when err is not
// from SQLite.
func FailureOf(err error) (f Failure, ok bool) {
	inner := err
	for next := errors.Unwrap(inner); next != nil; next = errors.Unwrap(inner) {
		inner = next
	}
	code := driver.ErrCode(err)
	text := inner.Error()
	if code == driver.ResultError && !strings.HasPrefix(text, code.Message()) {
		return Failure{}, false
	}
	if after, cut := strings.CutPrefix(text, code.Message()+": "); cut {
		text = after
	}
	offset, known := driver.ErrorOffset(err)
	if !known {
		offset = -1
	}
	return Failure{Message: text, Code: code, Offset: offset}, true
}
