package localcloud

import (
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestWranglerManagesQueues(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.write("wrangler.jsonc", `{"name": "shop", "main": "index.js", "compatibility_date": "2026-04-01"}`)
			p.run("Created queue 'orders'", "queues", "create", "orders", "--delivery-delay-secs", "0")
			p.run("", "queues", "create", "dead", "--message-retention-period-secs", "3600")
			p.run("orders", "queues", "list")
			p.run("", "queues", "update", "dead", "--delivery-delay-secs", "5")
			p.queueDeployment()
			if version == npmtest.WranglerCurrent { // the older one makes the same calls
				p.queueConsumers()
			}
			p.run("", "queues", "delete", "dead")
			if out, err := p.try("", "queues", "delete", "orders"); err == nil || !strings.Contains(out, "11005") {
				t.Errorf("deleting a queue under a Worker: %v\n%s", err, out)
			}
			p.run("", "delete", "--force")
			p.run("", "queues", "delete", "orders")
			var left []any
			p.api("/queues", &left)
			if len(left) != 0 {
				t.Errorf("queues that are left: %v", left)
			}
		})
	}
}

// queueDeployment deploys a Worker that sends to a queue and consumes it, twice.
func (p *project) queueDeployment() {
	p.write("wrangler.jsonc", `{
	"name": "shop", "main": "index.js", "compatibility_date": "2026-04-01", "workers_dev": true,
	"queues": {
		"producers": [{ "binding": "ORDERS", "queue": "orders" }],
		"consumers": [{ "queue": "orders", "max_batch_size": 7, "max_batch_timeout": 0, "max_retries": 2, "dead_letter_queue": "dead" }],
	},
}`)
	p.write("index.js", `
let got = "";
export default {
	async fetch(request, env) {
		if (new URL(request.url).pathname === "/send") await env.ORDERS.send({ order: 1 });
		return new Response(got);
	},
	async queue(batch) { got += batch.queue + " " + JSON.stringify(batch.messages.map((m) => m.body)); },
};`)
	const host = "shop.local.workers.dev"
	p.run("Consumer for orders", "deploy")
	p.run("Consumer for orders", "deploy")
	p.get(host, "/send")
	want := `orders [{"order":1}]`
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, got := p.get(host, "/"); got == want {
			break
		} else if time.Now().After(deadline) {
			p.t.Fatalf("the consumer got %q, want %q", got, want)
		}
	}
	out := p.run("Number of Producers: 1", "queues", "info", "orders")
	if !strings.Contains(out, "Number of Consumers: 1") || !strings.Contains(out, "worker:shop") {
		p.t.Errorf("queues info printed:\n%s", out)
	}
}

func (p *project) queueConsumers() {
	p.run("", "queues", "pause-delivery", "orders")
	p.run("", "queues", "resume-delivery", "orders")
	p.run("", "queues", "purge", "orders", "--force")
	p.run("", "queues", "consumer", "remove", "orders", "shop")
	p.run("", "queues", "consumer", "http", "add", "orders", "--batch-size", "5", "--visibility-timeout-secs", "30")
	p.run("", "queues", "consumer", "http", "remove", "orders")
	p.run("", "queues", "consumer", "worker", "add", "orders", "shop", "--batch-size", "3", "--max-concurrency", "2")
	var listed []struct {
		Consumers []struct {
			Script   string
			Settings struct {
				BatchSize int `json:"batch_size"`
			}
		}
	}
	p.api("/queues?name=orders", &listed)
	if len(listed) != 1 || len(listed[0].Consumers) != 1 || listed[0].Consumers[0].Settings.BatchSize != 3 {
		p.t.Errorf("the queue is %+v", listed)
	}
	p.run("", "queues", "consumer", "worker", "remove", "orders", "shop")
}
