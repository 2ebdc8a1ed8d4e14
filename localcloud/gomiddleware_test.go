package localcloud

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// middlewareOnWorkers tries, on the real runtime, what package clodo does there in
// another way than natively.
func middlewareOnWorkers(t *testing.T, service goService) {
	t.Helper()
	send := service.ask
	base := send("GET", "/none", nil).Request.URL
	dial := func(t *testing.T, header http.Header) (*websocket.Conn, context.Context, error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		t.Cleanup(cancel)
		c, res, err := websocket.Dial(ctx, "ws://"+base.Host+"/socket", &websocket.DialOptions{Host: "go.localhost", HTTPHeader: header, Subprotocols: []string{"again"}})
		if res != nil && res.StatusCode == http.StatusForbidden {
			return nil, nil, err
		}
		fatal(t, err)
		t.Cleanup(func() { _ = c.CloseNow() })
		c.SetReadLimit(-1)
		return c, ctx, nil
	}
	say := func(t *testing.T, c *websocket.Conn, ctx context.Context, kind websocket.MessageType, text string) {
		t.Helper()
		fatal(t, c.Write(ctx, kind, []byte(text)))
	}

	t.Run("messages go both ways over a WebSocket", func(t *testing.T) {
		c, ctx, _ := dial(t, nil)
		if c.Subprotocol() != "again" {
			t.Errorf("the protocol is %q", c.Subprotocol())
		}
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			for _, size := range []int{0, 1, 1000, 100_000} {
				sent := strings.Repeat("x", size)
				say(t, c, ctx, kind, sent)
				gotKind, got, err := c.Read(ctx)
				if err != nil || gotKind != kind || string(got) != sent {
					t.Fatalf("%d bytes of %v came back as %d of %v: %v", size, kind, len(got), gotKind, err)
				}
			}
		}
		say(t, c, ctx, websocket.MessageText, "tick")
		for range 3 {
			if _, got, err := c.Read(ctx); err != nil || string(got) != "tock" {
				t.Fatalf("%q %v", got, err)
			}
		}
		fatal(t, c.Close(4001, "bye"))
	})
	t.Run("it ends as either side says", func(t *testing.T) {
		for what, want := range map[string]websocket.StatusCode{
			"close": 4000, "return": websocket.StatusGoingAway, strings.Repeat("x", 100_001): websocket.StatusMessageTooBig,
		} {
			c, ctx, _ := dial(t, nil)
			say(t, c, ctx, websocket.MessageText, what)
			if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != want {
				t.Errorf("%.10s: %v", what, err)
			}
		}
		c, ctx, _ := dial(t, nil)
		say(t, c, ctx, websocket.MessageText, "panic")
		if _, got, err := c.Read(ctx); err == nil {
			t.Errorf("after a panic came %q", got)
		}
	})
	t.Run("a page of another origin gets none", func(t *testing.T) {
		if _, _, err := dial(t, http.Header{"Origin": {"https://evil.example"}}); err == nil {
			t.Error("it was opened")
		}
		_, _, err := dial(t, http.Header{"Origin": {"https://app.example.com"}})
		fatal(t, err)
		if res := send("GET", "/socket", nil); res.StatusCode != 426 {
			t.Errorf("no WebSocket: %d", res.StatusCode)
		}
	})
	t.Run("clients that leave give their instances back", func(t *testing.T) {
		for range 20 { // there are not as many instances
			c, ctx, _ := dial(t, nil)
			say(t, c, ctx, websocket.MessageText, "x")
			_, _, err := c.Read(ctx)
			fatal(t, err)
			fatal(t, c.CloseNow())
			res := send("GET", "/ticks", nil)
			_, err = bufio.NewReader(res.Body).ReadString('\n')
			fatal(t, err)
			fatal(t, res.Body.Close())
		}
		if res := send("GET", "/users/1", nil); res.StatusCode != 200 {
			t.Errorf("%d", res.StatusCode)
		}
	})
	t.Run("events arrive as they are sent", func(t *testing.T) {
		res := send("GET", "/ticks", nil, "Accept-Encoding", "gzip")
		defer res.Body.Close()
		if res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%v", res.Header)
		}
		got := make([]byte, 62)
		began := time.Now()
		_, err := io.ReadFull(res.Body, got)
		fatal(t, err)
		if want := "id: 0\ndata: one\ndata: two\n\nid: 1\ndata: one\ndata: two\n\nid: 2\nda"; string(got) != want || time.Since(began) > 5*time.Second {
			t.Errorf("%q after %v", got, time.Since(began))
		}
	})
	t.Run("a limit without a binding is one of an instance, and says so", func(t *testing.T) {
		limited, began := 0, time.Now()
		for range 200 {
			res := send("GET", "/limited?client", nil)
			if got := res.Header.Get("RateLimit-Policy"); got != `"instance";q=2;w=60` {
				t.Fatalf("RateLimit-Policy: %s", got)
			}
			if res.StatusCode == 429 {
				limited++
			}
			_ = text(t, res)
		}
		most := 8 * (2 + int(time.Since(began)/(30*time.Second)))
		if limited < 200-most {
			t.Errorf("%d of 200 were refused; 8 instances let %d through at most", limited, most)
		}
		if res := send("GET", "/limited?other", nil); res.StatusCode != 200 || text(t, res) == "" {
			t.Errorf("another client: %d", res.StatusCode)
		}
	})
	t.Run("answers have tags, and are compressed by Cloudflare alone", func(t *testing.T) {
		res := send("GET", "/tagged", nil, "Accept-Encoding", "gzip")
		if text(t, res); res.Header.Get("Content-Encoding") != "" || res.Header.Get("Etag") == "" {
			t.Errorf("%v", res.Header)
		}
		if again := send("GET", "/tagged", nil, "If-None-Match", res.Header.Get("Etag")); again.StatusCode != 304 || text(t, again) != "" {
			t.Errorf("%d", again.StatusCode)
		}
	})
	t.Run("a value with a line break is one header", func(t *testing.T) {
		res := send("GET", "/header?value=a%0d%0aSet-Cookie%3a%20b=c%0aSet-Cookie%0ab=c", nil)
		if text(t, res); res.StatusCode != 200 || len(res.Cookies()) > 0 || !strings.HasPrefix(res.Header.Get("X-Value"), "a ") {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	})
	t.Run("a value with a NUL, which JavaScript refuses, is no failure", func(t *testing.T) {
		res := send("GET", "/header?value=a%00b", nil)
		if text(t, res); res.StatusCode != 200 || res.Header.Get("X-Value") != "a b" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	})
	t.Run("clients that do not send their bodies are answered, and hold no instance", func(t *testing.T) {
		for range 9 { // there are not as many instances
			slow, client := io.Pipe()
			time.AfterFunc(20*time.Second, func() { _ = client.Close() })
			go func() { _, _ = client.Write([]byte(`{"text":`)) }()
			res := send("POST", "/patient", slow, "Content-Type", "application/json")
			if body := text(t, res); res.StatusCode != 408 || !strings.Contains(body, `"code":"slow_client"`) {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
		}
		conn, err := net.Dial("tcp", base.Host)
		fatal(t, err)
		defer conn.Close()
		fatal(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, "POST /patient HTTP/1.1\r\nHost: go.localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		fatal(t, err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		fatal(t, err)
		if body := text(t, res); res.StatusCode != 408 || !strings.Contains(body, `"code":"slow_client"`) {
			t.Errorf("with a length: %d %s", res.StatusCode, body)
		}
		for deadline := time.Now().Add(20 * time.Second); ; { // to be slow is also a machine's that has much to do
			res = send("POST", "/patient", strings.NewReader(`{"text":"soon"}`), "Content-Type", "application/json")
			if body := text(t, res); res.StatusCode == 200 && strings.Contains(body, "soon") {
				break
			} else if res.StatusCode != 408 || time.Now().After(deadline) {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
		}
	})
	t.Run("another service is called through its binding, or at its hostname", func(t *testing.T) {
		for what, want := range map[string]string{
			"echo": `200 {"hello":"other"}`, "flaky": `200 {"hello":"other"}`, "far": `200 {"hello":"other"}`,
			"hangs": `504 {"title":"Gateway Timeout","status":504,"detail":"The service \"other\" did not answer in time.","code":"service_timeout"}`,
		} {
			began := time.Now()
			res := send("POST", "/call/"+what, nil)
			if got := fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(text(t, res))); got != want || time.Since(began) > 10*time.Second {
				t.Errorf("%s: %s after %v", what, got, time.Since(began))
			}
		}
	})
	t.Run("records are lines of JSON at the console's levels", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(service.info.API, "/client/v4")+"/local/events?script=go", nil)
		fatal(t, err)
		req.Header.Set("Authorization", "Bearer "+service.info.APIToken)
		res, err := http.DefaultClient.Do(req)
		fatal(t, err)
		defer res.Body.Close()
		send("GET", "/log", nil, "X-Request-Id", "r-7")
		for events := bufio.NewScanner(res.Body); events.Scan(); {
			var e Event
			if json.Unmarshal(events.Bytes(), &e) != nil || !strings.HasSuffix(e.URL, "/log") {
				continue
			}
			var got []string
			for _, l := range e.Logs {
				_, record, _ := strings.Cut(l.Text, ",") // after the time
				got = append(got, l.Level+" "+record)
			}
			want := []string{
				`debug "level":"DEBUG","msg":"a","request_id":"r-7"}`, `log "level":"INFO","msg":"b\nc","n":1,"request_id":"r-7"}`,
				`warn "level":"WARN","msg":"d","request_id":"r-7"}`, `error "level":"ERROR","msg":"e","request_id":"r-7"}`,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			return
		}
		t.Error("no event came")
	})
}
