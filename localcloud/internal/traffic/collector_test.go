package traffic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

var v1 = runtime.Invoked{Account: "acc", Script: "web", Version: "v1"}

// desk is a collector whose time stands still and whose results are in words.
type desk struct {
	*collector
	at   time.Time
	said []string
}

func newDesk() *desk {
	d := &desk{at: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	tell := func(verb string) func(Record) {
		return func(r Record) {
			d.said = append(d.said, fmt.Sprintf("%s %d %s %s %s %d logs %d", verb, r.ID, r.Script, r.Trigger, r.Outcome, r.Status, len(r.Detail.Logs)))
		}
	}
	d.collector = newCollector(0, tell("keep"), tell("show"), func() { d.said = append(d.said, "lost") }, func(t time.Time) time.Time { return t })
	d.now = func() time.Time { return d.at }
	return d
}

func exchange(v runtime.Invoked, ray string, change ...func(*runtime.Exchange)) runtime.Exchange {
	req := httptest.NewRequest(http.MethodGet, "http://web.example/a", nil)
	req.Header.Set("X-Forwarded-Proto", "https")
	req.Header.Set("Authorization", "Bearer secret")
	e := runtime.Exchange{Invoked: v, Ray: ray, Start: time.Now(), Duration: 3 * time.Millisecond, Request: req, Status: 200, Bytes: 5}
	for _, c := range change {
		c(&e)
	}
	return e
}

func trace(v runtime.Invoked, ray, outcome string) runtime.Trace {
	began := 1000.0
	return runtime.Trace{
		Invoked: v, Outcome: outcome, Began: &began, Ended: 1005, Logs: json.RawMessage(`[{"level":"log","message":["hi"],"timestamp":1001}]`),
		Event: json.RawMessage(`{"request":{"url":"https://web.example/a","method":"GET","headers":{"cf-ray":"` + ray + `"}},"response":{"status":200}}`),
	}
}

func failed(e *runtime.Exchange)     { e.Failed, e.Status = true, 502 }
func withAssets(e *runtime.Exchange) { e.Assets = true }
func codeless(e *runtime.Exchange)   { e.Assets, e.Codeless = true, true }
func gone(e *runtime.Exchange)       { e.Gone = true }

func TestARequestIsOneRecordHoweverItBecomesKnown(t *testing.T) {
	t.Parallel()
	inner := runtime.Invoked{Account: "acc", Script: "inner", Version: "v2"}
	for name, test := range map[string]struct {
		do   func(*desk)
		want []string
	}{
		"the proxy first": {
			func(d *desk) { d.end(exchange(v1, "r")); d.trace(trace(v1, "r", "ok")) },
			[]string{"keep 1 web fetch ok 200 logs 1", "show 1 web fetch ok 200 logs 1"},
		},
		"workerd first": {
			func(d *desk) { d.trace(trace(v1, "r", "exception")); d.end(exchange(v1, "r")) },
			[]string{"keep 1 web fetch exception 200 logs 1", "show 1 web fetch exception 200 logs 1"},
		},
		"the Worker leaves nothing": {
			func(d *desk) { d.trace(answered(v1, "r")); d.end(exchange(v1, "r")) },
			[]string{"keep 1 web fetch ok 200 logs 0", "show 1 web fetch ok 200 logs 0"},
		},
		"the Worker leaves nothing, and the proxy knows first": {
			func(d *desk) { d.end(exchange(v1, "r")); d.trace(answered(v1, "r")) },
			[]string{"keep 1 web fetch ok 200 logs 0", "show 1 web fetch ok 200 logs 0"},
		},
		"a request that the proxy does not know left nothing": {
			func(d *desk) { d.trace(answered(v1, "other")); d.end(exchange(v1, "r", codeless)) },
			[]string{"lost", "keep 1 web assets ok 200 logs 0", "show 1 web assets ok 200 logs 0"},
		},
		"an object of the Worker is called with the same request": {
			func(d *desk) {
				inObject := trace(v1, "r", "exception")
				inObject.Entrypoint = "Room"
				d.trace(inObject)
				d.trace(trace(v1, "r", "ok"))
				d.end(exchange(v1, "r"))
			},
			[]string{"keep 1 web fetch exception 200 logs 1", "show 1 web fetch exception 200 logs 1", "keep 2 web fetch ok 200 logs 1", "show 2 web fetch ok 200 logs 1"},
		},
		"waitUntil goes on long after the answer": {
			func(d *desk) {
				d.end(exchange(v1, "r"))
				d.pass(2 * time.Second)
				d.trace(trace(v1, "r", "ok"))
				d.pass(2 * time.Minute)
			},
			[]string{"keep 1 web fetch unknown 200 logs 0", "keep 1 web fetch ok 200 logs 1", "show 1 web fetch ok 200 logs 1"},
		},
		"workerd never tells": {
			func(d *desk) { d.end(exchange(v1, "r")); d.pass(2 * time.Second); d.pass(2 * time.Minute) },
			[]string{"keep 1 web fetch unknown 200 logs 0", "show 1 web fetch unknown 200 logs 0"},
		},
		"the process dies": {
			func(d *desk) { d.end(exchange(v1, "r", failed)); d.pass(2 * time.Second); d.pass(2 * time.Minute) },
			[]string{"keep 1 web fetch unknown 502 logs 0", "show 1 web fetch unknown 502 logs 0"},
		},
		"the client goes away and workerd does not tell": {
			func(d *desk) { d.end(exchange(v1, "r", gone)); d.pass(2 * time.Second); d.pass(2 * time.Minute) },
			[]string{"keep 1 web fetch canceled 200 logs 0", "show 1 web fetch canceled 200 logs 0"},
		},
		"assets answer": {
			func(d *desk) { d.end(exchange(v1, "r", withAssets)); d.pass(2 * time.Second); d.pass(2 * time.Minute) },
			[]string{"keep 1 web assets ok 200 logs 0", "show 1 web assets ok 200 logs 0"},
		},
		"there are only assets": {
			func(d *desk) { d.end(exchange(v1, "r", codeless)) },
			[]string{"keep 1 web assets ok 200 logs 0", "show 1 web assets ok 200 logs 0"},
		},
		"the code behind the assets answers": {
			func(d *desk) { d.end(exchange(v1, "r", withAssets)); d.trace(trace(v1, "r", "ok")) },
			[]string{"keep 1 web fetch ok 200 logs 1", "show 1 web fetch ok 200 logs 1"},
		},
		"another Worker is called with the same request": {
			func(d *desk) {
				d.trace(trace(inner, "r", "ok"))
				d.trace(trace(v1, "r", "ok"))
				d.end(exchange(v1, "r"))
			},
			[]string{"keep 1 inner fetch ok 200 logs 1", "show 1 inner fetch ok 200 logs 1", "keep 2 web fetch ok 200 logs 1", "show 2 web fetch ok 200 logs 1"},
		},
		"the Worker calls itself with the same request": {
			func(d *desk) { d.trace(trace(v1, "r", "ok")); d.trace(trace(v1, "r", "ok")); d.end(exchange(v1, "r")) },
			[]string{"keep 1 web fetch ok 200 logs 1", "show 1 web fetch ok 200 logs 1", "keep 2 web fetch ok 200 logs 1", "show 2 web fetch ok 200 logs 1"},
		},
		"the beginning was lost": {
			func(d *desk) { d.end(exchange(v1, "other")) },
			[]string{"lost"},
		},
		"the cloud is closed": {
			func(d *desk) { d.end(exchange(v1, "r")); d.settle(); d.settle() },
			[]string{"keep 1 web fetch unknown 200 logs 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			d.begin(v1, "r")
			test.do(d)
			if diff := cmp.Diff(test.want, d.said); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(d.byKey) > 1 {
				t.Errorf("%d requests are held", len(d.byKey))
			}
		})
	}
}

// pass lets time pass.
func (d *desk) pass(t time.Duration) {
	d.at = d.at.Add(t)
	d.tick()
}

func TestWhatATraceIsOf(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		`{"cron":"* * * * *","scheduledTime":0}`:              Scheduled,
		`{"scheduledTime":"2026-11-28T12:00:00.000Z"}`:        Alarm,
		`{"queue":"q","batchSize":1}`:                         Queue,
		`{"rpcMethod":"add"}`:                                 RPC,
		`{"consumedEvents":[{"scriptName":null}]}`:            Tail,
		`{"mailFrom":"a@b","rcptTo":"c@d"}`:                   Email,
		`{"webSocketEvent":{"webSocketEventType":"message"}}`: WebSocket,
		`{"request":{"url":"x","method":"GET","headers":{}}}`: Fetch,
		`{}`:   Unknown,
		`null`: Unknown,
	} {
		r, err := ofTrace(runtime.Trace{Event: json.RawMessage(event)})
		if err != nil || r.Trigger != want {
			t.Errorf("%s: got %q, %v, want %q", event, r.Trigger, err, want)
		}
	}
}

func TestWhatIsKeptHasNoSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://a.example/p?q=short":                                      "https://a.example/p?q=short",
		"https://a.example/?t=0123456789abcdef0123456789abcdef":            "https://a.example/?t=REDACTED",
		"https://a.example/01234567-89ab-cdef-0123-456789abcdef/x":         "https://a.example/REDACTED/x",
		"https://a.example/?k=aB3dE6gH9jK2mN5pQ8sT":                        "https://a.example/?k=aB3dE6gH9jK2mN5pQ8sT",
		"https://a.example/?k=aB3dE6gH9jK2mN5pQ8sTu":                       "https://a.example/?k=REDACTED",
		"https://a.example/a-long-name-of-some-page-in-lower-case-letters": "https://a.example/a-long-name-of-some-page-in-lower-case-letters",
		"https://a.example/ä/ö":                                            "https://a.example/ä/ö",
	} {
		if got := redactURL(url); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
	d := newDesk()
	d.begin(v1, "r")
	var kept Record
	d.keep = func(r Record) { kept = r }
	d.end(exchange(v1, "r", codeless))
	b, err := kept.TailEvent()
	if err != nil || strings.Contains(string(b), "secret") || !strings.Contains(string(b), `"authorization":"REDACTED"`) || !strings.Contains(string(b), `"colo":"LCL"`) {
		t.Errorf("%v: %s", err, b)
	}
}

// answered is what workerd tells of a request that left nothing.
func answered(v runtime.Invoked, ray string) runtime.Trace {
	began := 1000.0
	return runtime.Trace{Invoked: v, Ray: ray, Status: 200, Outcome: "ok", Model: "stateless", Began: &began, Ended: 1005}
}
