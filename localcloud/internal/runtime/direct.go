package runtime

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync"
	"time"
)

// idleTimeout is for connections to workerd, which closes its end of those that were
// idle for 5 s; to be earlier means never to send a request into one about to close.
const idleTimeout = 3 * time.Second

// maxHead is how long the head of an answer may be, as for http.Transport.
const maxHead = 10 << 20

// direct is the way to a process. Requests without a body, which are most, are exchanged by
// the goroutine that has them: http.Transport has two more for each connection, and to
// wake them costs as much as the rest. It would also send some of them a second time when
// their connection breaks, by which a Worker would run twice. Those with a body need it,
// and it has no second copy of that to send.
type direct struct {
	*http.Transport
	dial dialer

	mu     sync.Mutex
	idle   map[string][]*line // by address, the longest unused first
	reaper bool               // reap is going to be called
}

// line is a connection. It is used by one request at a time.
type line struct {
	net.Conn
	address string
	r       *bufio.Reader
	w       *bufio.Writer
	budget  int64     // what may still be read
	heard   bool      // something was read for this request
	since   time.Time // it is idle, or was before this request
	sent    time.Time // this request
}

func (l *line) Read(b []byte) (int, error) {
	if l.budget <= 0 {
		return 0, errors.New("the head of the answer is too long")
	}
	n, err := l.Conn.Read(b[:min(int64(len(b)), l.budget)])
	l.budget -= int64(n)
	l.heard = l.heard || n > 0
	return n, err
}

// stale reports whether the other end may have closed the connection as idle before
// this request came: on a machine so busy that to send it took more than a second.
func (l *line) stale() bool { return l.sent.Sub(l.since) > idleTimeout+time.Second }

func (d *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody {
		return d.Transport.RoundTrip(withOwner(req))
	}
	ctx := req.Context()
	if l := d.take(req.URL.Host); l != nil {
		res, err := d.through(l, req)
		read := req.Method == http.MethodGet || req.Method == http.MethodHead
		if err == nil || !read || l.heard || !l.stale() || ctx.Err() != nil { // the Worker may have begun with it
			return res, err
		}
	}
	conn, err := d.dial(ctx, "tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn, address: req.URL.Host}
	l.r, l.w = bufio.NewReaderSize(l, 8<<10), bufio.NewWriterSize(conn, 4<<10)
	return d.through(l, req)
}

// through is a request on a connection, which is closed, or used again, when it is over.
func (d *direct) through(l *line, req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	l.budget, l.heard = maxHead, false
	stop := context.AfterFunc(ctx, func() { _ = abort(l.Conn) }) // which ends reads and writes
	res, err := l.exchange(req)
	if err != nil {
		stop()
		_ = l.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	l.budget = math.MaxInt64
	if res.StatusCode == http.StatusSwitchingProtocols {
		res.Body = &upgraded{line: l, stop: stop}
		return res, nil
	}
	a := &answer{ReadCloser: res.Body, ctx: ctx, d: d, l: l, stop: stop, once: res.Close}
	if res.Body == http.NoBody {
		a.finish(true)
		return res, nil
	}
	res.Body = a
	return res, nil
}

// exchange sends a request and reads the head of its answer.
func (l *line) exchange(req *http.Request) (*http.Response, error) {
	err := errors.Join(req.Write(l.w), l.w.Flush())
	if l.sent = time.Now(); err != nil {
		return nil, err
	}
	for {
		res, err := http.ReadResponse(l.r, req)
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols && req.Header.Get("Upgrade") == "":
			return nil, errors.New("the Worker's process switched protocols unasked")
		case res.StatusCode >= http.StatusOK || res.StatusCode == http.StatusSwitchingProtocols:
			return res, nil
		}
		if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// upgraded is a connection that has become a WebSocket.
type upgraded struct {
	*line
	stop func() bool
}

func (u *upgraded) Read(b []byte) (int, error) { return u.r.Read(b) }

func (u *upgraded) Close() error {
	u.stop()
	return u.line.Close()
}

// answer is the body of an answer, at whose end the connection is free again.
type answer struct {
	io.ReadCloser
	ctx  context.Context
	d    *direct
	l    *line
	stop func() bool
	once bool // the connection is of no use afterwards
	over bool
}

func (a *answer) Read(b []byte) (int, error) {
	if a.over {
		return a.ReadCloser.Read(b)
	}
	n, err := a.ReadCloser.Read(b)
	if err != nil {
		a.finish(errors.Is(err, io.EOF))
		if cause := context.Cause(a.ctx); cause != nil && !errors.Is(err, io.EOF) {
			err = cause
		}
	}
	return n, err
}

// Close does not read the rest, which may take forever.
func (a *answer) Close() error {
	a.finish(false)
	return nil
}

func (a *answer) finish(complete bool) {
	if a.over {
		return
	}
	a.over = true
	switch stopped := a.stop(); {
	case !complete:
		_ = abort(a.l.Conn)
	case !stopped || a.once || a.l.r.Buffered() > 0:
		_ = a.l.Close()
	default:
		a.d.put(a.l)
	}
}

// take is the connection that was used last.
func (d *direct) take(address string) *line {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := d.idle[address]
	if len(free) == 0 {
		return nil
	}
	l := free[len(free)-1]
	free[len(free)-1] = nil
	d.idle[address] = free[:len(free)-1]
	if time.Since(l.since) < idleTimeout {
		return l
	}
	_ = l.Close() // and the others are older: reap sees to them
	return nil
}

func (d *direct) put(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.since = time.Now()
	d.idle[l.address] = append(d.idle[l.address], l)
	if !d.reaper {
		d.reaper = true
		time.AfterFunc(idleTimeout, d.reap)
	}
}

// reap closes what was idle for long, as long as there is any.
func (d *direct) reap() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reaper = d.closeIdle(time.Now().Add(-idleTimeout)); d.reaper {
		time.AfterFunc(idleTimeout, d.reap)
	}
}

// closeIdle is for who holds mu. It reports whether some were used later.
func (d *direct) closeIdle(before time.Time) (left bool) {
	for address, free := range d.idle {
		d.idle[address] = slices.DeleteFunc(free, func(l *line) bool {
			old := !l.since.After(before)
			if old {
				_ = l.Close()
			}
			return old
		})
		left = left || len(d.idle[address]) > 0
	}
	return left
}

// CloseIdleConnections closes what nobody uses.
func (d *direct) CloseIdleConnections() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closeIdle(time.Now())
	d.Transport.CloseIdleConnections()
}
