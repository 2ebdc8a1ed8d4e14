package cache

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whatever a Worker puts, it is kept or not, and what is kept comes out again as HTTP.
func FuzzPut(f *testing.F) {
	for _, seed := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\n\r\nbody",
		"HTTP/1.1 204 No Content\r\nCache-Control: s-maxage=\"60\", private=\"a,b\"\r\n\r\n", "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.1 301 x\r\nExpires: Tue, 13 Sep 2099 12:00:00 GMT\r\nDate: 1\r\nAge: -1\r\nVary: *\r\n\r\n", "HTTP/1.1 200 OK\n\nx", "HTTP/1.1 200 OK\r\n a: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nCache-Control: \"\r\nCache-Tag: a,,b\r\n\r\n",
	} {
		f.Add([]byte(seed), "bytes=0-1")
	}
	s := newShelf(f, limits{body: 64, inline: 8, memory: 1 << 20, files: 1 << 10})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "https", "shop.example"
		s.Binding(w, r, "acc")
	}))
	f.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport)
	transport.DisableCompression = true
	f.Fuzz(func(t *testing.T, put []byte, ranges string) {
		s.Clear()
		do := func(method string, body []byte, ranges string) *http.Response {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if ranges != "" {
				r.Header["Range"] = []string{ranges}
			}
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Skip(err) // such a header is not sent
			}
			return res
		}
		res := do(http.MethodPut, put, "")
		_ = res.Body.Close()
		kept := res.StatusCode == http.StatusNoContent
		for _, ranges := range []string{"", ranges} {
			res := do(http.MethodGet, nil, ranges)
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if found := res.Header.Get("Cf-Cache-Status") == "HIT"; err != nil || found != kept || !found && len(body) > 0 {
				t.Errorf("kept %t, found %t, %d bytes, %v", kept, found, len(body), err)
			}
			if ranges == "" && kept && !bytes.HasSuffix(put, body) {
				t.Errorf("put %q, got %q", put, body)
			}
		}
	})
}
