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
		start, m := time.Now(), meta{}
		err = d.load(in, j, &m)
		m.duration = time.Since(start)
		d.store.observed(Call{Database: d.id, Writes: j.Queries, RowsRead: m.rowsRead, RowsWritten: m.rowsWritten, Duration: m.duration, Err: err})
		if err == nil {
			m.lastRowID, m.size = d.conn.LastInsertRowID(), d.size
			j.Meta = m.append(nil)
		}
		return err
	})
}

func (d *DB) load(in io.Reader, j *Job, m *meta) error {
	if err := d.own("BEGIN"); err != nil {
		return err
	}
	s := newScript(in)
	for {
		text, err := s.next()
		if err != nil {
			return err
		}
		if text == "" {
			break
		}
		rest, err := d.statement(text, m)
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
	return d.measure()
}

// statement runs the first statement of text and returns what follows it.
func (d *DB) statement(text string, total *meta) (rest string, err error) {
	p, rest, err := d.prepare(text)
	if err != nil {
		return "", err
	}
	defer p.finalize()
	if p.stmt.BindParamCount() > 0 {
		return "", errBindings
	}
	before := d.conn.TotalChanges()
	for {
		more, err := p.stmt.Step()
		if err != nil {
			return "", err
		}
		if !more {
			break
		}
	}
	m := meta{changes: d.conn.TotalChanges() - before}
	m.count(d.conn, p, 0)
	total.rowsRead, total.rowsWritten = total.rowsRead+m.rowsRead, total.rowsWritten+m.rowsWritten
	total.changes, total.changed = total.changes+m.changes, total.changed || m.changes > 0 || p.schema
	return rest, nil
}
