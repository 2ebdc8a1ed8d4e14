package runtime

import (
	"context"
	"errors"
	"net"
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
		return patient{conn}, nil
	}
}

// patient is a connection that drops what the other end does not take: whether that
// end is gone or has answered is for the one who reads to say.
type patient struct{ net.Conn }

func (p patient) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return len(b), nil
	}
	return n, err
}
