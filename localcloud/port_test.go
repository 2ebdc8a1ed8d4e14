package localcloud

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A client that looks for an answer only when it has sent everything gets one, however
// early it was refused.
func TestWhoeverSendsTooMuchIsToldSo(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir()})
	base, err := url.Parse(c.Info().API)
	fatal(t, err)
	tests := map[string]struct {
		token, path string
		chunked     bool
		want        string
	}{
		"a body larger than JSON may be": {c.Info().APIToken, "/accounts/" + c.Info().AccountID + "/d1/database", false, `413 Request Entity Too Large {"success":false,"errors":[{"code":10027`},
		"one whose length is not told":   {c.Info().APIToken, "/accounts/" + c.Info().AccountID + "/d1/database", true, `413 Request Entity Too Large {"success":false,"errors":[{"code":10027`},
		"an upload that is no upload":    {c.Info().APIToken, "/accounts/" + c.Info().AccountID + "/workers/scripts/web/versions", false, `415 Unsupported Media Type {"success":false,"errors":[{"code":10001`},
		"a token that is not known":      {"clodo_local_nobody", "/zones", false, `403 Forbidden {"success":false,"errors":[{"code":9109,"message":"Invalid access token: this local cloud has no such token.`},
		"an endpoint that is not there":  {c.Info().APIToken, "/nowhere", false, `501 Not Implemented {"success":false,"errors":[{"code":7003`},
	}
	const size = 24 << 20 // more than the buffers of a connection hold
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", base.Host)
			fatal(t, err)
			defer conn.Close()
			fatal(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			length := fmt.Sprintf("Content-Length: %d", size)
			if test.chunked {
				length = "Transfer-Encoding: chunked"
			}
			_, err = fmt.Fprintf(conn, "POST %s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: text/plain\r\n%s\r\n\r\n", base.Path, test.path, base.Host, test.token, length)
			fatal(t, err)
			body := strings.Repeat(" ", size)
			if test.chunked {
				body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body)
			}
			if _, err := io.WriteString(conn, body); err != nil {
				t.Fatalf("sending: %v", err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			fatal(t, err)
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			fatal(t, err)
			if got := res.Status + " " + string(b); !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
