package runtime

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// proxyCode sends its request on to the URL that the query names.
const proxyCode = `export default { async fetch(request) {
	const target = new URL(request.url).searchParams.get("url");
	if (!target) return new Response("caller");
	return fetch(target, new Request(request, { redirect: "follow" })).catch((e) => new Response("threw " + e.message, { status: 418 }));
} }`

const seenCode = `export default { async fetch(request) { return Response.json([request.method, request.url, request.headers.get("x-a"), request.headers.get("cf-connecting-ip"), request.headers.get("cf-ew-via"), request.headers.get("x-clodo-outbound"), request.headers.get("x-clodo-key"), request.cf?.colo, await request.text()]) } }`

func via(target string) string { return "http://caller.localhost/?url=" + url.QueryEscape(target) }

func TestAWorkerReachesOthersByTheirHostnames(t *testing.T) {
	t.Parallel()
	c := newCloudIn(t, t.TempDir(), func(o *Options) { o.Port = "8799" })
	s := State{
		Workers: []Worker{worker("caller", c.version(proxyCode)), worker("seen", c.version(seenCode)), worker("away", c.version(`export default { fetch() { return Response.redirect("https://api.acme.example/there", 302) } }`))},
		Domains: []Domain{{Hostname: "api.acme.example", Account: "acc", Script: "seen"}, {Hostname: "caller.other.example", Account: "acc", Script: "caller"}},
		Routes:  []Route{{Zone: "acme.example", Pattern: "www.acme.example/api/*", Account: "acc", Script: "seen"}, {Zone: "acme.example", Pattern: "*/wild", Account: "acc", Script: "seen"}},
	}
	c.serveState(s)
	for name, test := range map[string]struct{ target, saw string }{
		"a custom domain":              {"https://api.acme.example/p?q=%20", "https://api.acme.example/p?q=%20"},
		"a scheme as it was called":    {"http://api.acme.example/", "http://api.acme.example/"},
		"a hostname in capitals":       {"https://API.acme.example/", "https://api.acme.example/"},
		"a route":                      {"https://www.acme.example/api/x", "https://www.acme.example/api/x"},
		"a wildcard within its zone":   {"https://any.acme.example/wild", "https://any.acme.example/wild"},
		"workers.dev":                  {"https://seen.acme.workers.dev/", "https://seen.acme.workers.dev/"},
		"a name on this machine":       {"http://seen.localhost/", "http://seen.localhost/"},
		"the port of the local cloud":  {"http://seen.localhost:8799/", "http://seen.localhost:8799/"},
		"a redirect to another Worker": {"http://away.localhost/", "https://api.acme.example/there"},
	} {
		status, body := c.get(via(test.target), "X-A", "1", "X-Clodo-Ask", "1")
		var got []any
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%s: %d %q: %v\n%s", name, status, body, err, c.log)
		}
		left := any("15")
		if diff := cmp.Diff([]any{"GET", test.saw, "1", workerIP, left, nil, nil, "LCL", ""}, got); diff != "" {
			t.Errorf("%s: what the called Worker saw (-want +got):\n%s", name, diff)
		}
	}
	t.Run("an address that is made or taken away is known at once", func(t *testing.T) {
		s.Domains = append(s.Domains, Domain{Hostname: "new.acme.example", Account: "acc", Script: "seen"})
		c.serveState(s)
		if status, body := c.get(via("https://new.acme.example/")); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		s.Domains = s.Domains[:2]
		c.serveState(s)
		if status, body := c.get(via("https://new.acme.example/")); status != 418 {
			t.Errorf("%d %s, want what the internet says", status, body)
		}
	})
}

func TestACallGoesWhereCloudflareWouldSendIt(t *testing.T) {
	t.Parallel()
	in := func(account string, names ...string) (all []Worker) {
		for _, name := range names {
			all = append(all, Worker{Account: account, Script: name, WorkersDev: name + "." + account + ".workers.dev", Versions: []Share{{&Version{ID: "v"}, 100}}})
		}
		return all
	}
	s := State{
		Workers: append(in("acme", "plain", "routed", "domain", "target"), in("other", "theirs")...),
		Routes: []Route{
			{Zone: "acme.example", Pattern: "acme.example/routed/*", Account: "acme", Script: "routed"},
			{Zone: "acme.example", Pattern: "*acme.example/target/*", Account: "acme", Script: "target"},
			{Zone: "acme.example", Pattern: "api.acme.example/off/*", Account: "acme"},
		},
		Domains: []Domain{{Hostname: "api.acme.example", Account: "acme", Script: "domain"}, {Hostname: "else.example", Account: "acme", Script: "target"}},
	}
	workers, generations := map[string]*Worker{}, map[*Worker]*generation{}
	for _, w := range s.Workers {
		workers[w.key()] = &w
		generations[&w] = nil
	}
	table := newTable(s, workers, generations)
	for name, test := range map[string]struct {
		from   string
		public bool
		url    string
		want   string
	}{
		"a route of another zone":                             {"plain", false, "https://acme.example/target/x", "target"},
		"a route of the same zone is passed by":               {"routed", false, "https://acme.example/target/x", ""},
		"so is the Worker's own":                              {"routed", false, "https://acme.example/routed/x", ""},
		"behind a route of the same zone is a custom domain":  {"routed", false, "https://api.acme.example/target/x", "domain"},
		"a custom domain puts a Worker into the zone":         {"domain", false, "https://acme.example/target/x", ""},
		"through the front door a route of the same zone is":  {"routed", true, "https://acme.example/target/x", "target"},
		"a custom domain of the same zone":                    {"routed", false, "https://api.acme.example/", "domain"},
		"the Worker's own custom domain":                      {"domain", false, "https://api.acme.example/", "domain"},
		"a route that keeps Workers away":                     {"plain", false, "https://api.acme.example/off/x", "domain"},
		"a hostname that only ends like the zone":             {"plain", false, "https://evilacme.example/target/x", ""},
		"workers.dev from elsewhere":                          {"routed", false, "https://target.acme.workers.dev/", "target"},
		"workers.dev from there alone":                        {"plain", false, "https://target.acme.workers.dev/", "1042"},
		"workers.dev from there alone through the front door": {"plain", true, "https://target.acme.workers.dev/", "target"},
		"workers.dev of another account":                      {"plain", false, "https://theirs.other.workers.dev/", "theirs"},
		"a name on this machine":                              {"plain", false, "http://target.localhost/", "target"},
		"a name on this machine that is nobody's":             {"plain", false, "http://nobody.localhost/", ""},
		"the Worker's own name on this machine":               {"target", false, "http://target.localhost/", "1042"},
		"through the front door its own name is":              {"target", true, "http://target.localhost/", "target"},
		"what is nobody's":                                    {"plain", false, "https://www.else.example/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			m := table.called(caller{Account: "acme", Script: test.from, Public: test.public}, u.Host, u)
			switch {
			case m.sameZone:
				got = "1042"
			case m.worker != nil:
				got = m.worker.Script
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			all := table.addresses()
			known := strings.HasSuffix(u.Host, ".localhost")
			for _, name := range all.Names {
				known = known || name == u.Host
			}
			for _, ending := range all.Endings {
				known = known || strings.HasSuffix(u.Host, ending)
			}
			if got != "" && !known {
				t.Errorf("%s is answered, and processes are told %v", u.Host, all)
			}
		})
	}
}

func TestCallsByHostnameCarryStreamsAndWebSockets(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.serveState(State{
		Workers: []Worker{
			worker("caller", c.version(`export default { fetch(request) { return fetch(request.headers.get("upgrade") ? "https://socket.acme.example/" : "https://stream.acme.example/", request) } }`)),
			worker("socket", c.version(strings.ReplaceAll(echoCode, "NAME", "far"))),
			worker("stream", c.version(`export default { fetch(request) { return new Response(request.body.pipeThrough(new TransformStream())) } }`)),
		},
		Domains: []Domain{{"socket.acme.example", "acc", "socket"}, {"stream.acme.example", "acc", "stream"}},
	})
	conn, r := c.socket("caller.localhost")
	echo(t, conn, r, "a", "far:a")
	_ = conn.Close()

	c.wantStreams("http://caller.localhost/")
}

func TestALoopOfCallsEnds(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"that passes its headers on": `export default { fetch(request) { return fetch("https://loop.acme.example/", request) } }`,
		"that passes nothing on":     `export default { fetch(request) { return fetch("https://loop.acme.example/?" + Math.random()) } }`,
		"of two":                     `export default { fetch(request) { return fetch(request.url.includes("loop") ? "https://pool.acme.example/" : "https://loop.acme.example/") } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			v := c.version(code)
			c.serveState(State{
				Workers: []Worker{worker("loop", v), worker("pool", v)},
				Domains: []Domain{{"loop.acme.example", "acc", "loop"}, {"pool.acme.example", "acc", "pool"}},
			})
			c.want("http://loop.acme.example/", http.StatusServiceUnavailable, "error code: 1019")
			if n := c.calls.Load() + c.outside.Load(); n != 0 {
				t.Errorf("%d requests are still counted", n)
			}
		})
	}
}

func TestACallOnTheSamePartOfWorkersDevIsRefused(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	public := c.version(proxyCode)
	public.CompatibilityFlags = []string{publicFlag}
	c.apply(worker("caller", c.version(proxyCode)), worker("public", public), worker("seen", c.version(hello)))
	c.want(via("https://seen.acme.workers.dev/"), http.StatusNotFound, "error code: 1042")
	c.want(strings.Replace(via("https://seen.acme.workers.dev/"), "caller", "public", 1), http.StatusOK, "hello https://seen.acme.workers.dev/")
}

// witness is a server on this machine that keeps the heads of requests as they come.
func witness(t *testing.T, answer string) (address string, head func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	heads := make(chan string, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				r := bufio.NewReader(conn)
				var all strings.Builder
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					all.WriteString(line)
					if line == "\r\n" {
						break
					}
				}
				heads <- all.String()
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return l.Addr().String(), func() string {
		select {
		case h := <-heads:
			return h
		case <-time.After(10 * time.Second):
			t.Fatal("nobody asked")
			return ""
		}
	}
}

// What goes to the internet is what it is without the look at the cloud's addresses.
func TestCallsToTheInternetAreUnchanged(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	g := gzip.NewWriter(&packed)
	_, _ = io.WriteString(g, "packed")
	_ = g.Close()
	address, head := witness(t, fmt.Sprintf("HTTP/1.1 299 Fine Enough\r\nContent-Encoding: gzip\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: é\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", packed.Len(), packed.String()))
	closed := httptest.NewServer(nil)
	closed.Close()
	code := `export default { async fetch(request) {
	const kind = new URL(request.url).pathname.slice(1);
	const url = "http://ADDRESS/p?q=%20&r=" + kind;
	if (kind === "failures") {
		const said = [];
		for (const url of ["CLOSED", "http://nothing.invalid/", "ftp://127.0.0.1/"]) said.push(await fetch(url).then(() => "nothing", (e) => e.name + ": " + e.message.replace(/reference = .*/, "")));
		return Response.json(said);
	}
	const kinds = {
		get: () => fetch(url), post: () => fetch(url, { method: "POST", body: "text" }), empty: () => fetch(url, { method: "POST" }), remove: () => fetch(url, { method: "DELETE" }),
		none: () => fetch(url, { method: "PUT", body: "" }), stream: () => { const { readable, writable } = new TransformStream(); const w = writable.getWriter(); w.write(new TextEncoder().encode("a")); w.close(); return fetch(url, { method: "POST", body: readable }) },
		fixed: () => { const { readable, writable } = new FixedLengthStream(1); const w = writable.getWriter(); w.write(new TextEncoder().encode("a")); w.close(); return fetch(url, { method: "POST", body: readable }) },
		headers: () => fetch(url, { headers: { "X-One": "1", "accept-encoding": "br", "cf-ray": "mine", "X-Clodo-Outbound": "mine", "x-forwarded-for": "me", "user-agent": "me", cookie: "a=1; b=2" } }), odd: () => fetch(url, { method: "PROPFIND" }),
	};
	const res = await kinds[kind]();
	return Response.json([res.status, res.statusText, res.headers.get("content-encoding"), res.headers.getSetCookie(), res.headers.get("x-odd"), await res.text(), res.redirected]);
} }`
	c := newCloud(t)
	c.apply(worker("w", c.version(strings.NewReplacer("ADDRESS", address, "CLOSED", closed.URL).Replace(code))))
	w := c.table.Load().worker("acc", "w")
	ask := func(kind string) (string, string) {
		_, body := c.get("http://w.localhost/" + kind)
		if !strings.HasPrefix(body, "[299") {
			t.Fatalf("%s: %s\n%s", kind, body, c.log)
		}
		return head(), body
	}
	failures := func() string {
		_, body := c.get("http://w.localhost/failures")
		return body
	}
	failed := failures()
	kinds := []string{"get", "post", "empty", "remove", "none", "stream", "fixed", "headers", "odd"}
	type seen struct{ Head, Answer string }
	got := map[string]seen{}
	for _, kind := range kinds {
		h, a := ask(kind)
		got[kind] = seen{h, a}
	}
	// Now without.
	g2 := c.table.Load().generations[w]
	for i := range g2.config.Services {
		if k := g2.config.Services[i].Worker; k != nil && strings.HasPrefix(g2.config.Services[i].Name, "worker:") {
			k.Outbound.Service, k.Outbound.Props = internetService, ""
		}
	}
	p := g2.process
	g2.kill(p)
	<-p.Done()
	if got := failures(); got != failed {
		t.Errorf("errors without: %s, with: %s", got, failed)
	}
	for _, kind := range kinds {
		h, a := ask(kind)
		if diff := cmp.Diff(seen{h, a}, got[kind]); diff != "" {
			t.Errorf("%s (-without +with):\n%s", kind, diff)
		}
	}
}

func TestSocketsToTheInternetAreUnchanged(t *testing.T) {
	t.Parallel()
	address, head := witness(t, "hello")
	c := newCloud(t)
	c.apply(worker("w", c.version(`import { connect } from "cloudflare:sockets";
export default { async fetch(request) {
	const s = connect("`+address+`");
	const w = s.writable.getWriter();
	await w.write(new TextEncoder().encode("hi\r\n\r\n"));
	return new Response(await new Response(s.readable).text());
} }`)))
	c.want("http://w.localhost/", 200, "hello")
	if h := head(); h != "hi\r\n\r\n" {
		t.Errorf("the server heard %q", h)
	}
}

func FuzzOutbound(f *testing.F) {
	f.Add(`{"account":"acc","script":"w","scheme":"https"}`, "api.acme.example", "/a?b")
	f.Add(`{"script":1}`, "[::1]:80", "*")
	f.Add(``, "", "//")
	f.Fuzz(func(t *testing.T, header, host, path string) {
		r := &Runtime{applied: make(chan struct{}), closed: make(chan struct{}), log: slog.New(slog.DiscardHandler)}
		close(r.applied)
		r.table.Store(newTable(State{}, nil, nil))
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Host, req.URL.Path = host, path
		req.Header.Set(outboundHeader, header)
		w := httptest.NewRecorder()
		r.outbound(w, req, "")
		if w.Code != http.StatusNotFound && w.Code != http.StatusBadRequest && header != "" {
			t.Errorf("%q: %d", header, w.Code)
		}
	})
}
