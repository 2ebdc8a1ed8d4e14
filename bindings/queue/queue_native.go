//go:build !js

package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

func (q *Queue) send(ctx context.Context, m Message) error {
	header := http.Header{"X-Msg-Fmt": {string(m.kind)}}
	if m.delay >= 0 {
		header.Set("X-Msg-Delay-Secs", strconv.Itoa(m.delay))
	}
	return q.post(ctx, "send", "/message", header, m.body)
}

// batched is a message of a batch.
type batched struct {
	Body  []byte      `json:"body"`
	Type  ContentType `json:"contentType"`
	Delay *int        `json:"delaySecs,omitempty"`
}

func (q *Queue) sendBatch(ctx context.Context, all []Message) error {
	if len(all) == 0 { // workerd's binding says so itself
		return &Error{Kind: kind, Binding: q.binding, Op: "sendBatch", Message: "sendBatch() requires at least one message"}
	}
	list := make([]batched, len(all))
	size, largest := 0, 0
	for i, m := range all {
		list[i] = batched{Body: m.body, Type: m.kind}
		if m.delay >= 0 {
			list[i].Delay = &m.delay
		}
		size, largest = size+len(m.body), max(largest, len(m.body))
	}
	body, err := json.Marshal(map[string]any{"messages": list})
	if err != nil {
		return err
	}
	return q.post(ctx, "sendBatch", "/batch", http.Header{
		"Content-Type":         {"application/json"},
		"Cf-Queue-Batch-Count": {strconv.Itoa(len(all))}, "Cf-Queue-Batch-Bytes": {strconv.Itoa(size)}, "Cf-Queue-Largest-Msg": {strconv.Itoa(largest)},
	}, body)
}

// post sends to the queue. A refusal has its cause in headers, and the exception of
// workerd's binding is CAUSE (CODE).
func (q *Queue) post(ctx context.Context, op, path string, header http.Header, body []byte) error {
	res, err := wire.Send(ctx, kind, q.binding, wire.Request{Method: http.MethodPost, Path: path, Header: header, Body: bytes.NewReader(body), Length: int64(len(body))})
	if err != nil {
		return err
	}
	if res.StatusCode/100 == 2 {
		return res.Body.Close()
	}
	message := wire.Reason(res)
	if cause := res.Header.Get("Cf-Queues-Error-Cause"); cause != "" {
		message = cause + " (" + res.Header.Get("Cf-Queues-Error-Code") + ")"
	}
	return &Error{Kind: kind, Binding: q.binding, Op: op, Message: message}
}
