package runtime

import (
	"maps"
	"slices"
	"time"
)

// enter notes a request under way, which acquire took in.
func (g *generation) enter(x *exchange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	x.process = g.process
	g.exchanges[x] = struct{}{}
}

// leave ends a request that entered, and releases it.
func (g *generation) leave(x *exchange) {
	g.mu.Lock()
	delete(g.exchanges, x)
	g.left[x.worker.key()] = departure{x.worker, time.Now()}
	g.mu.Unlock()
	g.release(x.upgraded)
}

// departure is when a Worker's last request ended.
type departure struct {
	worker *Worker
	at     time.Time
}

// underway are the requests that wait for an answer or its end.
func (g *generation) underway() []*exchange {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.exchanges))
}

// busy reports that requests are under way.
func (g *generation) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.exchanges) > 0
}

// abandoned reports that the generation is replaced, and that nobody waits.
func (g *generation) abandoned() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.retired && g.active == 0 && g.streams == 0
}

// suspects are the Workers that had requests under way at a time, or if there are none
// those whose last one ended since, which may go on after it.
func (g *generation) suspects(at, since time.Time) []*Worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	guilty := map[string]*Worker{}
	for x := range g.exchanges {
		if x.began.Before(at) {
			guilty[x.worker.key()] = x.worker
		}
	}
	if len(guilty) == 0 {
		for key, d := range g.left {
			if d.at.After(since) {
				guilty[key] = d.worker
			}
		}
	}
	return slices.SortedFunc(maps.Values(guilty), byScript)
}
