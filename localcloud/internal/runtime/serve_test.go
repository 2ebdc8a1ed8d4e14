package runtime

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func named(name string) string {
	return fmt.Sprintf(`export default { fetch() { return new Response(%q) } }`, name)
}

func TestTwoVersionsShareTheTraffic(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	old, canary, idle := c.version(named("old")), c.version(named("new")), c.version(named("idle"))
	canary.CreatedOn = old.CreatedOn.Add(time.Hour)
	split := func(percent float64) Worker {
		w := worker("w", old)
		w.Versions = []Share{{old, 100 - percent}, {canary, percent}}
		return w
	}
	c.apply(split(20))
	count := func() (n int) {
		for range 300 {
			if _, body := c.get("http://w.localhost/"); body == "new" {
				n++
			}
		}
		return n
	}
	if n := count(); n < 30 || n > 95 { // 60 expected; outside this once in a billion runs
		t.Errorf("%d of 300 requests reached the version with 20 %%", n)
	}
	for range 10 {
		c.want("http://w.localhost/", 200, "new", overridesHeader, `other="x", w="`+canary.ID+`"`)
		c.want("http://w.localhost/", 200, "old", overridesHeader, `w="`+strings.ToUpper(old.ID)+`"`)
	}
	if _, body := c.get("http://w.localhost/", overridesHeader, `w="`+idle.ID+`"`); body == "idle" {
		t.Error("an override reached a version outside the deployment")
	}
	c.want("http://"+canary.ID[:8]+"-w.acme.workers.dev/", 200, "new")
	// A key stays with its version, and one that has the new version keeps it while
	// that grows.
	has := map[string]bool{}
	for i := range 40 {
		key := fmt.Sprint("user", i)
		_, first := c.get("http://w.localhost/", keyAffinity, key)
		for range 3 {
			c.want("http://w.localhost/", 200, first, keyAffinity, key)
		}
		has[key] = first == "new"
	}
	c.apply(split(60))
	grown := 0
	for key, before := range has {
		_, body := c.get("http://w.localhost/", keyAffinity, key)
		if before && body != "new" {
			t.Errorf("key %s lost the new version as its share grew", key)
		}
		if body == "new" {
			grown++
		}
	}
	if grown < 10 {
		t.Errorf("%d of 40 keys have a version with 60 %%", grown)
	}
	c.apply(split(0))
	if n := count(); n != 0 {
		t.Errorf("%d of 300 requests reached a version with 0 %%", n)
	}
	c.want("http://w.localhost/", 200, "new", overridesHeader, `w="`+canary.ID+`"`)
}

func TestRoutesAndDomains(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	site, api, domain := c.version(named("site")), c.version(named("api")), c.version(named("domain"))
	err := c.Apply(t.Context(), State{
		Workers: []Worker{worker("site", site), worker("api", api), worker("domain", domain)},
		Routes: []Route{
			{Pattern: "*.example.com/*", Account: "acc", Script: "site"},
			{Pattern: "www.example.com/api/*", Account: "acc", Script: "api"},
			{Pattern: "www.example.com/api/off*"},
			{Pattern: "app.example.com/admin*", Account: "acc", Script: "api"},
			{Pattern: "static.example.com/*"},
		},
		Domains: []Domain{{Hostname: "app.example.com", Account: "acc", Script: "domain"}, {Hostname: "example.com", Account: "acc", Script: "domain"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.want("http://www.example.com/", 200, "site")
	c.want("http://www.example.com/api/x", 200, "api")
	c.want("http://app.example.com/admin?x", 200, "api")
	c.want("http://example.com/", 200, "domain")
	for _, url := range []string{"http://www.example.com/api/off", "http://static.example.com/"} {
		if status, body := c.get(url); status != 404 || !strings.Contains(body, "keeps Workers away") {
			t.Errorf("%s: got %d %s, want 404 and the route named", url, status, body)
		}
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	files := map[string]AssetFile{}
	for name, text := range map[string]string{"/index.html": "home", "/about.html": "about", "/a.txt": "text", "/404.html": "lost", "/api/file.txt": "file"} {
		path := filepath.Join(c.dir, "asset"+strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files[name] = AssetFile{Path: path}
	}
	with := func(v *Version, config string) *Version {
		v.Assets = &Assets{Files: files, Config: json.RawMessage(config)}
		return v
	}
	only := with(c.version(""), `{"not_found_handling":"404-page","_headers":"/a.txt\n  X-Made: yes\n","_redirects":"/old /new 302\n"}`)
	only.MainModule, only.Modules = "", nil
	code := `export default { async fetch(request, env) { const p = new URL(request.url).pathname; return p == "/bound" ? env.ASSETS.fetch("http://x/a.txt") : new Response("code " + p) } }`
	both := with(c.version(code, `{"type":"assets","name":"ASSETS"}`), `{}`)
	first := with(c.version(code, `{"type":"assets","name":"ASSETS"}`), `{"run_worker_first":["/api/*"],"html_handling":"none"}`)
	spa := with(c.version(""), `{"not_found_handling":"single-page-application"}`)
	spa.MainModule, spa.Modules = "", nil
	caller := c.version(`export default { fetch(request, env) { return env.SITE.fetch(request) } }`, `{"type":"service","name":"SITE","service":"only"}`)
	for _, v := range []*Version{only, both, first, spa} {
		if _, err := c.Check(t.Context(), "acc", "w", v, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.apply(worker("only", only), worker("both", both), worker("first", first), worker("spa", spa), worker("caller", caller))
	c.want("http://only.localhost/", 200, "home")
	c.want("http://only.localhost/about", 200, "about")
	c.want("http://only.localhost/about.html", 307, "")
	c.want("http://only.localhost/nope", 404, "lost")
	c.want("http://caller.localhost/about", 200, "about")
	res := c.do("http://only.localhost/a.txt")
	_ = res.Body.Close()
	if got := res.Header.Get("X-Made") + " " + res.Header.Get("Content-Type"); got != "yes text/plain; charset=utf-8" {
		t.Errorf("_headers and type: got %q", got)
	}
	res = c.do("http://only.localhost/old")
	_ = res.Body.Close()
	if got := fmt.Sprint(res.StatusCode, res.Header.Get("Location")); got != "302/new" && got != "302 /new" {
		t.Errorf("_redirects: got %q", got)
	}
	c.want("http://both.localhost/a.txt", 200, "text")
	c.want("http://both.localhost/nope", 200, "code /nope")
	c.want("http://both.localhost/bound", 200, "text")
	c.want("http://first.localhost/api/file.txt", 200, "code /api/file.txt")
	c.want("http://first.localhost/about.html", 200, "about")
	c.want("http://spa.localhost/deep/link", 200, "home", "Sec-Fetch-Mode", "navigate")
	outside := with(c.version(hello), `{}`)
	outside.Assets = &Assets{Files: map[string]AssetFile{"/../../x": files["/a.txt"]}}
	var refused *StartupError
	if _, err := c.Check(t.Context(), "acc", "w", outside, nil); !errors.As(err, &refused) {
		t.Errorf("an asset outside the assets: got %v, want a *StartupError", err)
	}
}

func TestACronTriggerFires(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := worker("w", c.version(`export default {
		async scheduled(event, env) { if (event.cron == "0 0 * * *") throw new Error("no"); await env.KV.put("fired", event.cron + " " + event.scheduledTime) },
		fetch() { return new Response("x") } }`, `{"type":"kv_namespace","name":"KV","namespace_id":"n"}`))
	c.apply(w)
	if d, err := c.DeliverCron(t.Context(), "acc", "w", "* * * * *", created); err != nil || d.Outcome != "ok" || d.Duration <= 0 {
		t.Fatal(d, err)
	}
	if e, _, err := c.kv.Get("n", "fired"); err != nil || string(e.Value) != fmt.Sprint("* * * * * ", created.UnixMilli()) {
		t.Errorf("got %q, %v", e.Value, err)
	}
	if d, err := c.DeliverCron(t.Context(), "acc", "w", "0 0 * * *", created); err != nil || d.Outcome != "exception" {
		t.Errorf("a handler that throws: got %+v, %v", d, err)
	}
	if _, err := c.DeliverCron(t.Context(), "acc", "other", "0 0 * * *", created); !errors.Is(err, ErrNotDeployed) {
		t.Errorf("a Worker that is not there: %v", err)
	}
	w.Versions[0].Version.Handlers = []string{"fetch"}
	if _, err := c.DeliverCron(t.Context(), "acc", "w", "0 0 * * *", created); !errors.Is(err, ErrNoHandler) {
		t.Errorf("a Worker without the handler: %v", err)
	}
}

func TestD1OverRPC(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := c.d1.Create("db"); err != nil {
		t.Fatal(err)
	}
	v := c.version(`export default { async fetch(request, env) {
		await env.DB.exec("CREATE TABLE t(a)");
		await env.DB.batch([env.DB.prepare("INSERT INTO t VALUES (?)").bind("x"), env.DB.prepare("INSERT INTO t VALUES (?)").bind("y")]);
		const session = env.DB.withSession("first-primary");
		const rows = (await session.prepare("SELECT a FROM t ORDER BY a").all()).results.map((r) => r.a);
		const raw = await env.DB.query({ queries: [{ sql: "SELECT count(*) n FROM t" }] });
		let failed; try { await env.DB.prepare("SELEC").all() } catch (e) { failed = e.message }
		return Response.json([rows, session.getBookmark().length, raw.results[0].data.rows, failed]);
	} }`, `{"type":"d1","name":"DB","database_id":"db"}`)
	v.CompatibilityFlags = []string{"d1_binding_jsrpc"}
	c.apply(worker("w", v))
	c.want("http://w.localhost/", 200, `[["x","y"],59,[[2]],"D1_ERROR: near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"]`)
}

func TestAResponseStreams(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`export default { fetch(request) {
		const { readable, writable } = new TransformStream();
		const w = writable.getWriter();
		w.write(new TextEncoder().encode("first\n"));
		request.body.getReader().read().then(({ value }) => { w.write(value); w.close() });
		return new Response(readable);
	} }`)))
	body, send := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "w.localhost"
	go func() { _, _ = send.Write([]byte(" ")) }() // headers go out with the first byte
	res, err := c.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("got %q, %v while the request goes on", line, err)
	}
	if err := send.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(lines); string(rest) != " " || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
}

// socket opens a WebSocket to a Worker by hand.
func (c *cloud) socket(host string) (net.Conn, *bufio.Reader) {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.server.Listener.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 16))
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", host, key); err != nil {
		c.t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		c.t.Fatalf("got %d %v, want an upgrade\n%s", res.StatusCode, res.Header, c.log)
	}
	return conn, r
}

// echo sends a short text and wants it back with a prefix.
func echo(t *testing.T, conn net.Conn, r *bufio.Reader, text, want string) {
	t.Helper()
	frame := append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...) // masked with zeros
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, head[1])
	if _, err := io.ReadFull(r, body); err != nil || string(body) != want {
		t.Errorf("got %q, %v, want %q", body, err, want)
	}
}

const echoCode = `export default { fetch() {
	const [client, server] = Object.values(new WebSocketPair());
	server.accept();
	server.addEventListener("message", (e) => server.send("NAME:" + e.data));
	return new Response(null, { status: 101, webSocket: client });
} }`

func TestAWebSocketOutlivesAReload(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(strings.ReplaceAll(echoCode, "NAME", "one"))))
	conn, r := c.socket("w.localhost")
	echo(t, conn, r, "a", "one:a")
	c.apply(worker("w", c.version(strings.ReplaceAll(echoCode, "NAME", "two"))))
	echo(t, conn, r, "b", "one:b")
	second, r2 := c.socket("w.localhost")
	echo(t, second, r2, "c", "two:c")
	_, _ = conn.Close(), second.Close()
}
