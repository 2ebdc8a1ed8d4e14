package kv

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// BenchmarkBinding asks over HTTP, as the binding does, from 16 clients.
func BenchmarkBinding(b *testing.B) {
	s := newStore(b, &clock.Clock{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Binding(w, r, "n") }))
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	call := func(method, target string, body []byte) {
		r, err := http.NewRequestWithContext(b.Context(), method, server.URL+target, bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return
		}
		res, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Errorf("%s %s: %s, %d bytes, %v", method, target, res.Status, n, err)
		}
		_ = res.Body.Close()
	}
	for _, size := range []int{1 << 10, 1 << 20} {
		body := bytes.Repeat([]byte("x"), size)
		for i := range 100 {
			call(http.MethodPut, fmt.Sprintf("/%d-%d?urlencoded=true", size, i), body)
		}
		var n atomic.Int64
		for _, one := range []struct {
			name, method, target string
			body                 []byte
		}{
			{"put", http.MethodPut, "/%d-%d?urlencoded=true", body},
			{"get", http.MethodGet, "/%d-%d?urlencoded=true", nil},
			{"list", http.MethodGet, "/?prefix=%d-&key_count_limit=100&n=%d", nil},
		} {
			b.Run(fmt.Sprintf("%s/%d", one.name, size), func(b *testing.B) {
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						call(one.method, fmt.Sprintf(one.target, size, n.Add(1)%100), one.body)
					}
				})
			})
		}
	}
}
