package runtime

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/cache"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// newCloudWithCaches is a cloud whose Workers have a cache.
func newCloudWithCaches(t *testing.T) *cloud {
	t.Helper()
	kept, err := cache.Open(filepath.Join(t.TempDir(), "cache"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	return newCloudIn(t, t.TempDir(), func(o *Options) { o.Resources["cache"] = kept.Binding })
}

// putter puts what it is asked for into the cache of the query, unless it is there already.
const putter = `
export default { async fetch(request) {
	const u = new URL(request.url), name = u.searchParams.get("cache");
	const cache = name === null ? caches.default : await caches.open(name);
	const found = await cache.match("https://shop.example" + u.pathname);
	if (found) return new Response("found " + await found.text() + " " + found.headers.get("cf-cache-status"));
	await cache.put("https://shop.example" + u.pathname, new Response(u.pathname, { headers: { "cache-control": "max-age=3600" } }));
	return new Response("put");
} }`

// asks asks Workers one after the other.
func (c *cloud) asks(want string, urls ...string) {
	c.t.Helper()
	for _, url := range urls {
		if _, body := c.get(url); body != want {
			c.t.Errorf("%s: got %q, want %q", url, body, want)
		}
	}
}

func TestWorkersOfAnAccountShareTheirCaches(t *testing.T) {
	t.Parallel()
	c := newCloudWithCaches(t)
	other := worker("other", c.version(putter))
	other.Account = "acc2"
	all := []Worker{worker("one", c.version(putter)), worker("two", c.version(putter)), other}
	c.apply(all...)
	c.asks("put", "http://one.localhost/a", "http://other.localhost/a", "http://one.localhost/a?cache=n")
	c.asks("found /a HIT", "http://one.localhost/a", "http://two.localhost/a", "http://other.localhost/a", "http://two.localhost/a?cache=n", "http://one.localhost/a?cache=")
	all[0].Versions[0].Version = c.version(putter + "// another version")
	c.apply(all...)
	c.asks("found /a HIT", "http://one.localhost/a", "http://two.localhost/a")
}

func TestUserWorkersHaveTheCachesOfTheirNamespaceOrTheirOwn(t *testing.T) {
	t.Parallel()
	c := newCloudWithCaches(t)
	dispatcher := c.version(`export default { fetch(request, env) { const u = new URL(request.url); return env.X.get(u.hostname.split(".")[0] === "dispatch" ? u.searchParams.get("to") : "").fetch(request) } }`, `{"type":"dispatch_namespace","name":"X","namespace":"customers"}`)
	state := func(trusted bool) State {
		return State{
			Namespaces: []DispatchNamespace{{ID: "n1", Account: "acc", Name: "customers", Trusted: trusted}},
			Workers:    []Worker{worker("dispatch", dispatcher), worker("n1/a", c.version(putter)), worker("n1/b", c.version(putter))},
		}
	}
	c.serveState(state(false))
	c.asks("put", "http://dispatch.localhost/x?to=a", "http://dispatch.localhost/x?to=a", "http://dispatch.localhost/x?to=a&cache=n", "http://dispatch.localhost/x?to=b&cache=n")
	c.asks("found /x HIT", "http://dispatch.localhost/x?to=a&cache=n")
	c.serveState(state(true))
	c.asks("put", "http://dispatch.localhost/y?to=a", "http://dispatch.localhost/y?to=a&cache=n")
	c.asks("found /y HIT", "http://dispatch.localhost/y?to=b", "http://dispatch.localhost/y?to=b&cache=n")
}

func TestAWorkerWithoutAHostnameIsToldOnceThatItsCacheIsWithoutEffect(t *testing.T) {
	t.Parallel()
	c := newCloudWithCaches(t)
	workers := []Worker{worker("dev", c.version(putter)), worker("domain", c.version(putter)), worker("route", c.version(putter))}
	c.serveState(State{
		Workers: workers,
		Domains: []Domain{{Hostname: "d.shop.example", Account: "acc", Script: "domain"}},
		Routes:  []Route{{Zone: "shop.example", Pattern: "shop.example/*", Account: "acc", Script: "route"}},
	})
	c.asks("put", "http://dev.localhost/1", "http://dev.localhost/2", "http://domain.localhost/3", "http://route.localhost/4")
	var told []string
	for line := range strings.Lines(fmt.Sprint(c.log)) {
		if strings.Contains(line, "Cache API") {
			told = append(told, line)
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], "script=dev") {
		t.Errorf("it was told: %q", told)
	}
}

// What comes through workerd is what was put: long, in a stream, broken off, compressed.
func TestTheCacheKeepsAnswersAsTheyAre(t *testing.T) {
	t.Parallel()
	c := newCloudWithCaches(t)
	c.apply(worker("web", c.version(`
		const url = (name) => "https://shop.example/" + name + "?a=%zz#fragment";
		const kept = { headers: { "cache-control": "max-age=60", "content-type": "text/x", "x-two": "é" } };
		const long = new Uint8Array(3_000_000).map((_, i) => i * 7);
		const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
		async function put(name, response) { await caches.default.put(url(name), response); return caches.default.match(url(name)) }
		const tests = {
			long: async () => same(new Uint8Array(await (await put("long", new Response(long, kept))).arrayBuffer()), long),
			stream: async () => {
				const { readable, writable } = new TransformStream();
				const w = writable.getWriter();
				const got = put("stream", new Response(readable, kept));
				for (let i = 0; i < 3; i++) await w.write(long);
				await w.close();
				return (await (await got).arrayBuffer()).byteLength;
			},
			broken: async () => {
				const body = new ReadableStream({ pull(c) { if (this.n) c.error(new Error("broken")); else c.enqueue(long); this.n = true } });
				try { return String(await put("broken", new Response(body, kept))) } catch (e) { return String(await caches.default.match(url("broken"))) }
			},
			compressed: async () => { const got = await put("gzip", new Response("a".repeat(1000), { headers: { ...kept.headers, "content-encoding": "gzip" } })); return [(await got.text()).length, got.headers.get("content-encoding")] },
			header: async () => { const got = await put("header", new Response("x", kept)); return [got.headers.get("content-type"), got.headers.get("x-two"), /^\d+$/.test(got.headers.get("age")), got.headers.get("x-clodo-key"), got.url] },
			none: async () => (await put("none", new Response(null, { status: 204, headers: kept.headers }))).status,
			scheme: async () => { await put("scheme", new Response("x", kept)); return [await caches.default.match(url("scheme").replace("https", "http")), (await caches.default.match("https://shop.example/scheme?a=%zz")).status] },
			port: async () => { await caches.default.put("http://localhost:8787/", new Response("x", kept)); return (await caches.default.match("http://localhost:8787/")).status },
			both: async () => { const all = await Promise.all(Array.from({ length: 20 }, (_, i) => put("both", new Response(String(i % 10).repeat(100_000), kept)).then((r) => r.text()))); return all.every((t) => t === t[0].repeat(100_000)) },
		};
		export default { async fetch(request) {
			const out = {};
			for (const [name, test] of Object.entries(tests)) try { out[name] = await test() } catch (e) { out[name] = "threw " + e.stack }
			return Response.json(out);
		} }`)))
	_, body := c.get("http://web.localhost/")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s\n%s", err, body, c.log)
	}
	for name, want := range map[string]string{
		"long": "true", "stream": "9e+06", "broken": "undefined", "compressed": "[1000 gzip]", "header": "[text/x é true <nil> ]", "none": "204", "scheme": "[<nil> 200]", "port": "200", "both": "true",
	} {
		if fmt.Sprint(got[name]) != want {
			t.Errorf("%s: got %v, want %s", name, got[name], want)
		}
	}
}
