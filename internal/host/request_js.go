package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// exchange is a request that the instance has. It is the request's context.
type exchange struct {
	context.Context
	program *instance
	head    string // of the request
	handler http.Handler
	cancel  context.CancelFunc
	writer  responseWriter
	slow    time.Time      // when a body that is not there is waited for no longer; zero: never
	tasks   sync.WaitGroup // what goes on beside and after it
	spoilt  int32          // 1 when the instance must not get another: a panic leaves locks held and the like
	caught  bool           // a panic, by who answers all the same
}

type exchangeKey struct{}

// Value finds the exchange itself, too.
func (e *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return e
	}
	return e.Context.Value(key)
}

// exchange is the request that ctx belongs to, or else the one that the instance has;
// nil when that is over or there is none.
func (i *instance) exchange(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok && e != i.current {
		return nil
	}
	return i.current
}

//go:wasmexport clodo_request
func request(n int32) { program.request(program.text(n), program.handler) }

// text is what the shim has handed over.
func (i *instance) text(n int32) string {
	data, _ := i.handed(n)
	return string(data)
}

// request begins a request that h answers, of which head is what the shim wrote.
func (i *instance) request(head string, h http.Handler) {
	e := &exchange{program: i, head: head, handler: h}
	e.Context, e.cancel = context.WithCancel(context.Background())
	e.writer = responseWriter{exchange: e, header: http.Header{}}
	i.current = e
	i.exchanges <- e
}

//go:wasmexport clodo_abort
func abort() { program.abort() }

// abort tells the handler that nobody waits for its answer.
func (i *instance) abort() {
	if i.current != nil {
		i.current.cancel()
	}
}

// serve answers it, and waits for what goes on beside it.
func (e *exchange) serve() {
	defer func() { // also when the handler ends its goroutine
		e.cancel()
		e.tasks.Wait()
		e.program.end()
		shimDone(e.spoilt)
	}()
	e.answer()
}

func (e *exchange) answer() {
	e.spoilt = 1
	answered := false
	defer func() {
		if answered {
			return
		}
		if caught := recover(); caught != nil && caught != http.ErrAbortHandler {
			slog.Error("a handler panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
		}
		e.writer.fail()
	}()
	if r, err := e.parse(); err != nil {
		http.Error(&e.writer, "Bad Request", http.StatusBadRequest)
	} else {
		e.writer.noBody = r.Method == http.MethodHead
		e.handler.ServeHTTP(&e.writer, r)
	}
	e.writer.finish()
	if answered = true; !e.caught {
		e.spoilt = 0
	}
}

// Spoil says that a panic was caught of the request of ctx: the instance gets no other.
func Spoil(ctx context.Context) {
	if e := program.exchange(ctx); e != nil {
		e.caught = true
	}
}

// parse makes a request of its head: length of the body (-1 unknown, 0 none), method,
// URL, and the headers' names and values, a line each. It is as a server of net/http
// would have it.
func (e *exchange) parse() (*http.Request, error) {
	length, rest, _ := strings.Cut(e.head, "\n")
	method, rest, _ := strings.Cut(rest, "\n")
	address, rest, _ := strings.Cut(rest, "\n")
	_, address, _ = strings.Cut(address, "://")
	path := max(strings.IndexByte(address, '/'), 0)
	u, err := url.ParseRequestURI(address[path:])
	if err != nil {
		return nil, err
	}
	r := (&http.Request{
		Method: method, URL: u, RequestURI: address[path:], Host: address[:path], Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}).WithContext(e)
	if r.ContentLength, err = strconv.ParseInt(length, 10, 64); err != nil {
		return nil, err
	}
	if r.ContentLength != 0 {
		r.Body = &body{exchange: e}
	}
	n := (strings.Count(rest, "\n") + 1) / 2
	values := make([]string, 0, n) // one array for all
	r.Header = make(http.Header, n)
	for rest != "" {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\n")
		value, rest, _ = strings.Cut(rest, "\n")
		name = e.program.canonical(name)
		switch {
		case name == "Host":
		case name == "Transfer-Encoding":
			r.TransferEncoding = []string{value}
		case r.Header[name] != nil:
			r.Header[name] = append(r.Header[name], value)
		default:
			values = append(values, value)
			r.Header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	if client := r.Header.Get("Cf-Connecting-Ip"); client != "" {
		r.RemoteAddr = net.JoinHostPort(client, "0") // nobody says the port
	}
	return r, nil
}

// canonical is [http.CanonicalHeaderKey], which remembers: clients send the same names
// again and again.
func (i *instance) canonical(name string) string {
	if known, ok := i.names[name]; ok {
		return known
	}
	c := http.CanonicalHeaderKey(name)
	if len(i.names) < 200 && len(name) < 50 {
		i.names[strings.Clone(name)] = c
	}
	return c
}

// part is the next part of the body. Who waits for it until the deadline gets no more of it:
// the client may hold a request back, but not the instance.
func (e *exchange) part() ([]byte, error) {
	if e.slow.IsZero() {
		return e.program.call(e, readBody, nil)
	}
	late := time.NewTimer(time.Until(e.slow))
	defer late.Stop()
	number, c := e.program.begin(e, readBody, nil)
	select {
	case r := <-c:
		return r.data, r.err
	case <-late.C:
		delete(e.program.calls, number)
		return nil, os.ErrDeadlineExceeded
	}
}

// body is the request's body, read as the handler asks for it.
type body struct {
	exchange *exchange
	rest     []byte
	err      error
}

func (b *body) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		part, err := b.exchange.part()
		switch {
		case err != nil:
			b.err = fmt.Errorf("reading the body: %w", err)
		case len(part) == 0:
			b.err = io.EOF
		}
		b.rest = part
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *body) Close() error {
	b.rest, b.err = nil, errors.New("read of a body that was closed")
	return nil
}
