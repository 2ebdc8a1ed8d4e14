package d1

import (
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// Result is what a statement gave.
type Result struct {
	Rows
	Meta Meta
}

// Meta is D1's account of a statement.
type Meta struct {
	Changes     int64 // rows that were inserted, updated or deleted
	LastRowID   int64 // of the last insertion on the database's connection
	RowsRead    int64 // that D1 charges for, with those of indexes
	RowsWritten int64
	ChangedDB   bool
	SizeAfter   int64         // of the database, in bytes
	Duration    time.Duration // in the database
	ServedBy    string        // which instance answered
	Region      string        // where it is; "" when D1 does not say
	Primary     bool          // it is the primary one, no replica
}

// Rows are the rows of an answer, read one after the other. They are in memory, and
// need not be closed.
type Rows struct {
	columns []string
	next    jsonwire.Reader // before the next row
	row     []byte          // the row that Next went to, as JSON
	begun   bool
	left    bool
	err     error
}

// Columns are the names of the columns. Without a row they are known to Raw alone.
func (r *Rows) Columns() []string { return r.columns }

// Next goes to the next row, at first to the first; false is the end.
func (r *Rows) Next() bool {
	if r.err != nil {
		return false
	}
	if !r.begun {
		r.begun = true
		r.left = r.next.Peek() != 0 && r.next.Begin('[')
	} else if r.left {
		r.left = r.next.More(']')
	}
	r.row = nil
	if r.left {
		r.row = r.next.Raw()
	}
	if err := r.next.Err(); err != nil {
		r.err, r.row = fmt.Errorf("d1: the rows are not understood: %w", err), nil
	}
	return r.row != nil
}

// Err is what ended the rows early.
func (r *Rows) Err() error { return r.err }

// errNotAtRow is the error of reading a row that is not there.
var errNotAtRow = errors.New("d1: Scan without a row: call Next first")

// Scan puts the columns of the row into what dest points to: strings, []byte, numbers,
// booleans, times, any, pointers to them for NULL, [json.RawMessage] for a JSON text,
// and what has a Scan method, such as [sql.Null]. nil leaves a column out. NULL fits only
// any, pointers, []byte and Scan methods. For any a text is a string, a blob is []byte, a
// whole number is int64 and other numbers are float64.
func (r *Rows) Scan(dest ...any) error {
	if r.row == nil {
		return errNotAtRow
	}
	cells := jsonwire.NewReader(r.row)
	i := 0
	for ok := cells.Begin('['); ok; ok = cells.More(']') {
		if i < len(dest) {
			if err := scan(&cells, dest[i]); err != nil {
				return fmt.Errorf("d1: column %d (%s): %w", i+1, r.name(i), err)
			}
		} else {
			cells.Skip()
		}
		i++
	}
	if err := cells.Err(); err != nil {
		return fmt.Errorf("d1: the row is not understood: %w", err)
	}
	if i != len(dest) {
		return fmt.Errorf("d1: the row has %d columns, and Scan was asked for %d", i, len(dest))
	}
	return nil
}

func (r *Rows) name(i int) string {
	if i < len(r.columns) {
		return r.columns[i]
	}
	return "?"
}

// JSON is the row that Next went to as D1 sent it, an array with an element per column.
func (r *Rows) JSON() []byte { return r.row }

// Collect makes a T of every row; fields gives where to scan its columns:
//
//	users, err := d1.Collect(rows, func(u *User) []any { return []any{&u.ID, &u.Name} })
func Collect[T any](rows *Rows, fields func(*T) []any) ([]T, error) {
	all := []T{}
	for rows.Next() {
		var one T
		if err := rows.Scan(fields(&one)...); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
