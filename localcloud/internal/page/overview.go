package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

const overviewTitle = "Overview"

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

// empty reports that nothing was made in the account.
func (a accountView) empty() bool {
	return len(a.Zones)+len(a.Workers)+len(a.Databases)+len(a.Namespaces)+len(a.Buckets)+len(a.Queues) == 0
}

// section is a list of the page that a link above leads to.
type section struct{ anchor, text string }

// sections are the lists of the account, with how long they are: one of hundreds of
// Workers must not hide the others.
func (a accountView) sections() []section {
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
	Address   string   // by its own name
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
		case a.empty() == b.empty():
			return 0
		case a.empty():
			return 1
		}
		return -1
	})
	latest, err := p.recent(r, traffic.Filter{Limit: shownLatest})
	return content{overviewTitle, overviewView{accounts, latest}}, err
}

func (p *Page) fill(ctx context.Context, tx *store.Tx, v *accountView) error {
	scripts, err := tx.Scripts(v.ID)
	if err != nil {
		return err
	}
	for _, s := range scripts {
		row, err := p.workerOf(tx, s)
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

func (p *Page) workerOf(tx *store.Tx, s store.Script) (workerRow, error) {
	row := workerRow{Script: s, Address: "http://" + s.Name + p.origin + "/"}
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

func (v overviewView) write(b *markup.Builder) {
	for _, a := range v.Accounts {
		a.write(b)
	}
	b.Print(`
<section>
<h2><a href="/requests">Latest requests</a></h2>
<div id="latest" class="wide" data-live>`)
	writeRecords(b, v.Latest)
	b.Print(`</div>
</section>`)
}

func (a accountView) write(b *markup.Builder) {
	b.Print(`
<section>
<h1>%s <small>account %s`, a.Name, a.ID)
	if a.Subdomain != "" {
		b.Print(" · %s.workers.dev", a.Subdomain)
	}
	b.Print("</small></h1>")
	if len(a.Zones) > 0 {
		b.Print(`
<p class="muted">Zones: %s</p>`, strings.Join(a.Zones, ", "))
	}
	if sections := a.sections(); len(sections) > 0 {
		b.Print(`
<p class="muted">`)
		for _, s := range sections {
			b.Print(`<a href="#%s">%s</a> · `, s.anchor, s.text)
		}
		b.Print(`<a href="#latest">latest requests</a></p>`)
	}
	if a.empty() {
		b.Print(`
<p>Nothing was made here yet. With the variables that <code>clodo cloud env</code> prints, <code>wrangler deploy</code> goes here; so does <code>clodo deploy --local</code>.</p>`)
	}
	a.writeWorkers(b)
	a.writeDatabases(b)
	a.writeBuckets(b)
	a.writeQueues(b)
	a.writeNamespaces(b)
	b.Print(`
</section>`)
}
