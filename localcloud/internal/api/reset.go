package api

import (
	"context"
	"errors"

	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Reset forgets everything but the accounts and tokens, and serves nothing. Every token
// has all its calls again.
func (a *API) Reset(ctx context.Context) error {
	var databases []store.Database
	var namespaces []store.Namespace
	var buckets []store.Bucket
	var queues []queue.Queue
	err := a.publish(ctx, func(tx *store.Tx) error {
		accounts, err := tx.Accounts()
		if err != nil {
			return err
		}
		for _, account := range accounts {
			d, err := tx.Databases(account.ID)
			if err != nil {
				return err
			}
			n, err := tx.Namespaces(account.ID)
			if err != nil {
				return err
			}
			b, err := tx.Buckets(account.ID, "")
			if err != nil {
				return err
			}
			databases, namespaces, buckets = append(databases, d...), append(namespaces, n...), append(buckets, b...)
		}
		if queues, err = tx.AllQueues(); err != nil {
			return err
		}
		return tx.Clear()
	})
	if err != nil {
		return err
	}
	for _, d := range databases {
		if err := a.databases.Delete(d.ID); err != nil && !errors.Is(err, d1.ErrNotFound) {
			return err
		}
	}
	for _, b := range buckets {
		if err := a.buckets.DestroyBucket(ctx, b.ID()); err != nil && !errors.Is(err, r2.ErrNoSuchBucket) {
			return err
		}
	}
	for _, q := range queues {
		if err := a.queues.Purge(q.ID); err != nil {
			return err
		}
	}
	for _, n := range namespaces {
		if err := a.namespaces.DeleteNamespace(n.ID); err != nil {
			return err
		}
	}
	a.caches.Clear()
	a.quota.Forget()
	return errors.Join(a.vectors.Clear(ctx), a.stored.Clear(ctx))
}
