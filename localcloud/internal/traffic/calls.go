package traffic

import (
	"context"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
)

func putCall(c *sqlite.Conn, call d1.Call) error {
	at := call.At.UnixMicro()
	err := c.Exec(`INSERT INTO d1_calls(at, database, reads, writes, rows_read, rows_written, duration, bytes) VALUES(?,?,?,?,?,?,?,?)`,
		at, call.Database, call.Reads, call.Writes, call.RowsRead, call.RowsWritten, micros(call.Duration), call.ResponseBytes)
	for _, e := range call.Executed {
		if err != nil {
			break
		}
		err = c.Exec(`INSERT INTO d1_statements(at, database, text, rows_read, rows_returned, rows_written, duration) VALUES(?,?,?,?,?,?,?)`,
			at, call.Database, e.Text, e.RowsRead, e.RowsReturned, e.RowsWritten, micros(e.Duration))
	}
	return err
}

// Calls hands the calls of a database to fn, the oldest first. from and to bound
// their times; zero does not. What is remembered of their statements is in Statements.
func (s *Store) Calls(ctx context.Context, database string, from, to time.Time, fn func(d1.Call) error) error {
	return s.ofDatabase(ctx, "d1_calls", "at, reads, writes, rows_read, rows_written, duration, bytes", database, from, to, func(st *sqlite.Stmt) error {
		return fn(d1.Call{
			Database: database, At: time.UnixMicro(st.ColumnInt64(0)).UTC(), Reads: st.ColumnInt(1), Writes: st.ColumnInt(2),
			RowsRead: st.ColumnInt64(3), RowsWritten: st.ColumnInt64(4), Duration: duration(st.ColumnInt64(5)), ResponseBytes: st.ColumnInt(6),
		})
	})
}

// Statements hands the statements that ran on a database to fn, the oldest first.
func (s *Store) Statements(ctx context.Context, database string, from, to time.Time, fn func(at time.Time, e d1.Executed) error) error {
	return s.ofDatabase(ctx, "d1_statements", "at, text, rows_read, rows_returned, rows_written, duration", database, from, to, func(st *sqlite.Stmt) error {
		return fn(time.UnixMicro(st.ColumnInt64(0)).UTC(), d1.Executed{
			Text: st.ColumnText(1), RowsRead: st.ColumnInt64(2), RowsReturned: st.ColumnInt64(3), RowsWritten: st.ColumnInt64(4), Duration: duration(st.ColumnInt64(5)),
		})
	})
}

func (s *Store) ofDatabase(ctx context.Context, table, columns, database string, from, to time.Time, row func(*sqlite.Stmt) error) error {
	query, args := "SELECT "+columns+" FROM "+table+" WHERE database = ?", []any{database}
	if !from.IsZero() {
		query, args = query+" AND at >= ?", append(args, from.UnixMicro())
	}
	if !to.IsZero() {
		query, args = query+" AND at < ?", append(args, to.UnixMicro())
	}
	err := s.db.read(ctx, func(c *sqlite.Conn) error { return rows(c, row, query+" ORDER BY id", args) })
	if err != nil {
		return fmt.Errorf("reading the record of the databases: %w", err)
	}
	return nil
}
