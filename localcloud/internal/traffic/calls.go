package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
)

// Calls of databases come by the thousand a second and are asked for rarely. So those
// of one flush are one row for each database, and their statements one row for each
// text: entries of numbers, packed one behind the other, each beginning with the
// microseconds since the row's time.

// packed is such a row before it is written.
type packed struct {
	first, last int64 // Unix microseconds
	entries     []byte
}

func (p *packed) add(at int64, numbers ...int64) {
	if p.entries == nil {
		p.first = at
	}
	p.last = max(p.last, at)
	p.entries = binary.AppendVarint(p.entries, at-p.first)
	for _, n := range numbers {
		p.entries = binary.AppendVarint(p.entries, n)
	}
}

// unpack hands the entries of a row to fn: each a time and as many numbers as n.
func unpack(first int64, entries []byte, n int, fn func(at int64, numbers []int64) error) error {
	numbers := make([]int64, n+1)
	for len(entries) > 0 {
		for i := range numbers {
			v, size := binary.Varint(entries)
			if size <= 0 {
				return errors.New("a packed row is damaged")
			}
			numbers[i], entries = v, entries[size:]
		}
		if err := fn(first+numbers[0], numbers[1:]); err != nil {
			return err
		}
	}
	return nil
}

// statementKey is what one row of statements has in common.
type statementKey struct{ database, text string }

func putCalls(c *sqlite.Conn, calls []d1.Call) error {
	byDatabase, byText := map[string]*packed{}, map[statementKey]*packed{}
	for _, call := range calls {
		at := call.At.UnixMicro()
		entry(byDatabase, call.Database).add(at, int64(call.Reads), int64(call.Writes), call.RowsRead, call.RowsWritten, micros(call.Duration), int64(call.ResponseBytes))
		for _, e := range call.Executed {
			entry(byText, statementKey{call.Database, e.Text}).add(at, e.RowsRead, e.RowsReturned, e.RowsWritten, micros(e.Duration))
		}
	}
	for database, p := range byDatabase {
		if err := c.Exec(`INSERT INTO d1_calls(at, last, database, entries) VALUES(?,?,?,?)`, p.first, p.last, database, p.entries); err != nil {
			return err
		}
	}
	for key, p := range byText {
		if err := c.Exec(`INSERT INTO d1_statements(at, last, database, text, entries) VALUES(?,?,?,?,?)`, p.first, p.last, key.database, key.text, p.entries); err != nil {
			return err
		}
	}
	return nil
}

func entry[K comparable](all map[K]*packed, key K) *packed {
	p := all[key]
	if p == nil {
		p = &packed{}
		all[key] = p
	}
	return p
}

// Calls hands the calls of a database to fn, the oldest flush first. from and to bound
// their times; zero does not. What is remembered of their statements is in Statements.
func (s *Store) Calls(ctx context.Context, database string, from, to time.Time, fn func(d1.Call) error) error {
	return s.ofDatabase(ctx, "d1_calls", "''", database, from, to, 6, func(_ string, at time.Time, n []int64) error {
		return fn(d1.Call{
			Database: database, At: at, Reads: int(n[0]), Writes: int(n[1]), RowsRead: n[2], RowsWritten: n[3], Duration: duration(n[4]), ResponseBytes: int(n[5]),
		})
	})
}

// Statements hands the statements that ran on a database to fn, the oldest flush first.
func (s *Store) Statements(ctx context.Context, database string, from, to time.Time, fn func(at time.Time, e d1.Executed) error) error {
	return s.ofDatabase(ctx, "d1_statements", "text", database, from, to, 4, func(text string, at time.Time, n []int64) error {
		return fn(at, d1.Executed{Text: text, RowsRead: n[0], RowsReturned: n[1], RowsWritten: n[2], Duration: duration(n[3])})
	})
}

// ofDatabase hands the entries of a table to fn, with the text of their row.
func (s *Store) ofDatabase(ctx context.Context, table, text, database string, from, to time.Time, numbers int, fn func(string, time.Time, []int64) error) error {
	query, args := "SELECT at, entries, "+text+" FROM "+table+" WHERE database = ?", []any{database}
	if !from.IsZero() {
		query, args = query+" AND last >= ?", append(args, from.UnixMicro())
	}
	if !to.IsZero() {
		query, args = query+" AND at < ?", append(args, to.UnixMicro())
	}
	within := func(at int64) bool {
		return (from.IsZero() || at >= from.UnixMicro()) && (to.IsZero() || at < to.UnixMicro())
	}
	err := s.db.read(ctx, func(c *sqlite.Conn) error {
		return rows(c, func(st *sqlite.Stmt) error {
			entries := make([]byte, st.ColumnLen(1))
			st.ColumnBytes(1, entries)
			text := st.ColumnText(2)
			return unpack(st.ColumnInt64(0), entries, numbers, func(at int64, n []int64) error {
				if !within(at) {
					return nil
				}
				return fn(text, time.UnixMicro(at).UTC(), n)
			})
		}, query+" ORDER BY id", args)
	})
	if err != nil {
		return fmt.Errorf("reading the record of the databases: %w", err)
	}
	return nil
}
