package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	storageClients = 16
	storageWarm    = 300 * time.Millisecond // of load before an operation is measured, in each round
	storageSlice   = 500 * time.Millisecond // of load, then the next contestant has its turn
	storageSlices  = 4                      // for each operation, contestant and round
)

// operation is one kind of call to the storage Worker.
type operation struct {
	what string
	make func(connection, n int) call
	rows int // that each call adds to the table of orders
	// dev and mini are how many times faster than `wrangler dev` and than Miniflare
	// ours has to be; 0 is for information.
	dev, mini float64
}

// value is the nth text of about 1 KB that a key gets.
func value(n int) string {
	text := "value " + strconv.Itoa(n) + " "
	return text + strings.Repeat("x", 1024-len(text))
}

// operations are the goals; the batch is for information.
func operations() []operation {
	key := func(connection, n int) string { return fmt.Sprintf("c%d-%d", connection, n%20) }
	return []operation{
		{what: "D1 point read", dev: 3, mini: 1.5, make: func(connection, n int) call {
			id := 1 + (connection*997+n*31)%10000
			return call{method: "GET", target: fmt.Sprintf("/d1/row?n=%d", id), want: fmt.Sprintf(`{"id":%d,"name":"customer %d","email":"%d@customers.example"}`, id, id, id)}
		}},
		{what: "D1 insert", dev: 3, mini: 1.5, rows: 1, make: func(connection, n int) call {
			return call{method: "POST", target: fmt.Sprintf("/d1/row?n=%d", connection*1000+n), want: "1"}
		}},
		{what: "D1 batch of 10 inserts", rows: 10, make: func(connection, n int) call {
			return call{method: "POST", target: fmt.Sprintf("/d1/batch?n=%d", connection*1000+n), want: "10"}
		}},
		{what: "KV put 1 KB", mini: 1, make: func(connection, n int) call {
			return call{method: "PUT", target: "/kv?key=" + key(connection, n), body: value(n % 20), want: "kept"}
		}},
		{what: "KV get 1 KB", mini: 1, make: func(connection, n int) call {
			return call{method: "GET", target: "/kv?key=" + key(connection, n), want: value(n % 20)}
		}},
	}
}

// objects are the operations of R2.
func objects() []operation {
	key := func(connection, n int) string { return fmt.Sprintf("o%d-%d", connection, n%20) }
	large := strings.Repeat("0123456789abcdef", 1<<16)
	return []operation{
		{what: "R2 put 1 KB", mini: 1, make: func(connection, n int) call {
			return call{method: "PUT", target: "/r2?key=" + key(connection, n), body: value(n % 20), want: "1024"}
		}},
		{what: "R2 get 1 KB", mini: 1, make: func(connection, n int) call {
			return call{method: "GET", target: "/r2?key=" + key(connection, n), want: value(n % 20)}
		}},
		{what: "R2 get 1 MB", mini: 1, make: func(int, int) call {
			return call{method: "GET", target: "/r2?key=large", want: large}
		}},
	}
}

// storage compares D1, KV and R2 through the same Worker, asked by 16 clients at once.
func (l *lab) storage(ctx context.Context) error {
	l.say("storage: D1, KV and R2 through a Worker, %d clients", storageClients)
	all, stop, err := l.contestants(ctx)
	if err != nil {
		return err
	}
	defer stop()
	list := append([]operation{{what: "a Worker without bindings", make: func(int, int) call {
		return call{method: "GET", target: "/plain", want: "plain"}
	}}}, operations()...)
	if l.haveR2 {
		list = append(list, objects()...)
	}
	for _, c := range all {
		if err := l.fill(ctx, c); err != nil {
			return fmt.Errorf("fill the storage of %s: %w", c.name, err)
		}
	}
	rates, costs := map[string]map[string]series{}, map[string]map[string]series{}
	for round := range l.rounds {
		for _, o := range list {
			if rates[o.what] == nil {
				rates[o.what], costs[o.what] = map[string]series{}, map[string]series{}
			}
			got, err := l.oneRound(ctx, all, o, round)
			if err != nil {
				return err
			}
			for name, t := range got {
				rates[o.what][name] = append(rates[o.what][name], float64(t.answered)/t.took.Seconds())
				costs[o.what][name] = append(costs[o.what][name], t.cpu.Seconds()*1e6/float64(t.answered))
			}
		}
	}
	for _, o := range list {
		for _, c := range all[1:] {
			goal := o.dev
			if strings.HasPrefix(c.name, "miniflare") {
				goal = o.mini
			}
			l.add(result{what: o.what, unit: "/s", more: true, ours: rates[o.what][all[0].name], peer: c.name, theirs: rates[o.what][c.name], goal: goal})
			if costs[o.what][c.name].min() > 0 {
				l.add(result{what: o.what + ": processor time of one", unit: "µs", ours: costs[o.what][all[0].name], peer: c.name, theirs: costs[o.what][c.name]})
			}
		}
	}
	return nil
}

// fill gives a contestant the rows and values that are read.
func (l *lab) fill(ctx context.Context, c contestant) error {
	calls := []call{{method: "POST", target: "/setup", want: "10000"}}
	puts := []operation{operations()[3]}
	if l.haveR2 {
		calls = append(calls, call{method: "PUT", target: "/r2?key=large", body: objects()[2].make(0, 0).want, want: "1048576"})
		puts = append(puts, objects()[0])
	}
	for _, o := range puts {
		for connection := range storageClients {
			for n := range 20 {
				calls = append(calls, o.make(connection, n))
			}
		}
	}
	n, err := drone(ctx, c.door, func(n int) (call, bool) {
		if n == len(calls) {
			return call{}, false
		}
		return calls[n], true
	})
	if err == nil && n != len(calls) {
		err = fmt.Errorf("%d of %d calls were made: %w", n, len(calls), context.Cause(ctx))
	}
	return err
}

// turn is what a contestant did when it was its turn, summed over the slices of a
// round.
type turn struct {
	answered int
	took     time.Duration
	cpu      time.Duration // of all its processes; 0 on systems without /proc
}

// oneRound is what each contestant did with an operation. They take turns in slices,
// so that what else the machine does meanwhile hits all of them.
func (l *lab) oneRound(ctx context.Context, all []contestant, o operation, round int) (map[string]turn, error) {
	turns := map[string]turn{}
	for slice := range storageSlices {
		for i := range all {
			c := all[(i+round+slice)%len(all)] // nobody is always first
			one, err := l.patiently(ctx, c, o, slice == 0)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.name, o.what, err)
			}
			sum := turns[c.name]
			turns[c.name] = turn{sum.answered + one.answered, sum.took + one.took, sum.cpu + one.cpu}
		}
	}
	return turns, nil
}

// patiently is take for a contestant that may stumble: `wrangler dev` restarts its
// Worker now and then under load. Ours may not.
func (l *lab) patiently(ctx context.Context, c contestant, o operation, warm bool) (t turn, err error) {
	for try := range 4 {
		if warm || try > 0 {
			_, err = drive(ctx, c.door, storageClients, storageWarm, o.make)
		}
		if err == nil {
			t, err = take(ctx, c, o)
		}
		if err == nil || !c.peer || ctx.Err() != nil {
			return t, err
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		l.say("  %s stumbles at %s and tries again: %s", c.name, o.what, first)
		time.Sleep(time.Second) // it comes back
	}
	return t, err
}

// take is one slice. Rows that were added are counted afterwards: there must be as
// many as were answered.
func take(ctx context.Context, c contestant, o operation) (t turn, err error) {
	before := 0
	if o.rows > 0 {
		if before, err = orders(ctx, c); err != nil {
			return t, err
		}
	}
	used, began := cpuOf(c.pid), time.Now()
	if t.answered, err = drive(ctx, c.door, storageClients, storageSlice, o.make); err != nil {
		return t, err
	}
	t.took, t.cpu = time.Since(began), cpuOf(c.pid)-used
	if o.rows == 0 {
		return t, nil
	}
	after, err := orders(ctx, c)
	if err == nil && after-before != t.answered*o.rows {
		err = fmt.Errorf("%d rows were added, and the answers say %d", after-before, t.answered*o.rows)
	}
	return t, err
}

func orders(ctx context.Context, c contestant) (int, error) {
	text, err := fetchText(ctx, "http://"+c.address+"/d1/orders", c.host)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}
