package queue

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/tamylaa/clodo/internal/host"
)

// about is what is said of a message beside its body.
type about struct {
	Type  ContentType `json:"contentType"`
	Size  int         `json:"size"`
	Delay *int        `json:"delaySeconds,omitempty"`
}

func (q *Queue) send(ctx context.Context, m Message) error { return q.call(ctx, "send", m) }

func (q *Queue) sendBatch(ctx context.Context, all []Message) error {
	return q.call(ctx, "sendBatch", all...)
}

// call hands messages over: what is said about them, and their bodies in a row.
func (q *Queue) call(ctx context.Context, op string, all ...Message) error {
	list := make([]about, len(all))
	var bodies []byte
	for i, m := range all {
		list[i] = about{Type: m.kind, Size: len(m.body)}
		if m.delay >= 0 {
			list[i].Delay = &m.delay
		}
		bodies = append(bodies, m.body...)
	}
	args, err := json.Marshal(list)
	if err != nil {
		return err
	}
	_, err = host.Call(ctx, kind, q.binding, op, args, bytes.NewReader(bodies))
	return err
}
