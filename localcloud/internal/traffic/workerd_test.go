package traffic_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// cloud is the real runtime with a store that watches it.
type cloud struct {
	t      *testing.T
	dir    string
	store  *traffic.Store
	run    *runtime.Runtime
	server *httptest.Server
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	bin := npmtest.Workerd(t)
	dir := t.TempDir()
	store, err := traffic.Open(traffic.Options{Path: filepath.Join(dir, "traffic.db")})
	if err != nil {
		t.Fatal(err)
	}
	run, err := runtime.New(runtime.Options{
		Dir: filepath.Join(dir, "run"), Workerd: func(context.Context) (string, error) { return bin, nil }, Observer: store,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, dir: dir, store: store, run: run, server: httptest.NewServer(run.Handler())}
	t.Cleanup(func() {
		c.server.CloseClientConnections()
		c.server.Close()
		if err := run.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *cloud) version(id, code string, bindings ...string) *runtime.Version {
	c.t.Helper()
	path := filepath.Join(c.dir, id+".js")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		c.t.Fatal(err)
	}
	v := &runtime.Version{
		ID: id, MainModule: "index.js", CompatibilityDate: "2026-11-01", CreatedOn: time.Now(),
		Modules: []runtime.Module{{Name: "index.js", ContentType: "application/javascript+module", Path: path}},
	}
	for _, b := range bindings {
		v.Bindings = append(v.Bindings, []byte(b))
	}
	return v
}

func (c *cloud) apply(workers ...runtime.Worker) {
	c.t.Helper()
	if err := c.run.Apply(c.t.Context(), runtime.State{Workers: workers}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cloud) get(host, path string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.server.URL+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		c.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// recorded polls until n records are complete.
func (c *cloud) recorded(n int) []traffic.Record {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		found, err := c.store.Recent(c.t.Context(), traffic.Filter{Limit: 10_000})
		if err != nil {
			c.t.Fatal(err)
		}
		found = slices.DeleteFunc(found, func(r traffic.Record) bool { return r.Outcome == "unknown" }) // so far
		if len(found) >= n {
			return found
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d records, want %d: %+v", len(found), n, found)
		}
	}
}

func worker(script string, versions ...runtime.Share) runtime.Worker {
	return runtime.Worker{Account: "acc", Script: script, Versions: versions}
}

func all(v *runtime.Version) runtime.Share { return runtime.Share{Version: v, Percentage: 100} }

const busy = `import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export class Room extends DurableObject {
  async enter() { await this.ctx.storage.setAlarm(Date.now() + 1); return "in" }
  async alarm() { console.log("ring") }
}
export class Api extends WorkerEntrypoint { add(a, b) { return a + b } }
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    console.log("at", { pathname });
    if (pathname === "/throw") throw new TypeError("boom");
    if (pathname === "/inner") return env.INNER.fetch(request);
    if (pathname === "/rpc") return new Response(await env.API.add(1, 2));
    if (pathname === "/room") return new Response(await env.ROOM.getByName("a").enter());
    return new Response("hello", { status: 201 });
  },
  async scheduled() { console.log("tick") },
}`

func TestEveryKindOfInvocationIsRecorded(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := worker("w", all(c.version("v1", busy, `{"type":"service","name":"INNER","service":"inner"}`,
		`{"type":"service","name":"API","service":"w","entrypoint":"Api"}`, `{"type":"durable_object_namespace","name":"ROOM","class_name":"Room"}`)))
	w.Classes = []runtime.Class{{Name: "Room", Key: "k1", SQLite: true}}
	w.Crons = []string{"* * * * *"}
	c.apply(w, worker("inner", all(c.version("v2", `export default { fetch() { return new Response("inner") } }`))))
	for _, path := range []string{"/plain", "/throw", "/inner", "/rpc", "/room"} {
		c.get("w.localhost", path)
	}
	if _, err := c.run.DeliverCron(t.Context(), "acc", "w", "* * * * *", time.Now()); err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, r := range c.recorded(10) {
		path := r.URL[strings.LastIndex(r.URL, "/")+1:]
		words := []string{}
		for _, l := range r.Detail.Logs {
			words = append(words, string(l.Message))
		}
		for _, e := range r.Detail.Exceptions {
			words = append(words, e.Name+": "+e.Message)
		}
		if (r.Duration >= 0) != (r.Trigger == traffic.Fetch && r.Script == "w") || r.Wall < 0 || r.CPU >= 0 || r.Time.IsZero() {
			t.Errorf("figures: %+v", r)
		}
		got = append(got, fmt.Sprintf("%s@%s %s %s %s %s %d %s", r.Script, r.Version, r.Trigger, r.Entrypoint, path, r.Outcome, r.Status, strings.Join(words, " ")))
	}
	slices.Sort(got)
	want := []string{
		`inner@v2 fetch  inner ok 200 `,
		`w@v1 alarm Room  ok 0 ["ring"]`,
		`w@v1 fetch  inner ok 200 ["at",{"pathname":"/inner"}]`,
		`w@v1 fetch  plain ok 201 ["at",{"pathname":"/plain"}]`,
		`w@v1 fetch  room ok 200 ["at",{"pathname":"/room"}]`,
		`w@v1 fetch  rpc ok 200 ["at",{"pathname":"/rpc"}]`,
		`w@v1 fetch  throw exception 500 ["at",{"pathname":"/throw"}] TypeError: boom`,
		`w@v1 rpc Api  ok 0 `,
		`w@v1 rpc Room  ok 0 `,
		`w@v1 scheduled   ok 0 ["tick"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryRequestOfTwoVersionsIsCountedOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const hello = `export default { fetch(request) { return new Response("hello") } }`
	c.apply(worker("w", runtime.Share{Version: c.version("v1", hello), Percentage: 60}, runtime.Share{Version: c.version("v2", hello), Percentage: 40}))
	const n = 300
	done := make(chan bool)
	for range 6 {
		go func() {
			for range n / 6 {
				c.get("w.localhost", "/")
			}
			done <- true
		}()
	}
	for range 6 {
		<-done
	}
	byVersion := map[string]int{}
	for _, r := range c.recorded(n) {
		byVersion[r.Version]++
	}
	if byVersion["v1"]+byVersion["v2"] != n || len(byVersion) != 2 || c.store.Stats().Lost != 0 {
		t.Errorf("counted %v, lost %d, sent %d", byVersion, c.store.Stats().Lost, n)
	}
}

func TestARequestThatIsCutIsRecorded(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", all(c.version("v1", `export default { fetch(request, env, ctx) {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  writer.write(new TextEncoder().encode("x"));
  ctx.waitUntil(scheduler.wait(5000));
  return new Response(readable);
} }`))))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "w.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := res.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = res.Body.Close() // it was cut
	if r := c.recorded(1)[0]; r.Outcome != "canceled" || r.Status != 200 || r.Script != "w" {
		t.Errorf("recorded %+v", r)
	}
}

// workerd tells nothing about an invocation whose process is killed.
func TestARequestWhoseProcessIsKilledIsRecorded(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version("v1", `export default { fetch() { for (;;); } }`)
	v.CPULimit = 100 * time.Millisecond
	c.apply(worker("w", all(v)))
	c.get("w.localhost", "/loop")
	if r := c.recorded(1)[0]; r.Outcome != "exceededCpu" || r.Status != http.StatusServiceUnavailable || r.Detail.Traced || !strings.HasSuffix(r.URL, "/loop") || r.Wall <= 0 {
		t.Errorf("recorded %+v", r)
	}
}

// What is kept of a request that left nothing is what workerd would have told of it.
func TestARequestThatLeftNothingHasTheSameEventAsOneThatLogged(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", all(c.version("v1", `export default { async fetch(request) {
  if (request.headers.get("x-log")) console.log("said");
  await request.text();
  return new Response("hello", { status: 201 });
} }`))))
	send := func(method, target, body string, headers http.Header) (event string, r traffic.Record) {
		t.Helper()
		before := len(c.recorded(0))
		req, err := http.NewRequestWithContext(t.Context(), method, c.server.URL+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header, req.Host = headers, "W.localhost"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		r = c.recorded(before + 1)[0]
		ray := strings.TrimSuffix(r.Ray, "-LCL")
		event = strings.ReplaceAll(string(r.Detail.Event), ray, "RAY")
		return event, r
	}
	for _, test := range []struct{ method, target, body string }{
		{"GET", "/", ""},
		{"HEAD", "/a%20b/../c?q=%zz;&t=0123456789abcdef0123456789abcdef", ""},
		{"POST", "/p", "a body"},
		{"DELETE", "/%C3%A4//x", ""},
	} {
		headers := http.Header{"Cookie": {"a=1"}, "X-Two": {"a", "b"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}, "X-Log": {""}, "User-Agent": {""}, "X-Forwarded-For": {"10.0.0.1"}}
		plainEvent, plain := send(test.method, test.target, test.body, headers)
		headers.Set("X-Log", "1")
		loggedEvent, logged := send(test.method, test.target, test.body, headers)
		if diff := cmp.Diff(decoded(t, strings.Replace(loggedEvent, `"x-log":"1"`, `"x-log":""`, 1)), decoded(t, plainEvent)); diff != "" {
			t.Errorf("%s %s: the event (-want +got):\n%s", test.method, test.target, diff)
		}
		for _, r := range []*traffic.Record{&plain, &logged} {
			r.ID, r.Time, r.Ray, r.Wall, r.Duration, r.Detail.Event, r.Detail.Logs = 0, time.Time{}, "", 0, 0, nil, nil
		}
		if diff := cmp.Diff(logged, plain); diff != "" {
			t.Errorf("%s %s: the record (-want +got):\n%s", test.method, test.target, diff)
		}
	}
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}
