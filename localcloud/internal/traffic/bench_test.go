package traffic

import (
	"strconv"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// BenchmarkRequest is what a request costs that leaves nothing, with its writing.
func BenchmarkRequest(b *testing.B) {
	s := openStore(b, Options{})
	began := 1000.0
	e := exchange(v1, "")
	for name, value := range map[string]string{
		"User-Agent": "browser", "Cf-Connecting-Ip": "127.0.0.1", "Cf-Ipcountry": "XX", "Cf-Visitor": `{"scheme":"http"}`, "Cf-Ray": "8c0ffee123456789-LCL",
		"X-Real-Ip": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Clodo-Cf": runtime.CF, "X-Clodo-Proto": "http",
	} {
		e.Request.Header.Set(name, value)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		e.Ray = strconv.Itoa(n)
		s.Began(v1, e.Ray)
		s.Ended(e)
		s.Traced([]runtime.Trace{{Invoked: v1, Ray: e.Ray, Status: 200, Outcome: "ok", Began: &began, Ended: 1005, Model: "stateless"}})
		if n++; n%1000 == 0 {
			if err := s.Sync(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	if lost := s.Stats().Lost; lost != 0 {
		b.Fatalf("lost %d", lost)
	}
}
