//go:build !js

package clodo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/tamylaa/clodo"
)

// sayAgain sends every message back, and reports how the WebSocket ended.
func sayAgain(o clodo.WebSocketOptions, ended chan<- error) http.Handler {
	app := clodo.NewRouter()
	app.Use(clodo.RequestID, clodo.Log(nil), clodo.Recover(nil), clodo.Compress, clodo.ETag)
	app.Route("/ws", func(w http.ResponseWriter, r *http.Request) error {
		socket, err := clodo.Upgrade(w, r, o)
		if err != nil {
			return err
		}
		for {
			m, err := socket.Read()
			if err != nil {
				if _, again := socket.Read(); again != err {
					t := "after its end a WebSocket said " + again.Error()
					err = errors.New(t)
				}
				ended <- err
				return nil
			}
			if string(m.Data) == "close, please" {
				ended <- socket.Close(4000, "as you wish")
				return nil
			}
			if string(m.Data) == "return, please" {
				return nil
			}
			if err := socket.Write(m); err != nil {
				return err
			}
		}
	})
	return app
}

func dial(t *testing.T, s *httptest.Server, o *websocket.DialOptions) (*websocket.Conn, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, s.URL+"/ws", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(-1)
	return c, ctx
}

func TestMessagesGoBothWays(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := httptest.NewServer(sayAgain(clodo.WebSocketOptions{Protocols: []string{"v2", "v1"}}, ended))
	defer s.Close()
	c, ctx := dial(t, s, &websocket.DialOptions{Subprotocols: []string{"v1", "v2"}, CompressionMode: websocket.CompressionContextTakeover})
	if c.Subprotocol() != "v2" {
		t.Errorf("the protocol is %q", c.Subprotocol())
	}
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			sent := strings.Repeat("ü", size/2) + strings.Repeat("x", size%2)
			if err := c.Write(ctx, kind, []byte(sent)); err != nil {
				t.Fatal(err)
			}
			gotKind, got, err := c.Read(ctx)
			if err != nil || gotKind != kind || string(got) != sent {
				t.Fatalf("%d bytes of %v came back as %d of %v: %v", len(sent), kind, len(got), gotKind, err)
			}
		}
	}
	if err := c.Close(4001, "bye"); err != nil {
		t.Error(err)
	}
	var e *clodo.CloseError
	if err := <-ended; !errors.As(err, &e) || e.Code != 4001 || e.Reason != "bye" {
		t.Errorf("it ended with %v", err)
	}
}

func TestEitherSideMayCloseAWebSocket(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := httptest.NewServer(sayAgain(clodo.WebSocketOptions{}, ended))
	defer s.Close()
	began := time.Now()
	for say, want := range map[string]websocket.StatusCode{"close, please": 4000, "return, please": websocket.StatusGoingAway} {
		c, ctx := dial(t, s, nil)
		if err := c.Write(ctx, websocket.MessageText, []byte(say)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != want {
			t.Errorf("%s: %v", say, err)
		}
	}
	if err := <-ended; err != nil || time.Since(began) > 4*time.Second { // it waits 5 seconds for a client that says nothing
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	c, _ := dial(t, s, nil)
	_ = c.CloseNow()
	var e *clodo.CloseError
	if err := <-ended; !errors.As(err, &e) || e.Code != clodo.CloseAbnormal {
		t.Errorf("a client that just went: %v", err)
	}
}

func TestOnlyWhoMayOpensAWebSocket(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(sayAgain(clodo.WebSocketOptions{Origins: []string{"https://app.example.com", "https://*.shop.example"}}, make(chan error, 100)))
	t.Cleanup(s.Close)
	handshake := func(change ...string) http.Header {
		h := http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		for i := 0; i < len(change); i += 2 {
			h.Set(change[i], change[i+1])
		}
		return h
	}
	tests := map[string]struct {
		method string
		header http.Header
		status int
		code   string
	}{
		"a program":                        {"GET", handshake(), 101, ""},
		"a page of its own":                {"GET", handshake("Origin", s.URL), 101, ""},
		"a page that is allowed":           {"GET", handshake("Origin", "https://app.example.com"), 101, ""},
		"one below an allowed domain":      {"GET", handshake("Origin", "https://a.shop.example"), 101, ""},
		"another page":                     {"GET", handshake("Origin", "https://evil.example"), 403, "origin_forbidden"},
		"a page that says that it is none": {"GET", handshake("Origin", "null"), 403, "origin_forbidden"},
		"no WebSocket":                     {"GET", http.Header{}, 426, "websocket_expected"},
		"another protocol":                 {"GET", handshake("Upgrade", "h2c"), 426, "websocket_expected"},
		"a POST":                           {"POST", handshake(), 426, "websocket_expected"},
		"another version":                  {"GET", handshake("Sec-Websocket-Version", "8"), 400, "websocket_handshake"},
		"no key":                           {"GET", handshake("Sec-Websocket-Key", ""), 400, "websocket_handshake"},
		"a short key":                      {"GET", handshake("Sec-Websocket-Key", "AAAA"), 400, "websocket_handshake"},
		"no upgrade of the connection":     {"GET", handshake("Connection", "keep-alive"), 400, "websocket_handshake"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := http.NewRequestWithContext(t.Context(), test.method, s.URL+"/ws", nil)
			r.Header = test.header
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != test.status {
				t.Fatalf("%d %v", res.StatusCode, res.Header)
			}
			if test.status == 101 {
				if res.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || res.Header.Get("X-Request-Id") == "" {
					t.Errorf("%v", res.Header)
				}
				return
			}
			if b, _ := io.ReadAll(res.Body); !strings.Contains(string(b), test.code) {
				t.Errorf("%s", b)
			}
		})
	}
}

// clientFrame is a frame as a client sends it, masked.
func clientFrame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := "mask"
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return string(b)
}

func TestFramesThatBreakTheProtocolCloseIt(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 100)
	s := httptest.NewServer(sayAgain(clodo.WebSocketOptions{ReadLimit: 1000}, ended))
	t.Cleanup(s.Close)
	closed := func(code uint16, reason string) string {
		return clientFrame(0x88, string(binary.BigEndian.AppendUint16(nil, code))+reason)
	}
	tests := map[string]struct {
		sent   string
		echoed string // what comes back before the end
		code   uint16 // 0 is a frame without one
	}{
		"a message in parts, with a ping between": {clientFrame(0x01, "he") + clientFrame(0x89, "p") + clientFrame(0x00, "l") + clientFrame(0x80, "lo") + closed(1000, ""), "\x8a\x01p\x81\x05hello", 1000},
		"a letter in parts":                       {clientFrame(0x01, "\xc3") + clientFrame(0x80, "\xbc") + closed(1000, ""), "\x81\x02ü", 1000},
		"a pong that nobody asked for":            {clientFrame(0x8a, "x") + closed(3000, "bye"), "", 3000},
		"an end without a code":                   {clientFrame(0x88, ""), "", 0},
		"not masked":                              {"\x81\x01x", "", 1002},
		"an extension":                            {clientFrame(0xc1, "x"), "", 1002},
		"an unknown kind":                         {clientFrame(0x83, "x"), "", 1002},
		"an unknown kind of control":              {clientFrame(0x8b, "x"), "", 1002},
		"a ping in parts":                         {clientFrame(0x09, "x"), "", 1002},
		"a long ping":                             {clientFrame(0x89, strings.Repeat("x", 126)), "", 1002},
		"a part without a beginning":              {clientFrame(0x80, "x"), "", 1002},
		"a beginning in the middle":               {clientFrame(0x01, "x") + clientFrame(0x81, "y"), "", 1002},
		"a short length written long":             {"\x81\xfe\x00\x05maskxxxxx", "", 1002},
		"a middle length written long":            {"\x82\xff\x00\x00\x00\x00\x00\x00\x01\x00mask", "", 1002},
		"a length beyond all":                     {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffmask", "", 1002},
		"a text that is none":                     {clientFrame(0x81, "\xff"), "", 1007},
		"too long":                                {clientFrame(0x82, strings.Repeat("x", 1001)), "", 1009},
		"too long, as it says":                    {"\x82\xff\x00\x00\x00\x7f\xff\xff\xff\xffmask", "", 1009},
		"too long in parts":                       {clientFrame(0x02, strings.Repeat("x", 900)) + clientFrame(0x80, strings.Repeat("x", 101)), "", 1009},
		"an end that is cut off":                  {clientFrame(0x88, "x"), "", 1002},
		"an end with a code that none sends":      {closed(1006, ""), "", 1002},
		"an end with a code of nobody's":          {closed(2000, ""), "", 1002},
		"an end with a reason that is none":       {closed(1000, "\xff"), "", 1007},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+test.sent)
			in := bufio.NewReader(c)
			if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
				t.Fatalf("%v %v", res, err)
			}
			got, err := io.ReadAll(in)
			if errors.Is(err, net.ErrClosed) || len(got) < len(test.echoed)+2 {
				t.Fatalf("%q, %v", got, err)
			}
			end := got[len(test.echoed):]
			if string(got[:len(test.echoed)]) != test.echoed || end[0] != 0x88 || int(end[1]) != len(end)-2 {
				t.Fatalf("%q", got)
			}
			if code := end[2:]; test.code == 0 && len(code) != 0 || test.code != 0 && binary.BigEndian.Uint16(code) != test.code {
				t.Errorf("it was closed with %q, want %d", code, test.code)
			}
		})
	}
}

func TestWhatCannotBeSaidAtTheEndIsRefused(t *testing.T) {
	t.Parallel()
	refused := make(chan []error, 1)
	s := httptest.NewServer(clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		socket, err := clodo.Upgrade(w, r, clodo.WebSocketOptions{})
		if err != nil {
			return err
		}
		refused <- []error{
			socket.Close(1005, ""), socket.Close(0, ""), socket.Close(5000, ""), socket.Close(1000, strings.Repeat("x", 124)), socket.Close(1000, "\xff"),
		}
		return errors.Join(socket.Close(1000, "done"), socket.Close(1000, "again"))
	}))
	defer s.Close()
	c, ctx := dial(t, s, nil)
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != 1000 {
		t.Errorf("%v", err)
	}
	for i, err := range <-refused {
		if err == nil {
			t.Errorf("closing %d was taken", i)
		}
	}
}

func FuzzWebSocket(f *testing.F) {
	for _, s := range []string{clientFrame(0x81, "hello"), clientFrame(0x01, "a") + clientFrame(0x80, "b"), clientFrame(0x88, "\x03\xe8"), "\x81", "\x82\xff\xff", clientFrame(0x89, "x"), "\x81\xfe\x00\x05maskxxxxx"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		for _, m := range clodo.ReadMessages(sent, 1000) {
			if len(m.Data) > 1000 {
				t.Errorf("a message of %d bytes", len(m.Data))
			}
		}
	})
}

// piped is a request's answer whose connection is a pipe.
type piped struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (p piped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.conn, bufio.NewReadWriter(bufio.NewReader(p.conn), bufio.NewWriter(p.conn)), nil
}

func TestAClientThatIsSilentIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		began := time.Now()
		ended := make(chan time.Duration, 1)
		var log bytes.Buffer
		h := clodo.Log(slog.New(slog.NewTextHandler(&log, nil)))(clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			socket, err := clodo.Upgrade(w, r, clodo.WebSocketOptions{})
			if err != nil {
				return err
			}
			_, err = socket.Read()
			var e *clodo.CloseError
			if !errors.As(err, &e) || e.Code != clodo.CloseAbnormal {
				t.Errorf("it ended with %v", err)
			}
			ended <- time.Since(began)
			return nil
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel() // as a server does when the handler returns
			h.ServeHTTP(piped{httptest.NewRecorder(), server}, r.WithContext(ctx))
		}()
		in := bufio.NewReader(client)
		if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
			t.Fatalf("%v %v", res, err)
		}
		ping := make([]byte, 2)
		if _, err := io.ReadFull(in, ping); err != nil || string(ping) != "\x89\x00" || time.Since(began) != 30*time.Second {
			t.Errorf("%q after %v: %v", ping, time.Since(began), err)
		}
		_, _ = io.WriteString(client, clientFrame(0x8a, ""))
		rest := make(chan string)
		go func() {
			b, _ := io.ReadAll(in)
			rest <- string(b)
		}()
		if took := <-ended; took != 105*time.Second {
			t.Errorf("it was given up after %v, 75s after its last word is 1m45s", took)
		}
		if got := <-rest; got != "\x89\x00\x89\x00" {
			t.Errorf("then came %q", got)
		}
		synctest.Wait()
		if !strings.Contains(log.String(), "status=101") {
			t.Errorf("logged: %s", &log)
		}
	})
}
