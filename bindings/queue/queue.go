// Package queue is the binding of a producer of a queue.
//
//	var orders = queue.Open("ORDERS")
//
//	err := orders.Send(ctx, queue.JSON(order))
//	err = orders.SendBatch(ctx, queue.Text("a"), queue.Text("b").After(time.Minute))
//
// A message has up to 128 KB, a batch up to 100 messages and 256 KB.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is what a queue refused, in its own words.
type Error = wire.Error

// ContentType says what the body of a message is, and so what a consumer gets.
type ContentType string

// The content types. A consumer in Go gets the bytes as they are, of all of them.
const (
	TypeText  ContentType = "text"
	TypeBytes ContentType = "bytes"
	TypeJSON  ContentType = "json"
)

// Message is one to be sent. It is made by [Text], [Bytes] or [JSON].
type Message struct {
	kind  ContentType
	body  []byte
	delay int // seconds; -1: as the queue says
	err   error
}

// Text is a message that is a text.
func Text(s string) Message { return Message{kind: TypeText, body: []byte(s), delay: -1} }

// Bytes is a message that is bytes.
func Bytes(b []byte) Message { return Message{kind: TypeBytes, body: b, delay: -1} }

// JSON is a message that is a value in JSON. That it cannot be written is the error of
// sending it.
func JSON(v any) Message {
	b, err := json.Marshal(v)
	return Message{kind: TypeJSON, body: b, delay: -1, err: err}
}

// After is the message delivered after d at the earliest, in whole seconds and up to a
// day. 0 is at once, where the queue itself has a delay.
func (m Message) After(d time.Duration) Message {
	if d < 0 || d%time.Second != 0 {
		m.err = errors.Join(m.err, fmt.Errorf("a delay is in whole seconds, got %v", d))
	}
	m.delay = int(d / time.Second)
	return m
}

// Queue is a queue. It holds nothing of a request and serves all of them.
type Queue struct{ binding string }

// Open is the queue that the binding of that name is for. Whether there is one shows when
// it is used.
func Open(binding string) *Queue { return &Queue{binding} }

// Send sends a message. When it returns nil the queue has it.
func (q *Queue) Send(ctx context.Context, m Message) error {
	if m.err != nil {
		return fmt.Errorf("queue %s: %w", q.binding, m.err)
	}
	return q.send(ctx, m)
}

// SendBatch sends messages together: all of them or none.
func (q *Queue) SendBatch(ctx context.Context, all ...Message) error {
	for i, m := range all {
		if m.err != nil {
			return fmt.Errorf("queue %s: message %d: %w", q.binding, i+1, m.err)
		}
	}
	return q.sendBatch(ctx, all)
}

const kind = "queue"
