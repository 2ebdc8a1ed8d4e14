package runtime

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// dialer is how connections are made.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// patiently makes connections on which to be answered early is no error. workerd closes
// the connection of a Worker that answered without reading its request's body. Then
// http.Transport can't write the rest, and would report that instead of the answer.
func patiently(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patient{Conn: conn}, nil
	}
}

// patient is a connection that drops what the other end does not take: whether that
// end is gone or has answered is for the one who reads to say.
type patient struct {
	net.Conn
	ctx atomic.Pointer[context.Context] // of the last request on it
}

func (p *patient) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return len(b), nil
	}
	return n, err
}

// Close breaks the connection off when the request on it was given up.
func (p *patient) Close() error {
	if ctx := p.ctx.Load(); ctx != nil && (*ctx).Err() != nil {
		return abort(p.Conn)
	}
	return p.Conn.Close()
}

// withOwner tells the patient connection that a request gets whose it is.
func withOwner(req *http.Request) *http.Request {
	ctx := req.Context()
	return req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if p, ok := got.Conn.(*patient); ok {
			p.ctx.Store(&ctx)
		}
	}}))
}

// abort closes a connection amid an exchange in the way that workerd takes notice of: it
// stops the Worker, as Cloudflare does when a client goes away. A usual close only says
// that nothing more will be sent.
func abort(conn net.Conn) error {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may be closed already
	}
	return conn.Close()
}
