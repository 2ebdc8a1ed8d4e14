package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
)

// atMostAFifthMore is the goal of taking at most 1.2 times as long.
const atMostAFifthMore = 0.83

// data compares lists of package data with the driver alone, and with themselves where
// their cost must not grow. Everything asks one D1 of the local cloud, in this process.
func (l *lab) data(ctx context.Context) error {
	o, err := l.orderTable(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = o.close() }() // the numbers are already taken
	return errors.Join(l.lists(o, o.db, o.model), l.pages(o, o.db, o.model), l.writes(o, o.db, o.model))
}

// lists compares a list of 20 rows by two filters.
func (l *lab) lists(ctx context.Context, db *d1.DB, model *data.Model[order]) error {
	store := data.NewStore(model, db, data.StoreOptions{})
	query := data.Query{Filter: data.And(data.Eq("status", "active"), data.Eq("country", "GB")), Sort: []data.Order{data.Desc("created_at")}, Limit: 20}
	const newest = "o-1000000"
	ours := func(int) bool {
		page, err := store.List(ctx, query)
		return err == nil && len(page.Rows) == 20 && page.Rows[0].ID == newest && page.HasNext()
	}
	const sql = `SELECT id, user_id, status, country, price, notes, created_at FROM orders WHERE status = ? AND country = ? ORDER BY created_at DESC, id DESC LIMIT 20`
	theirs := func(int) bool {
		rows, err := db.Prepare(sql).Bind("active", "GB").Raw(ctx)
		if err != nil {
			return false
		}
		all, err := d1.Collect(rows, func(o *order) []any {
			return []any{&o.ID, &o.UserID, &o.Status, &o.Country, &o.Price, &o.Notes, &o.CreatedAt}
		})
		return err == nil && len(all) == 20 && all[0].ID == newest
	}
	return l.race(ctx, result{what: "list of 20 of 1,000,000 rows, 2 filters", peer: "the driver alone, scanning", goal: atMostAFifthMore}, ours, theirs)
}

// pages compares a page at the depth of 900,000 rows with the second one, which is asked
// for in the same way, and with itself by offset.
func (l *lab) pages(ctx context.Context, db *d1.DB, model *data.Model[order]) error {
	store := data.NewStore(model, db, data.StoreOptions{})
	query := data.Query{Sort: []data.Order{data.Asc("created_at")}, Limit: 20}
	after := func(depth int) (data.Query, error) {
		before, q := query, query
		before.Limit, before.Offset = 1, depth-1
		last, err := store.List(ctx, before)
		if err != nil {
			return q, err
		}
		q.After = last.Next
		return q, nil
	}
	page := func(q data.Query, depth int) func(int) bool {
		want := orderKey(depth + 1)
		return func(int) bool {
			p, err := store.List(ctx, q)
			return err == nil && len(p.Rows) == 20 && p.Rows[0].ID == want
		}
	}
	second, err := after(20)
	if err != nil {
		return err
	}
	deep, err := after(deepRow)
	if err != nil {
		return err
	}
	byOffset := query
	byOffset.Offset = deepRow
	const what = "page of 20 at depth 900,000, by cursor"
	return errors.Join(
		l.race(ctx, result{what: what, peer: "the second page", goal: atMostAFifthMore}, page(deep, deepRow), page(second, 20)),
		l.race(ctx, result{what: what, peer: "the same by offset"}, page(deep, deepRow), page(byOffset, deepRow)))
}

// cachedReads are how many answers a full cache holds.
const cachedReads = 10_000

// writes compares a write beside 10,000 cached answers with one beside none.
func (l *lab) writes(ctx context.Context, db *d1.DB, model *data.Model[order]) error {
	full := data.NewCache(data.CacheOptions{Entries: cachedReads, Bytes: 1 << 30, TTL: time.Hour})
	const user = 7
	filling, empty := data.NewStore(model, db, data.StoreOptions{Cache: full}), data.NewStore(model, db, data.StoreOptions{})
	for i := range cachedReads {
		if _, err := filling.Get(ctx, orderKey(i+1)); err != nil {
			return err
		}
	}
	if s := filling.CacheStats(); s.Entries != cachedReads {
		return fmt.Errorf("the cache holds %d answers", s.Entries)
	}
	write := func(s *data.Store[order]) func(int) bool {
		price := 0.0
		return func(int) bool {
			price++
			o, err := s.Patch(ctx, order{ID: "o-0500000", UserID: user, Price: price}, "price")
			return err == nil && o.Price == price
		}
	}
	return l.race(ctx, result{what: "write beside 10,000 cached answers", peer: "beside none", goal: atMostAFifthMore}, write(filling), write(empty))
}

// race measures two ways call by call in turn, so that what else the machine does hits
// both, and takes the median of each round's calls, in microseconds.
func (l *lab) race(ctx context.Context, row result, ours, theirs func(int) bool) error {
	row.unit = "µs"
	for range l.rounds {
		var times [2]series
		for began, turn := time.Now(), 0; time.Since(began) < 2*routeTime; turn++ {
			for n := range 2 {
				i := (n + turn) % 2 // who goes second finds the processor's caches warm
				call := [...]func(int) bool{ours, theirs}[i]
				before := time.Now()
				if !call(0) {
					return errors.Join(ctx.Err(), fmt.Errorf("%s: a wrong result", row.what))
				}
				times[i] = append(times[i], float64(time.Since(before).Nanoseconds())/1e3)
			}
		}
		row.ours, row.theirs = append(row.ours, times[0].median()), append(row.theirs, times[1].median())
	}
	l.add(row)
	return nil
}
