package clodo

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// Batch is messages of a queue that are delivered together. Those about which the
// handler says nothing are acknowledged when it returns nil, and else delivered again.
type Batch struct {
	Queue    string
	Messages []*Message
}

// Message is one message. Whichever of Ack and Retry is called first counts.
type Message struct {
	ID       string
	Time     time.Time // when it was sent, in UTC
	Attempts int       // how often it was delivered, this time included
	Body     []byte    // text and bytes as they were sent, anything else in JSON

	decided bool
	again   bool
	delay   time.Duration
}

type retry struct {
	ID           string `json:"id"`
	DelaySeconds int    `json:"delaySeconds,omitempty"`
}

// Ack says that the message is dealt with, even if the handler fails or panics later.
func (m *Message) Ack() { m.decide(false, 0) }

// Retry has the message delivered again, after the delay, which counts in whole
// seconds; 0 is the queue's own.
func (m *Message) Retry(delay time.Duration) { m.decide(true, delay) }

func (m *Message) decide(again bool, delay time.Duration) {
	if !m.decided {
		m.decided, m.again, m.delay = true, again, delay
	}
}

// Decode reads the body as JSON.
func (m *Message) Decode(v any) error { return json.Unmarshal(m.Body, v) }

// AckAll acknowledges the messages about which nothing was said yet.
func (b *Batch) AckAll() {
	for _, m := range b.Messages {
		m.Ack()
	}
}

// RetryAll has those delivered again.
func (b *Batch) RetryAll(delay time.Duration) {
	for _, m := range b.Messages {
		m.Retry(delay)
	}
}

// QueueHandler deals with a batch.
type QueueHandler = func(context.Context, *Batch) error

// Queue registers the handler of a queue's messages; with "" it is for the queues that
// no other one is for. It panics when there is one already.
func (a *App) Queue(name string, h QueueHandler) {
	host.HandlesQueue()
	if a.queues[name] != nil {
		panic("clodo: two handlers for the queue " + quoted(name))
	}
	a.queues[name] = h
	a.events["queue"] = a.serveQueue
}

func (a *App) serveQueue(w http.ResponseWriter, r *http.Request, out *outcome) error {
	b := &Batch{Queue: r.URL.Query().Get("queue")}
	h := a.queues[b.Queue]
	if h == nil {
		h = a.queues[""]
	}
	if h == nil {
		return noHandler("the queue %q", b.Queue)
	}
	var list []struct {
		ID        string
		Timestamp int64
		Attempts  int
		Text      string
		Bytes     []byte
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxEvent)).Decode(&list); err != nil {
		return refuse(http.StatusBadRequest, "invalid_json", "The messages cannot be read: "+err.Error()+".")
	}
	for _, m := range list {
		body := m.Bytes
		if body == nil {
			body = []byte(m.Text)
		}
		b.Messages = append(b.Messages, &Message{ID: m.ID, Time: time.UnixMilli(m.Timestamp).UTC(), Attempts: m.Attempts, Body: body})
	}
	err := guarded(r.Context(), func() error { return h(r.Context(), b) })
	if err == nil {
		b.AckAll()
	}
	for _, m := range b.Messages {
		switch {
		case m.decided && !m.again:
			out.Ack = append(out.Ack, m.ID)
		case m.decided:
			out.Retry = append(out.Retry, retry{ID: m.ID, DelaySeconds: int((m.delay + time.Second - 1) / time.Second)})
		}
	}
	return err
}
