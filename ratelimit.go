package clodo

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Limiter counts requests by a key and says whether one more is within the limit: the
// binding of package bindings/ratelimit is one.
type Limiter interface {
	Allow(ctx context.Context, key string) (ok bool, err error)
}

// RateLimitOptions say how many requests are too many.
type RateLimitOptions struct {
	// Limiter counts. Without one the program counts by itself, in memory. Then a limit
	// is one of this process alone, and on Workers one of a single instance of the program,
	// of which every location of Cloudflare's runs up to 8 and more: enough against one
	// client that hammers, and no quota.
	Limiter Limiter
	// Limit is how many requests a client has in Period: all at once, if it likes, after
	// which they come back evenly. A Limiter has limits of its own; these are only told to
	// clients then.
	Limit  int
	Period time.Duration // default: a minute
	// Key says whose request it is. Default: [ClientAddress].
	Key func(*http.Request) string
	// Forgive takes an answer's status and reports that its request does not count, for a
	// limit on failed attempts for example. Not with a Limiter.
	Forgive func(status int) bool
	// MaxKeys is how many clients are remembered, without a Limiter. When there are more,
	// some are forgotten and start anew. Default: 10,000.
	MaxKeys int
}

// RateLimit answers 429 with Retry-After to clients that send too many requests. Answers
// have the headers RateLimit-Policy and RateLimit, in which the policy's name says who
// counts: "binding", "process", or "instance" on Workers. When a Limiter fails, requests
// go through, and that is logged.
func RateLimit(o RateLimitOptions) Middleware {
	if o.Period == 0 {
		o.Period = time.Minute
	}
	if o.Key == nil {
		o.Key = ClientAddress
	}
	if o.Limiter != nil {
		if o.Forgive != nil {
			panic("clodo: a Limiter cannot forgive a request")
		}
		return o.byLimiter
	}
	if o.Limit <= 0 || o.Period < time.Millisecond || o.Period < time.Duration(o.Limit) { // a request takes a nanosecond at least
		panic("clodo: no limit of requests, or no time for it")
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = 10_000
	}
	name := "process"
	if runtime.GOOS == "js" {
		name = "instance"
	}
	b := &buckets{limit: o.Limit, period: o.Period, most: o.MaxKeys, seed: maphash.MakeSeed(), full: map[uint64]time.Time{}}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := o.Key(r)
			ok, left, wait := b.take(key, time.Now())
			h := w.Header()
			h.Set("RateLimit-Policy", o.policy(name))
			h.Set("RateLimit", `"`+name+`";r=`+strconv.Itoa(left)+`;t=`+ceil(wait))
			if !ok {
				tooMany(w, r, wait)
				return
			}
			if o.Forgive == nil {
				next.ServeHTTP(w, r)
				return
			}
			a := &answer{ResponseWriter: w}
			next.ServeHTTP(a, r)
			if a.status == 0 {
				a.status = http.StatusOK
			}
			if o.Forgive(a.status) {
				b.giveBack(key)
			}
		})
	}
}

func (o RateLimitOptions) byLimiter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, err := o.Limiter.Allow(r.Context(), o.Key(r))
		if err != nil {
			slog.ErrorContext(r.Context(), "a rate limit could not be asked for; the request goes through", "error", err, "request_id", RequestIDOf(r.Context()))
			ok = true
		}
		if o.Limit > 0 {
			w.Header().Set("RateLimit-Policy", o.policy("binding"))
		}
		if !ok {
			tooMany(w, r, o.Period)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (o RateLimitOptions) policy(name string) string {
	return `"` + name + `";q=` + strconv.Itoa(o.Limit) + `;w=` + ceil(o.Period)
}

func tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	WriteError(w, r, &Problem{
		Status: http.StatusTooManyRequests, Code: "rate_limited", Detail: "There were too many requests.",
		Header: http.Header{"Retry-After": {ceil(wait)}},
	})
}

// ceil is a time in whole seconds, none being too short.
func ceil(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// ClientAddress is the address that a request came from: on Workers the client's, as
// Cloudflare says, natively that of the connection. Of an IPv6 address it is the network
// of 64 bits, all of which one client has.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is6() || ip.Is4In6() {
		return host
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}

// buckets counts requests by key: each key has a bucket that holds limit requests and
// empties evenly within period. All that has to be known of it is when it is empty.
type buckets struct {
	limit  int
	period time.Duration
	most   int
	seed   maphash.Seed

	mu   sync.Mutex
	full map[uint64]time.Time // until when there is something in the bucket, by the key's hash
}

// take puts a request into a key's bucket, if it has room: left is for how many more,
// wait until when it has room for one, or for all of them when there was room.
func (b *buckets) take(key string, now time.Time) (ok bool, left int, wait time.Duration) {
	id := maphash.String(b.seed, key)
	one := b.period / time.Duration(b.limit)
	b.mu.Lock()
	defer b.mu.Unlock()
	end := b.full[id]
	if end.Before(now) {
		end = now
	}
	if over := end.Add(one).Sub(now) - b.period; over > 0 {
		return false, 0, over
	}
	end = end.Add(one)
	if _, known := b.full[id]; !known && len(b.full) >= b.most {
		b.forget(now)
	}
	b.full[id] = end
	return true, int((b.period - end.Sub(now)) / one), end.Sub(now)
}

// forget makes room: of empty buckets, or else of any tenth.
func (b *buckets) forget(now time.Time) {
	for id, end := range b.full {
		if !end.After(now) {
			delete(b.full, id)
		}
	}
	for id := range b.full {
		if len(b.full) <= b.most-b.most/10-1 {
			return
		}
		delete(b.full, id)
	}
}

func (b *buckets) giveBack(key string) {
	id := maphash.String(b.seed, key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if end, ok := b.full[id]; ok {
		b.full[id] = end.Add(-b.period / time.Duration(b.limit))
	}
}
