package runtime

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// workshop is a server that answers each line of a connection's script, and what
// direct made of it.
type workshop struct {
	*direct
	url   string
	conns atomic.Int32
}

// newWorkshop answers the nth request of each connection by the nth text; after the
// last one it closes the connection.
func newWorkshop(t *testing.T, answers ...string) *workshop {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	dial := (&net.Dialer{}).DialContext
	w := &workshop{url: "http://" + listener.Addr().String(), direct: &direct{dial: dial, idle: map[string][]*line{}, Transport: &http.Transport{DialContext: dial}}}
	t.Cleanup(w.CloseIdleConnections)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.conns.Add(1)
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for _, answer := range answers {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					_, _ = io.WriteString(conn, answer) // direct may have gone
				}
			}()
		}
	}()
	return w
}

func (w *workshop) get(ctx context.Context, method string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.url, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := w.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), errors.Join(err, res.Body.Close())
}

func TestReadsShareAConnection(t *testing.T) {
	t.Parallel()
	const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	for name, test := range map[string]struct {
		answers []string
		conns   int32 // for three requests
	}{
		"with a length":                     {[]string{hello, hello, hello}, 1},
		"in chunks":                         {[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", hello, hello}, 1},
		"after an informational answer":     {[]string{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + hello, hello, hello}, 1},
		"not when the process closes it":    {[]string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"}, 3},
		"nor until the end of a connection": {[]string{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"}, 3},
		"nor when more was sent":            {[]string{hello + hello, hello}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, test.answers...)
			for range 3 {
				if status, body, err := w.get(t.Context(), http.MethodGet); status != 200 || body != "hello" || err != nil {
					t.Fatalf("%d %q %v", status, body, err)
				}
			}
			if n := w.conns.Load(); n != test.conns {
				t.Errorf("%d connections, want %d", n, test.conns)
			}
		})
	}
}

func TestAHeadHasNoBodyAndItsConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
	w := newWorkshop(t, head, head+"hello")
	_, none, err := w.get(t.Context(), http.MethodHead)
	_, body, err2 := w.get(t.Context(), http.MethodGet)
	if none != "" || body != "hello" || errors.Join(err, err2) != nil || w.conns.Load() != 1 {
		t.Errorf("%q %q %v %v, %d connections", none, body, err, err2, w.conns.Load())
	}
}

func TestInformationalAnswersArePassedOn(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
	link := ""
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		link = h.Get("Link")
		return nil
	}})
	if status, _, err := w.get(ctx, http.MethodGet); status != 204 || link != "</a>" || err != nil {
		t.Errorf("%d %q %v", status, link, err)
	}
}

func TestSenselessAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing":                   "",
		"no HTTP":                   "hello\r\n\r\n",
		"half a head":               "HTTP/1.1 200 OK\r\nContent-Le",
		"half a body":               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
		"another protocol, unasked": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"an endless head":           "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, answer)
			if status, body, err := w.get(t.Context(), http.MethodGet); err == nil {
				t.Errorf("%d %q", status, body)
			}
		})
	}
}

func TestAReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"before the answer": "", "within it": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, out, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = out.WriteString(begin)
				_ = out.Flush()
				close(asked)
				_, _ = conn.Read(make([]byte, 1)) // until direct goes
			}))
			t.Cleanup(server.Close)
			w := newWorkshop(t)
			w.url = server.URL
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-asked; cancel() }()
			if _, _, err := w.get(ctx, http.MethodGet); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if len(w.idle[strings.TrimPrefix(server.URL, "http://")]) != 0 {
				t.Error("the connection is used again")
			}
		})
	}
}

func TestOnlyWhatHasABodyGoesTheOtherWay(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	w.dial = nil                                                                 // would panic
	req := httptest.NewRequest(http.MethodPut, w.url, strings.NewReader("body")) // one write: the answer may come before it is read
	req.RequestURI = ""
	res, err := w.RoundTrip(req)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
}

// A Worker may have begun with a request whose connection is closed without an answer.
func TestARequestIsNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		header http.Header
	}{
		"a GET":                                  {http.MethodGet, nil},
		"a HEAD":                                 {http.MethodHead, nil},
		"an upgrade":                             {http.MethodGet, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}},
		"an OPTIONS":                             {http.MethodOptions, nil},
		"a DELETE":                               {http.MethodDelete, nil},
		"a POST that a client may repeat":        {http.MethodPost, http.Header{"Idempotency-Key": {"1"}}},
		"a POST that a client may repeat, by X-": {http.MethodPost, http.Header{"X-Idempotency-Key": {"1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, "HTTP/1.1 204 No Content\r\n\r\n", "")
			for _, answered := range []bool{true, false} {
				req, err := http.NewRequestWithContext(t.Context(), test.method, w.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				for name, values := range test.header {
					req.Header[name] = values
				}
				res, err := w.RoundTrip(req)
				if answered != (err == nil) {
					t.Fatalf("got %v, %v; answered: %t", res, err, answered)
				}
				if err == nil {
					_ = res.Body.Close()
				}
			}
			if n := w.conns.Load(); n != 1 {
				t.Errorf("%d connections, want one", n)
			}
		})
	}
}

func TestAConnectionIsStaleWhenTheOtherEndMayHaveClosedIt(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for idle, want := range map[time.Duration]bool{0: false, idleTimeout: false, 5 * time.Second: true} {
		if l := (&line{since: began, sent: began.Add(idle)}); l.stale() != want {
			t.Errorf("stale after %s: %t, want %t", idle, !want, want)
		}
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n")
	if _, _, err := w.get(t.Context(), http.MethodGet); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(w.url, "http://")
	l := w.idle[address][0]
	l.since = time.Now().Add(-2 * idleTimeout)
	w.reap()
	if w.take(address) != nil || w.reaper {
		t.Error("it is still there")
	}
	if _, err := l.Conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it is open: %v", err)
	}
}
