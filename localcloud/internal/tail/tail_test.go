package tail

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

func record() traffic.Record {
	return traffic.Record{
		Account: "acc", Script: "web", Version: "v1", Trigger: traffic.Fetch, Outcome: "exception", Method: "POST",
		Detail: traffic.Detail{
			ClientIP: "192.0.2.7",
			Logs:     []traffic.Log{{Level: "log", Message: json.RawMessage(`["order", {"id": 7}]`)}},
			Event:    json.RawMessage(`{"request":{"url":"https://a","method":"POST","headers":{"user-agent":"curl/8","authorization":"REDACTED"}}}`),
		},
	}
}

func TestFiltersLetThroughWhatTheySay(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		``:                                 true,
		` `:                                true,
		`{}`:                               true,
		`{"filters":[]}`:                   true,
		`{"filters":[{"outcome":["ok"]}]}`: false,
		`{"filters":[{"outcome":["ok","exception"]}]}`:                 true,
		`{"filters":[{"method":["GET"]}]}`:                             false,
		`{"filters":[{"method":["get","post"]}]}`:                      true,
		`{"filters":[{"header":{"key":"User-Agent"}}]}`:                true,
		`{"filters":[{"header":{"key":"x-none"}}]}`:                    false,
		`{"filters":[{"header":{"key":"User-Agent","query":"curl"}}]}`: true,
		`{"filters":[{"header":{"key":"User-Agent","query":"moz"}}]}`:  false,
		`{"filters":[{"client_ip":["192.0.2.8"]}]}`:                    false,
		`{"filters":[{"client_ip":["192.0.2.8","self"]}]}`:             true,
		`{"filters":[{"query":"order"}]}`:                              true,
		`{"filters":[{"query":"\"id\": 7"}]}`:                          true,
		`{"filters":[{"query":"payment"}]}`:                            false,
		`{"filters":[{"scriptVersion":"v1"}]}`:                         true,
		`{"filters":[{"scriptVersion":"v2"}]}`:                         false,
		`{"filters":[{"sampling_rate":1}]}`:                            true,
		`{"filters":[{"sampling_rate":1e-300}]}`:                       false,
		`{"filters":[{"method":["POST"]},{"outcome":["ok"]}]}`:         false,
	} {
		filters, err := Parse([]byte(body), "192.0.2.7")
		if err != nil || filters.Match(record()) != want {
			t.Errorf("%s: let through %t, %v, want %t", body, !want, err, want)
		}
	}
}

func TestWhatIsNoFilterIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{`, `[]`, `7`, `{"filters":7}`, `{"filters":[7]}`, `{"filters":[{"colour":"red"}]}`, `{"filters":[{"outcome":"ok"}]}`,
		`{"filters":[{"sampling_rate":0}]}`, `{"filters":[{"sampling_rate":2}]}`, `{"filters":[{"header":{}}]}`,
		`{"filters":[` + strings.Repeat(`{},`, maxFilters) + `{}]}`,
	} {
		if _, err := Parse([]byte(body), "::1"); err == nil {
			t.Errorf("%.60s is taken", body)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"filters":[{"outcome":["ok"]},{"header":{"key":"a","query":"b"}},{"sampling_rate":0.5}]}`)
	f.Add(`{"filters":[{"client_ip":["self"]},{"query":"x"},{"scriptVersion":"v"}]}`)
	f.Fuzz(func(_ *testing.T, body string) {
		filters, err := Parse([]byte(body), "::1")
		if err == nil {
			filters.Match(record())
		}
	})
}

// stage is tails on a server.
type stage struct {
	t      *testing.T
	clock  clock.Clock
	store  *traffic.Store
	tails  *Tails
	server *httptest.Server
	sent   int
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t}
	var err error
	if s.store, err = traffic.Open(traffic.Options{Path: filepath.Join(t.TempDir(), "traffic.db"), Clock: &s.clock}); err != nil {
		t.Fatal(err)
	}
	s.tails = New(s.store, &s.clock)
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.tails.Connect(w, r, r.URL.Path[1:]) }))
	t.Cleanup(func() {
		s.tails.Close()
		s.server.Close()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) add(filters string) *Tail {
	s.t.Helper()
	f, err := Parse([]byte(filters), "127.0.0.1")
	if err != nil {
		s.t.Fatal(err)
	}
	tail, err := s.tails.Add("acc", "web", f)
	if err != nil {
		s.t.Fatal(err)
	}
	return tail
}

func (s *stage) dial(id string) *websocket.Conn {
	s.t.Helper()
	conn, res, err := websocket.Dial(s.t.Context(), "ws"+strings.TrimPrefix(s.server.URL, "http")+"/"+id, &websocket.DialOptions{Subprotocols: []string{Protocol}})
	if err != nil {
		s.t.Fatalf("%v %v", err, res)
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() }) // mostly closed already
	if err := conn.Write(s.t.Context(), websocket.MessageText, []byte(`{"debug":false}`)); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// happen records an invocation of "web".
func (s *stage) happen(outcome string) {
	s.sent++
	began := float64(s.sent)
	s.store.Traced([]runtime.Trace{{
		Invoked: runtime.Invoked{Account: "acc", Script: "web", Version: "v1"}, Outcome: outcome, Began: &began, Ended: began + 2.4,
		Event: json.RawMessage(`{"rpcMethod":"m` + fmt.Sprint(s.sent) + `"}`),
	}})
}

func read(t *testing.T, conn *websocket.Conn) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	kind, b, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if kind != websocket.MessageBinary {
		t.Errorf("the frame is of kind %v", kind)
	}
	var event map[string]any
	if err := json.Unmarshal(b, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func TestATailSendsTheEventsThatItsFiltersWant(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	conn := s.dial(s.add(`{"filters":[{"outcome":["exception"]}]}`).ID)
	stop := make(chan struct{})
	defer close(stop)
	go func() { // until the client is known to watch
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				s.happen("ok")
				s.happen("exception")
			}
		}
	}()
	event := read(t, conn)
	delete(event, "eventTimestamp")
	delete(event, "event")
	want := map[string]any{
		"outcome": "exception", "scriptName": "web", "scriptVersion": map[string]any{"id": "v1"}, "wallTime": 2.0, "truncated": false,
		"logs": []any{}, "exceptions": []any{}, "diagnosticsChannelEvents": []any{},
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestATailEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*stage, *Tail){
		"when it is deleted":       func(s *stage, tail *Tail) { s.tails.Delete("acc", "web", tail.ID) },
		"when it expires":          func(s *stage, _ *Tail) { _ = s.clock.Advance(lifetime) },
		"when the cloud is closed": func(s *stage, _ *Tail) { s.tails.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tail := s.add("")
			conn := s.dial(tail.ID)
			end(s, tail)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("the connection ended with %v", err)
			}
			for deadline := time.Now().Add(5 * time.Second); len(s.tails.List("acc", "web")) > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the tail is still there")
				}
			}
			res, err := http.Get(s.server.URL + "/" + tail.ID)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusNotFound {
				t.Errorf("connecting again answers %d", res.StatusCode)
			}
		})
	}
}

func TestConnectingNeedsTheSubprotocol(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	url := "ws" + strings.TrimPrefix(s.server.URL, "http") + "/" + s.add("").ID
	for name, test := range map[string]struct {
		options *websocket.DialOptions
		want    int
	}{
		"none":                    {nil, 400},
		"another":                 {&websocket.DialOptions{Subprotocols: []string{"chat"}}, 400},
		"the page of another":     {&websocket.DialOptions{Subprotocols: []string{Protocol}, HTTPHeader: http.Header{"Origin": {"https://evil.example"}}}, 403},
		"a choice with the right": {&websocket.DialOptions{Subprotocols: []string{"chat", Protocol}}, 101},
	} {
		conn, res, err := websocket.Dial(t.Context(), url, test.options)
		if res.StatusCode != test.want || (err == nil) != (test.want == 101) {
			t.Errorf("%s: %d, %v, want %d", name, res.StatusCode, err, test.want)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
	res, err := http.Get(strings.Replace(url, "ws", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a request that is no WebSocket is answered by %d", res.StatusCode)
	}
}

func TestAClientThatSaysTooMuchOrPingsIsAnswered(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	conn := s.dial(s.add("").ID)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := conn.CloseRead(ctx)
	if err := conn.Ping(ctx); err != nil {
		t.Errorf("a ping is not answered: %v", err)
	}
	_ = conn.Write(ctx, websocket.MessageText, make([]byte, maxFrame+1)) // it may be cut off amid it
	select {
	case <-ended.Done():
	case <-ctx.Done():
		t.Error("a message that is too long does not end the connection")
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{"\x81\x00", "\x81\x81abcd\x01", "\x81\x7e\x00\x01x", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "\x88\x02\x03\xe8", "\x09\x00", "\xf1\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := strings.NewReader(in)
		if _, payload, err := readFrame(r); err == nil && (len(payload) > maxFrame || len(payload) > len(in)) {
			t.Errorf("a payload of %d bytes from %d", len(payload), len(in))
		}
	})
}

func TestAWorkerHasALimitedNumberOfTails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range clients {
		s.add("")
	}
	if _, err := s.tails.Add("acc", "web", nil); err == nil {
		t.Error("one more is made")
	}
	if _, err := s.tails.Add("acc", "other", nil); err != nil {
		t.Error(err)
	}
	if s.tails.Delete("other", "web", s.tails.List("acc", "web")[0].ID) {
		t.Error("another account deletes a tail")
	}
}

// narrow is a stage whose connections hold little that nobody has read.
func narrow(t *testing.T) (*stage, *websocket.DialOptions) {
	t.Helper()
	const held = 64 << 10
	s := newStage(t)
	s.server.Close()
	s.server = httptest.NewUnstartedServer(s.server.Config.Handler)
	s.server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(held) // it would only hold more
		return ctx
	}
	s.server.Start()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(held)
		}
		return c, err
	}
	return s, &websocket.DialOptions{Subprotocols: []string{Protocol}, HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// A client that stops reading loses events and is told; nobody waits for it.
func TestASlowClientMissesEventsAndIsTold(t *testing.T) {
	t.Parallel()
	s, o := narrow(t)
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(s.server.URL, "http")+"/"+s.add("").ID, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }() // it is cut off
	message := json.RawMessage(`[{"level":"log","timestamp":1,"message":["` + strings.Repeat("x", 4<<10) + `"]}]`)
	began := 1.0
	for range 700 { // more than the connection and the queue hold
		s.store.Traced([]runtime.Trace{{Invoked: runtime.Invoked{Account: "acc", Script: "web", Version: "v1"}, Outcome: "ok", Began: &began, Ended: 2, Logs: message, Event: json.RawMessage(`{"rpcMethod":"m"}`)}})
	}
	if err := s.store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		if event, ok := read(t, conn)["event"].(map[string]any); ok && event["type"] == "overload" {
			if event["message"] != overload {
				t.Errorf("told %v", event)
			}
			return
		}
	}
}
