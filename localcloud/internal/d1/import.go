package d1

import (
	"context"
	"io"
	"time"
)

// Import begins to run the SQL that open gives, of any length, as one transaction.
// Other calls wait until it is done.
func (d *DB) Import(ctx context.Context, open func() (io.ReadCloser, error)) (*Job, error) {
	return d.begin(ctx, Import, func(_ context.Context, j *Job) error {
		in, err := open()
		if err != nil {
			return err
		}
		defer in.Close()
		return d.load(in, j)
	})
}

func (d *DB) load(in io.Reader, j *Job) error {
	start, before := time.Now(), d.conn.TotalChanges()
	if err := d.own("BEGIN"); err != nil {
		return err
	}
	m := meta{}
	s := newScript(in)
	for {
		text, err := s.next()
		if err != nil {
			return err
		}
		if text == "" {
			break
		}
		rest, err := d.statement(text, &m)
		if err != nil {
			return err
		}
		s.advance(rest)
		j.Queries++
	}
	if j.Queries == 0 {
		return errNoStatements
	}
	if err := d.own("COMMIT"); err != nil {
		return err
	}
	if err := d.measure(); err != nil {
		return err
	}
	m.changes, m.lastRowID = d.conn.TotalChanges()-before, d.conn.LastInsertRowID()
	m.changed = m.changed || m.changes > 0
	m.size, m.duration = d.size, time.Since(start)
	j.Meta = m.append(nil)
	return nil
}

// statement runs the first statement of text and returns what follows it.
func (d *DB) statement(text string, m *meta) (rest string, err error) {
	stmt, rest, err := d.compile(text)
	if err != nil {
		return "", err
	}
	defer func() { _ = stmt.Finalize() }() // repeats the error of Step
	m.changed = m.changed || d.guard.schema
	if stmt.BindParamCount() > 0 {
		return "", errBindings
	}
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return rest, err
		}
		m.rows++
	}
}
