package runtime

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// shardSize is how many plain Workers share a process. A process costs 7 MB that are
// its own and some 40 ms to start, each Worker in it 2 MB and 5 ms, and a change of
// one Worker starts all of its shard again: with 25 that takes 0.2 s, while 200
// Workers take 60 MB more than they would in one process.
const shardSize = 25

// assign spreads the plain components of a home, such as an account, over shards and
// returns the Workers of each by its name. Workers stay where they were, as before
// says by their keys: a change of one Worker restarts one process only. A component
// that is new, or that no longer fits, goes to the emptiest shard with room for it, or
// a new one. A component is never divided, however big it is.
func assign(home string, all []component, before map[string]string) map[string][]*Worker {
	shards := map[string][]*Worker{}
	put := func(name string, c component) bool {
		if n := len(shards[name]); n > 0 && n+len(c) > shardSize {
			return false
		}
		shards[name] = append(shards[name], c...)
		return true
	}
	// Those that stay as they are come first, so that what grew cannot push them out.
	places := make([]seat, len(all))
	for i, c := range all {
		places[i] = seatOf(home, c, before)
	}
	slices.SortStableFunc(places, func(a, b seat) int { return cmp.Compare(a.strangers, b.strangers) })
	var unplaced []component
	for _, h := range places {
		if h.shard == "" || !put(h.shard, h.component) {
			unplaced = append(unplaced, h.component)
		}
	}
	for _, c := range unplaced {
		emptiest := ""
		for name, members := range shards {
			if len(members)+len(c) > shardSize {
				continue
			}
			if emptiest == "" || cmp.Or(cmp.Compare(len(members), len(shards[emptiest])), cmp.Compare(name, emptiest)) < 0 {
				emptiest = name
			}
		}
		if emptiest == "" {
			emptiest = unused(home, shards)
		}
		put(emptiest, c)
	}
	return shards
}

// unused is the first name of a shard that is free.
func unused(home string, shards map[string][]*Worker) string {
	for n := 1; ; n++ {
		if name := fmt.Sprintf("%s#%d", home, n); len(shards[name]) == 0 {
			return name
		}
	}
}

// seat is the shard of its home that has most of a component already.
type seat struct {
	component component
	shard     string
	strangers int // members that are elsewhere, or new
}

func seatOf(home string, c component, before map[string]string) seat {
	count := map[string]int{}
	h := seat{component: c, strangers: len(c)}
	for _, w := range c {
		name := before[workerKey(w.Account, w.Script)]
		if !strings.HasPrefix(name, home+"#") {
			continue // it is new, or has left the home of those that it was connected with
		}
		count[name]++
		if there := len(c) - count[name]; there < h.strangers {
			h.shard, h.strangers = name, there
		}
	}
	return h
}
