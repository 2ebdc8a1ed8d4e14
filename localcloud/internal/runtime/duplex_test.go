package runtime

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const earlyCode = `let seen = [];
export default { async fetch(request) {
	const path = new URL(request.url).pathname;
	seen.push(path);
	if (path === "/seen") return new Response(seen.join(" "));
	if (path === "/whole") return new Response(String((await request.arrayBuffer()).byteLength));
	if (path === "/some") await request.body.getReader().read();
	if (path === "/none" || path === "/some") return new Response("too slow", { status: 408 });
	return new Response("what?");
} }`

// talk is a connection to the data port.
type talk struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (c *cloud) talk(t *testing.T) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", c.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &talk{conn, t, bufio.NewReader(conn)}
}

func (c *talk) say(format string, a ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, format, a...); err != nil {
		c.t.Fatal(err)
	}
}

// hear is an answer, and whether it is the last.
func (c *talk) hear() (answer string, last bool) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	for err == nil && res.StatusCode == http.StatusContinue {
		res, err = http.ReadResponse(c.r, nil)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return fmt.Sprint(res.StatusCode, " ", string(body)), res.Close
}

func TestAnAnswerComesThoughItsRequestStops(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(earlyCode)))
	t.Run("a request", func(t *testing.T) {
		for name, request := range map[string]string{
			"of a length, of which nothing came":           "POST /none HTTP/1.1\r\nHost: w.localhost\r\nContent-Length: 1000\r\n\r\n",
			"of a length, of which a part came":            "POST /some HTTP/1.1\r\nHost: w.localhost\r\nContent-Length: 1000\r\n\r\nbegin",
			"of a great length":                            "POST /some HTTP/1.1\r\nHost: w.localhost\r\nContent-Length: 1000000000\r\n\r\nbegin",
			"of no length":                                 "POST /some HTTP/1.1\r\nHost: w.localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n",
			"that waits for leave, and gets it for naught": "POST /some HTTP/1.1\r\nHost: w.localhost\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\nbegin",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				talk := c.talk(t)
				talk.say("%s", request)
				answer, last := talk.hear()
				if answer != "408 too slow" || !last {
					t.Errorf("%q, and it is the last: %v", answer, last)
				}
				// The rest of the request is no request.
				_, _ = io.WriteString(talk, "GET /smuggled HTTP/1.1\r\nHost: w.localhost\r\n\r\n")
				if rest, _ := io.ReadAll(talk.r); len(rest) > 0 {
					t.Errorf("after the answer came %q", rest)
				}
			})
		}
	})
	if _, seen := c.get("http://w.localhost/seen"); strings.Contains(seen, "smuggled") {
		t.Errorf("the Worker saw %s", seen)
	}
}

func TestAConnectionGoesOnAfterRequestsThatWereReadToTheirEnd(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(earlyCode)))
	talk := c.talk(t)
	body := strings.Repeat("x", 100_000)
	for range 50 {
		for _, n := range []int{1, 10, 100_000} {
			talk.say("POST /whole HTTP/1.1\r\nHost: w.localhost\r\nContent-Length: %d\r\n\r\n%s", n, body[:n])
			if answer, last := talk.hear(); answer != fmt.Sprint("200 ", n) || last {
				t.Fatalf("%q, and it is the last: %v", answer, last)
			}
		}
		talk.say("POST /whole HTTP/1.1\r\nHost: w.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
		if answer, last := talk.hear(); answer != "200 3" || last {
			t.Fatalf("%q, and it is the last: %v", answer, last)
		}
	}
}
