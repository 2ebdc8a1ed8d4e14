package data

import (
	"sync"
	"time"
)

// CacheOptions bound a [Cache]. The zero value is the default.
type CacheOptions struct {
	Entries int           // at most so many answers; default: 10,000
	Bytes   int64         // at most so many bytes of keys and answers, roughly; default: 8 MiB
	TTL     time.Duration // how long an answer may be used; default: 5 seconds
}

// never is the TTL of what does not become wrong.
const never = time.Duration(-1)

// Cache keeps answers of D1 in the memory of one instance of a service, which stores
// share or have alone. It is bounded; what was not asked for lately goes first (SIEVE).
//
// A write through a [Store] ends, in the time of one addition, every answer that has
// rows of its model: whoever reads after it in this instance sees it, also when a read
// that began before it ends after it. Other instances, of which Workers has many, have
// caches of their own and see the write when their answers are as old as TTL.
type Cache struct {
	options CacheOptions
	now     func() time.Time

	mu          sync.Mutex
	entries     map[string]*entry
	generations map[string]uint64 // of the models, by name: counts their writes
	newest      *entry            // a list in the order of arrival
	oldest      *entry
	hand        *entry // where SIEVE looks next; nil is the oldest
	bytes       int64
	stats       CacheStats
	scopes      map[any]int // numbers for what asks different databases by one name
}

// CacheStats is what a cache has done since it was made, and what it holds now.
type CacheStats struct {
	Hits      uint64 `json:"hits"`
	Misses    uint64 `json:"misses"`
	Evictions uint64 `json:"evictions"` // for want of room
	Entries   int    `json:"entries"`
	Bytes     int64  `json:"bytes"`
}

// entry is one answer. Nobody changes the value: it is shared.
type entry struct {
	key     string
	value   any
	size    int64
	proof   proof
	expires time.Time
	visited bool
	newer   *entry
	older   *entry
}

// proof says which writes an answer knows of. It is made before the question is asked.
type proof []mark

type mark struct {
	model      string
	generation uint64
}

// overhead is about what an entry costs beside its key and value.
const overhead = 200

// NewCache makes an empty cache.
func NewCache(o CacheOptions) *Cache {
	if o.Entries <= 0 {
		o.Entries = 10_000
	}
	if o.Bytes <= 0 {
		o.Bytes = 8 << 20
	}
	if o.TTL == 0 {
		o.TTL = 5 * time.Second
	}
	return &Cache{options: o, now: time.Now, entries: map[string]*entry{}, generations: map[string]uint64{}, scopes: map[any]int{}}
}

// Stats reads the counters.
func (c *Cache) Stats() CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Entries, s.Bytes = len(c.entries), c.bytes
	return s
}

// Invalidate ends all answers with rows of the models named. Stores do it themselves;
// it is for writes that go past them.
func (c *Cache) Invalidate(models ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range models {
		c.generations[m]++
	}
}

// scope is a number for the bindings of a context, which tests have one of each.
func (c *Cache) scope(bindings any) int {
	if bindings == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.scopes[bindings]; !ok {
		c.scopes[bindings] = len(c.scopes) + 1
	}
	return c.scopes[bindings]
}

// get is the answer to key, or else the proof that put wants: the writes to models that
// an answer fetched from now on is sure to know of.
func (c *Cache) get(key string, models ...string) (value any, p proof, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		if c.valid(e) {
			e.visited = true
			c.stats.Hits++
			return e.value, nil, true
		}
		c.remove(e)
	}
	c.stats.Misses++
	p = make(proof, len(models))
	for i, m := range models {
		p[i] = mark{m, c.generations[m]}
	}
	return nil, p, false
}

// put keeps an answer of about size bytes, unless one of its models was written to
// since the proof was made, or it alone would take more than an eighth of the room.
func (c *Cache) put(key string, value any, size int64, p proof) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size += int64(len(key)) + overhead
	if !c.current(p) || size > c.options.Bytes/8 {
		return
	}
	if e := c.entries[key]; e != nil {
		c.remove(e)
	}
	for len(c.entries) >= c.options.Entries || c.bytes+size > c.options.Bytes {
		c.evict()
	}
	e := &entry{key: key, value: value, size: size, proof: p, older: c.newest}
	if c.options.TTL > 0 {
		e.expires = c.now().Add(c.options.TTL)
	}
	if c.newest != nil {
		c.newest.newer = e
	} else {
		c.oldest = e
	}
	c.newest = e
	c.entries[key] = e
	c.bytes += size
}

func (c *Cache) valid(e *entry) bool {
	return c.current(e.proof) && (e.expires.IsZero() || c.now().Before(e.expires))
}

func (c *Cache) current(p proof) bool {
	for _, m := range p {
		if c.generations[m.model] != m.generation {
			return false
		}
	}
	return true
}

// evict makes room for one: from the oldest on, the first that was not asked for since
// the hand last came by. One whose time is over goes even if it was.
func (c *Cache) evict() {
	e := c.hand
	for {
		if e == nil {
			e = c.oldest
		}
		if !e.visited || !c.valid(e) {
			break
		}
		e.visited = false
		e = e.newer
	}
	c.stats.Evictions++
	c.hand = e.newer
	c.remove(e)
}

func (c *Cache) remove(e *entry) {
	if c.hand == e {
		c.hand = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		c.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		c.oldest = e.newer
	}
	delete(c.entries, e.key)
	c.bytes -= e.size
}
