package r2

import (
	"context"
	"errors"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// Every so often the store follows the rules of its buckets, by the cloud's clock;
// uploads that are over are remembered for a while, because they can be aborted again.
const (
	tendEvery = time.Hour
	remember  = 7 * 24 * time.Hour
	tendBatch = 500 // objects of one change
)

// tend follows the rules from next on until ctx ends.
func (s *Store) tend(ctx context.Context, next time.Time) error {
	for {
		if err := s.clock.Wait(ctx, next); err != nil {
			return nil // the store is closed
		}
		next = s.clock.Now().Add(tendEvery) // first, as the clock may be moved ahead meanwhile
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// follow does what the rules of all buckets ask for now.
func (s *Store) follow(ctx context.Context) error {
	s.mu.RLock()
	all := make(map[string]bucket, len(s.buckets))
	for id, b := range s.buckets {
		all[id] = b
	}
	s.mu.RUnlock()
	for id, b := range all {
		for _, rule := range b.rules.Lifecycle {
			if !rule.Enabled {
				continue
			}
			if err := s.followRule(ctx, id, rule); err != nil && !errors.Is(err, ErrNoSuchBucket) {
				return err
			}
		}
	}
	return s.forgetUploads(ctx)
}

func (s *Store) followRule(ctx context.Context, id string, rule LifecycleRule) error {
	if rule.Delete != nil {
		if before, ok := rule.Delete.Condition.before(s.now()); ok {
			if err := s.expire(ctx, id, rule.Conditions.Prefix, before); err != nil {
				return err
			}
		}
	}
	for _, c := range rule.Classes {
		before, ok := c.Condition.before(s.now())
		if !ok {
			continue
		}
		err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
			b, err := s.bucket(id)
			if err != nil {
				return err
			}
			where, args := within(rule.Conditions.Prefix)
			return conn.Exec("UPDATE objects SET class = ? WHERE bucket = ? AND uploaded <= ? AND class <> ? AND "+where,
				append([]any{c.Class, b.seq, before.UnixMilli(), c.Class}, args...)...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// within limits keys to those that begin with prefix.
func within(prefix string) (where string, args []any) {
	if end := sqlite.Behind(prefix); end != nil {
		return "key >= ? AND key < ?", []any{[]byte(prefix), end}
	}
	return "key >= ?", []any{[]byte(prefix)}
}

// expire deletes objects that were put before, but not those that are locked.
func (s *Store) expire(ctx context.Context, id, prefix string, before time.Time) error {
	where, args := within(prefix)
	for from := []byte{}; from != nil; {
		var gone []pieces.Piece
		err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
			b, err := s.bucket(id)
			if err != nil {
				return err
			}
			var old []Object
			if err := conn.Query(func(row *sqlite.Stmt) error {
				o, err := scanObject(row)
				old = append(old, o)
				return err
			}, "SELECT "+headColumns+" FROM objects WHERE bucket = ? AND uploaded <= ? AND key > ? AND "+where+" ORDER BY key LIMIT ?",
				append(append([]any{b.seq, before.UnixMilli(), from}, args...), tendBatch)...); err != nil {
				return err
			}
			if from = nil; len(old) == tendBatch {
				from = []byte(old[tendBatch-1].Key)
			}
			for _, o := range old {
				if b.rules.locked(o, s.now()) != nil {
					continue
				}
				list, err := deleteObject(conn, b.seq, o.Key)
				if err != nil {
					return err
				}
				gone = append(gone, list...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.files.Remove(gone...)
	}
	return nil
}

// forgetUploads removes the uploads that the rules have given up, with their parts,
// and those that have been over for long.
func (s *Store) forgetUploads(ctx context.Context) error {
	var gone []pieces.Piece
	err := s.pool.Write(ctx, func(conn *sqlite.Conn) error {
		rules := map[int64]Rules{}
		s.mu.RLock()
		for _, b := range s.buckets {
			rules[b.seq] = b.rules
		}
		s.mu.RUnlock()
		now := s.now()
		var over []string
		if err := conn.Query(func(row *sqlite.Stmt) error {
			started, open := time.UnixMilli(row.ColumnInt64(2)), row.ColumnInt64(3) == 1
			if open && rules[row.ColumnInt64(4)].aborts(string(sqlite.Bytes(row, 1)), started, now) || !open && now.Sub(started) > remember {
				over = append(over, row.ColumnText(0))
			}
			return nil
		}, "SELECT id, key, started, open, bucket FROM uploads"); err != nil {
			return err
		}
		for _, id := range over {
			kept, err := readParts(conn, id)
			if err != nil {
				return err
			}
			for _, p := range kept {
				gone = append(gone, p.Piece)
			}
			if err := errors.Join(conn.Exec("DELETE FROM parts WHERE upload = ?", id), conn.Exec("DELETE FROM uploads WHERE id = ?", id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.files.Remove(gone...)
	}
	return err
}
