package cloudflare_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
)

// script plays answers, one for each request, on no network and so under synctest.
type play struct {
	t       *testing.T
	answers []answer
	sent    int
}

// answer is a response, or the network's error.
type answer struct {
	status     int
	retryAfter string
	body       string // a success, or a refusal in the API's words, when ""
	header     http.Header
	err        error
	cut        bool // the body breaks off
}

func (p *play) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	if p.sent == len(p.answers) {
		p.t.Errorf("request %d is one too many: %s %s", p.sent+1, req.Method, req.URL)
		return nil, errors.New("too many requests")
	}
	a := p.answers[p.sent]
	p.sent++
	if a.err != nil {
		return nil, a.err
	}
	if a.body == "" && a.status < 300 {
		a.body = ok
	} else if a.body == "" {
		a.body = refusal(1234)
	}
	header := a.header
	if header == nil {
		header = http.Header{}
	}
	header.Set("Cf-Ray", "8f00")
	if a.retryAfter != "" {
		header.Set("Retry-After", a.retryAfter)
	}
	var body io.Reader = strings.NewReader(a.body)
	if a.cut {
		body = io.MultiReader(strings.NewReader(a.body[:len(a.body)/2]), broken{})
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(body), Request: req}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

const ok = `{"success":true,"errors":[],"messages":[],"result":{}}`

func refusal(code int) string {
	return fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"no"}],"messages":[],"result":null}`, code)
}

func client(t *testing.T, p http.RoundTripper, o cloudflare.Options) *cloudflare.Client {
	t.Helper()
	o.HTTPClient = &http.Client{Transport: p}
	c, err := cloudflare.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	reset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	dialing = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}
	refused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	noName  = &net.DNSError{Err: "no such host", Name: "api.example", IsNotFound: true}
	html    = "<html>busy</html>"
)

func TestWhatIsRepeatedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	get := func(ctx context.Context, c *cloudflare.Client) error {
		_, err := c.Zone(ctx, zone)
		return err
	}
	put := func(ctx context.Context, c *cloudflare.Client) error {
		_, err := c.PutDomain(ctx, acc, cloudflare.DomainAttach{Hostname: "a", Service: "b"})
		return err
	}
	remove := func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteRoute(ctx, zone, "r") }
	post := func(ctx context.Context, c *cloudflare.Client) error {
		_, err := c.CreateDatabase(ctx, acc, cloudflare.NewDatabase{Name: "shop"})
		return err
	}
	upload := func(ctx context.Context, c *cloudflare.Client) error {
		_, err := c.PutScript(ctx, acc, "shop", upload())
		return err
	}
	write := func(ctx context.Context, c *cloudflare.Client) error {
		_, err := c.Query(ctx, acc, uuid, cloudflare.Query{Statement: cloudflare.Statement{SQL: "INSERT"}})
		return err
	}
	read := func(ctx context.Context, c *cloudflare.Client) error {
		_, err := c.Bookmark(ctx, acc, uuid, time.Time{})
		return err
	}
	tests := []struct {
		name        string
		call        func(context.Context, *cloudflare.Client) error
		answers     []answer // all of them must be asked for
		wantErr     bool
		wantUnknown bool
		least, most time.Duration // of waiting
	}{
		{"a read survives two 5xx, waiting longer each time", get, []answer{{status: 502, body: html}, {status: 503}, {status: 200}}, false, false, 1500 * time.Millisecond, 1875 * time.Millisecond},
		{"a read survives a reset and an answer that breaks off", get, []answer{{err: reset}, {status: 200, cut: true}, {status: 200}}, false, false, 1500 * time.Millisecond, 1875 * time.Millisecond},
		{"a read gives up after four attempts", read, []answer{{status: 500}, {status: 500}, {status: 500}, {status: 500}}, true, false, 3500 * time.Millisecond, 4375 * time.Millisecond},
		{"a read that is refused is not repeated", get, []answer{{status: 404}}, true, false, 0, 0},
		{"501 will not get better", get, []answer{{status: 501}}, true, false, 0, 0},
		{"a rate limit is waited for as long as it says", get, []answer{{status: 429, retryAfter: "7"}, {status: 200}}, false, false, 7 * time.Second, 8750 * time.Millisecond},
		{"a rate limit may give a date, to the second", get, []answer{{status: 429, retryAfter: "Sat, 01 Jan 2000 00:00:30 GMT"}, {status: 200}}, false, false, 30 * time.Second, 38 * time.Second},
		{"a rate limit without a time is waited for a second", get, []answer{{status: 429}, {status: 200}}, false, false, time.Second, 1250 * time.Millisecond},
		{"more than a minute is not waited for", get, []answer{{status: 429, retryAfter: "61"}}, true, false, 0, 0},
		{"a PUT to a name survives a reset", put, []answer{{err: reset}, {status: 200}}, false, false, 500 * time.Millisecond, 625 * time.Millisecond},
		{"a PUT to a name survives a concurrent change", put, []answer{{status: 409, body: refusal(10035)}, {status: 200}}, false, false, 500 * time.Millisecond, 625 * time.Millisecond},
		{"a PUT to a name that never got through may have taken effect", put, []answer{{status: 500}, {err: reset}, {status: 500}, {status: 500}}, true, true, 3500 * time.Millisecond, 4375 * time.Millisecond},
		{"and still may when the last answer is a refusal", put, []answer{{status: 500}, {status: 400}}, true, true, 500 * time.Millisecond, 625 * time.Millisecond},
		{"a DELETE that finds nothing after a lost answer has done it", remove, []answer{{err: reset}, {status: 404}}, false, false, 500 * time.Millisecond, 625 * time.Millisecond},
		{"a DELETE that finds nothing at once says so", remove, []answer{{status: 404}}, true, false, 0, 0},
		{"a POST is not repeated after a 5xx", post, []answer{{status: 500}}, true, true, 0, 0},
		{"a POST is not repeated after a 503 that says when", post, []answer{{status: 503, retryAfter: "1"}}, true, true, 0, 0},
		{"a POST that the other side does not have had no effect", post, []answer{{status: 501}}, true, false, 0, 0},
		{"a POST is not repeated after a reset", post, []answer{{err: reset}}, true, true, 0, 0},
		{"a POST whose answer breaks off is not repeated", post, []answer{{status: 200, cut: true}}, true, true, 0, 0},
		{"a POST whose answer makes no sense is not repeated", post, []answer{{status: 200, body: html}}, true, true, 0, 0},
		{"a POST whose result makes no sense may have taken effect", post, []answer{{status: 200, body: `{"success":true,"result":[]}`}}, true, true, 0, 0},
		{"a POST that a proxy lost patience with may have taken effect", post, []answer{{status: 408, body: html}}, true, true, 0, 0},
		{"a POST that was refused had no effect", post, []answer{{status: 400}}, true, false, 0, 0},
		{"a POST that was refused with 200 had no effect", post, []answer{{status: 200, body: refusal(1)}}, true, false, 0, 0},
		{"a POST is repeated after a rate limit in the API's words", post, []answer{{status: 429, body: refusal(971)}, {status: 200}}, false, false, time.Second, 1250 * time.Millisecond},
		{"a POST is repeated after a rate limit that says when", post, []answer{{status: 429, body: html, retryAfter: "2"}, {status: 200}}, false, false, 2 * time.Second, 2500 * time.Millisecond},
		{"a POST is not repeated after any other 429", post, []answer{{status: 429, body: html}}, true, false, 0, 0},
		{"a POST is not repeated after a concurrent change", post, []answer{{status: 409, body: refusal(10035)}}, true, false, 0, 0},
		{"a POST that found no connection is repeated", post, []answer{{err: dialing}, {status: 200}}, false, false, 500 * time.Millisecond, 625 * time.Millisecond},
		{"nobody listening is said at once", get, []answer{{err: refused}}, true, false, 0, 0},
		{"a name that does not exist is said at once", get, []answer{{err: noName}}, true, false, 0, 0},
		{"a Worker upload makes a version each time and is not repeated", upload, []answer{{status: 502}}, true, true, 0, 0},
		{"nor after a reset", upload, []answer{{err: reset}}, true, true, 0, 0},
		{"but after a rate limit", upload, []answer{{status: 429}, {status: 200}}, false, false, time.Second, 1250 * time.Millisecond},
		{"a query that may write is not repeated", write, []answer{{err: reset}}, true, true, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &play{t: t, answers: tt.answers}
				begun := time.Now()
				err := tt.call(t.Context(), client(t, p, cloudflare.Options{}))
				waited := time.Since(begun)
				if (err != nil) != tt.wantErr || errors.Is(err, cloudflare.ErrUnknownOutcome) != tt.wantUnknown {
					t.Errorf("got error %v, want an error: %t, of unknown outcome: %t", err, tt.wantErr, tt.wantUnknown)
				}
				if p.sent != len(tt.answers) {
					t.Errorf("%d requests, want %d", p.sent, len(tt.answers))
				}
				if waited < tt.least || waited > tt.most {
					t.Errorf("waited %v, want %v to %v", waited, tt.least, tt.most)
				}
			})
		})
	}
}

func TestAReadOnlyQueryIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &play{t: t, answers: []answer{{err: reset}, {status: 200, body: `{"success":true,"result":[]}`}}}
		_, err := client(t, p, cloudflare.Options{}).Query(t.Context(), acc, uuid, cloudflare.Query{Statement: cloudflare.Statement{SQL: "SELECT"}, ReadOnly: true})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		p := &play{t: t, answers: []answer{{status: 429, retryAfter: "50"}}}
		begun := time.Now()
		_, err := client(t, p, cloudflare.Options{}).Zone(ctx, zone)
		if !errors.Is(err, context.DeadlineExceeded) || !cloudflare.IsRateLimited(err) {
			t.Errorf("got %v, want the deadline and the rate limit", err)
		}
		if got := time.Since(begun); got != 3*time.Second {
			t.Errorf("ended after %v, want 3s", got)
		}
	})
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client(t, &play{t: t}, cloudflare.Options{}).Zone(ctx, zone)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestBeforeAndObserveSurroundEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log []string
		stop := errors.New("budget is used up")
		c := client(t, &play{t: t, answers: []answer{{status: 500}, {err: reset}}}, cloudflare.Options{
			Before: func(_ context.Context, c cloudflare.Call) error {
				log = append(log, fmt.Sprintf("before %s %s %d", c.Method, c.Template, c.Attempt))
				if c.Attempt == 3 {
					return stop
				}
				return nil
			},
			Observe: func(c cloudflare.Call) {
				log = append(log, fmt.Sprintf("after %d: %d %s %t", c.Attempt, c.Status, c.RequestID, c.Err != nil))
			},
		})
		_, err := c.Zone(t.Context(), zone)
		if !errors.Is(err, stop) {
			t.Errorf("got %v, want the refusal", err)
		}
		want := []string{"before GET /zones/{zone_id} 1", "after 1: 500 8f00 true", "before GET /zones/{zone_id} 2", "after 2: 0  true", "before GET /zones/{zone_id} 3"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
