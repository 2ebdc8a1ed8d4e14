package runtime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The opcodes of WebSocket frames.
const (
	wsText  = 0x1
	wsClose = 0x8
)

// writeFrame sends a frame, masked with zeros.
func writeFrame(t *testing.T, conn net.Conn, opcode byte, payload []byte) {
	t.Helper()
	frame := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	frame = append(append(frame, 0, 0, 0, 0), payload...)
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
}

// readFrame reads one frame.
func readFrame(t *testing.T, r *bufio.Reader) (opcode byte, payload []byte) {
	t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	n := uint64(head[1] & 0x7f)
	var long [8]byte
	switch n {
	case 126:
		if _, err := io.ReadFull(r, long[6:]); err != nil {
			t.Fatal(err)
		}
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		if _, err := io.ReadFull(r, long[:]); err != nil {
			t.Fatal(err)
		}
		n = binary.BigEndian.Uint64(long[:])
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		t.Fatal(err)
	}
	return head[0] & 0xf, payload
}

func closing(code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}

const socketCode = `
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
	fetch() {
		const [client, server] = Object.values(new WebSocketPair());
		this.ctx.acceptWebSocket(server);
		return new Response(null, { status: 101, webSocket: client });
	}
	webSocketMessage(ws, message) { message === "close me" ? ws.close(4002, "as you wish") : ws.send("room:" + message) }
	webSocketClose(ws, code, reason, clean) { console.log("room closed " + code + " " + reason + " " + clean); ws.close(code, reason) }
}
export default { fetch(request, env) {
	if (new URL(request.url).hostname === "room.localhost") return env.ROOM.get(env.ROOM.idFromName("a")).fetch(request);
	const [client, server] = Object.values(new WebSocketPair());
	server.accept();
	server.addEventListener("message", (e) => e.data === "close me" ? server.close(4002, "as you wish") : server.send("plain:" + e.data));
	server.addEventListener("close", (e) => { console.log("plain closed " + e.code + " " + e.reason + " " + e.wasClean); server.close(e.code === 1006 ? 1011 : e.code, e.reason) });
	return new Response(null, { status: 101, webSocket: client });
} };`

func TestWebSockets(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, name := range []string{"plain", "room"} {
		v := c.version(socketCode, `{"type":"durable_object_namespace","name":"ROOM","class_name":"Room"}`)
		c.apply(append(c.state.Workers, worker(name, v, Class{Name: "Room", Key: "key-" + name, SQLite: true}))...)
	}
	for _, name := range []string{"plain", "room"} {
		t.Run(name+" echoes small and big messages", func(t *testing.T) {
			conn, r := c.socket(name + ".localhost")
			defer func() { _ = conn.Close() }()
			for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
				text := strings.Repeat("x", size)
				writeFrame(t, conn, wsText, []byte(text))
				if opcode, got := readFrame(t, r); opcode != wsText || string(got) != name+":"+text {
					t.Fatalf("%d bytes: got opcode %d and %d bytes", size, opcode, len(got))
				}
			}
		})
		t.Run(name+" closes with its own code", func(t *testing.T) {
			conn, r := c.socket(name + ".localhost")
			defer func() { _ = conn.Close() }()
			writeFrame(t, conn, wsText, []byte("close me"))
			if opcode, got := readFrame(t, r); opcode != wsClose || string(got) != string(closing(4002, "as you wish")) {
				t.Errorf("got opcode %d %q", opcode, got)
			}
		})
		t.Run(name+" learns the code of the client", func(t *testing.T) {
			conn, r := c.socket(name + ".localhost")
			defer func() { _ = conn.Close() }()
			writeFrame(t, conn, wsClose, closing(4001, "bye"))
			if opcode, got := readFrame(t, r); opcode != wsClose || string(got) != string(closing(4001, "bye")) {
				t.Errorf("got opcode %d %q", opcode, got)
			}
			c.until("the code", func() bool { return strings.Contains(c.log.String(), name+" closed 4001 bye true") })
		})
		t.Run(name+" learns that the client is gone", func(t *testing.T) {
			conn, _ := c.socket(name + ".localhost")
			_ = conn.Close()
			c.until("the code", func() bool { return strings.Contains(c.log.String(), name+" closed 1006") })
		})
	}
	t.Run("one that is cut by a new version of its object ends", func(t *testing.T) {
		conn, r := c.socket("room.localhost")
		defer func() { _ = conn.Close() }()
		v := c.version(socketCode, `{"type":"durable_object_namespace","name":"ROOM","class_name":"Room"}`)
		old := c.table.Load().generations[c.table.Load().worker("acc", "room")]
		c.until("the WebSocket", old.hadStreams) // its process is not waited for then
		c.apply(worker("room", v, Class{Name: "Room", Key: "key-room", SQLite: true}))
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("got %q, %v, want the end", rest, err)
		}
		if !isClosed(old.calm) {
			t.Error("the new version waited for the WebSockets of the old one")
		}
	})
}

// raw sends bytes to the data port and returns what comes back until the connection
// ends, or a moment has passed.
func (c *cloud) raw(request string) string {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.server.Listener.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		c.t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestAnswersAreWhatHTTPSays(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`export default { async fetch(request) {
	const path = new URL(request.url).pathname;
	if (path === "/204") return new Response(null, { status: 204 });
	if (path === "/304") return new Response(null, { status: 304, headers: { etag: '"x"' } });
	if (path === "/cookies") return new Response("x", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
	if (path === "/size") return new Response(String((await request.arrayBuffer()).byteLength));
	if (path === "/early") return new Response("early");
	if (path === "/headers") return new Response(request.headers.get("x-long")?.length);
	return new Response("body", { headers: { "content-length": "4" } });
} }`)))
	get := func(line, more string) string {
		return line + " HTTP/1.1\r\nHost: w.localhost\r\nConnection: close\r\n" + more + "\r\n"
	}
	for name, test := range map[string]struct {
		request string
		want    []string
		never   string
	}{
		"HEAD has the headers of GET and no body":    {get("HEAD /", ""), []string{"200 OK", "Content-Length: 4"}, "\r\n\r\nbody"},
		"204 has no body and no length":              {get("GET /204", ""), []string{"204 No Content"}, "Content-Length"},
		"304 has no body":                            {get("GET /304", ""), []string{"304 Not Modified", `"x"`}, "Content-Length: 0"},
		"cookies stay apart":                         {get("GET /cookies", ""), []string{"Set-Cookie: a=1\r\n", "Set-Cookie: b=2\r\n"}, "a=1, b=2"},
		"a client that expects 100 is told to go on": {get("POST /size", "Expect: 100-continue\r\nContent-Length: 3\r\n") + "abc", []string{"100 Continue", "\r\n\r\n3"}, ""},
		"chunks with a trailer":                      {get("POST /size", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n") + "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", []string{"200 OK", "\r\n\r\n3"}, ""},
		"a body that nobody reads":                   {get("POST /early", "Content-Length: 200000\r\n") + strings.Repeat("x", 200000), []string{"200 OK", "early"}, ""},
		"long headers pass":                          {get("GET /headers", "X-Long: "+strings.Repeat("x", 60<<10)+"\r\n"), []string{"200 OK", fmt.Sprint(60 << 10)}, ""},
		"headers that are too long are refused":      {get("GET /headers", "X-Long: "+strings.Repeat("x", 2<<20)+"\r\n"), []string{"431 Request Header Fields Too Large"}, ""},
		"both a length and chunks are refused":       {get("POST /size", "Content-Length: 3\r\nTransfer-Encoding: gzip, chunked\r\n") + "abc", []string{" 501 "}, ""},
		"no HTTP at all is refused":                  {"hello\r\n\r\n", []string{"400 Bad Request"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.raw(test.request)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %.600q, want %q in it", got, want)
				}
			}
			if test.never != "" && strings.Contains(got, test.never) {
				t.Errorf("got %.600q, with %q in it", got, test.never)
			}
		})
	}
}

func TestEventsArriveAsTheyAreSentAndStopWhenTheClientGoes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(`export default { fetch(request, env, ctx) {
	request.signal.addEventListener("abort", () => console.log("the client went away"));
	const { readable, writable } = new TransformStream();
	const w = writable.getWriter();
	ctx.waitUntil((async () => {
		try { for (let n = 0; ; n++) { await w.write(new TextEncoder().encode("data: " + n + "\n\n")); await scheduler.wait(5) } } catch { console.log("nobody reads") }
	})());
	return new Response(readable, { headers: { "content-type": "text/event-stream" } });
} }`)
	v.CompatibilityFlags = []string{"enable_request_signal"}
	c.apply(worker("w", v))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "w.localhost"
	res, err := c.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	for n := range 3 {
		line, err := lines.ReadString('\n')
		if blank, _ := lines.ReadString('\n'); line != fmt.Sprintf("data: %d\n", n) || blank != "\n" {
			t.Fatalf("event %d: got %q, %v", n, line, err)
		}
	}
	cancel()
	c.until("the abort", func() bool { return strings.Contains(c.log.String(), "the client went away") })
}

// With a length known from the beginning nothing forces the proxy to pass on parts.
func TestAnAnswerOfKnownLengthStreamsToo(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`export default { fetch(request, env, ctx) {
	const { readable, writable } = new FixedLengthStream(10);
	const w = writable.getWriter();
	ctx.waitUntil((async () => { await w.write(new TextEncoder().encode("first")); await scheduler.wait(20000); await w.write(new TextEncoder().encode("later")); await w.close() })().catch(() => {}));
	return new Response(readable);
} }`)))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "w.localhost"
	res, err := c.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	part := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, part); err != nil || string(part) != "first" || res.ContentLength != 10 {
		t.Errorf("got %q of %d bytes, %v", part, res.ContentLength, err)
	}
}

// wantStreams checks that a Worker which answers with the body that it gets does so while
// that is still being sent, and to its end.
func (c *cloud) wantStreams(url string) {
	c.t.Helper()
	_, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(rest, "/")
	body, send := io.Pipe()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.server.URL+"/"+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	go func() { _, _ = io.WriteString(send, "first") }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	part := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, part); err != nil || string(part) != "first" {
		c.t.Fatalf("%q, %v before the request ended\n%s", part, err, c.log)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() { _, _ = send.Write(big); _ = send.Close() }()
	if back, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(back, big) {
		c.t.Errorf("%d bytes came back, want %d: %v", len(back), len(big), err)
	}
}
