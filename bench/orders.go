package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/localcloud"
)

// dataRows is how many orders there are; deepRow is the number of the one that a deep
// page follows.
const (
	dataRows = 1_000_000
	deepRow  = 900_000
)

// order is a row of the table that lists are made of.
type order struct {
	_         data.Table `data:"orders,index=status+country+created_at+id,index=created_at+id"`
	ID        string     `data:"id,key"`
	UserID    int64      `data:"user_id,required"`
	Status    string     `data:"status,required"`
	Country   string     `data:"country,required"`
	Price     float64    `data:"price"`
	Notes     *string    `data:"notes"`
	CreatedAt time.Time  `data:"created_at"`
}

// fillOrders makes a hundred thousand of them, from ?1 on, a second apart: of every 20 in
// a row the last is active and in Great Britain.
const fillOrders = `INSERT INTO orders (id, user_id, status, country, price, notes, created_at)
WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + 99999)
SELECT printf('o-%07d', i), i % 50000, CASE i % 5 WHEN 0 THEN 'active' WHEN 1 THEN 'paid' WHEN 2 THEN 'sent' WHEN 3 THEN 'held' ELSE 'done' END,
	CASE i / 5 % 4 WHEN 0 THEN 'GB' WHEN 1 THEN 'DE' WHEN 2 THEN 'FR' ELSE 'CH' END, i % 1000 / 10.0, CASE i % 3 WHEN 0 THEN NULL ELSE 'some notes about it' END,
	strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch') FROM n`

// orderKey is the key of the nth order, from 1.
func orderKey(n int) string { return fmt.Sprintf("o-%07d", n) }

// orderTable is the orders in a D1 database of the local cloud, in this process and
// without HTTP between: a call still takes D1's way, as JSON through its binding.
type orderTable struct {
	context.Context //nolint:containedctx // it has the binding
	db              *d1.DB
	model           *data.Model[order]
	file            string // of SQLite, when it is closed
	close           func() error
}

// orderTable opens the table, and makes it when no section has yet.
func (l *lab) orderTable(ctx context.Context) (*orderTable, error) {
	dir := filepath.Join(l.dir, "orders")
	stores, err := localcloud.OpenData(localcloud.DataOptions{Dir: dir})
	if err != nil {
		return nil, err
	}
	o := &orderTable{db: d1.Open("DB"), model: data.Define(data.Options[order]{}), file: filepath.Join(dir, "d1", "bench.sqlite"), close: stores.Close}
	bindings, err := stores.Bindings(ctx, localcloud.Program{Script: "bench", Bindings: []json.RawMessage{json.RawMessage(`{"type":"d1","name":"DB","id":"bench"}`)}})
	if err == nil {
		o.Context = host.WithBindings(ctx, bindings)
		err = o.fill(l)
	}
	if err != nil {
		return nil, errors.Join(err, stores.Close())
	}
	return o, nil
}

// fill makes the table and its rows, and then its indexes, which is faster.
func (o *orderTable) fill(l *lab) error {
	tables := 0
	err := o.db.Prepare("SELECT count(*) FROM sqlite_master WHERE name = 'orders'").First(o, &tables)
	if err != nil || tables > 0 {
		return err
	}
	l.say("making %d rows", dataRows)
	var indexes []string
	for _, statement := range data.DDL(o.model.Schema()) {
		if strings.Contains(statement, " INDEX ") {
			indexes = append(indexes, statement)
		} else if _, err := o.db.Prepare(statement).Run(o); err != nil {
			return err
		}
	}
	for from := 1; from <= dataRows; from += 100_000 {
		if _, err := o.db.Prepare(fillOrders).Bind(from).Run(o); err != nil {
			return fmt.Errorf("make rows: %w", err)
		}
	}
	for _, statement := range indexes {
		if _, err := o.db.Prepare(statement).Run(o); err != nil {
			return fmt.Errorf("make an index: %w", err)
		}
	}
	return nil
}
