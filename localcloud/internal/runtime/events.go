package runtime

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
)

//go:embed js/events.js
var eventsJS string

// eventsService hands events that are no requests to the Workers of a process.
const eventsService = "events"

// Kinds of events, and the handlers for them.
const (
	scheduledEvent = "scheduled"
	queueEvent     = "queue"
	emailEvent     = "email"
)

// Delivery is an event that a Worker was given.
type Delivery struct {
	Account, Script string
	Version         string
	Kind            string        // the handler: scheduled, queue or email
	Outcome         string        // "ok", or how the handler failed
	Error           string        // what it threw, when that is known
	NoRetry         bool          // a scheduled handler called noRetry
	Duration        time.Duration // wall time
}

// ErrNoHandler is an event for a Worker that has no handler for it.
var ErrNoHandler = errors.New("the Worker has no handler for the event")

// ErrNotDeployed is an event for a Worker that is not served.
var ErrNotDeployed = errors.New("the Worker is not deployed")

// handles reports whether a version has the handler for a kind of events. One whose
// handlers nobody looked up may have all.
func (v *Version) handles(kind string) bool {
	return v.hasCode() && (v.Handlers == nil || slices.Contains(v.Handlers, kind))
}

// events adds the Worker that hands events to the others, if one of them takes any.
func (c *configuration) events() {
	if c.alone {
		return // a trial boot gets none
	}
	var bindings []workerd.Binding
	for _, w := range c.workers {
		if w.isUser() {
			continue // events come to Workers outside of dispatch namespaces
		}
		for _, s := range w.Versions {
			name := codeName(w, s.Version)
			if c.have[name] && slices.ContainsFunc(eventKinds, s.Version.handles) {
				bindings = append(bindings, workerd.Binding{Name: name, Service: &workerd.Designator{Service: name}})
			}
		}
	}
	if len(bindings) == 0 {
		return
	}
	bindings = append(bindings, c.inner("mailbox", "mail:"))
	c.add(workerd.Service{Name: eventsService, Worker: &workerd.Worker{
		Modules:            []workerd.Module{{Name: "events.js", Kind: workerd.ESModule, Source: workerd.Source{Text: eventsJS}}},
		CompatibilityDate:  ownDate,
		CompatibilityFlags: []string{"service_binding_extra_handlers"},
		Bindings:           bindings,
	}})
	c.out.Sockets = append(c.out.Sockets, workerd.Socket{Name: eventsService, Service: workerd.Designator{Service: eventsService}})
}

var eventKinds = []string{scheduledEvent, queueEvent, emailEvent}

// DeliverCron runs the scheduled handler of a Worker as its cron trigger would at a time.
func (r *Runtime) DeliverCron(ctx context.Context, account, script, cron string, at time.Time) (Delivery, error) {
	d, _, err := r.event(ctx, account, script, scheduledEvent, map[string]any{"cron": cron, "time": at.UnixMilli()})
	return d, err
}

// DeliverBatch hands messages to the queue handler of a Worker. Its error is a
// queue.ErrNotServed when no handler was called.
func (r *Runtime) DeliverBatch(ctx context.Context, account, script string, b queue.Batch) (queue.Result, error) {
	messages := make([]map[string]any, 0, len(b.Messages))
	for _, m := range b.Messages {
		messages = append(messages, map[string]any{
			"id": m.ID, "timestamp": m.Sent.UnixMilli(), "attempts": m.Attempts, "format": m.Format, "data": m.Body,
		})
	}
	d, answer, err := r.event(ctx, account, script, queueEvent, map[string]any{
		"queue": b.Queue, "messages": messages,
		"metrics": map[string]int64{"backlogCount": b.Metrics.Count, "backlogBytes": b.Metrics.Bytes, "oldest": b.Metrics.Oldest},
	})
	if errors.Is(err, ErrNotDeployed) || errors.Is(err, ErrNoHandler) {
		err = fmt.Errorf("%w: %w", queue.ErrNotServed, err)
	}
	if err != nil {
		return queue.Result{}, err
	}
	return batchResult(d, answer)
}

// Email is a message for the email handler of a Worker. ID is what the resource "mail"
// knows it by.
type Email struct {
	ID       string
	From, To string // of the envelope
	Headers  [][2]string
	Raw      []byte
}

// DeliverEmail hands a message to the email handler of a Worker. What the handler does
// with it goes to the resource "mail".
func (r *Runtime) DeliverEmail(ctx context.Context, account, script string, e Email) (Delivery, error) {
	d, _, err := r.event(ctx, account, script, emailEvent, map[string]any{"id": e.ID, "from": e.From, "to": e.To, "headers": e.Headers, "data": e.Raw})
	return d, err
}

// Addressed is the Worker that the data port has for an address.
func (r *Runtime) Addressed(host string, u *url.URL) (account, script string, ok bool) {
	t := r.table.Load()
	if t == nil {
		return "", "", false
	}
	found := t.find(host, u)
	if found.worker == nil {
		return "", "", false
	}
	return found.worker.Account, found.worker.Script, true
}

// batchResult reads what workerd says of a batch.
func batchResult(d Delivery, answer []byte) (queue.Result, error) {
	var in struct {
		AckAll     bool
		RetryBatch struct {
			Retry        bool
			DelaySeconds *float64
		}
		ExplicitAcks  []string
		RetryMessages []struct {
			MsgID        string `json:"msgId"`
			DelaySeconds *float64
		}
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		return queue.Result{}, fmt.Errorf("reading what became of a batch: %w", err)
	}
	out := queue.Result{
		Outcome: d.Outcome, AckAll: in.AckAll, RetryAll: in.RetryBatch.Retry, RetryDelay: delay(in.RetryBatch.DelaySeconds),
		Acks: map[string]bool{}, Retries: map[string]*time.Duration{},
	}
	for _, id := range in.ExplicitAcks {
		out.Acks[id] = true
	}
	for _, m := range in.RetryMessages {
		out.Retries[m.MsgID] = delay(m.DelaySeconds)
	}
	return out, nil
}

// delay is a delay that a handler asked for, within what Cloudflare allows.
func delay(seconds *float64) *time.Duration {
	if seconds == nil {
		return nil
	}
	d := time.Duration(min(max(*seconds, 0), queue.MaxDelay.Seconds()) * float64(time.Second))
	return &d
}

// event hands one event to a Worker, to the version that a request would get, and gives
// the dispatcher's answer. A handler that fails is no error: Outcome says so.
func (r *Runtime) event(ctx context.Context, account, script, kind string, fields map[string]any) (Delivery, []byte, error) {
	for {
		t := r.table.Load()
		if t == nil {
			return Delivery{}, nil, fmt.Errorf("%q: %w", script, ErrNotDeployed)
		}
		w := t.worker(account, script)
		if w == nil {
			return Delivery{}, nil, fmt.Errorf("%q: %w", script, ErrNotDeployed)
		}
		d := Delivery{Account: account, Script: script, Kind: kind}
		v := choose(w, nil)
		if d.Version = v.ID; !v.handles(kind) {
			return d, nil, fmt.Errorf("%q: %w: %s", script, ErrNoHandler, kind)
		}
		fields["kind"], fields["target"] = kind, codeName(w, v)
		began := time.Now()
		answer, err := t.generations[w].event(ctx, w, fields)
		if errors.Is(err, errRetired) {
			select {
			case <-t.replaced: // the next table knows the new generation
				continue
			case <-r.closed:
				return d, nil, errors.New("the local cloud is stopping")
			case <-ctx.Done():
				return d, nil, context.Cause(ctx)
			}
		}
		d.Duration = time.Since(began)
		if err == nil {
			var said struct {
				Outcome, Error string
				NoRetry        bool
			}
			if err = json.Unmarshal(answer, &said); err == nil {
				d.Outcome, d.Error, d.NoRetry = said.Outcome, said.Error, said.NoRetry
			}
		}
		if err != nil {
			return d, nil, fmt.Errorf("handing an event to %q: %w", script, err)
		}
		return d, answer, nil
	}
}

// event is one event through the dispatcher of a generation.
func (g *generation) event(ctx context.Context, w *Worker, fields map[string]any) ([]byte, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	proxy, err := g.acquire(ctx, eventsService)
	if errors.Is(err, errNoSocket) {
		return nil, ErrNoHandler
	}
	if err != nil {
		return nil, err
	}
	x := &exchange{generation: g, worker: w, began: time.Now(), cancel: func() {}}
	g.enter(x)
	defer g.leave(x)
	g.r.outside.Add(1)
	defer g.r.outside.Add(-1)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.address(eventsService)+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := proxy.Transport.RoundTrip(req)
	if outcome := x.outcome(); err != nil && outcome != "" { // it was stopped
		return json.Marshal(map[string]string{"outcome": outcome})
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // only read
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the dispatcher answered %s: %s", res.Status, answer)
	}
	return answer, err
}

// worker is a served Worker by its name.
func (t *table) worker(account, script string) *Worker {
	for w := range t.generations {
		if w.Account == account && w.Script == script {
			return w
		}
	}
	return nil
}
