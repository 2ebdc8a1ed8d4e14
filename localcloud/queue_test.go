package localcloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// shop sends what it is asked to, and remembers what its queue handler was given.
const shop = `
const shown = (body) => body instanceof ArrayBuffer ? "bytes " + [...new Uint8Array(body)] : body instanceof Map ? "map " + [...body] : JSON.stringify(body);
export default {
	async fetch(request, env) {
		const { pathname, searchParams } = new URL(request.url);
		try {
			if (pathname === "/send") await env.ORDERS.send(searchParams.get("m"), { delaySeconds: Number(searchParams.get("delay") ?? 0) });
			if (pathname === "/formats") {
				await env.ORDERS.send("text", { contentType: "text" });
				await env.ORDERS.send({ a: [1, null] }, { contentType: "json" });
				await env.ORDERS.send(new Uint8Array([1, 2, 255]), { contentType: "bytes" });
				await env.ORDERS.send(new Map([["k", 1]]), { contentType: "v8" });
				await env.ORDERS.sendBatch([{ body: "b1", contentType: "json" }, { body: new Date(0) }]);
			}
			if (pathname === "/large") await env.ORDERS.send("x".repeat(128001), { contentType: "text" });
			if (pathname === "/many") await env.ORDERS.sendBatch(Array.from({ length: 101 }, () => ({ body: "x" })));
			if (pathname === "/metrics") return Response.json(await env.ORDERS.metrics());
			return new Response("ok");
		} catch (e) { return new Response(e.message); }
	},
	async queue(batch, env) {
		const got = batch.messages.map((m) => shown(m.body) + "#" + m.attempts);
		const seen = JSON.parse((await env.KV.get("seen")) ?? "[]");
		await env.KV.put("seen", JSON.stringify([...seen, ...got.map((g) => batch.queue + " " + g)]));
		for (const m of batch.messages) {
			if (m.body === "later" && m.attempts === 1) m.retry({ delaySeconds: 3600 });
			if (m.body === "acked") m.ack();
			if (m.body === "poison") m.retry();
		}
		if (batch.messages.some((m) => m.body === "throw" && m.attempts === 1)) throw new Error("no");
	},
};`

// queues is a cloud with the shop, its queue "orders" and the dead letter queue "dead".
type queues struct {
	remote
	cloud  *Cloud
	kv     string
	orders string
	dead   string
}

func newQueues(t *testing.T, settings map[string]any) *queues {
	t.Helper()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	q := &queues{remote: remote{t, c.Info()}, cloud: c}
	q.kv = q.made("/storage/kv/namespaces", map[string]string{"title": "kv"}, "id")
	q.orders = q.made("/queues", map[string]string{"queue_name": "orders"}, "queue_id")
	q.dead = q.made("/queues", map[string]string{"queue_name": "dead"}, "queue_id")
	q.deployShop()
	q.made("/queues/"+q.orders+"/consumers", map[string]any{"type": "worker", "script_name": "shop", "dead_letter_queue": "dead", "settings": settings}, "consumer_id")
	return q
}

func (q *queues) deployShop() {
	q.t.Helper()
	q.deploy("shop", shop, `,"bindings":[{"name":"ORDERS","type":"queue","queue_name":"orders"},{"name":"KV","type":"kv_namespace","namespace_id":"`+q.kv+`"}]`)
}

// made posts to the API of the account and answers a field of the result.
func (r remote) made(path string, body any, field string) string {
	r.t.Helper()
	var m map[string]any
	fatal(r.t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}"+path, body), &m))
	return fmt.Sprint(m[field])
}

// seen waits until the consumer was given want, in any order.
func (q *queues) seen(want ...string) {
	q.t.Helper()
	var got []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(40 * time.Millisecond) {
		code, b := q.send("GET", "/client/v4/accounts/{a}/storage/kv/namespaces/"+q.kv+"/values/seen", "", nil)
		if got = nil; code == 200 {
			fatal(q.t, json.Unmarshal(b, &got))
		}
		if len(got) >= len(want) {
			break
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		q.t.Fatalf("the consumer got (-want +got):\n%s", diff)
	}
}

// backlog waits until a queue holds n messages.
func (q *queues) backlog(queue string, n int) {
	q.t.Helper()
	var m struct {
		Count int `json:"backlog_count"`
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(40 * time.Millisecond) {
		fatal(q.t, json.Unmarshal(q.do("GET", "/client/v4/accounts/{a}/queues/"+queue+"/metrics", nil), &m))
		if m.Count == n {
			return
		}
	}
	q.t.Fatalf("the queue holds %d messages, want %d", m.Count, n)
}

func TestAQueueDeliversWhatWasSent(t *testing.T) {
	t.Parallel()
	q := newQueues(t, map[string]any{"max_retries": 1, "max_wait_time_ms": 0, "max_concurrency": 1})
	q.get("shop", "/formats")
	q.seen(`orders "text"#1`, `orders {"a":[1,null]}#1`, `orders bytes 1,2,255#1`, `orders map k,1#1`, `orders "b1"#1`, `orders "1970-01-01T00:00:00.000Z"#1`)
	q.backlog(q.orders, 0)
	for path, want := range map[string]string{
		"/large": "message length of 128001 bytes exceeds limit of 128000 (10204)",
		"/many":  "batch message count of 101 exceeds limit of 100 (10206)",
	} {
		if got := q.get("shop", path); got != want {
			t.Errorf("%s: the Worker saw %q, want %q", path, got, want)
		}
	}
}

func TestAQueueRetriesDelaysAndGivesUp(t *testing.T) {
	t.Parallel()
	q := newQueues(t, map[string]any{"max_retries": 1, "max_wait_time_ms": 0, "max_concurrency": 1})
	q.get("shop", "/send?m=poison")
	q.backlog(q.dead, 1)
	q.get("shop", "/send?m=throw")
	q.get("shop", "/send?m=later")
	q.get("shop", "/send?m=delayed&delay=7200")
	q.seen(`orders "poison"#1`, `orders "poison"#2`, `orders "throw"#1`, `orders "throw"#2`, `orders "later"#1`)
	q.backlog(q.orders, 2)
	fatal(t, q.cloud.clock.Advance(time.Hour))
	q.backlog(q.orders, 1)
	fatal(t, q.cloud.clock.Advance(time.Hour))
	q.backlog(q.orders, 0)
	q.seen(`orders "poison"#1`, `orders "poison"#2`, `orders "throw"#1`, `orders "throw"#2`, `orders "later"#1`, `orders "later"#2`, `orders "delayed"#1`)
	if got := q.get("shop", "/metrics"); !strings.Contains(got, `"backlogCount":0`) {
		t.Errorf("the metrics are %s", got)
	}
}

func TestACronTriggerFiresByItself(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	kv := r.made("/storage/kv/namespaces", map[string]string{"title": "kv"}, "id")
	r.deploy("web", `export default {
		fetch(request, env) { return env.KV.get("fired").then((v) => new Response(v)) },
		async scheduled(event, env) { await env.KV.put("fired", event.cron + " at " + new Date(event.scheduledTime).toISOString().slice(11, 16)); } }`,
		`,"bindings":[{"name":"KV","type":"kv_namespace","namespace_id":"`+kv+`"}]`)
	r.do("PUT", "/client/v4/accounts/{a}/workers/scripts/web/schedules", []map[string]string{{"cron": "30 4 * * *"}})
	fatal(t, c.clock.Advance(24*time.Hour))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(40 * time.Millisecond) {
		if got := r.get("web", "/"); got == "30 4 * * * at 04:30" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("what was fired within a day is %q", got)
		}
	}
}

func TestAKilledCloudKeepsItsMessages(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	dir := t.TempDir()
	info, process := child(t, dir)
	r := remote{t, info}
	orders := r.made("/queues", map[string]string{"queue_name": "orders"}, "queue_id")
	r.deploy("shop", `export default {
		async fetch(request, env) { for (let i = 0; i < 20; i++) await env.ORDERS.send(i); return new Response("sent") },
		queue: () => scheduler.wait(60_000) }`, `,"bindings":[{"name":"ORDERS","type":"queue","queue_name":"orders"}]`)
	r.made("/queues/"+orders+"/consumers", map[string]any{"type": "worker", "script_name": "shop", "settings": map[string]int{"max_wait_time_ms": 0}}, "consumer_id")
	if got := r.get("shop", "/"); got != "sent" {
		t.Fatal(got)
	}
	fatal(t, process.Kill()) // while its Worker has some of them
	_, err := process.Wait()
	fatal(t, err)
	info, _ = child(t, dir)
	(&queues{remote: remote{t, info}}).backlog(orders, 20)
}
