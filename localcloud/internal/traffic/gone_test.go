package traffic_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAWorkerWhoseClientGoesAwayIsStopped(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, body string
		answers      bool // before the client goes
	}{
		"before it answers":                  {method: "GET"},
		"before it answers what has a body":  {method: "POST", body: "hello"},
		"amid its answer":                    {method: "GET", answers: true},
		"amid its answer to what has a body": {method: "POST", body: "hello", answers: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, stopped := make(chan bool, 1), make(chan bool, 1)
			outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.answers {
					_, _ = io.WriteString(w, "x")
					_ = http.NewResponseController(w).Flush()
				}
				begun <- true
				<-r.Context().Done() // the Worker no longer wants it
				stopped <- true
			}))
			defer outside.Close()
			defer outside.CloseClientConnections()
			c := newCloud(t)
			c.apply(worker("w", all(c.version("v1", fmt.Sprintf(`export default { fetch() { return fetch(%q) } }`, outside.URL)))))

			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			req, err := http.NewRequestWithContext(ctx, tt.method, c.server.URL, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "w.localhost"
			go func() {
				<-begun
				if !tt.answers {
					leave()
				}
			}()
			if res, err := http.DefaultClient.Do(req); err == nil {
				_, _ = res.Body.Read(make([]byte, 1))
				leave()
				_ = res.Body.Close() // it was cut
			}
			select {
			case <-stopped:
			case <-time.After(20 * time.Second):
				t.Fatal("the Worker goes on")
			}
			if r := c.recorded(1)[0]; !tt.answers && (r.Outcome != "canceled" || r.Status != 0) {
				t.Errorf("recorded %+v", r)
			}
		})
	}
}
