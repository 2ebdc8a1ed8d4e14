package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tamylaa/clodo/deploy"
)

// Leases implements deploy.Leases on the store. Times are wall-clock milliseconds: a
// monotonic clock would stand still while a laptop sleeps.
type Leases struct{ *Store }

var _ deploy.Leases = Leases{}

// Leases is the leases of the store.
func (s *Store) Leases() Leases { return Leases{s} }

// Acquire implements deploy.Leases.
func (l Leases) Acquire(ctx context.Context, resource string, h deploy.Holder, ttl time.Duration) (deploy.Lease, error) {
	raw, err := json.Marshal(h)
	if err != nil {
		return deploy.Lease{}, fmt.Errorf("write holder: %w", err)
	}
	lease := deploy.Lease{Resource: resource}
	err = l.change(ctx, func(tx *sql.Tx) error {
		var holder string
		var since, expires int64
		err := tx.QueryRowContext(ctx, "SELECT epoch, holder, since, expires FROM clodo_leases WHERE resource = ?", resource).Scan(&lease.Epoch, &holder, &since, &expires)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read lease: %w", err)
		}
		now := time.Now()
		if now.UnixMilli() < expires {
			held := &deploy.HeldError{Resource: resource, Since: time.UnixMilli(since), Expires: time.UnixMilli(expires)}
			if err := json.Unmarshal([]byte(holder), &held.Holder); err != nil {
				return fmt.Errorf("read holder: %w", err)
			}
			if !dead(held.Holder) {
				return held
			}
		}
		lease.Epoch++
		lease.Expires = time.UnixMilli(now.Add(ttl).UnixMilli())
		_, err = tx.ExecContext(ctx, `INSERT INTO clodo_leases (resource, epoch, holder, since, expires) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (resource) DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder, since = excluded.since, expires = excluded.expires`,
			resource, lease.Epoch, string(raw), now.UnixMilli(), lease.Expires.UnixMilli())
		return err
	})
	return lease, err
}

// dead reports whether h was a process of this machine that is gone.
func dead(h deploy.Holder) bool {
	host, err := os.Hostname()
	return err == nil && h.Host == host && h.PID != 0 && !alive(h.PID)
}

// Renew implements deploy.Leases.
func (l Leases) Renew(ctx context.Context, x deploy.Lease, ttl time.Duration) (deploy.Lease, error) {
	x.Expires = time.UnixMilli(time.Now().Add(ttl).UnixMilli())
	return x, l.change(ctx, func(tx *sql.Tx) error {
		if err := fenced(ctx, tx, x); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE clodo_leases SET expires = ? WHERE resource = ?", x.Expires.UnixMilli(), x.Resource)
		return err
	})
}

// Release implements deploy.Leases.
func (l Leases) Release(ctx context.Context, x deploy.Lease) error {
	return l.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE clodo_leases SET expires = 0 WHERE resource = ? AND epoch = ?", x.Resource, x.Epoch)
		return err
	})
}

// fenced fails with deploy.ErrConflict when somebody else has taken the lease since.
func fenced(ctx context.Context, tx *sql.Tx, x deploy.Lease) error {
	if x.Resource == "" {
		return nil
	}
	var epoch int64
	err := tx.QueryRowContext(ctx, "SELECT epoch FROM clodo_leases WHERE resource = ?", x.Resource).Scan(&epoch)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read lease: %w", err)
	}
	if epoch != x.Epoch {
		return fmt.Errorf("the lease on %s was taken over: %w", x.Resource, deploy.ErrConflict)
	}
	return nil
}
