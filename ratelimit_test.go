package clodo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/ratelimit"
)

// from is a request from an address.
func from(h http.Handler, address string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var fine = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

func TestTooManyRequestsAreToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := clodo.RateLimit(clodo.RateLimitOptions{Limit: 3})(fine)
		for i := range 3 {
			w := from(h, "192.0.2.1:1000")
			if want := fmt.Sprintf(`"process";r=%d;t=%d`, 2-i, 20*(i+1)); w.Code != 204 || w.Header().Get("RateLimit") != want || w.Header().Get("RateLimit-Policy") != `"process";q=3;w=60` {
				t.Errorf("request %d: %d, RateLimit: %s, want %s", i, w.Code, w.Header().Get("RateLimit"), want)
			}
		}
		w := from(h, "192.0.2.1:2000") // another connection is no other client
		if w.Code != 429 || w.Header().Get("Retry-After") != "20" || !strings.Contains(w.Body.String(), "rate_limited") || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if w := from(h, "192.0.2.2:1000"); w.Code != 204 {
			t.Errorf("another client: %d", w.Code)
		}
		time.Sleep(19 * time.Second)
		if w := from(h, "192.0.2.1:1000"); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("too early: %d, Retry-After: %s", w.Code, w.Header().Get("Retry-After"))
		}
		time.Sleep(time.Second)
		if w := from(h, "192.0.2.1:1000"); w.Code != 204 {
			t.Errorf("when it was told to: %d", w.Code)
		}
		if w := from(h, "192.0.2.1:1000"); w.Code != 429 {
			t.Errorf("once more: %d", w.Code)
		}
		time.Sleep(time.Hour)
		for i := range 4 {
			if w := from(h, "192.0.2.1:1000"); (w.Code == 204) != (i < 3) {
				t.Errorf("an hour later, request %d: %d", i, w.Code)
			}
		}
	})
}

func TestClientsAreToldApart(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "[::ffff:192.0.2.1]:80": "::ffff:192.0.2.1", "pipe": "pipe", "": "",
	} {
		if got := clodo.ClientAddress(&http.Request{RemoteAddr: address}); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}

func TestWhatIsForgivenDoesNotCount(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	h := clodo.RateLimit(clodo.RateLimitOptions{Limit: 2, Forgive: func(status int) bool { return status < 400 }})(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	for range 10 {
		if w := from(h, "a"); w.Code != 200 {
			t.Fatalf("a success was limited: %d", w.Code)
		}
	}
	status = http.StatusUnauthorized
	for i := range 3 {
		if w := from(h, "a"); (w.Code == 429) != (i == 2) {
			t.Errorf("failure %d: %d", i, w.Code)
		}
	}
}

func TestManyClientsDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	h := clodo.RateLimit(clodo.RateLimitOptions{Limit: 1, MaxKeys: 100, Key: func(r *http.Request) string { return r.RemoteAddr }})(fine)
	limited := 0
	for i := range 10_000 {
		if w := from(h, strconv.Itoa(i)); w.Code != 204 {
			t.Fatalf("a client that is new was limited: %d", w.Code)
		}
	}
	for i := range 10_000 {
		if w := from(h, strconv.Itoa(i)); w.Code == 429 {
			limited++
		}
	}
	if limited > 100 {
		t.Errorf("%d clients are remembered, more than 100", limited)
	}
	// Those whose time is over go first.
	synctest.Test(t, func(t *testing.T) {
		h := clodo.RateLimit(clodo.RateLimitOptions{Limit: 1, MaxKeys: 100})(fine)
		for i := range 99 {
			from(h, "old"+strconv.Itoa(i))
		}
		time.Sleep(time.Minute)
		for i := range 50 {
			from(h, "new"+strconv.Itoa(i))
		}
		for i := range 50 {
			if w := from(h, "new"+strconv.Itoa(i)); w.Code != 429 {
				t.Fatalf("client %d was forgotten though there was room", i)
			}
		}
	})
}

// limiter is a rate limiting binding as a function.
type limiter func(key string) (bool, error)

func (l limiter) Allow(_ context.Context, key string) (bool, error) { return l(key) }

func TestABindingMayCountInstead(t *testing.T) {
	t.Parallel()
	h := clodo.RateLimit(clodo.RateLimitOptions{Limit: 100, Period: 10 * time.Second, Limiter: limiter(func(key string) (bool, error) {
		if key == "broken" {
			return false, errors.New("no answer")
		}
		return key != "many", nil
	})})(fine)
	for address, want := range map[string]int{"few": 204, "many": 429, "broken": 204} {
		w := from(h, address)
		if w.Code != want || w.Header().Get("RateLimit-Policy") != `"binding";q=100;w=10` || (want == 429) != (w.Header().Get("Retry-After") == "10") {
			t.Errorf("%s: %d %v", address, w.Code, w.Header())
		}
	}
}

func TestALimitThatLimitsNothingIsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]clodo.RateLimitOptions{
		"no limit":                {},
		"a negative one":          {Limit: -1},
		"no time":                 {Limit: 1, Period: 1},
		"no time for each":        {Limit: 1e7, Period: time.Millisecond},
		"a binding that forgives": {Limiter: limiter(func(string) (bool, error) { return true, nil }), Forgive: func(int) bool { return true }},
	} {
		if !refused(func() { clodo.RateLimit(o) }) {
			t.Errorf("%s was taken", name)
		}
	}
}

// Cloudflare's binding is what a rate limit takes.
var _ clodo.Limiter = (*ratelimit.Limit)(nil)
