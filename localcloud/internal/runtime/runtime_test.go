package runtime

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/ratelimit"
)

// cloud is a Runtime with real workerd and its data port.
type cloud struct {
	versions atomic.Int64 // made so far
	*Runtime
	t      testing.TB
	dir    string
	server *httptest.Server
	d1     *d1.Store
	kv     *kv.Store
	r2     *r2.Store
	log    *logged
}

// logged collects what Workers print.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newCloud(t testing.TB) *cloud {
	t.Helper()
	return newCloudIn(t, t.TempDir())
}

// newCloudIn is a cloud whose durable objects live in dir.
func newCloudIn(t testing.TB, dir string, changes ...func(*Options)) *cloud {
	t.Helper()
	bin := npmtest.Workerd(t)
	databases, err := d1.NewStore(filepath.Join(dir, "d1"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	namespaces, err := kv.Open(filepath.Join(dir, "kv.sqlite"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	buckets, err := r2.Open(filepath.Join(dir, "r2"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	options := Options{
		Dir: filepath.Join(dir, "run"), Log: slog.New(slog.NewTextHandler(log, nil)),
		Resources: map[string]Resource{"d1": databases.Binding, "kv": namespaces.Binding, "r2": buckets.Binding, "ratelimit": ratelimit.New(minuteBegins(t)).Binding},
		Workerd:   func(context.Context) (string, error) { return bin, nil },
	}
	for _, change := range changes {
		change(&options)
	}
	r, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{Runtime: r, t: t, dir: dir, server: httptest.NewServer(r.Handler()), d1: databases, kv: namespaces, r2: buckets, log: log}
	t.Cleanup(func() { c.stop() })
	return c
}

// minuteBegins is a clock on which no minute ends during a test.
func minuteBegins(t testing.TB) *clock.Clock {
	c := &clock.Clock{}
	if err := c.Advance(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	return c
}

// stop ends the cloud; it may be called twice.
func (c *cloud) stop() {
	c.server.CloseClientConnections()
	c.server.Close()
	if err := c.Close(context.WithoutCancel(c.t.Context())); err != nil {
		c.t.Error(err)
	}
	if c.d1 == nil {
		return
	}
	if err := c.d1.Close(); err != nil {
		c.t.Error(err)
	}
	if err := c.kv.Close(); err != nil {
		c.t.Error(err)
	}
	if err := c.r2.Close(); err != nil {
		c.t.Error(err)
	}
	c.d1 = nil
}

// created is before every version that a test makes.
var created = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// version is a version with one ES module. Later ones are newer.
func (c *cloud) version(code string, bindings ...string) *Version {
	c.t.Helper()
	path := filepath.Join(c.dir, "m-"+rand.Text())
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		c.t.Fatal(err)
	}
	var b [16]byte
	_, _ = rand.Read(b[:])
	v := &Version{
		ID: fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), CreatedOn: created.Add(time.Duration(c.versions.Add(1)) * time.Second),
		MainModule: "index.js", CompatibilityDate: "2026-11-01",
		Modules: []Module{{Name: "index.js", ContentType: "application/javascript+module", Path: path}},
	}
	for _, one := range bindings {
		v.Bindings = append(v.Bindings, json.RawMessage(one))
	}
	return v
}

// worker has all its traffic on one version.
func worker(script string, v *Version, classes ...Class) Worker {
	return Worker{
		Account: "acc", Script: script, WorkersDev: script + ".acme.workers.dev", Previews: script + ".acme.workers.dev", Classes: classes,
		Versions: []Share{{Version: v, Percentage: 100}},
	}
}

func (c *cloud) apply(workers ...Worker) {
	c.t.Helper()
	if err := c.Apply(c.t.Context(), State{Workers: workers}); err != nil {
		c.t.Fatalf("%v\n%s", err, c.log)
	}
}

// get is the status and body of a request for a URL such as "http://w.localhost/".
func (c *cloud) get(url string, header ...string) (int, string) {
	c.t.Helper()
	res := c.do(url, header...)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (c *cloud) do(url string, header ...string) *http.Response {
	c.t.Helper()
	_, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(rest, "/")
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.server.URL+"/"+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: c.server.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.log)
	}
	return res
}

// want checks the answer of a URL.
func (c *cloud) want(url string, status int, body string, header ...string) {
	c.t.Helper()
	gotStatus, got := c.get(url, header...)
	if gotStatus != status || got != body {
		c.t.Errorf("%s: got %d %q\nwant %d %q\n%s", url, gotStatus, got, status, body, c.log)
	}
}

const hello = `export default { fetch(request) { return new Response("hello " + request.url) } }`

func TestAWorkerIsServedByItsNames(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(hello)
	c.apply(worker("web", v))
	c.want("http://web.localhost/a?b", 200, "hello http://web.localhost/a?b")
	c.want("http://web.localhost:8787/", 200, "hello http://web.localhost:8787/")
	c.want("http://web.acme.workers.dev/", 200, "hello https://web.acme.workers.dev/")
	c.want("http://WEB.acme.workers.dev/", 200, "hello https://web.acme.workers.dev/")
	c.want("http://"+v.ID[:8]+"-web.acme.workers.dev/", 200, "hello https://"+v.ID[:8]+"-web.acme.workers.dev/")
	if status, body := c.get("http://other.localhost/x"); status != 404 || !strings.Contains(body, `"other.localhost/x\"`) || !strings.Contains(body, "web.acme.workers.dev") {
		t.Errorf("an unknown host: %d %s", status, body)
	}
	if status, body := c.get("http://<b>.localhost/", "Accept", "text/html"); status != 404 && status != 400 || strings.Contains(body, "<b>") {
		t.Errorf("an unknown host as a page: %d %s", status, body)
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := c.d1.Create("db1"); err != nil {
		t.Fatal(err)
	}
	other := c.version(`
		import { WorkerEntrypoint } from "cloudflare:workers";
		export class Api extends WorkerEntrypoint { add(a, b) { return a + b } }
		export default { fetch(request) { return new Response("other " + new URL(request.url).pathname) } }`)
	objects := c.version(`
		import { DurableObject } from "cloudflare:workers";
		export class Room extends DurableObject { hi(name) { return "hi " + name } }
		export default { fetch() { return new Response("objects") } }`)
	v := c.version(`
		import { DurableObject } from "cloudflare:workers";
		export class Counter extends DurableObject {
			async add() {
				this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS c(n)");
				this.ctx.storage.sql.exec("INSERT INTO c VALUES (1)");
				return this.ctx.storage.sql.exec("SELECT count(*) n FROM c").one().n;
			}
		}
		async function attempt(f) { try { return await f() } catch (e) { return "threw " + e.message } }
		export default { async fetch(request, env) {
			const tests = {
				text: () => env.TEXT, secret: () => env.SECRET, json: () => env.JSON.a[1], version: () => env.VERSION.tag + " " + env.VERSION.id.length + " " + env.VERSION.timestamp.slice(0, 10),
				service: async () => (await env.OTHER.fetch("http://x/p")).text(), rpc: () => env.API.add(2, 3),
				missing: () => env.GONE.fetch("http://x/"), entrypoint: () => env.NOPE.add(1, 2), entrypointFetch: () => env.NOPE.fetch("http://x/"),
				d1: async () => { await env.DB.exec("CREATE TABLE t(a)"); await env.DB.prepare("INSERT INTO t VALUES (?)").bind("x").run(); return env.DB.prepare("SELECT a FROM t").first("a") },
				d1error: () => env.DB.prepare("SELEC").all(),
				kv: async () => { await env.KV.put("k", "v", { metadata: { m: 1 } }); const e = await env.KV.getWithMetadata("k"); const l = await env.KV.list(); return [e.value, e.metadata.m, l.keys.length, await env.KV.get("no")] },
				kverror: () => env.KV.put("k", "v", { expirationTtl: 30 }),
				object: async () => { const o = env.COUNTER.get(env.COUNTER.idFromName("a")); return [await o.add(), await o.add()] },
				foreign: () => env.ROOM.get(env.ROOM.idFromName("a")).hi("ann"),
				foreignMissing: () => env.NOROOM.get(env.NOROOM.idFromName("a")).hi("ann"),
				classMissing: () => env.NOCLASS.get(env.NOCLASS.idFromName("a")).hi("ann"),
				cache: async () => { await caches.default.put("http://x/", new Response("a", { headers: { "cache-control": "max-age=9" } })); return String(await caches.default.match("http://x/")) },
				cf: () => request.cf.colo, ip: () => request.headers.get("cf-connecting-ip"), ray: () => request.headers.get("cf-ray").length, hidden: () => request.headers.get("x-clodo-cf"),
			};
			const out = {};
			for (const [name, f] of Object.entries(tests)) out[name] = await attempt(f);
			return Response.json(out);
		} }`,
		`{"type":"plain_text","name":"TEXT","text":"a\"b\\c\n\u0000é💡"}`, `{"type":"secret_text","name":"SECRET","text":"s3cret"}`, `{"type":"json","name":"JSON","json":{"a":[1,"x\"y"]}}`,
		`{"type":"version_metadata","name":"VERSION"}`, `{"type":"service","name":"OTHER","service":"other"}`, `{"type":"service","name":"API","service":"other","entrypoint":"Api"}`,
		`{"type":"service","name":"GONE","service":"gone"}`, `{"type":"service","name":"NOPE","service":"other","entrypoint":"Nope"}`,
		`{"type":"d1","name":"DB","id":"db1"}`, `{"type":"kv_namespace","name":"KV","namespace_id":"ns1"}`,
		`{"type":"durable_object_namespace","name":"COUNTER","class_name":"Counter"}`, `{"type":"durable_object_namespace","name":"ROOM","class_name":"Room","script_name":"objects"}`,
		`{"type":"durable_object_namespace","name":"NOROOM","class_name":"Room","script_name":"gone"}`, `{"type":"durable_object_namespace","name":"NOCLASS","class_name":"Hall","script_name":"objects"}`)
	v.Tag = "v1"
	class := Class{Name: "Counter", Key: "key-counter", SQLite: true}
	startup, err := c.Check(t.Context(), "acc", "main", v, []Class{class})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(startup.Handlers, startup.NamedHandlers), "[fetch] map[Counter:[class]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.apply(worker("main", v, class), worker("other", other), worker("objects", objects, Class{Name: "Room", Key: "key-room", SQLite: true}))
	_, body := c.get("http://main.localhost/")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s\n%s", err, body, c.log)
	}
	for name, want := range map[string]string{
		"text": "a\"b\\c\n\x00é💡", "secret": "s3cret", "json": `x"y`, "version": "v1 36 2026-11-01",
		"service": "other /p", "rpc": "5", "missing": `threw the Worker "gone", which a binding names, is not deployed`,
		"entrypoint":      `threw The RPC receiver does not implement the method "add".`,
		"entrypointFetch": `threw the Worker "other" has no entrypoint "Nope", which a binding names`,
		"d1":              "x", "d1error": `threw D1_ERROR: near "SELEC": syntax error at offset 0: SQLITE_ERROR`,
		"kv": "[v 1 1 <nil>]", "kverror": "threw KV PUT failed: 400 Invalid expiration_ttl of 30. Expiration TTL must be at least 60.",
		"object": "[1 2]", "foreign": "hi ann",
		"foreignMissing": `threw the Worker "gone", which a binding names, is not deployed`,
		"classMissing":   `threw the Worker "objects" has no durable object class "Hall", which a binding names`,
		"cache":          "undefined", "cf": "LCL", "ip": "127.0.0.1", "ray": "20", "hidden": "<nil>",
	} {
		if fmt.Sprint(got[name]) != want {
			t.Errorf("%s: got %v, want %s", name, got[name], want)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("not looked at: %v", got)
	}
}

func TestAProductThatIsNotThereSaysSoWhenItIsUsed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("web", c.version(`export default { async fetch(request, env) {
	const said = [typeof env.HD, JSON.stringify({ b: env.BROWSER })];
	for (const use of [() => env.HD.connectionString(), () => env.HD.connect(), () => env.HD.connectionString, () => "" + env.HD.origin, () => String(env.HD), () => env.BROWSER.fetch("x"), () => env.BROWSER()]) {
		try { await use(); said.push("nothing"); } catch (e) { said.push(e.message); }
	}
	return Response.json(said);
} }`, `{"type":"hyperdrive","name":"HD","id":"h"}`, `{"type":"browser","name":"BROWSER"}`)))
	_, body := c.get("http://web.localhost/")
	if strings.Count(body, `binding \"HD\": the local cloud has no Hyperdrive`) != 5 || strings.Count(body, `binding \"BROWSER\": the local cloud has no browser`) != 2 {
		t.Errorf("the Worker was told %s", body)
	}
}
