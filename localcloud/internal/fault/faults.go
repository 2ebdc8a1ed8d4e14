package fault

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Faults is the rules that are in force. It is safe for concurrent use.
//
// Each rule draws from a generator of its own, once for every request that it matches:
// the same seed, rules and sequence of requests give the same faults, whatever other
// rules do in between. Requests at the same time have the order in which they arrive.
type Faults struct {
	clock *clock.Clock
	log   *slog.Logger
	armed atomic.Bool // there are rules
	mu    sync.Mutex
	seed  uint64
	last  int // the newest rule's id
	rules []*armed
}

// armed is a rule in force.
type armed struct {
	Rule
	id      int
	matcher matcher
	random  *rand.Rand
	seen    int
	struck  int
}

// New makes an empty set of rules whose waits follow a clock.
func New(c *clock.Clock, log *slog.Logger) *Faults { return &Faults{clock: c, log: log} }

// Replace puts rules in force in place of those before; their counts begin anew. It
// does nothing when one of them cannot be.
func (f *Faults) Replace(seed uint64, rules ...Rule) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	ready, err := arm(seed, 0, rules)
	if err != nil {
		return err
	}
	f.seed, f.last, f.rules = seed, len(rules), ready
	f.armed.Store(len(f.rules) > 0)
	return nil
}

// Add puts more rules in force, after those that are there.
func (f *Faults) Add(rules ...Rule) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	ready, err := arm(f.seed, f.last, rules)
	if err != nil {
		return err
	}
	f.last, f.rules = f.last+len(rules), append(f.rules, ready...)
	f.armed.Store(len(f.rules) > 0)
	return nil
}

func arm(seed uint64, last int, rules []Rule) ([]*armed, error) {
	var ready []*armed
	for i, r := range rules {
		m, err := r.check()
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", r, err)
		}
		id := last + i + 1
		ready = append(ready, &armed{Rule: r, id: id, matcher: m, random: rand.New(rand.NewPCG(seed, uint64(id)))})
	}
	return ready, nil
}

// Remove takes a rule out of force. It reports whether there was one of that id.
func (f *Faults) Remove(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.rules)
	f.rules = slices.DeleteFunc(f.rules, func(a *armed) bool { return a.id == id })
	f.armed.Store(len(f.rules) > 0)
	return len(f.rules) < before
}

// Report is the rules in force and what they did. Its JSON form is a contract.
type Report struct {
	Seed  uint64  `json:"seed"`
	Rules []State `json:"rules"`
}

// State is one rule in force.
type State struct {
	ID     int    `json:"id"`
	Text   string `json:"text"` // the rule as Parse reads it
	Rule   Rule   `json:"rule"`
	Seen   int    `json:"seen"`   // requests that it matched
	Struck int    `json:"struck"` // of those
}

// Report says what is in force.
func (f *Faults) Report() Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := Report{Seed: f.seed, Rules: []State{}}
	for _, a := range f.rules {
		r.Rules = append(r.Rules, State{ID: a.id, Text: a.String(), Rule: a.Rule, Seen: a.seen, Struck: a.struck})
	}
	return r
}

// blow is what a request gets.
type blow struct {
	wait  time.Duration // before anything is done
	rule  Rule          // Kind "" when nothing but waiting
	after time.Duration // how long the rule waits
	ids   []int         // of the rules that struck
}

// decide asks every rule about a request. All that delay it add up; the first other
// one that strikes is the one.
func (f *Faults) decide(data bool, r *http.Request) blow {
	path := r.URL.EscapedPath()
	if !data {
		path = path[min(len(path), len(api.Prefix)):]
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	var b blow
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.rules {
		if !a.matcher.matches(data, r.Method, host, path) {
			continue
		}
		a.seen++
		chance, more := a.random.Float64(), a.random.Float64() // drawn always: what it strikes depends on nothing else
		p := a.Probability
		if p == 0 {
			p = 1
		}
		if a.seen <= a.After || a.Count > 0 && a.struck >= a.Count || chance >= p || a.Kind != Latency && b.rule.Kind != "" {
			continue
		}
		a.struck++
		b.ids = append(b.ids, a.id)
		wait := a.Latency + time.Duration(more*float64(a.Jitter))
		switch a.Kind {
		case Latency:
			b.wait += wait
		default:
			b.rule, b.after = a.Rule, wait
		}
	}
	return b
}
