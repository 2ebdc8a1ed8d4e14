package page

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// accountView is one account and all that was made in it.
type accountView struct {
	store.Account
	Zones      []string
	Workers    []workerRow
	Databases  []databaseRow
	Namespaces []store.Namespace
	Buckets    []bucketRow
	Queues     []queueRow
}

type overviewView struct {
	Accounts []accountView
	Latest   []recordRow
}

// Empty reports that nothing was made in the account.
func (a accountView) Empty() bool {
	return len(a.Zones)+len(a.Workers)+len(a.Databases)+len(a.Namespaces)+len(a.Buckets)+len(a.Queues) == 0
}

// section is a list of the page that a link above leads to.
type section struct{ Anchor, Text string }

// Sections are the lists of the account, with how long they are: one of hundreds of
// Workers must not hide the others.
func (a accountView) Sections() []section {
	var all []section
	for _, s := range []struct {
		anchor string
		n      int
		one    string
	}{
		{"workers", len(a.Workers), "Worker"},
		{"databases", len(a.Databases), "D1 database"},
		{"buckets", len(a.Buckets), "R2 bucket"},
		{"queues", len(a.Queues), "queue"},
		{"namespaces", len(a.Namespaces), "KV namespace"},
	} {
		if s.n > 0 {
			all = append(all, section{s.anchor + "-" + a.ID, count(s.n, s.one)})
		}
	}
	return all
}

type workerRow struct {
	store.Script
	Shares    []store.Share
	Addresses []string // routes and custom domains
}

type databaseRow struct {
	store.Database
	Size   int64
	Tables int
}

func (p *Page) overview(r *http.Request) (content, error) {
	var accounts []accountView
	err := p.Store.Read(r.Context(), func(tx *store.Tx) error {
		all, err := tx.Accounts()
		if err != nil {
			return err
		}
		zones, err := tx.Zones()
		if err != nil {
			return err
		}
		for _, a := range all {
			v := accountView{Account: a}
			for _, z := range zones {
				if z.Account == a.ID {
					v.Zones = append(v.Zones, z.Name)
				}
			}
			if err := p.fill(r.Context(), tx, &v); err != nil {
				return err
			}
			accounts = append(accounts, v)
		}
		return nil
	})
	if err != nil {
		return content{}, err
	}
	// Accounts with something in them come first; else the order is that of their making.
	slices.SortStableFunc(accounts, func(a, b accountView) int {
		switch {
		case a.Empty() == b.Empty():
			return 0
		case a.Empty():
			return 1
		}
		return -1
	})
	latest, err := p.recent(r, traffic.Filter{Limit: shownLatest})
	return content{"Overview", overviewView{accounts, latest}}, err
}

func (p *Page) fill(ctx context.Context, tx *store.Tx, v *accountView) error {
	scripts, err := tx.Scripts(v.ID)
	if err != nil {
		return err
	}
	for _, s := range scripts {
		row, err := workerOf(tx, s)
		if err != nil {
			return err
		}
		v.Workers = append(v.Workers, row)
	}
	databases, err := tx.Databases(v.ID)
	if err != nil {
		return err
	}
	for _, d := range databases {
		row := databaseRow{Database: d}
		db, err := p.Databases.Get(d.ID)
		if err != nil {
			return err
		}
		info, err := db.Info(ctx)
		if err != nil {
			return err
		}
		row.Size, row.Tables = info.Size, info.Tables
		v.Databases = append(v.Databases, row)
	}
	buckets, err := tx.Buckets(v.ID, "")
	if err != nil {
		return err
	}
	for _, b := range buckets {
		usage, err := p.Buckets.Usage(ctx, b.ID())
		if err != nil {
			return err
		}
		v.Buckets = append(v.Buckets, bucketRow{b, usage})
	}
	queues, err := tx.Queues(v.ID)
	if err != nil {
		return err
	}
	for _, q := range queues {
		metrics, err := p.Queues.Metrics(q)
		if err != nil {
			return err
		}
		v.Queues = append(v.Queues, queueRow{q, metrics})
	}
	v.Namespaces, err = tx.Namespaces(v.ID)
	return err
}

func workerOf(tx *store.Tx, s store.Script) (workerRow, error) {
	row := workerRow{Script: s}
	active, err := tx.ActiveDeployment(s.Account, s.Name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return row, err
	}
	row.Shares = active.Versions
	domains, err := tx.Domains(s.Account)
	if err != nil {
		return row, err
	}
	for _, d := range domains {
		if d.Script == s.Name {
			row.Addresses = append(row.Addresses, d.Hostname)
		}
	}
	routes, err := tx.ScriptRoutes(s.Account, s.Name)
	for _, route := range routes {
		row.Addresses = append(row.Addresses, route.Pattern)
	}
	return row, err
}
