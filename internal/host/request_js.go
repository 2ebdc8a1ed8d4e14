package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// exchange is a request that the instance has. It is the request's context.
type exchange struct {
	context.Context
	program *instance
	cancel  context.CancelFunc
	writer  responseWriter
	tasks   sync.WaitGroup // what goes on beside and after it
	spoilt  int32          // 1 when the instance must not get another: a panic leaves locks held and the like
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

// request has h answer a request, of which head is what the shim wrote.
func (i *instance) request(head string, h http.Handler) {
	e := &exchange{program: i}
	e.Context, e.cancel = context.WithCancel(context.Background())
	e.writer = responseWriter{exchange: e, header: http.Header{}}
	i.current = e
	go e.serve(head, h)
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
func (e *exchange) serve(head string, h http.Handler) {
	e.answer(head, h)
	e.cancel()
	e.tasks.Wait()
	e.program.end()
	shimDone(e.spoilt)
}

func (e *exchange) answer(head string, h http.Handler) {
	defer func() {
		caught := recover()
		if caught == nil {
			return
		}
		e.spoilt = 1
		if caught != http.ErrAbortHandler {
			slog.Error("a handler panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
		}
		e.writer.fail()
	}()
	if r, err := e.parse(head); err != nil {
		http.Error(&e.writer, "Bad Request", http.StatusBadRequest)
	} else {
		e.writer.noBody = r.Method == http.MethodHead
		h.ServeHTTP(&e.writer, r)
	}
	e.writer.finish()
}

// parse makes a request of its head: length of the body (-1 unknown, 0 none), method,
// URL, and the headers' names and values, a line each.
func (e *exchange) parse(head string) (*http.Request, error) {
	length, rest, _ := strings.Cut(head, "\n")
	method, rest, _ := strings.Cut(rest, "\n")
	address, rest, _ := strings.Cut(rest, "\n")
	r, err := http.NewRequestWithContext(e, method, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	if r.ContentLength, err = strconv.ParseInt(length, 10, 64); err != nil {
		return nil, err
	}
	if r.ContentLength != 0 {
		r.Body = &body{exchange: e}
	}
	lines := strings.Count(rest, "\n") + 1
	values := make([]string, 0, lines/2) // one array for all
	r.Header = make(http.Header, lines/2)
	for rest != "" {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\n")
		value, rest, _ = strings.Cut(rest, "\n")
		name = e.program.canonical(name)
		if r.Header[name] != nil {
			r.Header[name] = append(r.Header[name], value)
			continue
		}
		values = append(values, value)
		r.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	// As a server of net/http has it.
	r.URL.Scheme, r.URL.Host, r.URL.User = "", "", nil
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = r.Header.Get("Cf-Connecting-Ip")
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
		part, err := b.exchange.program.call(b.exchange, readBody, nil)
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
