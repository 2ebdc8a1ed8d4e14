package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tamylaa/clodo/data"
)

// originalValidation compares reading and checking a body of ten fields.
func (l *lab) originalValidation(ctx context.Context, o *original) error {
	right := rightRow()
	row, err := json.Marshal(right)
	if err != nil {
		return err
	}
	for _, d := range []duel{
		{
			result: result{what: "JSON of 10 fields, checked: valid", unit: "ns"},
			with:   map[string]any{"body": rightBody, "row": json.RawMessage(row)},
			ours:   decodes([]byte(rightBody), &right),
		},
		{
			result: result{what: "JSON of 10 fields, checked: with 5 errors", unit: "ns"},
			with:   map[string]any{"body": wrongBody, "wrong": strings.Fields(wrongFields)},
			ours:   decodes([]byte(wrongBody), nil),
		},
	} {
		d.kind, d.calls = "validate", 1
		if err := l.fight(ctx, o, d); err != nil {
			return err
		}
	}
	return nil
}

// soldOrder is an order together with who bought it.
type soldOrder struct {
	_      data.Table `data:"orders"`
	ID     string     `data:"id,key"`
	UserID int64      `data:"user_id,required"`
	User   *buyer     `data:"user,belongsTo=user_id"`
}

type buyer struct {
	_    data.Table `data:"users"`
	ID   int64      `data:"id,key"`
	Name string     `data:"name"`
}

// originalData compares the data layers on a million rows: ours on D1 of the local cloud,
// with all that a call of it takes, and the package on a copy of the same file, which
// Node.js has open itself and which has just the methods that it calls.
func (l *lab) originalData(ctx context.Context, o *original) error {
	orders, err := l.orderTable(ctx)
	if err != nil {
		return err
	}
	if _, err := orders.db.Exec(orders, "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT)\nINSERT OR REPLACE INTO users VALUES (7, 'Ada')"); err != nil {
		return errors.Join(err, orders.close())
	}
	file := filepath.Join(l.dir, "original.sqlite")
	if err := errors.Join(orders.close(), copyFile(file, orders.file)); err != nil {
		return err
	}
	if orders, err = l.orderTable(ctx); err != nil {
		return err
	}
	defer func() { _ = orders.close() }() // the numbers are already taken
	reads, err := orders.reads()
	if err != nil {
		return err
	}
	create, err := orders.create()
	if err != nil {
		return err
	}
	for _, d := range append(append(reads, orders.changes()...), create) { // the last one makes rows
		d.unit, d.calls, d.with["file"] = "µs", 1, file
		if err := l.fight(ctx, o, d); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a file that is not open.
func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// reads are pages of 20 rows, and a row with another.
func (o *orderTable) reads() ([]duel, error) {
	const matches = dataRows / 20
	newest, deep := make([]string, 20), make([]string, 20)
	for i := range 20 {
		newest[i], deep[i] = orderKey(dataRows-20*i), orderKey(deepRow+1+i)
	}
	store, sold := data.NewStore(o.model, o.db, data.StoreOptions{}), data.NewStore(data.Define(data.Options[soldOrder]{}), o.db, data.StoreOptions{})
	list := func(q data.Query, keys []string) func(int) bool {
		q.Limit = len(keys)
		return func(int) bool {
			page, err := store.List(o, q)
			right := err == nil && len(page.Rows) == len(keys) && page.HasNext() && (!q.Count || *page.Total == matches)
			for i := 0; right && i < len(keys); i++ {
				right = page.Rows[i].ID == keys[i]
			}
			return right
		}
	}
	active := data.Query{Filter: data.And(data.Eq("status", "active"), data.Eq("country", "GB")), Sort: []data.Order{data.Desc("created_at")}}
	counted := active
	counted.Count = true
	byTime := data.Query{Sort: []data.Order{data.Asc("created_at")}}
	before := byTime
	before.Limit, before.Offset = 1, deepRow-1
	page, err := store.List(o, before)
	if err != nil {
		return nil, err
	}
	byTime.After = page.Next
	in := func(keys []string, total int, options map[string]any) map[string]any {
		options["limit"] = len(keys)
		return map[string]any{"keys": keys, "total": total, "options": options}
	}
	filters := func() map[string]any {
		return map[string]any{"where": map[string]string{"status": "active", "country": "GB"}, "orderBy": map[string]string{"created_at": "desc"}}
	}
	return []duel{
		{result: result{what: "list: 20 of 50,000 matches in 1,000,000 rows"}, kind: "list", with: in(newest, matches, filters()), ours: list(active, newest)},
		{result: result{what: "the same list, with how many there are"}, kind: "list", with: in(newest, matches, filters()), ours: list(counted, newest)},
		{result: result{what: "the same list, from D1 itself"}, kind: "binding", with: in(newest, matches, filters()), ours: list(active, newest)},
		{
			result: result{what: "page of 20 after 900,000 rows"}, kind: "list", ours: list(byTime, deep),
			with: in(deep, dataRows, map[string]any{"offset": deepRow, "orderBy": map[string]string{"created_at": "asc"}}),
		},
		{
			result: result{what: "a row with the one that it belongs to"}, kind: "include", with: map[string]any{"id": orderKey(7), "user": 7},
			ours: func(int) bool {
				row, err := sold.Get(o, orderKey(7), "user")
				return err == nil && row.User != nil && row.User.ID == 7
			},
		},
	}, nil
}

// changes are those of a row that is then read.
func (o *orderTable) changes() []duel {
	id := orderKey(1)
	reading := func(store *data.Store[order]) func(int) bool {
		price := 0.0
		return func(int) bool {
			before, err := store.Get(o, id)
			if err != nil {
				return false
			}
			price++
			before.Price = price
			if _, err := store.Patch(o, before, "price"); err != nil {
				return false
			}
			after, err := store.Get(o, id)
			return err == nil && after.Price == price
		}
	}
	return []duel{
		{
			result: result{what: "one field of a row changed, read before and after"}, kind: "patch", with: map[string]any{"id": id},
			ours: reading(data.NewStore(o.model, o.db, data.StoreOptions{})),
		},
		{
			result: result{what: "a row changed, read before and after, with a cache"}, kind: "reread", with: map[string]any{"id": id},
			ours: reading(data.NewStore(o.model, o.db, data.StoreOptions{Cache: data.NewCache(data.CacheOptions{})})),
		},
	}
}

// create is a new row, while a cache is full of other answers.
func (o *orderTable) create() (duel, error) {
	store := data.NewStore(o.model, o.db, data.StoreOptions{Cache: data.NewCache(data.CacheOptions{Entries: cachedReads, Bytes: 1 << 30, TTL: time.Hour})})
	var reads []string
	for i := range cachedReads {
		reads = append(reads, orderKey(i+1))
		if _, err := store.Get(o, reads[i]); err != nil {
			return duel{}, err
		}
	}
	if s := store.CacheStats(); s.Entries != cachedReads {
		return duel{}, fmt.Errorf("the cache holds %d answers", s.Entries)
	}
	created := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	return duel{
		result: result{what: "a new row, with 10,000 answers in the cache"}, kind: "create",
		with: map[string]any{"reads": reads, "row": map[string]any{"user_id": 7, "status": "new", "country": "GB", "price": 1.5, "created_at": "2027-01-01T00:00:00.000Z"}},
		ours: func(int) bool {
			row, err := store.Create(o, order{UserID: 7, Status: "new", Country: "GB", Price: 1.5, CreatedAt: created})
			return err == nil && row.ID != "" && row.Status == "new"
		},
	}, nil
}
