package fault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/fault"
)

func TestRulesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault.Rule{
		"POST /accounts/*/workers/scripts/*/versions: lost, p=0.5, count=3": {
			Match: "POST /accounts/*/workers/scripts/*/versions", Kind: fault.Lost, Probability: 0.5, Count: 3,
		},
		"*: latency=200ms":                              {Match: "*", Kind: fault.Latency, Latency: 200 * time.Millisecond},
		"GET|PUT /zones**: 429 , retry-after=10":        {Match: "GET|PUT /zones**", Kind: fault.Status, Status: 429, RetryAfter: 10 * time.Second},
		"data  shop.example/api/*:503,p=1":              {Match: "data shop.example/api/*", Kind: fault.Status, Status: 503, Probability: 1},
		"* /zones: reset, after=2":                      {Match: "* /zones", Kind: fault.Reset, After: 2},
		"data *: partial, latency=1s, jitter=500ms":     {Match: "data *", Kind: fault.Partial, Latency: time.Second, Jitter: 500 * time.Millisecond},
		"api /a:b: latency=0s, jitter=1s":               {Match: "api /a:b", Kind: fault.Latency, Jitter: time.Second},
		"data GET *.shop.example: 522, latency=1m0s":    {Match: "data GET *.shop.example", Kind: fault.Status, Status: 522, Latency: time.Minute},
		"DELETE /zones/*/dns_records/*: 404, after=100": {Match: "DELETE /zones/*/dns_records/*", Kind: fault.Status, Status: 404, After: 100},
	} {
		got, err := fault.Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
}

func TestWhatIsNoRuleIsExplained(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                        "there is no colon",
		"POST /zones lost":                        `write it as "POST /zones: lost"`,
		"POST /zones: gone":                       `"gone" is not known; what happens is latency=TIME, a status such as 429 or 503, reset, lost or partial`,
		"POST /zones:":                            `"" is not known`,
		"POST /zones: p=0.5":                      "does not say what happens",
		"POST /zones: lost, 429":                  "both lost and 429 cannot happen; write two faults",
		"POST /zones: latency":                    "latency needs a time",
		"POST /zones: latency=soon":               `"soon" is not a time`,
		"POST /zones: latency=0s":                 "latency needs a time",
		"POST /zones: lost, latency=-1s":          "is not a time from 0",
		"POST /zones: lost, p=0":                  "above 0 and at most 1",
		"POST /zones: lost, p=2":                  "above 0 and at most 1",
		"POST /zones: lost, p=NaN":                "above 0 and at most 1",
		"POST /zones: lost, count=0":              "strikes 0 times",
		"POST /zones: lost, count=-1":             "count is a number of requests",
		"POST /zones: lost, after=x":              "after is a number of requests",
		"POST /zones: lost, often=1":              `no option "often"; options are p, count, after`,
		"POST /zones: lost, p=0.5, p=0.1":         "p is said twice",
		"POST /zones: 200":                        "status from 400 to 599, not 200",
		"POST /zones: lost, retry-after=1":        "go with a refusal, not with lost",
		"FETCH /zones: lost":                      `"FETCH" is no method`,
		"zones: lost":                             "begins with a slash",
		": lost":                                  "names no requests",
		"a b c d: lost":                           "names no requests",
		"/" + strings.Repeat("x", 600) + ": lost": "longer than 512 bytes",
	} {
		if _, err := fault.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func TestRulesAreReadAsJSON(t *testing.T) {
	t.Parallel()
	want := fault.Rule{Match: "POST /zones", Kind: fault.Status, Status: 429, RetryAfter: 2 * time.Second, Latency: time.Second, Probability: 0.25, Count: 1, After: 2}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(b), `"POST /zones: 429, retry-after=2, latency=1s, p=0.25, count=1, after=2"`} {
		var got fault.Rule
		err := json.Unmarshal([]byte(text), &got)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{
		`7`, `null`, `{}`, `{"match":"*"}`, `{"match":"*","kind":"lost","when":"now"}`, `{"match":"*","kind":"lost","latency":1}`,
		`{"match":"*","kind":"latency","latency":"soon"}`, `{"match":"*","kind":"status"}`, `"POST /zones"`, `{"match":"*","kind":"lost","probability":7}`,
	} {
		var r fault.Rule
		if err := json.Unmarshal([]byte(text), &r); err == nil {
			t.Errorf("%s is taken as %q", text, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"POST /accounts/*/workers/scripts/*/versions: lost, p=0.5, count=3", "*: latency=200ms, jitter=1s", "data GET|POST a.b/**: 429, retry-after=10, after=1",
		"", ":", "::,=,", "* *: 599",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := fault.Parse(text)
		if err != nil {
			return
		}
		again, err := fault.Parse(r.String())
		if diff := cmp.Diff(r, again); err != nil || diff != "" {
			t.Errorf("%q is written as %q: %v\n%s", text, r, err, diff)
		}
		if err := fault.New(&clock.Clock{}, slog.New(slog.DiscardHandler)).Add(r); err != nil {
			t.Errorf("%q is read and not taken: %v", text, err)
		}
	})
}

// origin is a server whose answers and changes can be counted.
type origin struct {
	*httptest.Server
	faults *fault.Faults
	clock  *clock.Clock
	done   atomic.Int32
}

const body = `{"success":true,"result":"a body with some length to be cut"}`

func newOrigin(t *testing.T, data bool, rules ...string) *origin {
	t.Helper()
	o := &origin{clock: &clock.Clock{}}
	o.faults = fault.New(o.clock, slog.New(slog.DiscardHandler))
	set(t, o.faults, 1, rules...)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the request broke off: %v", err)
		}
		o.done.Add(1)
		if r.URL.Query().Has("stream") {
			for n := 0; r.Context().Err() == nil; n++ {
				if _, err := fmt.Fprintf(w, "line %d\n", n); err != nil {
					return
				}
				if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
					return
				}
			}
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Got", string(sent))
		_, _ = io.WriteString(w, body)
	})
	h := o.faults.API(answer)
	if data {
		h = o.faults.Data(answer)
	}
	o.Server = httptest.NewServer(h)
	t.Cleanup(o.Close)
	return o
}

func set(t *testing.T, f *fault.Faults, seed uint64, rules ...string) {
	t.Helper()
	var parsed []fault.Rule
	for _, text := range rules {
		r, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, r)
	}
	if err := f.Replace(seed, parsed...); err != nil {
		t.Fatal(err)
	}
}

// ask sends one request on a connection of its own and says what came back.
func (o *origin) ask(t *testing.T, method, path, host string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, o.URL+path, strings.NewReader("sent"))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if host != "" {
		req.Host = host
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func TestEachKindDoesWhatItSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule, path string
		data       bool
		status     int
		body       string // a part of it
		broken     bool
		done       int32
		header     map[string]string
	}{
		"a refusal does nothing": {
			rule: "*: 503", status: 503, body: `"code":10013`, header: map[string]string{fault.Header: "1", "Clodo-Local-Cloud": "1", "Retry-After": ""},
		},
		"a 429 says when to come back": {
			rule: "*: 429", status: 429, body: `"code":971`, header: map[string]string{"Retry-After": "1"},
		},
		"or as the rule says":                      {rule: "*: 429, retry-after=1500ms", status: 429, header: map[string]string{"Retry-After": "2"}},
		"a forbidden call looks like Cloudflare's": {rule: "*: 403", status: 403, body: `"code":10000`},
		"a conflict as well":                       {rule: "*: 409", status: 409, body: `"code":10035`},
		"a bad gateway does not speak JSON":        {rule: "*: 502", status: 502, body: "error code: 502"},
		"nor does the data port":                   {rule: "data *: 503", data: true, status: 503, body: "error code: 503"},
		"a reset does nothing":                     {rule: "*: reset", broken: true},
		"a lost answer was made":                   {rule: "*: lost", broken: true, done: 1},
		"a partial body begins as the whole one":   {rule: "*: partial", status: 200, body: body[:len(body)/2], broken: true, done: 1},
		"latency changes nothing else":             {rule: "*: latency=1ms", status: 200, body: body, done: 1, header: map[string]string{"Got": "sent", fault.Header: "1"}},
		"what is not matched is left alone":        {rule: "GET /zones: reset", status: 200, body: body, done: 1, header: map[string]string{fault.Header: ""}},
		"an endless answer breaks off too":         {rule: "*: partial", path: "/?stream", status: 200, body: "lin", broken: true, done: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, test.data, test.rule)
			path := test.path
			if !test.data && path == "" {
				path = "/client/v4/accounts"
			}
			res, got, err := o.ask(t, "POST", path, "")
			if (err != nil) != test.broken {
				t.Errorf("the connection says %v", err)
			}
			if (res != nil) != (test.status != 0) {
				t.Fatalf("got an answer: %v", res != nil)
			}
			if done := o.done.Load(); done != test.done {
				t.Errorf("it was done %d times, want %d", done, test.done)
			}
			if res == nil {
				return
			}
			if res.StatusCode != test.status || !strings.Contains(got, test.body) || test.broken && test.path == "" && got != test.body {
				t.Errorf("got %d %q", res.StatusCode, got)
			}
			if test.rule == "*: partial" && test.path == "" && res.ContentLength != int64(len(body)) {
				t.Errorf("the length is %d, want the whole body's %d", res.ContentLength, len(body))
			}
			for k, want := range test.header {
				if got := res.Header.Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
		})
	}
}

func TestRequestsAreMatched(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		match, method, host, path string
		want                      bool
	}{
		{"*", "GET", "", "/client/v4/zones", true},
		{"/zones", "GET", "", "/client/v4/zones", true},
		{"/zones", "GET", "", "/client/v4/zones/x", false},
		{"/zones/*", "GET", "", "/client/v4/zones/x", true},
		{"/zones/*", "GET", "", "/client/v4/zones/x/y", false},
		{"/zones/**", "GET", "", "/client/v4/zones/x/y", true},
		{"/zones/*/y", "GET", "", "/client/v4/zones/x/y", true},
		{"/z.nes", "GET", "", "/client/v4/zones", false},
		{"POST /zones", "GET", "", "/client/v4/zones", false},
		{"POST|GET /zones", "GET", "", "/client/v4/zones", true},
		{"get /zones", "GET", "", "/client/v4/zones", true},
		{"* /zones", "GET", "", "/client/v4/zones", true},
		{"/kv/*", "GET", "", "/client/v4/kv/a%2Fb", true}, // as it was sent
		{"data *", "GET", "", "/", false},
		{"data *", "GET", "shop.example", "/", true},
		{"data shop.example", "GET", "SHOP.example:80", "/x", true},
		{"data shop.example", "GET", "www.shop.example", "/", false},
		{"data *.shop.example/api/*", "GET", "www.shop.example", "/api/x", true},
		{"data *.shop.example/api/*", "GET", "www.shop.example", "/", false},
		{"data */api", "GET", "any.example", "/api", true},
		{"data POST /api", "POST", "any.example", "/api", true},
		{"*", "GET", "shop.example", "/", false},
	} {
		data := test.host != ""
		o := newOrigin(t, data, test.match+": 418")
		res, _, err := o.ask(t, test.method, test.path, test.host)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.StatusCode == 418; got != test.want {
			t.Errorf("%q matches %s %s%s: %v, want %v", test.match, test.method, test.host, test.path, got, test.want)
		}
	}
}

// pattern is which of n requests a rule strikes.
func pattern(t *testing.T, o *origin, n int) string {
	t.Helper()
	out := ""
	for range n {
		res, _, err := o.ask(t, "GET", "/client/v4/zones", "")
		if err != nil {
			t.Fatal(err)
		}
		out += map[bool]string{true: "x", false: "."}[res.StatusCode == 418]
	}
	return out
}

func TestCountsAreKept(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, false, "/zones: 418, after=2, count=3")
	if got := pattern(t, o, 8); got != "..xxx..." {
		t.Errorf("struck %s", got)
	}
	r := o.faults.Report()
	if len(r.Rules) != 1 || r.Rules[0].Seen != 8 || r.Rules[0].Struck != 3 || r.Rules[0].Text != "/zones: 418, count=3, after=2" {
		t.Errorf("the report is %+v", r)
	}
}

func TestASeedRepeatsItself(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, false)
	run := func(seed uint64, rules ...string) string {
		set(t, o.faults, seed, rules...)
		return pattern(t, o, 40)
	}
	first := run(7, "/zones: 418, p=0.5")
	if again := run(7, "/zones: 418, p=0.5"); again != first {
		t.Errorf("the same seed gives %s and %s", first, again)
	}
	if other := run(8, "/zones: 418, p=0.5"); other == first {
		t.Errorf("another seed gives the same %s", first)
	}
	if with := run(7, "/zones: 418, p=0.5", "/zones: latency=1ns, p=0.5"); with != first {
		t.Errorf("with a rule after it it gives %s, not %s", with, first)
	}
	if n := strings.Count(first, "x"); n < 10 || n > 30 {
		t.Errorf("half of 40 is %d", n)
	}
}

func TestRulesComeAndGo(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, false, "/zones: 418", "/zones: 503")
	bad := fault.Rule{Match: "*", Kind: "storm"}
	if o.faults.Add(bad) == nil || o.faults.Replace(1, bad) == nil {
		t.Error("a rule that cannot be was taken")
	}
	if got := pattern(t, o, 1); got != "x" {
		t.Error("the first rule does not come first")
	}
	if second := o.faults.Report().Rules[1]; second.Seen != 1 || second.Struck != 0 {
		t.Errorf("the rule that came too late is %+v", second)
	}
	if !o.faults.Remove(1) || o.faults.Remove(1) {
		t.Error("a rule is removed once")
	}
	if res, _, err := o.ask(t, "GET", "/client/v4/zones", ""); err != nil || res.StatusCode != 503 {
		t.Errorf("then: %v, %v", res, err)
	}
	third, err := fault.Parse("/accounts: reset")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.faults.Add(third); err != nil {
		t.Fatal(err)
	}
	if r := o.faults.Report().Rules; len(r) != 2 || r[0].ID != 2 || r[1].ID != 3 {
		t.Errorf("the rules are %+v", r)
	}
	set(t, o.faults, 1)
	if got := pattern(t, o, 1); got != "." {
		t.Error("without rules something strikes")
	}
}

// The waits are the cloud's: with time that runs faster they are over sooner, and a
// client does not learn a time to retry that it would wait for in vain.
func TestWaitsFollowTheClouds(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]time.Duration{
		"*: latency=60s":          time.Second,
		"*: 503, latency=30s":     time.Second / 2,
		"*: lost, latency=2m":     2 * time.Second,
		"*: reset, latency=60s":   time.Second,
		"*: partial, latency=60s": time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &clock.Clock{}
			if err := c.SetScale(60); err != nil {
				t.Fatal(err)
			}
			f := fault.New(c, slog.New(slog.DiscardHandler))
			set(t, f, 1, rule, "*: 429, retry-after=90s")
			h := f.API(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") }))
			began := time.Now()
			w := httptest.NewRecorder()
			func() {
				defer func() { _ = recover() }() // a recorder has no connection to break
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/client/v4/zones", nil))
			}()
			if took := time.Since(began); took != want {
				t.Errorf("%q took %v, want %v", rule, took, want)
			}
			if rule == "*: latency=60s" && w.Header().Get("Retry-After") != "2" {
				t.Errorf("retry after %q", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestWhoGoesAwayIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, false, "*: latency=1h")
	client := http.Client{Timeout: 50 * time.Millisecond}
	if res, err := client.Get(o.URL + "/client/v4/zones"); err == nil {
		res.Body.Close()
		t.Fatal("an hour passed quickly")
	}
	o.Close() // waits for what is still being answered
	if o.done.Load() != 0 {
		t.Error("what nobody waited for was done")
	}
}
