package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// shelf is a Cache with a clock of its own, asked as workerd asks.
type shelf struct {
	*Cache
	t     testing.TB
	clock *clock.Clock
}

func newShelf(t testing.TB, l limits) *shelf {
	t.Helper()
	c := &clock.Clock{}
	s, err := Open(filepath.Join(t.TempDir(), "cache"), c)
	if err != nil {
		t.Fatal(err)
	}
	s.limits = l
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &shelf{s, t, c}
}

func (s *shelf) ask(method, url string, body io.Reader, header ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, url, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Binding(w, r, "acc")
	return w.Result()
}

// put puts an answer with these headers, each with the end of its line.
func (s *shelf) put(url, headers, body string) int {
	s.t.Helper()
	return s.ask(http.MethodPut, url, strings.NewReader("HTTP/1.1 200 OK\r\n"+headers+"\r\n"+body)).StatusCode
}

// match is what a GET finds: its status and its body, or "MISS".
func (s *shelf) match(url string, header ...string) string {
	s.t.Helper()
	res := s.ask(http.MethodGet, url, nil, header...)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	if status := res.Header.Get("Cf-Cache-Status"); status != "HIT" {
		return status
	}
	return fmt.Sprint(res.StatusCode, " ", string(body))
}

const minute = "Cache-Control: max-age=60\r\n"

func TestAnAnswerIsFoundUntilItIsNoLongerFresh(t *testing.T) {
	t.Parallel()
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of time in synctest
	date := func(d time.Duration) string { return begin.Add(d).Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		status  string
		headers string
		fresh   time.Duration // 0: it is not kept
	}{
		"max-age":                                 {"200 OK", minute, time.Minute},
		"s-maxage before max-age":                 {"200 OK", "Cache-Control: max-age=1, s-maxage=60\r\n", time.Minute},
		"the first of two lines":                  {"200 OK", minute + "Cache-Control: max-age=9\r\n", time.Minute},
		"in capitals and quotes":                  {"200 OK", "Cache-Control: Public, MAX-AGE=\"60\"\r\n", time.Minute},
		"a time that never ends":                  {"200 OK", "Cache-Control: max-age=99999999999999999999999\r\n", 1000 * time.Hour},
		"an age":                                  {"200 OK", "Age: 10\r\nCache-Control: max-age=70\r\n", time.Minute},
		"an age beyond its time":                  {"200 OK", "Age: 70\r\n" + minute, 0},
		"no time":                                 {"200 OK", "Cache-Control: max-age=0\r\n", 0},
		"a time that is none":                     {"200 OK", "Cache-Control: max-age=-1\r\n", 0},
		"Expires":                                 {"200 OK", "Expires: " + date(time.Hour) + "\r\n", time.Hour},
		"Expires after its Date":                  {"200 OK", "Date: " + date(-2*time.Hour) + "\r\nExpires: " + date(-time.Hour) + "\r\n", time.Hour},
		"Expires in the past":                     {"200 OK", "Expires: " + date(-time.Hour) + "\r\n", 0},
		"Expires that is no time":                 {"200 OK", "Expires: 0\r\n", 0},
		"Expires in the year 1, and an age":       {"200 OK", "Expires: " + time.Time{}.Format(http.TimeFormat) + "\r\nAge: 1\r\n", 0},
		"max-age before Expires":                  {"200 OK", minute + "Expires: 0\r\n", time.Minute},
		"nothing, and 200":                        {"200 OK", "", 2 * time.Hour},
		"nothing, and 301":                        {"301 Moved", "", 2 * time.Hour},
		"nothing, and 302":                        {"302 Found", "", 20 * time.Minute},
		"nothing, and 404":                        {"404 Not Found", "", 3 * time.Minute},
		"nothing, and 500":                        {"500 Oh", "", 0},
		"a time, and 500":                         {"500 Oh", minute, time.Minute},
		"a time, and 204":                         {"204 No Content", minute, time.Minute},
		"part of an answer":                       {"206 Partial Content", minute, 0},
		"an answer without one":                   {"304 Not Modified", minute, 0},
		"no-store":                                {"200 OK", "Cache-Control: no-store, max-age=60\r\n", 0},
		"no-cache":                                {"200 OK", "Cache-Control: no-cache\r\n", 0},
		"private":                                 {"200 OK", "Cache-Control: private, max-age=60\r\n", 0},
		"Vary: *":                                 {"200 OK", minute + "Vary: Accept, *\r\n", 0},
		"Vary that names headers":                 {"200 OK", minute + "Vary: Accept\r\n", time.Minute},
		"a cookie":                                {"200 OK", minute + "Set-Cookie: a=b\r\n", 0},
		"a cookie that is private":                {"200 OK", "Cache-Control: private=Set-Cookie, max-age=60\r\nSet-Cookie: a=b\r\n", time.Minute},
		"a cookie that is private, and others":    {"200 OK", "Cache-Control: max-age=60, private=\"x-a, set-cookie\"\r\nSet-Cookie: a=b\r\n", time.Minute},
		"another header that is private":          {"200 OK", "Cache-Control: max-age=60, private=x-a\r\nSet-Cookie: a=b\r\n", 0},
		"an empty Cache-Control":                  {"200 OK", "Cache-Control: , ,\r\n", 2 * time.Hour},
		"stale-while-revalidate, which is no use": {"200 OK", "Cache-Control: max-age=60, stale-while-revalidate=600\r\n", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t, usual)
				const url = "https://shop.example/a"
				put := s.ask(http.MethodPut, url, strings.NewReader("HTTP/1.1 "+c.status+"\r\n"+c.headers+"\r\n"))
				if found := s.match(url) != "MISS"; found != (c.fresh > 0) || (put.StatusCode == http.StatusNoContent) != found {
					t.Fatalf("put: %d; found: %t", put.StatusCode, found)
				}
				if c.fresh == 0 {
					return
				}
				res := s.ask(http.MethodGet, url, nil)
				if res.Header.Get("Set-Cookie") != "" {
					t.Error("a cookie was kept")
				}
				for _, step := range []struct {
					ahead time.Duration
					found bool
				}{{c.fresh - time.Second, true}, {time.Second, c.fresh > 900*time.Hour}} {
					if err := s.clock.Advance(step.ahead); err != nil {
						t.Fatal(err)
					}
					if got := s.match(url) != "MISS"; got != step.found {
						t.Errorf("%v later: found %t", step.ahead, got)
					}
				}
				if purged := s.ask("PURGE", url, nil).StatusCode; c.fresh < 900*time.Hour && purged != http.StatusNotFound {
					t.Errorf("what was not fresh any more was deleted with %d", purged)
				}
			})
		})
	}
}

func TestAMatchIsAConditionalRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, l := range []limits{usual, {body: 100, inline: 1, memory: 1 << 20, files: 1000}} { // in memory, and in a file
			s := newShelf(t, l)
			const url = "https://shop.example/a"
			const modified = "Tue, 13 Sep 2022 12:00:00 GMT"
			s.put(url, minute+"ETag: \"v1\"\r\nContent-Type: text/x\r\nLast-Modified: "+modified+"\r\nX-Two: a\r\nX-Two: b\r\n", "0123456789")
			for name, c := range map[string]struct{ header, value, want string }{
				"no condition":               {"X", "y", "200 0123456789"},
				"the tag":                    {"If-None-Match", `"v0", W/"v1"`, "304 "},
				"any tag":                    {"If-None-Match", "*", "304 "},
				"another tag":                {"If-None-Match", `"v0"`, "200 0123456789"},
				"the time":                   {"If-Modified-Since", modified, "304 "},
				"a time before":              {"If-Modified-Since", "Tue, 13 Sep 2022 11:59:59 GMT", "200 0123456789"},
				"no time":                    {"If-Modified-Since", "yesterday", "200 0123456789"},
				"a range":                    {"Range", "bytes=2-4", "206 234"},
				"the end":                    {"Range", "bytes=-3", "206 789"},
				"a range beyond it":          {"Range", "bytes=20-", "416 invalid range: failed to overlap\n"},
				"Cache-Control of a request": {"Cache-Control", "only-if-cached", "200 0123456789"},
			} {
				if got := s.match(url, c.header, c.value); got != c.want {
					t.Errorf("%s: got %q, want %q", name, got, c.want)
				}
			}
			if err := s.clock.Advance(5 * time.Second); err != nil {
				t.Fatal(err)
			}
			res := s.ask(http.MethodGet, url, nil)
			h := res.Header
			want := http.Header{
				"Accept-Ranges": {"bytes"}, "Age": {"5"}, "Cache-Control": {"max-age=60"}, "Cf-Cache-Status": {"HIT"}, "Content-Length": {"10"},
				"Content-Type": {"text/x"}, "Etag": {`"v1"`}, "Last-Modified": {modified}, "X-Two": {"a", "b"},
			}
			if diff := cmp.Diff(want, h); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		}
	})
}

func TestAnAnswerBelongsToItsURLItsCacheAndItsScope(t *testing.T) {
	t.Parallel()
	s := newShelf(t, usual)
	for _, one := range []struct{ url, name string }{
		{"https://shop.example/a?b", ""},
		{"http://shop.example/a?b", ""},
		{"https://shop.example/a", ""},
		{"https://shop.example/", ""},
		{"https://shop.example/a%2Fb", ""},
		{"https://shop.example/a/b", ""},
		{"https://shop.example/a?b", "one"},
		{"https://shop.example/a?b", "gr%C3%BCezi"},
	} {
		header := []string{}
		if one.name != "" {
			header = []string{NameHeader, one.name}
		}
		s.ask(http.MethodPut, one.url, strings.NewReader("HTTP/1.1 200 OK\r\n"+minute+"\r\n"+one.url+one.name), header...)
	}
	for name, c := range map[string]struct {
		url, cache string
		want       string
	}{
		"a query":                 {"https://shop.example/a?b", "", "200 https://shop.example/a?b"},
		"another scheme":          {"http://shop.example/a?b", "", "200 http://shop.example/a?b"},
		"its usual port":          {"https://SHOP.example:443/a?b", "", "200 https://shop.example/a?b"},
		"another port":            {"https://shop.example:8443/a?b", "", "MISS"},
		"no path":                 {"https://shop.example", "", "200 https://shop.example/"},
		"an escaped slash":        {"https://shop.example/a%2Fb", "", "200 https://shop.example/a%2Fb"},
		"a slash":                 {"https://shop.example/a/b", "", "200 https://shop.example/a/b"},
		"another cache":           {"https://shop.example/a?b", "one", "200 https://shop.example/a?bone"},
		"the same name, escaped":  {"https://shop.example/a?b", "gr%c3%bcezi", "200 https://shop.example/a?bgr%C3%BCezi"},
		"a cache without entries": {"https://shop.example/a?b", "two", "MISS"},
	} {
		header := []string{}
		if c.cache != "" {
			header = []string{NameHeader, c.cache}
		}
		if got := s.match(c.url, header...); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	w := httptest.NewRecorder()
	s.Binding(w, httptest.NewRequest(http.MethodGet, "https://shop.example/a?b", nil), "other")
	if w.Code != http.StatusGatewayTimeout {
		t.Errorf("another account finds it: %d", w.Code)
	}
	if first, second := s.ask("PURGE", "https://shop.example/a?b", nil).StatusCode, s.ask("PURGE", "https://shop.example/a?b", nil).StatusCode; first != 200 || second != 404 {
		t.Errorf("deleted twice with %d and %d", first, second)
	}
	if got := s.match("https://shop.example/a?b", NameHeader, "one"); got == "MISS" {
		t.Error("it was deleted from another cache too")
	}
}

func TestAnAnswerToWhoIsKnownIsSharedOnlyIfItSaysSo(t *testing.T) {
	t.Parallel()
	s := newShelf(t, usual)
	for control, kept := range map[string]bool{"max-age=60": false, "public, max-age=60": true, "s-maxage=60": true, "max-age=60, must-revalidate": true} {
		s.Clear()
		s.ask(http.MethodPut, "https://shop.example/", strings.NewReader("HTTP/1.1 200 OK\r\nCache-Control: "+control+"\r\n\r\n"), "Authorization", "Bearer x")
		if got := s.match("https://shop.example/") != "MISS"; got != kept {
			t.Errorf("%s: kept %t", control, got)
		}
	}
}

func TestWhatIsNotAWholeAnswerIsNotKept(t *testing.T) {
	t.Parallel()
	s := newShelf(t, limits{body: 20, inline: 10, memory: 1 << 20, files: 1 << 20})
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"nothing":                        {"", 400},
		"no status line":                 {minute + "\r\n", 400},
		"a status of words":              {"HTTP/1.1 OK\r\n\r\n", 400},
		"a status of two digits":         {"HTTP/1.1 20 OK\r\n\r\n", 400},
		"a status below 200":             {"HTTP/1.1 101 Switching\r\n\r\n", 400},
		"a status above 599":             {"HTTP/1.1 999 What\r\n\r\n", 400},
		"headers without an end":         {"HTTP/1.1 200 OK\r\n" + minute, 400},
		"a header without a name":        {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", 400},
		"a header without a colon":       {"HTTP/1.1 200 OK\r\nx\r\n\r\n", 400},
		"a control character":            {"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", 400},
		"a head that is too long":        {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n", 400},
		"a short body":                   {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", 400},
		"a short body in a file":         {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n0123456789ab", 400},
		"a body that goes on":            {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", 400},
		"a body that is too large":       {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 21), 413},
		"a body that is as large":        {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 20), 204},
		"chunks, which it says, no more": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0123456789ab", 204},
		"no word for the status":         {"HTTP/1.1 200\r\n\r\n", 204},
	} {
		s.Clear()
		if got := s.ask(http.MethodPut, "https://shop.example/", strings.NewReader(c.body)).StatusCode; got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
		if got := s.match("https://shop.example/") != "MISS"; got != (c.status == 204) {
			t.Errorf("%s: kept %t", name, got)
		}
		if n := s.onDisk(); c.status != 204 && n != 0 {
			t.Errorf("%s: %d files are left", name, n)
		}
	}
	s.Clear()
	broken := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n\r\n0123456789ab"), failingReader{})
	if got := s.ask(http.MethodPut, "https://shop.example/", broken).StatusCode; got != 413 || s.onDisk() != 0 {
		t.Errorf("a body that broke off: %d, %d files", got, s.onDisk())
	}
	for _, r := range []*http.Request{httptest.NewRequest(http.MethodPost, "https://shop.example/", nil), httptest.NewRequest(http.MethodGet, "/", nil)} {
		r.URL.Host = strings.TrimSuffix(r.URL.Host, "example.com")
		w := httptest.NewRecorder()
		s.Binding(w, r, "acc")
		if w.Code/100 != 4 {
			t.Errorf("%s %s: %d", r.Method, r.URL, w.Code)
		}
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the Worker is gone") }

// onDisk is how many files the cache has.
func (s *shelf) onDisk() (n int) {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return n
}
