package api

import (
	"errors"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/graphql"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func analyticsEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: "/graphql", Permissions: analytics, handle: (*call).graphql, body: 1 << 20},
	}
}

// graphql answers analytics. As at Cloudflare, a query that fails has the status 200.
func (c *call) graphql() (any, error) {
	var in graphql.Request
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	schema := graphql.Schema{Opens: c.opensAccount, Now: c.now, Datasets: []graphql.Dataset{
		graphql.Workers(c.traffic),
		graphql.D1Calls(c.traffic, c.databaseSizes),
		graphql.D1Queries(c.traffic, c.databaseSizes),
		graphql.D1Storage(c.databaseSizes, c.now),
		graphql.R2Storage(c.bucketUsage, c.now),
	}}
	answer := schema.Do(c.ctx, in)
	return reply{write: func(w http.ResponseWriter) error { return sendJSON(w, http.StatusOK, answer) }}, nil
}

func (c *call) opensAccount(id string) bool {
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		_, err := tx.Account(id)
		return err
	})
	return err == nil && c.token.Opens(id)
}

// databaseSizes are the databases of an account and their sizes in bytes.
func (c *call) databaseSizes(account string) (map[string]int64, error) {
	var all []store.Database
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Databases(account)
		return err
	})
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, db := range all {
		size, err := c.databaseSize(db.ID)
		if errors.Is(err, d1.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		sizes[db.ID] = size
	}
	return sizes, nil
}

// bucketUsage are the buckets of an account, the jurisdiction before the name, and what
// they hold.
func (c *call) bucketUsage(account string) (map[string]r2.Usage, error) {
	var all []store.Bucket
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Buckets(account, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	held := map[string]r2.Usage{}
	for _, b := range all {
		name := b.Name
		if b.Jurisdiction != "default" {
			name = b.Jurisdiction + "_" + name
		}
		if held[name], err = c.buckets.Usage(c.ctx, b.ID()); errors.Is(err, r2.ErrNoSuchBucket) {
			delete(held, name) // deleted meanwhile
		} else if err != nil {
			return nil, err
		}
	}
	return held, nil
}

func (c *call) databaseSize(id string) (int64, error) {
	db, err := c.databases.Get(id)
	if err != nil {
		return 0, err
	}
	info, err := db.Info(c.ctx)
	return info.Size, err
}
