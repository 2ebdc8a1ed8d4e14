package api_test

import (
	"strings"
	"testing"
	"time"
)

const consumer = `export default { fetch() {}, async queue(batch) {} }`

// madeQueue makes a queue and answers its path.
func (c *client) madeQueue(name string) string {
	c.t.Helper()
	var q struct {
		ID string `json:"queue_id"`
	}
	c.call("POST", "/A/queues", j{"queue_name": name}).ok(&q)
	return "/A/queues/" + q.ID
}

func TestQueuesAreMadeAndChanged(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	at := c.madeQueue("orders")
	c.call("POST", "/A/queues", j{"queue_name": "orders"}).refused(409, 11009)
	for _, name := range []string{"", "Orders", "-x", "a_b", strings.Repeat("q", 64), "../x"} {
		c.call("POST", "/A/queues", j{"queue_name": name}).refused(400, 11011)
	}
	c.call("POST", "/A/queues", j{}).refused(400, 11011)
	c.call("POST", "/A/queues", []byte("{")).refused(400, 10026)
	var q struct {
		Name      string `json:"queue_name"`
		Producers []struct{ Script string }
		Settings  struct {
			Delay     int  `json:"delivery_delay"`
			Paused    bool `json:"delivery_paused"`
			Retention int  `json:"message_retention_period"`
		}
	}
	c.call("PATCH", at, j{"settings": j{"delivery_paused": true, "delivery_delay": 5}}).ok(&q)
	if q.Settings.Delay != 5 || !q.Settings.Paused || q.Settings.Retention != 345600 {
		t.Errorf("after a change of two settings: %+v", q.Settings)
	}
	c.call("PUT", at, j{"queue_name": "orders", "settings": j{"message_retention_period": 60}}).ok(&q)
	if q.Settings.Delay != 0 || q.Settings.Paused || q.Settings.Retention != 60 {
		t.Errorf("after replacing the settings: %+v", q.Settings)
	}
	c.call("PATCH", at, j{"settings": j{"delivery_delay": 86401}}).refused(400, 100128)
	c.call("PATCH", at, j{"settings": j{"message_retention_period": 59}}).refused(400, 100128)
	c.call("PATCH", at, j{"queue_name": "renamed"}).ok(&q)
	c.madeQueue("orders")
	var listed []struct {
		Name string `json:"queue_name"`
	}
	c.call("GET", "/A/queues?page=1&name=renamed&name=orders", nil).ok(&listed)
	if len(listed) != 2 {
		t.Errorf("two names found %v", listed)
	}
	c.call("GET", "/A/queues?name=order", nil).ok(&listed)
	if len(listed) != 0 {
		t.Errorf("part of a name found %v", listed)
	}
	c.deployed(j{"bindings": []j{{"name": "Q", "type": "queue", "queue_name": "renamed"}}})
	c.call("GET", at, nil).ok(&q)
	if len(q.Producers) != 1 || q.Producers[0].Script != "web" {
		t.Errorf("the producers are %v", q.Producers)
	}
	c.call("DELETE", at, nil).refused(400, 11005)
	c.call("PATCH", at, j{"queue_name": "again"}).refused(400, 11005)
	c.deployed()
	c.call("DELETE", at, nil).ok(nil)
	c.call("GET", at, nil).refused(404, 11000)
	c.call("PUT", "/S", upload(meta(j{"bindings": []j{{"name": "Q", "type": "queue", "queue_name": "renamed"}}}), "index.js", hello)).refused(400, 11000)
	c.call("PUT", "/S", upload(meta(j{"bindings": []j{{"name": "Q", "type": "queue"}}}), "index.js", hello)).refused(400, 10021)
}

func TestAQueueHasOneConsumer(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	at := c.madeQueue("orders")
	c.madeQueue("dead")
	worker := func(more j) j {
		m := j{"type": "worker", "script_name": "web"}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	c.call("POST", at+"/consumers", worker(nil)).refused(404, 10007)
	c.deployed()
	c.call("POST", at+"/consumers", worker(nil)).refused(400, 11001)
	c.call("PUT", "/S", upload(meta(), "index.js", consumer)).ok(nil)
	for name, test := range map[string]struct {
		more j
		code int
	}{
		"a batch that is too large":           {j{"settings": j{"batch_size": 101}}, 100127},
		"a batch of nothing":                  {j{"settings": j{"batch_size": 0}}, 100127},
		"a wait that is too long":             {j{"settings": j{"max_wait_time_ms": 60001}}, 100127},
		"too many retries":                    {j{"settings": j{"max_retries": 101}}, 100127},
		"too many at a time":                  {j{"settings": j{"max_concurrency": 251}}, 100127},
		"a delay that is too long":            {j{"settings": j{"retry_delay": 86401}}, 100127},
		"a type that is none":                 {j{"type": "pigeon"}, 100127},
		"itself for dead letters":             {j{"dead_letter_queue": "orders"}, 100127},
		"a dead letter queue that is missing": {j{"dead_letter_queue": "nobody"}, 11000},
	} {
		t.Run(name, func(t *testing.T) { c.call("POST", at+"/consumers", worker(test.more)).refused(400, test.code) })
	}
	var made struct {
		ID       string `json:"consumer_id"`
		Settings struct {
			BatchSize  int `json:"batch_size"`
			WaitMS     int `json:"max_wait_time_ms"`
			MaxRetries int `json:"max_retries"`
		}
	}
	c.call("POST", at+"/consumers", worker(j{"dead_letter_queue": "dead", "settings": j{"batch_size": 7}})).ok(&made)
	if s := made.Settings; s.BatchSize != 7 || s.WaitMS != 5000 || s.MaxRetries != 3 {
		t.Errorf("the settings are %+v", s)
	}
	one := at + "/consumers/" + made.ID
	c.call("POST", at+"/consumers", worker(nil)).refused(409, 11004)
	c.call("GET", one, nil).ok(nil)
	c.call("GET", at+"/consumers/none", nil).refused(404, 11010)
	c.call("PUT", one, j{"settings": j{"max_retries": 0}}).ok(&made)
	if s := made.Settings; s.BatchSize != 10 || s.MaxRetries != 0 {
		t.Errorf("the replaced settings are %+v", s)
	}
	var all []struct{ Script string }
	c.call("GET", at+"/consumers", nil).ok(&all)
	if len(all) != 1 || all[0].Script != "web" {
		t.Errorf("the consumers are %v", all)
	}
	c.call("PUT", "/S", upload(meta(), "index.js", hello)).refused(400, 11001)
	c.call("DELETE", "/S", nil).refused(400, 10064)
	c.call("DELETE", at, nil).refused(400, 11005)
	c.call("DELETE", "/S?force=true", nil).ok(nil)
	c.call("GET", at+"/consumers", nil).ok(&all)
	if len(all) != 0 {
		t.Errorf("the consumers of a queue whose Worker is gone are %v", all)
	}
	c.call("POST", at+"/consumers", j{"type": "http_pull"}).ok(&made)
	c.call("DELETE", at+"/consumers/"+made.ID, nil).ok(nil)
}

func TestMessagesAreSentAndPulled(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	at := c.madeQueue("orders")
	c.call("POST", at+"/messages", j{"body": "plain"}).ok(nil)
	c.call("POST", at+"/messages", j{"body": j{"a": 1}, "content_type": "json", "delay_seconds": 60}).ok(nil)
	for name, bad := range map[string]j{
		"no body":                {},
		"an object that is text": {"body": j{}},
		"another content type":   {"body": "x", "content_type": "v8"},
		"a negative delay":       {"body": "x", "delay_seconds": -1},
		"a message of 128,001 B": {"body": strings.Repeat("x", 128_001)},
	} {
		t.Run(name, func(t *testing.T) {
			if a := c.call("POST", at+"/messages", bad); a.status != 400 && a.status != 413 {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	c.call("POST", at+"/messages/batch", j{"messages": []j{{"body": "b"}, {"body": 7, "content_type": "json"}}, "delay_seconds": 3600}).ok(nil)
	c.call("POST", at+"/messages/batch", j{"messages": []j{}}).refused(413, 10206)
	var metrics struct {
		Count  int   `json:"backlog_count"`
		Oldest int64 `json:"oldest_message_timestamp_ms"`
	}
	c.call("GET", at+"/metrics", nil).ok(&metrics)
	if metrics.Count != 4 || metrics.Oldest == 0 {
		t.Errorf("the metrics are %+v", metrics)
	}
	c.call("POST", at+"/messages/pull", j{}).refused(400, 10213)
	var shown struct {
		Messages []struct {
			Lease string `json:"lease_id"`
		}
	}
	c.call("POST", at+"/messages/preview", j{"batch_size": 5}).ok(&shown)
	if len(shown.Messages) != 1 {
		t.Fatalf("the preview shows %+v", shown)
	}
	c.call("POST", at+"/messages/preview/ack", j{"retries": []j{{"lease_id": shown.Messages[0].Lease}}}).ok(nil)
	c.call("POST", at+"/consumers", j{"type": "http_pull", "settings": j{"max_retries": 2, "visibility_timeout_ms": 10_000}}).ok(nil)
	type pulled struct {
		Messages []struct {
			Body     string
			Lease    string `json:"lease_id"`
			Ref      string
			Attempts int
		}
	}
	pull := func(want ...string) pulled {
		t.Helper()
		var p pulled
		c.call("POST", at+"/messages/pull", j{"batch_size": 10}).ok(&p)
		var got []string
		for _, m := range p.Messages {
			got = append(got, m.Body)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("pulled %q, want %q", got, want)
		}
		return p
	}
	first := pull("plain")
	pull()
	check(t, c.clock.Advance(11*time.Second))
	second := pull("plain") // its lease was over
	if m := second.Messages[0]; m.Attempts != 3 || m.Lease == first.Messages[0].Lease {
		t.Errorf("the second time the message is %+v", m)
	}
	var acked struct {
		AckCount, RetryCount int
		Warnings             map[string]string
	}
	c.call("POST", at+"/messages/ack", j{"acks": []j{{"lease_id": first.Messages[0].Lease}}, "retries": []j{{"lease_id": "none"}}}).ok(&acked)
	if len(acked.Warnings) != 2 || acked.AckCount != 0 || acked.RetryCount != 0 {
		t.Errorf("an old lease was acknowledged: %+v", acked)
	}
	var extended struct{ ExtendCount int }
	c.call("POST", at+"/messages/extend", j{"extend": []j{{"lease_id": second.Messages[0].Lease}, {"lease_id": "none"}}, "visibility_timeout_ms": 40_000}).ok(&extended)
	if extended.ExtendCount != 1 {
		t.Errorf("%d leases were extended", extended.ExtendCount)
	}
	check(t, c.clock.Advance(20*time.Second))
	acked.Warnings = nil
	c.call("POST", at+"/messages/ack", j{"acks": []j{{"lease_id": second.Messages[0].Lease}}}).ok(&acked)
	if len(acked.Warnings) != 0 || acked.AckCount != 1 {
		t.Errorf("an extended lease was over: %+v", acked)
	}
	check(t, c.clock.Advance(time.Minute))
	third := pull("eyJhIjoxfQ==") // JSON comes in base64
	c.call("POST", at+"/messages/ack", j{"retries": []j{{"lease_id": third.Messages[0].Lease, "delay_seconds": 100}}}).ok(nil)
	pull()
	check(t, c.clock.Advance(101*time.Second))
	fourth := pull("eyJhIjoxfQ==")
	c.call("POST", at+"/messages/ack", j{"retries": []j{{"lease_id": fourth.Messages[0].Lease}}}).ok(nil)
	fifth := pull("eyJhIjoxfQ==")
	c.call("POST", at+"/messages/ack", j{"retries": []j{{"lease_id": fifth.Messages[0].Lease}}}).ok(nil)
	pull() // its attempts are used up
	check(t, c.clock.Advance(time.Hour))
	var peeked pulled
	c.call("POST", at+"/messages/peek", j{"batch_size": 5}).ok(&peeked)
	if len(peeked.Messages) != 2 || peeked.Messages[0].Lease != "" {
		t.Fatalf("peeked %+v", peeked)
	}
	c.call("POST", at+"/messages/purge", j{"refs": []j{{"ref": peeked.Messages[0].Ref}}}).ok(nil)
	c.call("POST", at+"/messages/purge", j{"refs": []j{}}).refused(400, 10207)
	c.call("PATCH", at, j{"settings": j{"delivery_paused": true}}).ok(nil)
	pull()
	c.call("PATCH", at, j{"settings": j{"delivery_paused": false}}).ok(nil)
	pull("Nw==")
	c.call("GET", at+"/purge", nil).ok(nil)
	c.call("POST", at+"/purge", j{}).refused(400, 10207)
	c.call("POST", at+"/purge", j{"delete_messages_permanently": true}).ok(nil)
	var purge struct{ Completed string }
	c.call("GET", at+"/purge", nil).ok(&purge)
	c.call("GET", at+"/metrics", nil).ok(&metrics)
	if purge.Completed == "" || metrics.Count != 0 {
		t.Errorf("after a purge: %+v, %+v", purge, metrics)
	}
}
