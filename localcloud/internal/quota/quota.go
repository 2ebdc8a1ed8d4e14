// Package quota counts the calls of tokens as Cloudflare does: so many within a
// window, and whoever makes one more is refused everything for as long as the window.
package quota

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Policy is how many calls a token may make within a window. The zero value is
// Cloudflare's: 1,200 in five minutes.
type Policy struct {
	Calls  int           // at most MaxCalls; Unlimited: they are not counted
	Window time.Duration // of the cloud's time; default: five minutes
}

// Unlimited as Policy.Calls, switches the limit off.
const Unlimited = -1

// MaxCalls bounds what is remembered for a token: eight bytes a call.
const MaxCalls = 100_000

const (
	usualCalls  = 1200
	usualWindow = 5 * time.Minute
)

// Check says what is wrong with a policy.
func (p Policy) Check() error {
	switch {
	case p.Calls < Unlimited || p.Calls > MaxCalls:
		return fmt.Errorf("a token can be limited to 1 to %d calls, not %d", MaxCalls, p.Calls)
	case p.Window < 0 || p.Window > 0 && p.Window < time.Millisecond:
		return fmt.Errorf("the window of a rate limit lasts at least a millisecond, not %v", p.Window)
	}
	return nil
}

// Parse reads a policy as a person writes it: "off", or calls and window such as
// "100/1m". Without a window it is Cloudflare's.
func Parse(text string) (Policy, error) {
	if text == "off" {
		return Policy{Calls: Unlimited}, nil
	}
	calls, window, hasWindow := strings.Cut(text, "/")
	p := Policy{}
	n, err := strconv.Atoi(strings.TrimSpace(calls))
	if err != nil || n < 1 || n > MaxCalls {
		return p, fmt.Errorf("a rate limit is off or CALLS/WINDOW such as 1200/5m with 1 to %d calls, not %q", MaxCalls, text)
	}
	p.Calls = n
	if hasWindow {
		if p.Window, err = time.ParseDuration(strings.TrimSpace(window)); err != nil || p.Window < time.Millisecond {
			return p, fmt.Errorf("the window of a rate limit is a time such as 5m or 10s, not %q", window)
		}
	}
	return p, nil
}

// Counter counts the calls of every token. It is safe for concurrent use; nil limits nothing.
//
// Its window slides: a call is refused when there were Calls of them in the Window
// that ends now. Cloudflare does not say how its own window moves. Whoever stays below
// a sliding limit stays below one that starts anew at fixed times as well, so a client
// that gets along here gets along there; the reverse does not hold.
type Counter struct {
	clock  *clock.Clock
	policy Policy
	mu     sync.Mutex
	logs   map[string]*log
}

// log is the calls of one token: a ring of their times, the oldest at oldest once it is
// full.
type log struct {
	times   []int64 // nanoseconds; at most Policy.Calls
	oldest  int     // index in times
	count   int     // of those that are within the window
	blocked int64   // until then everything is refused; 0: nothing is
}

// New makes a counter; nil when the policy is without a limit.
func New(c *clock.Clock, p Policy) *Counter {
	if p.Calls == Unlimited {
		return nil
	}
	if p.Calls == 0 {
		p.Calls = usualCalls
	}
	if p.Window == 0 {
		p.Window = usualWindow
	}
	return &Counter{clock: c, policy: p, logs: map[string]*log{}}
}

// Verdict is what a call is told about the limit. Its zero value allows the call and
// says nothing.
type Verdict struct {
	Refused   bool
	limited   bool
	remaining int
	calls     int
	reset     int // seconds of the client
	window    int
}

// Take counts a call of a token and says whether it is allowed. A refused call is not
// counted: the block ends when it was said to.
func (c *Counter) Take(token string) Verdict {
	if c == nil {
		return Verdict{}
	}
	now, scale := c.clock.Now().UnixNano(), c.clock.Scale()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.logs[token]
	if t == nil {
		t = &log{}
		c.logs[token] = t
	}
	v := Verdict{limited: true, calls: c.policy.Calls, window: seconds(int64(c.policy.Window), scale)}
	if t.blocked > now {
		v.Refused, v.reset = true, seconds(t.blocked-now, scale)
		return v
	}
	t.forget(now - int64(c.policy.Window))
	if t.count == c.policy.Calls {
		t.blocked = now + int64(c.policy.Window)
		v.Refused, v.reset = true, v.window
		return v
	}
	t.add(now, c.policy.Calls)
	v.remaining = c.policy.Calls - t.count
	v.reset = seconds(t.times[t.oldest]+int64(c.policy.Window)-now, scale)
	return v
}

// Forget starts all counts anew.
func (c *Counter) Forget() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.logs)
}

// forget drops the calls that were made at a time or before.
func (t *log) forget(until int64) {
	for t.count > 0 && t.times[t.oldest] <= until {
		t.oldest, t.count = (t.oldest+1)%len(t.times), t.count-1
	}
}

// add remembers a call. The ring grows to most.
func (t *log) add(now int64, most int) {
	if t.count == len(t.times) { // it is full, so that it begins at oldest
		grown := make([]int64, min(most, max(64, 2*len(t.times))))
		n := copy(grown, t.times[t.oldest:])
		copy(grown[n:], t.times[:t.oldest])
		t.times, t.oldest = grown, 0
	}
	t.times[(t.oldest+t.count)%len(t.times)] = now
	t.count++
}

// seconds is how long a client has to wait for d of the cloud's nanoseconds, in whole
// seconds of its own clock.
func seconds(d int64, scale float64) int {
	return int(math.Ceil(float64(d) / scale / float64(time.Second)))
}

// Header adds what Cloudflare tells about the limit. Its seconds are those of the
// client, also where the cloud's time runs faster: they are there to be waited for.
func (v Verdict) Header(h http.Header) {
	if !v.limited {
		return
	}
	h["Ratelimit"] = []string{`"default";r=` + strconv.Itoa(v.remaining) + ";t=" + strconv.Itoa(v.reset)}
	h["Ratelimit-Policy"] = []string{`"default";q=` + strconv.Itoa(v.calls) + ";w=" + strconv.Itoa(v.window)}
	if v.Refused {
		h["Retry-After"] = []string{strconv.Itoa(v.reset)}
	}
}
