package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/deploy"
)

var (
	_ deploy.Recorder = (*Store)(nil)
	_ deploy.History  = (*Store)(nil)
	_ deploy.Blobs    = (*Store)(nil)
)

// SaveRelease implements deploy.Recorder.
func (s *Store) SaveRelease(ctx context.Context, r deploy.Release, e audit.Event) error {
	plan, err := json.Marshal(r.Plan)
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	holder, err := json.Marshal(r.By)
	if err != nil {
		return fmt.Errorf("write holder: %w", err)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO clodo_releases (id, kind, started, holder, message, plan) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, started = excluded.started, holder = excluded.holder, message = excluded.message, plan = excluded.plan`,
			r.ID, r.Kind, r.Started.UTC().Format(time.RFC3339Nano), string(holder), r.Message, string(plan))
		if err != nil {
			return fmt.Errorf("record release: %w", err)
		}
		for i, t := range r.Targets {
			if err := saveTarget(ctx, tx, r.ID, i, t); err != nil {
				return err
			}
		}
		return appendEvent(ctx, tx, e)
	})
}

// saveTarget writes a target; place -1 keeps its place.
func saveTarget(ctx context.Context, tx *sql.Tx, release string, place int, t deploy.TargetRecord) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write target: %w", err)
	}
	if place >= 0 {
		_, err = tx.ExecContext(ctx, `INSERT INTO clodo_targets (release, place, target, outcome, record) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (release, target) DO UPDATE SET outcome = excluded.outcome, record = excluded.record`,
			release, place, t.Target.String(), t.Outcome, string(raw))
		if err != nil {
			return fmt.Errorf("record target: %w", err)
		}
		return nil
	}
	res, err := tx.ExecContext(ctx, "UPDATE clodo_targets SET outcome = ?, record = ? WHERE release = ? AND target = ?", t.Outcome, string(raw), release, t.Target.String())
	if err != nil {
		return fmt.Errorf("record target: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("target %s of release %s: %w", t.Target, release, deploy.ErrNotFound), err)
	}
	return nil
}

// SaveTarget implements deploy.Recorder.
func (s *Store) SaveTarget(ctx context.Context, release string, t deploy.TargetRecord, fence deploy.Lease, e audit.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		if err := fenced(ctx, tx, fence); err != nil {
			return err
		}
		if err := saveTarget(ctx, tx, release, -1, t); err != nil {
			return err
		}
		return appendEvent(ctx, tx, e)
	})
}

// SaveStep implements deploy.Recorder.
func (s *Store) SaveStep(ctx context.Context, n deploy.StepNote, fence deploy.Lease) error {
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write step: %w", err)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if err := fenced(ctx, tx, fence); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO clodo_steps (release, note) VALUES (?, ?)", n.Release, string(raw))
		return err
	})
}

// Releases implements deploy.History.
func (s *Store) Releases(ctx context.Context, limit int) ([]deploy.Release, error) {
	return s.releases(ctx, "SELECT id FROM clodo_releases ORDER BY id DESC LIMIT ?", limit)
}

// Unfinished implements deploy.History.
func (s *Store) Unfinished(ctx context.Context) ([]deploy.Release, error) {
	return s.releases(ctx, "SELECT release FROM clodo_targets WHERE outcome = '"+string(deploy.Running)+"'") // as in the index
}

// releases reads the releases whose ids a query gives, newest first.
func (s *Store) releases(ctx context.Context, ids string, args ...any) ([]deploy.Release, error) {
	db, err := s.read(ctx)
	if db == nil || err != nil {
		return nil, err
	}
	list, err := scan(ctx, db, "SELECT id, kind, started, holder, message, plan FROM clodo_releases WHERE id IN ("+ids+") ORDER BY id DESC", args, func(rows *sql.Rows) (r deploy.Release, err error) {
		var started, holder, plan string
		if err := rows.Scan(&r.ID, &r.Kind, &started, &holder, &r.Message, &plan); err != nil {
			return r, err
		}
		if r.Started, err = time.Parse(time.RFC3339Nano, started); err != nil {
			return r, err
		}
		return r, errors.Join(json.Unmarshal([]byte(holder), &r.By), json.Unmarshal([]byte(plan), &r.Plan))
	})
	if err != nil {
		return nil, s.explain(fmt.Errorf("read releases: %w", err))
	}
	type row struct {
		release string
		deploy.TargetRecord
	}
	targets, err := scan(ctx, db, "SELECT release, record FROM clodo_targets WHERE release IN ("+ids+") ORDER BY place", args, func(rows *sql.Rows) (r row, err error) {
		var raw string
		if err := rows.Scan(&r.release, &raw); err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(raw), &r.TargetRecord)
	})
	if err != nil {
		return nil, s.explain(fmt.Errorf("read targets: %w", err))
	}
	of := map[string][]deploy.TargetRecord{}
	for _, t := range targets {
		of[t.release] = append(of[t.release], t.TargetRecord)
	}
	for i := range list {
		r := &list[i]
		r.Targets = of[r.ID]
		for _, t := range r.Targets {
			if t.Outcome == deploy.Running {
				r.Ended = time.Time{}
				break
			}
			if t.Ended.After(r.Ended) {
				r.Ended = t.Ended
			}
		}
	}
	return list, nil
}

// Steps implements deploy.History.
func (s *Store) Steps(ctx context.Context, release string) ([]deploy.StepNote, error) {
	db, err := s.read(ctx)
	if db == nil || err != nil {
		return nil, err
	}
	list, err := scan(ctx, db, "SELECT note FROM clodo_steps WHERE release = ? ORDER BY number", []any{release}, decode[deploy.StepNote])
	if err != nil {
		return nil, s.explain(fmt.Errorf("read steps: %w", err))
	}
	return list, nil
}

// scan reads all rows of a query.
func scan[T any](ctx context.Context, db *sql.DB, query string, args []any, one func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var list []T
	for rows.Next() {
		v, err := one(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// decode reads a row of one column of JSON.
func decode[T any](rows *sql.Rows) (v T, err error) {
	var raw string
	if err := rows.Scan(&raw); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(raw), &v)
}
