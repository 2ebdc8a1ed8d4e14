package cache

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkMatch asks over HTTP, as workerd does, from 16 clients, as the benchmark of KV
// does: a hit is not to be slower than a read there.
func BenchmarkMatch(b *testing.B) {
	s := newShelf(b, usual)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "https", "shop.example"
		s.Binding(w, r, "acc")
	}))
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for _, size := range []int{1 << 10, 1 << 20} {
		body := strings.Repeat("x", size)
		for i := range 100 {
			s.put(fmt.Sprintf("https://shop.example/%d-%d", size, i), minute, body)
		}
		var n atomic.Int64
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("%s/%d-%d", server.URL, size, n.Add(1)%100), nil)
					if err != nil {
						b.Error(err)
						return
					}
					res, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					if got, err := io.Copy(io.Discard, res.Body); err != nil || got != int64(size) {
						b.Errorf("%s, %d bytes, %v", res.Status, got, err)
					}
					_ = res.Body.Close()
				}
			})
		})
	}
}
