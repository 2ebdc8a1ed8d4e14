package r2

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// BenchmarkBinding asks over HTTP, as the binding does, from 16 clients.
func BenchmarkBinding(b *testing.B) {
	s, err := Open(b.TempDir(), &clock.Clock{})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Binding(w, r, "b") }))
	b.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := s.CreateBucket(b.Context(), "b"); err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	call := func(method, head string, body []byte) {
		var r *http.Request
		if method == http.MethodPut {
			r, _ = http.NewRequest(method, server.URL, io.MultiReader(bytes.NewReader([]byte(head)), bytes.NewReader(body)))
			r.ContentLength = int64(len(head) + len(body))
			r.Header.Set(sizeHeader, strconv.Itoa(len(head)))
		} else {
			r, _ = http.NewRequest(method, server.URL, nil)
			r.Header.Set(requestHeader, head)
		}
		res, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Errorf("%s: %s, %d bytes, %v", head, res.Status, n, err)
		}
		_ = res.Body.Close()
	}
	for _, size := range []int{1 << 10, 1 << 20} {
		body := bytes.Repeat([]byte("x"), size)
		for i := range 100 {
			call(http.MethodPut, fmt.Sprintf(`{"version":1,"method":"put","object":"%d/%d"}`, size, i), body)
		}
		var n atomic.Int64
		for _, one := range []struct{ name, method, head string }{
			{"put", http.MethodPut, `{"version":1,"method":"put","object":"%d/%d"}`},
			{"get", http.MethodGet, `{"version":1,"method":"get","object":"%d/%d"}`},
			{"head", http.MethodGet, `{"version":1,"method":"head","object":"%d/%d"}`},
			{"list", http.MethodGet, `{"version":1,"method":"list","prefix":"%d/","limit":100,"newRuntime":true}`},
		} {
			b.Run(fmt.Sprintf("%s/%d", one.name, size), func(b *testing.B) {
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						head := fmt.Sprintf(one.head, size, n.Add(1)%100)
						if one.name == "list" {
							head = fmt.Sprintf(one.head, size)
						}
						call(one.method, head, body)
					}
				})
			})
		}
	}
}
