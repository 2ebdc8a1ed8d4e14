package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
)

var variables = regexp.MustCompile(`\{([a-z_.]+)\}`)

// Every endpoint gets bodies that it does not expect, and names that try to be paths.
// It may refuse them, or take them; it must not break, and must answer in an envelope.
func TestNoEndpointBreaksOverSenselessBodies(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	bodies := map[string][]string{
		"application/json": {``, `null`, `7`, `"x"`, `[]`, `[7]`, `[null]`, `{}`, `{`, `{"name":{},"title":[],"hostname":7,"pattern":null}`, `[{"cron":7}]`, strings.Repeat("[", 20_000), "\xff\xfe"},
		"multipart/form-data; boundary=x": {
			"", "--x\r\n\r\n", "--x\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\nnull\r\n--x--\r\n",
			"--x\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"bindings\":[7,null,{}],\"main_module\":\"a\"}\r\n--x--\r\n",
			"--x\r\nContent-Disposition: form-data; name=\"../../a\"; filename=\"../../a\"\r\n\r\nx\r\n--x--\r\n",
		},
		"multipart/form-data": {"--x"},
		"nonsense":            {"x"},
	}
	names := []string{"web", "..%2f..%2fetc", "%00", strings.Repeat("n", 300)}
	for _, e := range api.Endpoints() {
		if e.Method == http.MethodGet || e.Method == http.MethodDelete {
			bodies := map[string][]string{"application/json": {`7`}}
			c.senseless(t, e, names, bodies)
			continue
		}
		c.senseless(t, e, names[:2], bodies)
	}
	c.call("GET", "/A/workers/scripts", nil).ok(nil)
}

func (c *client) senseless(t *testing.T, e api.Endpoint, names []string, bodies map[string][]string) {
	t.Helper()
	for _, name := range names {
		path := variables.ReplaceAllStringFunc(e.Pattern, func(v string) string {
			switch v {
			case "{account_id}":
				return account
			case "{zone_id}":
				return zoneID
			}
			return name
		})
		if e.Method == http.MethodDelete && e.Pattern == "/zones/{zone_id}" {
			continue // it is needed further on
		}
		for kind, texts := range bodies {
			for _, text := range texts {
				got := c.send(e.Method, path, kind, strings.NewReader(text))
				if got.status >= 500 && got.status != http.StatusNotImplemented && got.status != http.StatusBadGateway {
					t.Errorf("%s %s with %s %.60q: %d %s", e.Method, path, kind, text, got.status, got.body)
				}
			}
		}
	}
}

// Whoever goes away amid an upload leaves neither a Worker nor a lock behind.
func TestAClientThatGoesAwayAmidAnUpload(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	server := httptest.NewServer(c.api)
	defer server.Close()
	f := upload(meta(), "index.js", hello)
	body := f.close(t)
	for _, n := range []int{0, 10, len(body) / 2, len(body) - 1} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		check(t, err)
		_, err = fmt.Fprintf(conn, "PUT %s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			api.Prefix, expand("/S"), token, f.w.FormDataContentType(), len(body), body[:n])
		check(t, err)
		check(t, conn.(*net.TCPConn).CloseWrite())
		check(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && res.StatusCode != http.StatusBadRequest {
			t.Errorf("after %d bytes: %s", n, res.Status)
		}
		check(t, conn.Close())
	}
	c.call("GET", "/S/settings", nil).refused(404, 10007)
	c.deployed()
}
