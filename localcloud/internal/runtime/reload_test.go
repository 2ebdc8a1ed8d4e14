package runtime

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load sends requests from 8 clients until stop is called, and reports how many
// there were and which failed.
func (c *cloud) load(method, host string) (stop func() (int, []string)) {
	var count atomic.Int64
	var mu sync.Mutex
	var failures []string
	done := make(chan struct{})
	var group sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	for range 8 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var body io.Reader
				if method == http.MethodPost {
					body = strings.NewReader("x")
				}
				req, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL, body)
				if err != nil {
					c.t.Error(err)
					return
				}
				req.Host = host
				got := ""
				if res, err := client.Do(req); err != nil {
					got = err.Error()
				} else {
					b, err := io.ReadAll(res.Body)
					_ = res.Body.Close()
					if got = fmt.Sprint(res.StatusCode, " ", string(b)); err == nil && res.StatusCode == 200 {
						got = ""
					}
				}
				count.Add(1)
				if got != "" {
					mu.Lock()
					failures = append(failures, got)
					mu.Unlock()
				}
			}
		})
	}
	return func() (int, []string) {
		close(done)
		group.Wait()
		client.CloseIdleConnections()
		return int(count.Load()), failures
	}
}

func TestAReloadLosesNoRequest(t *testing.T) {
	t.Parallel()
	counter := func(c *cloud, i int) Worker {
		v := c.version(fmt.Sprintf(`
			import { DurableObject } from "cloudflare:workers";
			export class Counter extends DurableObject { async add() { const n = ((await this.ctx.storage.get("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n } }
			export default { async fetch(request, env) { return new Response("%d " + await env.C.get(env.C.idFromName("a")).add()) } }`, i),
			`{"type":"durable_object_namespace","name":"C","class_name":"Counter"}`)
		return worker("w", v, Class{Name: "Counter", Key: "k-counter", SQLite: true})
	}
	plain := func(c *cloud, i int) Worker {
		return worker("w", c.version(fmt.Sprintf(`export default { async fetch(request) { await request.text(); await scheduler.wait(2); return new Response("%d") } }`, i)))
	}
	for name, make := range map[string]func(*cloud, int) Worker{"plain Workers": plain, "durable objects": counter} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				c := newCloud(t)
				c.apply(make(c, 0))
				stop := c.load(method, "w.localhost")
				var slowest time.Duration
				for i := range 4 {
					began := time.Now()
					c.apply(make(c, i+1))
					slowest = max(slowest, time.Since(began))
					if _, body := c.get("http://w.localhost/"); !strings.HasPrefix(body, fmt.Sprint(i+1)) {
						t.Errorf("after reload %d the answer is %q", i+1, body)
					}
				}
				n, failures := stop()
				if len(failures) > 0 || n < 20 {
					t.Errorf("%d of %d requests failed, the first with %q", len(failures), n, append(failures, "")[0])
				}
				t.Logf("%d requests over 4 reloads, slowest %s", n, slowest)
				if name == "durable objects" {
					if _, body := c.get("http://w.localhost/"); body != fmt.Sprintf("4 %d", n+5) {
						t.Errorf("the object says %q after %d requests", body, n+5)
					}
				}
			})
		}
	}
}

func TestAnotherWorkersDeploymentDisturbsNobody(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	stateful := worker("stateful", c.version(`let n = 0; export default { fetch() { return new Response(String(++n)) } }`))
	stateful.Account = "other"
	objects := worker("objects", c.version(`
		import { DurableObject } from "cloudflare:workers"; let n = 0;
		export class A extends DurableObject { async fetch() { return new Response(String(++n)) } }
		export default { fetch(request, env) { return env.A.get(env.A.idFromName("a")).fetch(request) } }`,
		`{"type":"durable_object_namespace","name":"A","class_name":"A"}`), Class{Name: "A", Key: "a-key"})
	c.apply(stateful, objects)
	c.want("http://stateful.localhost/", 200, "1")
	c.want("http://objects.localhost/", 200, "1")
	second := worker("second", c.version(hello))
	c.apply(stateful, objects, second)
	c.want("http://second.localhost/", 200, "hello http://second.localhost/")
	c.want("http://stateful.localhost/", 200, "2")
	c.want("http://objects.localhost/", 200, "2")
	// Addresses, percentages and crons of others are no reason to start anything again.
	stateful.WorkersDev = ""
	c.apply(stateful, objects)
	c.want("http://stateful.localhost/", 200, "3")
	c.want("http://objects.localhost/", 200, "3")
	if status, _ := c.get("http://second.localhost/"); status != 404 {
		t.Errorf("a deleted Worker answers %d", status)
	}
	c.apply()
	if status, _ := c.get("http://stateful.localhost/"); status != 404 {
		t.Errorf("a deleted Worker answers %d", status)
	}
}

func TestDurableObjectsKeepTheirDataUntilItIsDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	class := Class{Name: "Counter", Key: "key", SQLite: true}
	code := `
		import { DurableObject } from "cloudflare:workers";
		export class Counter extends DurableObject { async add() { const n = ((await this.ctx.storage.get("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n } }
		export default { async fetch(request, env) { return new Response(await env.C.get(env.C.idFromName("a")).add()) } }`
	make := func(c *cloud) Worker {
		return worker("w", c.version(code, `{"type":"durable_object_namespace","name":"C","class_name":"Counter"}`), class)
	}
	first := newCloudIn(t, dir)
	first.apply(make(first))
	first.want("http://w.localhost/", 200, "1")
	first.apply(make(first))
	first.want("http://w.localhost/", 200, "2")
	first.stop()
	second := newCloudIn(t, dir)
	second.apply(make(second))
	second.want("http://w.localhost/", 200, "3")
	if err := second.DeleteObjects("key"); err == nil {
		t.Error("objects of a Worker that is served were deleted")
	}
	second.apply()
	for _, key := range []string{"", ".", "..", "../../d1", "a/b"} {
		if err := second.DeleteObjects(key); err == nil {
			t.Errorf("DeleteObjects(%q) did something", key)
		}
	}
	if err := second.DeleteObjects("key", "never-there"); err != nil {
		t.Fatal(err)
	}
	second.apply(make(second))
	second.want("http://w.localhost/", 200, "1")
}

// Two versions of a Worker share its objects, which run the code of one of them.
func TestTwoVersionsShareTheObjects(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	code := func(name string) string {
		return strings.ReplaceAll(`
		import { DurableObject } from "cloudflare:workers"; let n = 0;
		export class A extends DurableObject { add() { return "object NAME " + ++n } }
		export default { async fetch(request, env) { return new Response("NAME " + await env.A.get(env.A.idFromName("a")).add()) } }`, "NAME", name)
	}
	bindings := `{"type":"durable_object_namespace","name":"A","class_name":"A"}`
	old, canary := c.version(code("old"), bindings), c.version(code("new"), bindings)
	w := worker("w", old, Class{Name: "A", Key: "k", SQLite: true})
	w.Versions = []Share{{old, 90}, {canary, 10}}
	c.apply(w)
	c.want("http://w.localhost/", 200, "old object old 1", overridesHeader, `w="`+old.ID+`"`)
	c.want("http://w.localhost/", 200, "new object old 2", overridesHeader, `w="`+canary.ID+`"`)
}

func TestAFailedApplyLeavesWhatWasServed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	class := Class{Name: "A", Key: "k"}
	good := worker("w", c.version(`import { DurableObject } from "cloudflare:workers"; export class A extends DurableObject {}; export default { fetch() { return new Response("good") } }`), class)
	plain := worker("p", c.version(named("plain")))
	c.apply(good, plain)
	c.want("http://p.localhost/", 200, "plain") // a process that sleeps would not be tried
	for name, bad := range map[string]Worker{
		"a plain Worker":              worker("p", c.version(`throw new Error("boom")`)),
		"a Worker with objects":       worker("w", c.version(`throw new Error("boom")`), class),
		"a new Worker with objects":   worker("x", c.version(`throw new Error("boom")`), Class{Name: "A", Key: "k2"}),
		"a class whose key is a path": worker("x", c.version(hello), Class{Name: "A", Key: "../k"}),
	} {
		t.Run(name, func(t *testing.T) {
			state := State{Workers: []Worker{bad}}
			for _, w := range []Worker{good, plain} {
				if w.Script != bad.Script {
					state.Workers = append(state.Workers, w)
				}
			}
			stop := c.load(http.MethodGet, "w.localhost")
			err := c.Apply(t.Context(), state)
			_, failures := stop()
			var refused *StartupError
			if strings.HasSuffix(name, "path") == errors.As(err, &refused) || err == nil {
				t.Errorf("got %v", err)
			}
			if refused != nil && !strings.Contains(refused.Message, "Uncaught Error: boom") {
				t.Errorf("got %q, want the runtime's words", refused.Message)
			}
			if len(failures) > 0 {
				t.Errorf("%d requests failed meanwhile, the first with %q", len(failures), failures[0])
			}
			c.want("http://w.localhost/", 200, "good")
			c.want("http://p.localhost/", 200, "plain")
		})
	}
}

func TestRequestsWaitForTheFirstApply(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	stop := c.load(http.MethodPost, "w.localhost")
	c.apply(worker("w", c.version(hello)))
	c.want("http://w.localhost/", 200, "hello http://w.localhost/")
	if n, failures := stop(); len(failures) > 0 {
		t.Errorf("%d of %d failed, the first with %q", len(failures), n, failures[0])
	}
}

func TestADeadProcessComesBack(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(hello)))
	c.want("http://w.localhost/", 200, "hello http://w.localhost/")
	c.mu.Lock()
	for _, g := range c.running {
		g.mu.Lock()
		p := g.process
		g.mu.Unlock()
		p.Kill()
		<-p.Done()
	}
	c.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if status, _ := c.get("http://w.localhost/"); status == 200 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the Worker did not come back")
		}
	}
}

func TestWhatAWorkerDoesAfterItsResponseIsFinished(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	slow := c.version(`export default { fetch(request, env, ctx) {
		ctx.waitUntil(scheduler.wait(300).then(() => env.KV.put("done", "yes")));
		return new Response("now") } }`, `{"type":"kv_namespace","name":"KV","namespace_id":"n"}`)
	c.apply(worker("w", slow))
	c.want("http://w.localhost/", 200, "now")
	c.apply(worker("w", c.version(hello)))
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, ok, err := c.kv.Get("n", "done"); ok || err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it was cut off by the reload")
		}
	}
}

func TestNothingThatWorkerdReadIsLeftBehind(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(hello, `{"type":"secret_text","name":"S","text":"do-not-keep-me"}`)))
	c.want("http://w.localhost/", 200, "hello http://w.localhost/")
	err := filepath.WalkDir(filepath.Join(c.dir, "run"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), "do-not-keep-me") {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A cloud that comes back after the machine has changed serves what still starts.
func TestAWorkerThatNoLongerStartsTakesNobodyDown(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	gone := c.version(hello)
	if err := os.Remove(gone.Modules[0].Path); err != nil {
		t.Fatal(err)
	}
	object := `import { DurableObject } from "cloudflare:workers"; export class A extends DurableObject { hi() { return "hi" } };`
	caller := c.version(`export default { async fetch(request, env) { try { return new Response(await env.A.get(env.A.idFromName("a")).hi()) } catch (e) { return new Response(e.message) } } }`,
		`{"type":"durable_object_namespace","name":"A","class_name":"A","script_name":"objects"}`)
	c.apply(worker("good", c.version(named("good"))), worker("bad", c.version(`throw new Error("boom")`)), worker("gone", gone),
		worker("objects", c.version(object+`throw new Error("bang")`), Class{Name: "A", Key: "k"}), worker("caller", caller))
	c.want("http://good.localhost/", 200, "good")
	c.want("http://caller.localhost/", 200, `the Worker "objects" does not start: Uncaught Error: bang`)
	for _, name := range []string{"bad", "gone", "objects"} {
		if status, _ := c.get("http://" + name + ".localhost/"); status != 500 {
			t.Errorf("%s answers %d, want 500", name, status)
		}
	}
	if log := c.log.String(); !strings.Contains(log, "does not start: Uncaught Error: boom") {
		t.Errorf("the log does not say why: %s", log)
	}
	c.apply(worker("good", c.version(named("good"))), worker("bad", c.version(named("repaired"))))
	c.want("http://bad.localhost/", 200, "repaired")
	if err := c.Apply(t.Context(), State{Workers: []Worker{worker("bad", c.version(`throw new Error("again")`))}}); err == nil {
		t.Error("a later Apply took a Worker that does not start")
	}
	c.want("http://bad.localhost/", 200, "repaired")
}

func TestMovingTheTrafficStartsNoProcess(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	says := func(text string) *Version {
		v := c.version(fmt.Sprintf(`export default { fetch: () => new Response(%q) }`, text))
		v.Handlers = []string{"fetch"}
		return v
	}
	split := func(shares ...Share) Worker {
		w := worker("web", shares[0].Version)
		w.Versions = shares
		return w
	}
	process := func() *generation {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.running["acc#1"]
	}
	one, two, three := says("one"), says("two"), says("three")
	other := worker("other", says("other"))
	c.apply(split(Share{one, 100}), other)
	c.want("http://web.acme.workers.dev/", 200, "one")
	c.apply(split(Share{one, 100}, Share{two, 0}), other)
	both := process()
	for _, move := range []struct {
		share Share
		want  string
	}{{Share{two, 100}, "two"}, {Share{one, 100}, "one"}, {Share{two, 100}, "two"}} {
		c.apply(split(move.share), other)
		c.want("http://web.acme.workers.dev/", 200, move.want)
		if process() != both {
			t.Errorf("moving the traffic to %q started a process", move.want)
		}
	}
	c.apply(split(Share{three, 100}), other)
	c.want("http://web.acme.workers.dev/", 200, "three")
	if now := process(); now == both || len(now.config.Sockets) != 4 { // a version each, the pulse, and the one for changed addresses
		t.Errorf("a new version left old ones running: %d sockets", len(now.config.Sockets))
	}
}
