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

// Requests as no browser and no library sends them reach the Worker, or are the client's
// mistake: never the Worker's.
func TestRequestsAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`export default { async fetch(request) { return new Response(request.url + " " + await request.text() + (request.headers.get("cookie") ?? "")) } }`)))
	const head = " HTTP/1.1\r\nHost: w.localhost\r\nConnection: close\r\n"
	for name, test := range map[string]struct{ request, want string }{
		"angle brackets and quotes in a query": {`GET /a?b=<c>&d="e"` + head + "\r\n", `200 OK http://w.localhost/a?b=%3Cc%3E&d=%22e%22 `},
		"a query with braces and bars":         {`GET /a?{b|c}` + head + "\r\n", `200 OK http://w.localhost/a?{b|c} `},
		"a chunk that is none":                 {"POST /a" + head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", "400 Bad Request the body of the request is not readable: "},
		"cookies in several lines":             {"GET /a" + head + "Cookie: a=1; b=2\r\nCookie: c=3\r\n\r\n", "200 OK http://w.localhost/a a=1; b=2; c=3"},
		"chunks as they should be":             {"POST /a" + head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 OK http://w.localhost/a hello"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(c.server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprint(conn, test.request); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Status + " " + string(b); !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestAClientThatWaitsIsToldOnceToGoOn(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`export default { async fetch(req) { return new Response("expects " + req.headers.get("expect") + ", got " + await req.text()) } }`)))
	answer := c.raw("POST / HTTP/1.1\r\nHost: w.localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
	if strings.Count(answer, "100 Continue") != 1 || !strings.HasSuffix(answer, "expects null, got hello") {
		t.Errorf("got %q", answer)
	}
}

func TestAnEmptyCloudKnowsNoAddresses(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply()
	if status, body := c.get("http://nobody.localhost/"); status != http.StatusNotFound || !strings.Contains(body, `"known_addresses":[]`) {
		t.Errorf("%d %s", status, body)
	}
}
