// Package ratelimit counts for rate limiting bindings. Cloudflare counts in each of its
// places by itself, and not exactly; here there is one place, and the count is exact.
package ratelimit

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Limiter has the counters of all rate limiting namespaces. They live in memory: a
// window lasts a minute at most.
type Limiter struct {
	clock *clock.Clock

	mu      sync.Mutex
	windows map[time.Duration]*window // the current one of each length
}

// window is a stretch of time in which uses are counted. It begins at a multiple of
// its length.
type window struct {
	begin time.Time
	used  map[use]int
}

// use is what is counted together.
type use struct{ namespace, key string }

// New makes a Limiter that goes by c.
func New(c *clock.Clock) *Limiter {
	return &Limiter{clock: c, windows: map[time.Duration]*window{}}
}

// Take uses a key of a namespace once, and reports whether it was used at most limit
// times in the current window.
func (l *Limiter) Take(namespace, key string, limit int, period time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	begin := l.clock.Now().Truncate(period)
	w := l.windows[period]
	if w == nil || !w.begin.Equal(begin) {
		w = &window{begin: begin, used: map[use]int{}}
		l.windows[period] = w
	}
	u := use{namespace, key}
	if w.used[u] >= limit {
		return false
	}
	w.used[u]++
	return true
}

// Check refuses what Cloudflare does not take as the limit of a binding.
func Check(limit, period float64) error {
	switch {
	case period != 10 && period != 60:
		return fmt.Errorf("the period must be 10 or 60 seconds, got %v", period)
	case limit < 1 || limit != float64(int32(limit)):
		return fmt.Errorf("the limit must be a positive whole number, got %v", limit)
	}
	return nil
}

// Binding answers js/bindings/ratelimit.js; id names the namespace, with its account.
func (l *Limiter) Binding(w http.ResponseWriter, r *http.Request, id string) {
	var in struct {
		Key           string
		Limit, Period float64
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err == nil {
		err = Check(in.Limit, in.Period)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"success":%t}`, l.Take(id, in.Key, int(in.Limit), time.Duration(in.Period)*time.Second)) // the Worker may be gone
}
