package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tamylaa/clodo/audit"
)

// Append writes an event to the journal by itself, for what changes no state here.
func (s *Store) Append(ctx context.Context, e audit.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error { return appendEvent(ctx, tx, e) })
}

// appendEvent adds e to the chain, in the transaction of the change that it tells of.
func appendEvent(ctx context.Context, tx *sql.Tx, e audit.Event) error {
	var seq int64
	prev := audit.Genesis
	err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM clodo_audit ORDER BY seq DESC LIMIT 1").Scan(&seq, &prev)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read journal: %w", err)
	}
	entry, err := audit.Seal(seq+1, e, prev)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO clodo_audit (seq, body, prev, hash) VALUES (?, ?, ?, ?)", entry.Seq, entry.Body, entry.Prev, entry.Hash); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// Journal is all entries, oldest first; audit.Verify checks them.
func (s *Store) Journal(ctx context.Context) ([]audit.Entry, error) {
	db, err := s.read(ctx)
	if db == nil || err != nil {
		return nil, err
	}
	list, err := scan(ctx, db, "SELECT seq, body, prev, hash FROM clodo_audit ORDER BY seq", nil, func(rows *sql.Rows) (e audit.Entry, err error) {
		return e, rows.Scan(&e.Seq, &e.Body, &e.Prev, &e.Hash)
	})
	if err != nil {
		return nil, s.explain(fmt.Errorf("read journal: %w", err))
	}
	return list, nil
}
