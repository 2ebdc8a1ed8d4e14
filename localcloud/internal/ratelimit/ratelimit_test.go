package ratelimit_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/ratelimit"
)

func TestAKeyMayBeUsedUpToItsLimitInEachWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clock.Clock{}
		l := ratelimit.New(c)
		take := func(namespace, key string) bool { return l.Take(namespace, key, 2, 10*time.Second) }
		got := []bool{take("n", "a"), take("n", "a"), take("n", "a"), take("n", "b"), take("m", "a")}
		time.Sleep(9 * time.Second)
		got = append(got, take("n", "a"))
		time.Sleep(time.Second)
		got = append(got, take("n", "a"))
		if err := c.Advance(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		got = append(got, take("n", "a"), take("n", "a"), take("n", "a"))
		if diff := cmp.Diff([]bool{true, true, false, true, true, false, true, true, true, false}, got); diff != "" {
			t.Errorf("uses (-want +got):\n%s", diff)
		}
	})
}

func TestOnlyCloudflaresPeriodsAndLimitsAreTaken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit, period float64
		ok            bool
	}{{1, 10, true}, {1000, 60, true}, {1, 30, false}, {0, 10, false}, {-1, 10, false}, {1.5, 10, false}, {1e300, 60, false}, {1, 0, false}} {
		if err := ratelimit.Check(test.limit, test.period); (err == nil) != test.ok {
			t.Errorf("limit %v in %v s: %v", test.limit, test.period, err)
		}
	}
}

func FuzzBinding(f *testing.F) {
	f.Add(`{"key":"a","limit":1,"period":10}`)
	f.Add(`{"key":1}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		ratelimit.New(&clock.Clock{}).Binding(w, httptest.NewRequest("POST", "/", strings.NewReader(body)), "n")
		if got := fmt.Sprint(w.Code, " ", w.Body); w.Code != 400 && got != `200 {"success":true}` {
			t.Errorf("%q: %s", body, got)
		}
	})
}
