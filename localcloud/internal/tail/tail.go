package tail

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

const (
	// lifetime is how long a tail can be used.
	lifetime = 6 * time.Hour
	// clients is how many tails a Worker can have at a time.
	clients = 10
)

// ErrTooMany is a Worker that is watched by as many clients as Cloudflare allows.
var ErrTooMany = errors.New("a Worker can have 10 tails at a time")

// Tail is one client's view of a Worker. Its ID is all that is needed to connect.
type Tail struct {
	ID      string // 32 hex
	Account string
	Script  string
	Expires time.Time

	filters Filters
	over    context.Context // done when the tail was deleted or has expired
	end     context.CancelFunc
}

// Tails are the tails of a cloud. They live in memory: a restart ends them, as it
// ends the connections.
type Tails struct {
	traffic *traffic.Store
	clock   *clock.Clock

	mu      sync.Mutex
	byID    map[string]*Tail
	closed  bool
	serving sync.WaitGroup // expiries and connections
}

// New has tails of what store is told. Close has to be called.
func New(store *traffic.Store, c *clock.Clock) *Tails {
	return &Tails{traffic: store, clock: c, byID: map[string]*Tail{}}
}

// Add makes a tail of a Worker.
func (ts *Tails) Add(account, script string, filters Filters) (*Tail, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	t := &Tail{ID: hex.EncodeToString(b[:]), Account: account, Script: script, Expires: ts.clock.Now().Add(lifetime), filters: filters}
	t.over, t.end = context.WithCancel(context.Background())
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.closed || len(ts.list(account, script)) >= clients {
		t.end()
		return nil, ErrTooMany
	}
	ts.byID[t.ID] = t
	ts.serving.Go(func() {
		_ = ts.clock.Wait(t.over, t.Expires) // either way it is over
		ts.remove(t)
	})
	return t, nil
}

// List are the tails of a Worker, those that end first coming first.
func (ts *Tails) List(account, script string) []*Tail {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.list(account, script)
}

func (ts *Tails) list(account, script string) []*Tail {
	var found []*Tail
	for _, t := range ts.byID {
		if t.Account == account && t.Script == script {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *Tail) int { return a.Expires.Compare(b.Expires) })
	return found
}

// Delete ends a tail and its connections. It reports whether there was one.
func (ts *Tails) Delete(account, script, id string) bool {
	ts.mu.Lock()
	t := ts.byID[id]
	ts.mu.Unlock()
	if t == nil || t.Account != account || t.Script != script {
		return false
	}
	ts.remove(t)
	return true
}

func (ts *Tails) remove(t *Tail) {
	t.end()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.byID, t.ID)
}

// Close ends all tails and waits for their connections.
func (ts *Tails) Close() {
	ts.mu.Lock()
	ts.closed = true
	for _, t := range ts.byID {
		t.end()
	}
	ts.mu.Unlock()
	ts.serving.Wait()
}
