package traffic

import (
	"container/list"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// What the two sides tell about a request arrives at different times: the proxy when
// the answer has been sent, workerd when all has ended that the request began.
const (
	// patience is how long a request waits for workerd before it is kept as it is. It
	// is completed when more becomes known.
	patience = time.Second
	// despair is when nothing more is expected: waitUntil may go on for 30 seconds.
	despair = time.Minute
	// unfinished is how many requests may wait at once; the oldest have to go then.
	unfinished = 1 << 16
)

// key finds the request of a trace. A Worker that a service binding calls with a
// request of its own caller sees the same ray, but has another version.
type key struct{ ray, version string }

// open is a request that is not complete.
type open struct {
	key       key
	since     time.Time  // it is in its list
	list      *list.List // one of the collector's
	element   *list.Element
	exchange  *Record // the proxy's side, once it has ended
	host      string
	headers   http.Header
	trace     *Record // workerd's side
	kept      bool
	published bool
}

// collector makes records of what it is told. It is for one goroutine; keep and
// publish are what it does with them.
type collector struct {
	keep    func(Record) // may be called again for the same ID
	publish func(Record) // once, or again for a request that first looked like one of assets
	lost    func()
	stamp   func(time.Time) time.Time // the machine's time as the cloud's
	now     func() time.Time          // the machine's time
	last    int64                     // ID

	byKey map[key]*open
	// Each holds *open, the oldest first: those under way, those that ended a moment
	// ago, and those that are kept without what workerd may still tell.
	running, ended, late *list.List
}

func newCollector(last int64, keep, publish func(Record), lost func(), stamp func(time.Time) time.Time) *collector {
	return &collector{keep: keep, publish: publish, lost: lost, stamp: stamp, now: time.Now, last: last, byKey: map[key]*open{}, running: list.New(), ended: list.New(), late: list.New()}
}

func (c *collector) id() int64 {
	c.last++
	return c.last
}

// move puts o at the end of a list; nil takes it out of all.
func (c *collector) move(o *open, to *list.List) {
	if o.list != nil {
		o.list.Remove(o.element)
	}
	if o.list, o.since = to, c.now(); to == nil {
		delete(c.byKey, o.key)
		return
	}
	o.element = to.PushBack(o)
}

func oldest(l *list.List) *open {
	if l.Len() == 0 {
		return nil
	}
	return l.Front().Value.(*open)
}

func (c *collector) begin(v runtime.Invoked, ray string) {
	o := &open{key: key{ray, v.Version}}
	c.byKey[o.key] = o
	c.move(o, c.running)
	if c.running.Len() > unfinished {
		c.move(oldest(c.running), nil)
		c.lost()
	}
}

// end takes the proxy's side of a request.
func (c *collector) end(e runtime.Exchange) {
	o := c.byKey[key{e.Ray, e.Version}]
	if o == nil || o.exchange != nil {
		c.lost() // its beginning was lost, so what workerd tells cannot be told apart
		return
	}
	r := ofExchange(e)
	r.ID, r.Time = c.id(), c.stamp(r.Time)
	o.exchange, o.host = &r, strings.ToLower(e.Request.Host)
	if o.headers = e.Sent; o.headers == nil {
		o.headers = e.Request.Header
	}
	switch {
	case o.trace != nil:
		c.complete(o)
	case e.Codeless:
		c.giveUp(o)
	default:
		c.move(o, c.ended)
		if e.Failed || e.Outcome != "" { // workerd will hardly say more, and who watches wants to know
			c.provisional(o)
			c.show(o)
		}
	}
}

// trace takes workerd's side of an invocation.
func (c *collector) trace(t runtime.Trace) {
	if t.Ray != "" {
		c.answered(t)
		return
	}
	r, err := ofTrace(t)
	if err != nil {
		c.lost()
		return
	}
	o := c.byKey[key{r.Ray, r.Version}]
	// The code of an object, or another entrypoint, was called by what the proxy called.
	if r.Trigger == Fetch && r.Ray != "" && r.Entrypoint == "" && o != nil && o.trace == nil {
		c.join(o, r)
		return
	}
	r.ID, r.Time = c.id(), c.stamp(r.Time)
	c.keep(r)
	c.publish(r)
}

// answered takes workerd's side of a request of which the proxy knows all else.
func (c *collector) answered(t runtime.Trace) {
	o := c.byKey[key{t.Ray, t.Version}]
	if o == nil || o.trace != nil {
		c.lost()
		return
	}
	c.join(o, ofTimes(t))
}

func (c *collector) join(o *open, trace Record) {
	o.trace = &trace
	if o.exchange != nil {
		c.complete(o)
	}
}

func (c *collector) complete(o *open) {
	c.move(o, nil)
	r := merged(*o.exchange, *o.trace)
	if o.trace.URL == "" {
		r.Method, r.URL, r.Detail.ClientIP = o.exchange.Method, o.exchange.URL, o.exchange.Detail.ClientIP
		r.Detail.Event = requestEvent(r, o.host, o.headers)
	}
	c.keep(r)
	if !o.published || o.exchange.Trigger == Assets {
		c.publish(r)
	}
}

// provisional keeps the proxy's side alone.
func (c *collector) provisional(o *open) {
	if o.kept {
		return
	}
	o.kept = true
	o.exchange.Detail.Event = requestEvent(*o.exchange, o.host, o.headers)
	c.keep(*o.exchange)
}

func (c *collector) show(o *open) {
	if !o.published {
		o.published = true
		c.publish(*o.exchange)
	}
}

// giveUp expects no more about a request.
func (c *collector) giveUp(o *open) {
	c.move(o, nil)
	c.provisional(o)
	c.show(o)
}

// tick looks after those that wait.
func (c *collector) tick() {
	now := c.now()
	for o := oldest(c.ended); o != nil && now.Sub(o.since) >= patience; o = oldest(c.ended) {
		c.provisional(o)
		if o.exchange.Trigger == Assets { // most likely nothing more comes
			c.show(o)
		}
		c.move(o, c.late)
	}
	for o := oldest(c.late); o != nil && (now.Sub(o.since) >= despair || c.late.Len() > unfinished); o = oldest(c.late) {
		c.giveUp(o)
	}
}

// settle keeps all that has ended, whatever may still be told about it.
func (c *collector) settle() {
	for el := c.ended.Front(); el != nil; el = el.Next() {
		c.provisional(el.Value.(*open))
	}
}
