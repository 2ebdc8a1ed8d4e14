package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// Pool is one database file with a connection that writes and a few that read side
// by side: readers never wait for a change in progress. It is safe for concurrent
// use.
type Pool struct {
	path    string
	writer  chan *Conn // each channel holds the connections nobody uses
	readers chan *Conn
	more    chan struct{} // one for each reader that was not needed yet
}

// OpenPool opens the file at path, which is made when it is missing. First prepare, as one
// change, makes the tables and what else a file needs that was left as it was. As many
// connections as readers says are opened for reading when that many are needed at once:
// each takes some 200 KB.
func OpenPool(path string, readers int, prepare func(*Conn) error) (*Pool, error) {
	c, err := Open(Options{Path: path})
	if err != nil {
		return nil, err
	}
	if err := c.transaction("BEGIN IMMEDIATE", prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing %s: %w", path, err), c.Close())
	}
	p := &Pool{path: path, writer: make(chan *Conn, 1), readers: make(chan *Conn, readers), more: make(chan struct{}, readers)}
	p.writer <- c
	for range readers {
		p.more <- struct{}{}
	}
	return p, nil
}

// Read runs fn with a connection that only reads. Each statement sees the state of
// its own moment.
func (p *Pool) Read(ctx context.Context, fn func(*Conn) error) error {
	c, err := p.take(ctx, p.readers, p.more)
	if err != nil {
		return err
	}
	defer func() { p.readers <- c }()
	return fn(c)
}

// View is Read with one state for all statements of fn.
func (p *Pool) View(ctx context.Context, fn func(*Conn) error) error {
	return p.Read(ctx, func(c *Conn) error { return c.transaction("BEGIN", fn) })
}

// Write runs fn as one change: all of it is kept when fn returns nil, none of it
// otherwise. Changes run one after the other.
func (p *Pool) Write(ctx context.Context, fn func(*Conn) error) error {
	c, err := p.take(ctx, p.writer, nil)
	if err != nil {
		return err
	}
	defer func() { p.writer <- c }()
	return c.transaction("BEGIN IMMEDIATE", fn)
}

// transaction takes back what fn did when it fails or panics.
func (c *Conn) transaction(begin string, fn func(*Conn) error) (err error) {
	if err := c.Exec(begin); err != nil {
		return err
	}
	defer func() {
		// SQLite takes some failures back by itself, such as a full disk.
		if !c.Autocommit() {
			err = errors.Join(err, c.Exec("ROLLBACK"))
		}
	}()
	if err := fn(c); err != nil {
		return err
	}
	return c.Exec("COMMIT")
}

// Close closes the connections once those in use are given back. The Pool must not
// be used afterwards.
func (p *Pool) Close() error {
	err := (<-p.writer).Close()
	for range cap(p.readers) {
		select {
		case c := <-p.readers:
			err = errors.Join(err, c.Close())
		case <-p.more:
		}
	}
	return err
}

// take is a connection that nobody uses: a free one, else one more, else the next to be
// given back.
func (p *Pool) take(ctx context.Context, free chan *Conn, more chan struct{}) (*Conn, error) {
	select {
	case c := <-free:
		return c, nil
	default:
	}
	select {
	case <-more:
		return p.open()
	default:
	}
	select {
	case c := <-free:
		return c, nil
	case <-more: // which could not be opened before
		return p.open()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a connection to the database: %w", context.Cause(ctx))
	}
}

// open makes one more connection that reads.
func (p *Pool) open() (*Conn, error) {
	c, err := Open(Options{Path: p.path})
	if err != nil {
		p.more <- struct{}{}
	}
	return c, err
}
