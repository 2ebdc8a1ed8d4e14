package runtime

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// reply is the answer to a request that was sent in the background.
type reply struct {
	status int
	body   string
}

// send sends a request in the background.
func (c *cloud) send(method, url, body string) <-chan reply {
	c.t.Helper()
	_, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(rest, "/")
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+"/"+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	answer := make(chan reply, 1)
	go func() {
		res, err := c.server.Client().Do(req)
		if err != nil {
			answer <- reply{0, err.Error()}
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		answer <- reply{res.StatusCode, string(b)}
	}()
	return answer
}

// until waits for a condition.
func (c *cloud) until(what string, condition func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not within 20 s\n%s", what, c.log)
		}
	}
}

// loops sends a Worker into its loop, and returns when its process is known to be blocked
// by it: requests that come from then on are none that it can have begun with.
func (c *cloud) loops(script string) <-chan reply {
	c.t.Helper()
	before := strings.Count(c.log.String(), blocked)
	looping := c.send(http.MethodGet, "http://"+script+".localhost/loop", "")
	c.until("the loop", func() bool { return strings.Count(c.log.String(), blocked) > before })
	return looping
}

// blocked is what is logged of a process that owes its pulse.
const blocked = "is blocked by one that computes without a pause"

// looper loops for ever when it is asked for /loop.
func (c *cloud) looper(script string, limit time.Duration, class string) Worker {
	code := `export default { async fetch(request) {
	if (new URL(request.url).pathname === "/loop") for (;;);
	return new Response("NAME " + request.method + " " + await request.text());
} }`
	v := c.version(class + strings.ReplaceAll(code, "NAME", script))
	v.CPULimit = limit
	return worker(script, v)
}

// wantAnswer checks an answer.
func (c *cloud) wantAnswer(what string, answer <-chan reply, status int, body string) {
	c.t.Helper()
	got := <-answer
	if got.status != status || !strings.HasPrefix(got.body, body) {
		c.t.Errorf("%s: got %d %q, want %d %q\n%s", what, got.status, got.body, status, body, c.log)
	}
}

// wantNobodyWaited checks that the answers to others did not come only because a loop had
// used the CPU time that it may use.
func (c *cloud) wantNobodyWaited() {
	c.t.Helper()
	if strings.Contains(c.log.String(), "it used the CPU time") {
		c.t.Errorf("others waited for the end of the loop\n%s", c.log)
	}
}

func TestAnEndlessLoopIsIsolated(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	workers := []Worker{c.looper("bad", 2*time.Second, "")}
	for i := range 4 {
		workers = append(workers, worker(fmt.Sprint("good", i), c.version(`let n = 0; export default { async fetch(request) { return new Response(request.method + await request.text() + ++n) } }`)))
	}
	c.apply(workers...)
	for i := range 4 {
		c.want(fmt.Sprintf("http://good%d.localhost/", i), 200, "GET1")
	}
	looping := c.loops("bad")
	for i := range 4 {
		c.wantAnswer(fmt.Sprint("good ", i), c.send(http.MethodGet, fmt.Sprintf("http://good%d.localhost/", i), ""), 200, "GET")
	}
	c.until("the isolation", func() bool { return len(c.Isolated()) == 1 })
	if all := c.Isolated(); all[0].Script != "bad" {
		t.Errorf("isolated: %v, want bad alone", all)
	}
	c.want("http://bad.localhost/", 200, "bad GET ")
	c.wantAnswer("the loop", looping, 503, "error code: 1102")
	workers[0] = worker("bad", c.version(named("better"))) // is given another chance
	c.apply(workers...)
	c.want("http://bad.localhost/", 200, "better")
	if all := c.Isolated(); len(all) != 0 {
		t.Errorf("isolated after a new version: %v", all)
	}
	if n := len(c.processes()); n != 1 {
		t.Errorf("%d processes, want one for all again", n)
	}
}

func TestRequestsThatMayNotBeSentTwiceAreAnsweredOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	counts := worker("counts", c.version(`export default { async fetch(request, env) {
	if (request.method === "GET") return new Response(await env.KV.get("n"));
	const text = await request.text();
	await env.KV.put("n", String(Number(await env.KV.get("n") ?? 0) + 1));
	return new Response("counted " + text);
} }`, `{"type":"kv_namespace","name":"KV","namespace_id":"n"}`))
	c.apply(c.looper("bad", time.Minute, ""), counts)
	c.wantAnswer("the first", c.send(http.MethodPost, "http://counts.localhost/", "a"), 200, "counted a")
	c.loops("bad")
	c.wantAnswer("a POST while another Worker loops", c.send(http.MethodPost, "http://counts.localhost/", "b"), 200, "counted b")
	c.wantNobodyWaited()
	c.want("http://counts.localhost/", 200, "2")
}

// A POST that its Worker may have begun with cannot be sent again, but does not wait for
// the CPU limit of the one that loops either, once it is known which of the two did.
func TestARequestThatALoopInterruptsDoesNotWaitForItsEnd(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	waits := worker("waits", c.version(`export default { async fetch(request, env) {
	await env.KV.put("begun", "yes");
	await scheduler.wait(60_000);
	return new Response("waited");
} }`, `{"type":"kv_namespace","name":"KV","namespace_id":"n"}`))
	c.apply(c.looper("bad", time.Minute, ""), waits)
	interrupted := c.send(http.MethodPost, "http://waits.localhost/", "a")
	c.until("the POST", func() bool { _, begun, err := c.kv.Get("n", "begun"); return begun && err == nil })
	c.loops("bad")
	c.wantAnswer("a POST that was under way", interrupted, 502, "the Worker's process ended")
	c.wantNobodyWaited()
}

func TestALoopBesideDurableObjectsIsStopped(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	object := c.version(`import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
	async add() { const n = ((await this.ctx.storage.get("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n }
	async loop() { for (;;); }
}
export default { async fetch(request, env) {
	const o = env.C.get(env.C.idFromName("a"));
	return new Response(String(await (new URL(request.url).pathname === "/loop" ? o.loop() : o.add())));
} }`, `{"type":"durable_object_namespace","name":"C","class_name":"Counter"}`)
	caller := c.version(`export default { async fetch(request, env) { return new Response("called " + await (await env.O.fetch(request)).text()) } }`, `{"type":"service","name":"O","service":"o"}`)
	c.apply(worker("o", object, Class{Name: "Counter", Key: "k", SQLite: true}), worker("caller", caller))
	c.want("http://o.localhost/", 200, "1")
	c.loops("o")
	c.wantAnswer("the Worker that is bound to it", c.send(http.MethodGet, "http://caller.localhost/", ""), 200, "called ")
	c.wantNobodyWaited()
}

func TestAProcessThatRunsOutOfMemoryTakesOnlyItsWorkerDown(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	hog := worker("hog", c.version(`export default { async fetch(request) {
	if (new URL(request.url).pathname !== "/hog") return new Response("hog");
	const all = [];
	for (;;) { all.push(new Array(1e5).fill(all.length + 0.5)); await scheduler.wait(0); }
} }`))
	c.apply(hog, worker("good", c.version(`export default { async fetch(request) { await scheduler.wait(1); return new Response("good") } }`)))
	c.want("http://good.localhost/", 200, "good")
	stop := c.load(http.MethodGet, "good.localhost")
	c.wantAnswer("the hog", c.send(http.MethodPost, "http://hog.localhost/hog", ""), 503, "error code: 1102")
	c.wantAnswer("the hog again", c.send(http.MethodPost, "http://hog.localhost/hog", ""), 503, "error code: 1102")
	n, failures := stop()
	if len(failures) > 0 {
		t.Errorf("%d of %d requests to another Worker failed, the first with %q\n%s", len(failures), n, failures[0], c.log)
	}
	c.want("http://hog.localhost/", 200, "hog")
	if !slices.ContainsFunc(c.Isolated(), func(i Isolation) bool { return i.Script == "hog" }) {
		t.Errorf("isolated: %v, want hog among them", c.Isolated())
	}
}

// workerd does not count the memory of buffers.
func TestALoopThatHoardsBuffersIsStopped(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(`export default { fetch(request) {
	if (new URL(request.url).pathname !== "/hoard") return new Response("hoard");
	const all = [];
	for (;;) { all.push(new Uint8Array(1 << 20)); for (let i = 0; i < 8 << 20; i++) all.at(-1)[i & 0xfffff] = i; }
} }`)
	v.CPULimit = 5 * time.Minute
	c.apply(worker("hoard", v))
	c.want("http://hoard.localhost/", 200, "hoard")
	c.wantAnswer("the hoard", c.send(http.MethodPost, "http://hoard.localhost/hoard", ""), 503, "error code: 1102")
	if !strings.Contains(c.log.String(), "it used the memory that it may use") {
		t.Errorf("it was not stopped for its memory:\n%s", c.log)
	}
}

func TestAnEventHandlerThatLoopsIsIsolated(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(`export default { scheduled() { for (;;); }, fetch() { return new Response("bad") } }`)
	v.CPULimit = 2 * time.Second
	bad := worker("bad", v)
	bad.Crons = []string{"* * * * *"}
	c.apply(bad, worker("good", c.version(named("good"))))
	c.want("http://good.localhost/", 200, "good")
	outcome := make(chan string, 1)
	go func() {
		d, err := c.DeliverCron(t.Context(), "acc", "bad", "* * * * *", created)
		outcome <- fmt.Sprint(d.Outcome, " ", err)
	}()
	c.until("the isolation", func() bool { return len(c.Isolated()) == 1 })
	c.wantAnswer("another", c.send(http.MethodGet, "http://good.localhost/", ""), 200, "good")
	if all := c.Isolated(); len(all) != 1 || all[0].Script != "bad" {
		t.Errorf("isolated: %v, want bad alone", all)
	}
	if got := <-outcome; got != "exceededCpu <nil>" {
		t.Errorf("the event ends with %q", got)
	}
}

// A process that has died may be out of use before a request that it was to have sets out.
func TestARequestToAProcessThatHasJustDiedIsSentAgain(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(named("web"))
	c.apply(worker("web", v))
	c.want("http://web.localhost/", 200, "web")
	w := c.table.Load().worker("acc", "web")
	g := c.table.Load().generations[w]
	proxy, err := g.acquire(t.Context(), frontName(w, v))
	if err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	p := g.process
	g.mu.Unlock()
	p.Kill()
	c.until("the end of the process", func() bool { return g.address(pulseService) == "" })
	answer, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://web.localhost/", nil)
	if n := c.forward(answer, req, g, proxy, w, v); n != repeat {
		t.Errorf("got %d and the answer %d %s, want that it is sent again", n, answer.Code, answer.Body)
	}
}

// On a busy machine the death of a process is seen long after its connections broke.
func TestWhyAConnectionBrokeIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(named("web"))
	c.apply(worker("web", v))
	c.want("http://web.localhost/", 200, "web")
	running := c.table.Load().generations[c.table.Load().worker("acc", "web")]
	running.mu.Lock()
	p := running.process
	running.mu.Unlock()
	lives := &exchange{generation: running, process: p, repeatable: true}
	if again, _, _ := lives.lost(t.Context()); again {
		t.Error("a request is sent again though the process lives")
	}
	x := &exchange{generation: c.newGeneration(&group{}), process: p, repeatable: true} // nobody feels this one's pulse
	again := make(chan bool, 1)
	go func() {
		sent, _, _ := x.lost(t.Context())
		again <- sent
	}()
	select {
	case got := <-again:
		t.Fatalf("while nothing is known it is decided: %t", got)
	case <-time.After(300 * time.Millisecond):
	}
	p.Kill()
	if !<-again {
		t.Error("it is not sent again though the process died")
	}
}
