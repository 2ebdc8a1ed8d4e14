package runtime

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// answering listens, and has answer said on each connection, which is then closed: what
// was not read of it resets it.
func answering(t *testing.T, answer string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if answer != "" {
				_, _ = http.ReadRequest(bufio.NewReaderSize(conn, 16))
				_, _ = io.WriteString(conn, answer)
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// post sends a long body that cannot be sent again.
func post(t *testing.T, address string) (*http.Response, error) {
	t.Helper()
	transport := &http.Transport{DialContext: patiently((&net.Dialer{}).DialContext)}
	t.Cleanup(transport.CloseIdleConnections)
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, body)
	if err != nil {
		t.Fatal(err)
	}
	return transport.RoundTrip(req)
}

func TestAnEarlyAnswerIsHeardThoughTheRestCouldNotBeSaid(t *testing.T) {
	t.Parallel()
	address := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly")
	for range 20 {
		res, err := post(t, address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(body) != "early" || err != nil {
			t.Fatalf("got %q, %v", body, err)
		}
	}
}

func TestAnEndThatSaysNothingIsAnError(t *testing.T) {
	t.Parallel()
	if res, err := post(t, answering(t, "")); err == nil {
		_ = res.Body.Close()
		t.Fatalf("got %s, want an error", res.Status)
	}
}

// The end of a connection is seen by one who reads while another still writes.
func TestAnEndAmidABodyIsBrokenOff(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_ = conn.Close()
	}()
	ended := make(chan struct{})
	transport := &http.Transport{DialContext: patiently(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &watched{Conn: conn, closed: sync.OnceFunc(func() { close(ended) })}, err
	})}
	body := readerFunc(func([]byte) (int, error) { <-ended; return 1, nil })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String(), body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 1 << 20
	if res, err := transport.RoundTrip(req); !isBrokenOff(err) {
		t.Errorf("got %v, %v", res, err)
	}
}

// watched is a connection that tells when it is closed.
type watched struct {
	net.Conn
	closed func()
}

func (w *watched) Close() error {
	defer w.closed()
	return w.Conn.Close()
}

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
