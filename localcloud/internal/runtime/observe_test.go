package runtime

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// watcher is an Observer that remembers everything.
type watcher struct {
	mu     sync.Mutex
	began  []string // rays
	ended  []Exchange
	traced []Trace
}

func (w *watcher) Began(_ Invoked, ray string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = append(w.began, ray)
}

func (w *watcher) Ended(e Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, e)
}

func (w *watcher) Traced(all []Trace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.traced = append(w.traced, all...)
}

// wait polls until enough has been seen.
func (w *watcher) wait(t *testing.T, enough func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		done := enough()
		w.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("began %v, ended %+v, traced %+v", w.began, w.ended, w.traced)
		}
	}
}

func watchedCloud(t *testing.T) (*cloud, *watcher) {
	t.Helper()
	w := &watcher{}
	return newCloudIn(t, t.TempDir(), func(o *Options) { o.Observer = w }), w
}

func TestAnObserverSeesWhatTheProxyAndWorkerdSawOfARequest(t *testing.T) {
	t.Parallel()
	c, w := watchedCloud(t)
	v := c.version(`export default { fetch(request) { console.log("hi"); return new Response("hello", { status: 201 }) } }`)
	c.apply(worker("w", v))
	c.want("http://w.localhost/a?b=c", 201, "hello")
	w.wait(t, func() bool { return len(w.ended) == 1 && len(w.traced) == 1 })
	e, trace := w.ended[0], w.traced[0]
	want := Invoked{Account: "acc", Script: "w", Version: v.ID}
	if e.Invoked != want || e.Status != 201 || e.Bytes != 5 || e.Duration <= 0 || e.Gone || e.Failed || e.Request.URL.RequestURI() != "/a?b=c" {
		t.Errorf("the proxy saw %+v", e)
	}
	if trace.Invoked != want || trace.Outcome != "ok" || len(w.began) != 1 || w.began[0] != e.Ray {
		t.Errorf("workerd saw %+v, began %v", trace, w.began)
	}
}

func TestOfARequestThatLeavesNothingOnlyTheRayIsTold(t *testing.T) {
	t.Parallel()
	c, w := watchedCloud(t)
	c.apply(worker("w", c.version(`export default { fetch() { return new Response("hello", { status: 201 }) } }`)))
	c.want("http://w.localhost/", 201, "hello")
	w.wait(t, func() bool { return len(w.ended) == 1 && len(w.traced) == 1 })
	if trace := w.traced[0]; trace.Ray != w.ended[0].Ray || trace.Status != 201 || trace.Outcome != "ok" || trace.Event != nil || *trace.Began <= 0 || trace.Ended < *trace.Began {
		t.Errorf("workerd told %+v of %s", trace, w.ended[0].Ray)
	}
}

func TestATailConsumerGetsTheEventsOfItsWorkerAlsoWhenThatHasDurableObjects(t *testing.T) {
	t.Parallel()
	c, w := watchedCloud(t)
	consumer := worker("consumer", c.version(`export default { async tail(events) { for (const e of events) console.log("heard " + e.logs[0].message[0]) } }`))
	producer := worker("w", c.version(`import { DurableObject } from "cloudflare:workers"; export class Room extends DurableObject {}
export default { fetch() { console.log("said"); return new Response("x") } }`), Class{Name: "Room", Key: "k1", SQLite: true})
	producer.TailConsumers = []string{"consumer", "w", "nobody"}
	c.apply(consumer, producer)
	c.want("http://w.localhost/", 200, "x")
	w.wait(t, func() bool {
		return slices.ContainsFunc(w.traced, func(t Trace) bool {
			return t.Script == "consumer" && string(t.Logs) != "" && slices.Contains(messages(t), "heard said")
		})
	})
}

// messages are the first words of what an invocation logged.
func messages(trace Trace) []string {
	var logs []struct{ Message []string }
	_ = json.Unmarshal(trace.Logs, &logs) // a log of something else has no words
	var all []string
	for _, l := range logs {
		all = append(all, strings.Join(l.Message, " "))
	}
	return all
}
