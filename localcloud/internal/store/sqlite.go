package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// reading is how many readers work side by side.
const reading = 4

// database is the SQLite file behind the store: one connection that writes and a
// few that read, so that readers never wait for a change in progress.
type database struct {
	writer  chan *sqlite.Conn // each channel holds the connections nobody uses
	readers chan *sqlite.Conn
}

func openDatabase(path string) (*database, error) {
	// The file holds the secrets of Workers: SQLite would make it readable for all,
	// and gives its other files the mode of this one.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the state database: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, fmt.Errorf("opening the state database: %w", err)
	}
	db := &database{writer: make(chan *sqlite.Conn, 1), readers: make(chan *sqlite.Conn, reading)}
	w, err := sqlite.Open(sqlite.Options{Path: path})
	if err != nil {
		return nil, fmt.Errorf("opening the state database: %w", err)
	}
	db.writer <- w
	for statement := range strings.SplitSeq(schema, ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := w.Exec(statement); err != nil {
			return nil, errors.Join(fmt.Errorf("preparing the state database: %w", err), db.close())
		}
	}
	for range reading {
		r, err := sqlite.Open(sqlite.Options{Path: path})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening the state database for reading: %w", err), db.close())
		}
		db.readers <- r
	}
	return db, nil
}

// close waits for nobody: what is in use when the cloud stops is given up by its
// user, who must not run any more.
func (db *database) close() error {
	var errs []error
	for {
		select {
		case c := <-db.readers:
			errs = append(errs, c.Close())
		case c := <-db.writer:
			errs = append(errs, c.Close())
		default:
			return errors.Join(errs...)
		}
	}
}

func (db *database) read(ctx context.Context, fn func(conn) error) error {
	return with(ctx, db.readers, "BEGIN", fn)
}

func (db *database) write(ctx context.Context, fn func(conn) error) error {
	return with(ctx, db.writer, "BEGIN IMMEDIATE", fn)
}

// with runs fn in a transaction and takes it back when fn fails or panics.
func with(ctx context.Context, free chan *sqlite.Conn, begin string, fn func(conn) error) (err error) {
	var c conn
	select {
	case c.Conn = <-free:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the state: %w", context.Cause(ctx))
	}
	defer func() { free <- c.Conn }()
	if err := c.exec(begin); err != nil {
		return err
	}
	defer func() {
		// SQLite takes some failures back by itself, such as a full disk.
		if !c.Autocommit() {
			err = errors.Join(err, c.exec("ROLLBACK"))
		}
	}()
	if err := fn(c); err != nil {
		return err
	}
	if err := c.exec("COMMIT"); err != nil {
		return fmt.Errorf("keeping the change: %w", err)
	}
	return nil
}

type conn struct{ *sqlite.Conn }

func (c conn) exec(query string, args ...any) error {
	return c.rows(query, args, func(string) error { return nil })
}

func (c conn) rows(query string, args []any, each func(doc string) error) error {
	err := c.Query(func(st *sqlite.Stmt) error { return each(st.ColumnText(0)) }, query, args...)
	switch driver.ErrCode(err) {
	case driver.ResultConstraintUnique, driver.ResultConstraintPrimaryKey:
		return ErrExists
	}
	return err
}
