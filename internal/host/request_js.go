package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
)

// exchange is the request that the instance has.
type exchange struct {
	cancel context.CancelFunc
	writer *responseWriter
}

//go:wasmexport clodo_request
func request(n int32) { program.request(reader{program.inbox[:n]}) }

// request begins a request, of which r is the head: length of the body (-1 unknown, 0
// none), number of headers, method, URL, and the headers' names and values.
func (i *instance) request(r reader) {
	length := r.number()
	header := make(http.Header, r.number())
	method, address := r.text(), r.text()
	for len(r.rest) > 0 {
		name := http.CanonicalHeaderKey(r.text())
		header[name] = append(header[name], r.text())
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &exchange{cancel: cancel}
	e.writer = &responseWriter{program: i, exchange: e, header: http.Header{}, noBody: method == http.MethodHead}
	ctx = context.WithValue(ctx, exchangeKey{}, e)
	i.current = e
	go i.answer(ctx, e, method, address, length, header)
}

//go:wasmexport clodo_abort
func abort() { program.abort() }

// abort tells the handler that nobody waits for its answer.
func (i *instance) abort() {
	if i.current != nil {
		i.current.cancel()
	}
}

// answer has the handler answer a request.
func (i *instance) answer(ctx context.Context, e *exchange, method, address string, length int, header http.Header) {
	spoilt := int32(1) // a panic leaves locks held and the like
	defer func() {
		if caught := recover(); caught != nil {
			if caught != http.ErrAbortHandler {
				slog.Error("a handler panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
			}
			e.writer.fail()
		}
		e.cancel()
		i.end()
		shimDone(spoilt)
	}()
	u, err := url.Parse(address)
	if err != nil {
		http.Error(e.writer, "Bad Request", http.StatusBadRequest)
	} else {
		r := newRequest(ctx, method, u, length, header)
		if length != 0 {
			r.Body = &body{program: i, exchange: e}
		}
		i.handler.ServeHTTP(e.writer, r)
	}
	e.writer.finish()
	spoilt = 0
}

func newRequest(ctx context.Context, method string, u *url.URL, length int, header http.Header) *http.Request {
	r := &http.Request{
		Method: method, URL: &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, RequestURI: u.RequestURI(), Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, ContentLength: int64(length), Body: http.NoBody,
		RemoteAddr: header.Get("Cf-Connecting-Ip"),
	}
	return r.WithContext(ctx)
}

// body is the request's body, read as the handler asks for it.
type body struct {
	program  *instance
	exchange *exchange
	rest     []byte
	err      error
}

func (b *body) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		part, err := b.program.call(b.exchange, readBody, nil)
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
