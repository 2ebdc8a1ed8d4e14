package d1

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// query is one call while it runs; out grows to the JSON array of its results.
type query struct {
	db      *DB
	request Request
	out     []byte
	count   int
	changed bool

	reads, writes         int // statements
	rowsRead, rowsWritten int64
	executed              []Executed
}

var (
	errNoStatements = &Error{"No SQL statements detected."}
	errBindings     = &Error{"Wrong number of parameter bindings for SQL query."}
	errTooBig       = &Error{"statement too long: SQLITE_TOOBIG"}
	errManyBindings = &Error{"When executing multiple SQL statements in a single call, only the last statement can have parameters."}
)

// all runs the call, in a transaction unless it is one plain statement.
func (q *query) all() error {
	q.out = append(q.out, '[')
	if err := q.statements(); err != nil {
		return err
	}
	if q.count == 0 {
		return errNoStatements
	}
	q.out = append(q.out, ']')
	if q.db.conn.Autocommit() {
		return nil
	}
	return q.db.own("COMMIT")
}

func (q *query) statements() error {
	if len(q.request.Batch) == 1 {
		s := q.request.Batch[0]
		if p := q.db.cache.get(s.SQL); p != nil {
			return q.one(p, s.Params)
		}
	}
	if len(q.request.Batch) > 1 {
		if err := q.db.own("BEGIN"); err != nil {
			return err
		}
	}
	for _, s := range q.request.Batch {
		if err := q.text(s); err != nil {
			return err
		}
	}
	return nil
}

// text runs the statements of one SQL text. A later statement is prepared after
// the one before it ran: it may use the table that was just made.
func (q *query) text(s Statement) error {
	if p := q.db.cache.get(s.SQL); p != nil {
		return q.one(p, s.Params)
	}
	rest := skipBlank(s.SQL) // an element of comments alone has no result
	for first := true; rest != ""; first = false {
		p, after, err := q.db.prepare(rest)
		if err != nil {
			return err
		}
		p.text = strings.TrimRight(rest[:len(rest)-len(after)], "; \t\r\n")
		rest = skipBlank(after)
		last := rest == ""
		params := s.Params
		if !last {
			params = nil
		}
		if !last && p.stmt.BindParamCount() > 0 {
			p.finalize()
			return errManyBindings
		}
		if !last && q.db.conn.Autocommit() {
			if err := q.db.own("BEGIN"); err != nil {
				p.finalize()
				return err
			}
		}
		if first && last {
			q.db.cache.put(s.SQL, p)
			if err := q.one(p, params); err != nil {
				return err
			}
			continue
		}
		mark, count := len(q.out), q.count
		err = q.one(p, params)
		p.finalize()
		if err != nil {
			return err
		}
		if !last && !q.request.EveryStatement {
			q.out, q.count = q.out[:mark], count // only the last one's result is asked for
		}
	}
	return nil
}

// one runs a prepared statement and appends its result.
func (q *query) one(p *prepared, params []json.RawMessage) error {
	if p.stmt.BindParamCount() != len(params) {
		return errBindings
	}
	defer func() {
		_ = p.stmt.Reset() // repeats the error of Step
		_ = p.stmt.ClearBindings()
	}()
	for i, raw := range params {
		if err := bind(p.stmt, i+1, raw); err != nil {
			return err
		}
	}
	start := time.Now()
	before := q.db.conn.TotalChanges()
	if q.count++; q.count > 1 {
		q.out = append(q.out, ',')
	}
	q.out = append(q.out, `{"success":true,"results":`...)
	rows, first, err := q.rows(p)
	if err != nil {
		return err
	}
	m := meta{changes: q.db.conn.TotalChanges() - before, lastRowID: q.db.conn.LastInsertRowID()}
	m.count(q.db.conn, p, first)
	if p.schema {
		q.db.cache.outdate()
	}
	if m.changed = m.changes > 0 || p.schema; m.changed {
		q.changed = true
		if err := q.db.measure(); err != nil {
			return err
		}
	}
	if p.readOnly {
		q.reads++
	} else {
		q.writes++
	}
	q.rowsRead, q.rowsWritten = q.rowsRead+m.rowsRead, q.rowsWritten+m.rowsWritten
	m.size, m.duration = q.db.size, time.Since(start)
	if len(q.executed) < maxExecuted {
		q.executed = append(q.executed, Executed{Text: p.text, RowsReturned: rows, RowsRead: m.rowsRead, RowsWritten: m.rowsWritten, Duration: m.duration})
	}
	q.out = append(m.append(append(q.out, `,"meta":`...)), '}')
	return nil
}

// rows steps through the statement and appends its rows. It gives how many there
// were, and the first number of the first.
func (q *query) rows(p *prepared) (n, first int64, err error) {
	if q.request.Rows {
		q.out = append(append(append(q.out, `{"columns":`...), p.columns...), `,"rows":`...)
	}
	q.out = append(q.out, '[')
	for {
		more, err := p.stmt.Step()
		if err != nil {
			return n, first, err
		}
		if !more {
			break
		}
		if n++; n > 1 {
			q.out = append(q.out, ',')
		} else if p.width > 0 {
			first = p.stmt.ColumnInt64(0)
		}
		if q.request.Rows {
			q.out = appendRow(q.out, p.stmt, p.width)
		} else {
			q.out = appendObject(q.out, p.stmt, p.keys)
		}
	}
	q.out = append(q.out, ']')
	if q.request.Rows {
		q.out = append(q.out, '}')
	}
	return n, first, nil
}

// prepare compiles the first statement of text, which begins with it, and returns
// what follows.
func (d *DB) prepare(text string) (*prepared, string, error) {
	stmt, rest, err := d.compile(text)
	if err != nil {
		return nil, "", err
	}
	return newPrepared(stmt, d.conn.ColumnNames(stmt), d.guard.schema, d.conn.ReadOnly(stmt)), rest, nil
}

// compile is prepare without the account of the result. SQLite gets the text only up
// to a semicolon that may end the statement: it copies what it is given, and texts
// can be long.
func (d *DB) compile(text string) (*sqlite.Stmt, string, error) {
	end := 0
	for {
		end = nextSemicolon(text, end)
		d.guard.reset()
		stmt, rest, err := d.conn.Prepare(text[:end])
		if err != nil {
			f, known := sqlite.FailureOf(err)
			switch {
			case known && f.Message == "incomplete input" && end < len(text):
				continue // the semicolon was inside a trigger
			case d.guard.refused != nil:
				return nil, "", d.guard.refused
			case known && f.Code == driver.ResultTooBig:
				return nil, "", errTooBig
			}
			return nil, "", err
		}
		switch {
		case sqlite.Empty(stmt):
			return nil, "", errors.Join(errNoStatements, stmt.Finalize())
		case d.guard.alters && renaming.MatchString(text[:end-rest]):
			return nil, "", errors.Join(errReserved, stmt.Finalize())
		case len(text) >= 6 && strings.EqualFold(text[:6], "VACUUM"):
			return nil, "", errors.Join(errVacuum, stmt.Finalize())
		}
		return stmt, text[end-rest:], nil
	}
}
