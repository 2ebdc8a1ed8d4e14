package runtime

import (
	"context"
	"errors"
	"maps"
	"net/http/httputil"
	"slices"
	"time"
)

// errNoSocket is a socket that the process does not have, as the Worker is not in it.
var errNoSocket = errors.New("the process has no such Worker")

// acquire takes a request in and returns the proxy to a socket; release has to be
// called when the request is done, and not after an error. It waits for the process to
// serve.
func (g *generation) acquire(ctx context.Context, socket string) (*httputil.ReverseProxy, error) {
	for {
		g.mu.Lock()
		if g.retired {
			g.mu.Unlock()
			return nil, errRetired
		}
		if g.process != nil && ended(g.process) {
			g.bury(g.process)
		}
		if g.ready == nil || g.err != nil && time.Now().After(g.retry) {
			g.wake()
		}
		ready := g.ready
		select {
		case <-ready:
			defer g.mu.Unlock()
			if g.err != nil {
				return nil, g.err
			}
			proxy := g.proxies[socket]
			if proxy == nil {
				return nil, errNoSocket
			}
			g.active++
			return proxy, nil
		default:
		}
		g.mu.Unlock()
		select {
		case <-ready:
		case <-g.living.Done():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// release ends a request; upgraded says that it had become a WebSocket.
func (g *generation) release(upgraded bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if upgraded {
		g.streams--
	} else {
		g.active--
	}
	g.used = time.Now()
	g.signal()
}

// upgrade makes a request a WebSocket, which may last for hours.
func (g *generation) upgrade() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	g.streams++
	g.streamed = true
	g.signal()
}

func (g *generation) signal() {
	if g.retired && g.active == 0 {
		closeOnce(g.calm)
		if g.streams == 0 {
			closeOnce(g.idle)
		}
	}
}

// closeOnce is for a channel that is guarded by a mutex.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// enter notes a request under way, which acquire took in.
func (g *generation) enter(x *exchange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.exchanges[x] = struct{}{}
}

// leave ends a request that entered, and releases it.
func (g *generation) leave(x *exchange) {
	g.mu.Lock()
	delete(g.exchanges, x)
	g.left[x.worker.key()] = departure{x.worker, time.Now(), x.failed}
	g.mu.Unlock()
	g.release(x.upgraded)
}

// departure is when a Worker's last request ended.
type departure struct {
	worker *Worker
	at     time.Time
	failed bool // the process did not answer it
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
