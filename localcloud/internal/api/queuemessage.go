package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/queue"
)

func messageEndpoints() []Endpoint {
	const messages = queuePath + "/messages"
	return []Endpoint{
		{Method: "POST", Pattern: messages, Permissions: queuesWrite, handle: (*call).pushMessage},
		{Method: "POST", Pattern: messages + "/batch", Permissions: queuesWrite, handle: (*call).pushMessages},
		{Method: "POST", Pattern: messages + "/pull", Permissions: queuesWrite, handle: (*call).pullMessages},
		{Method: "POST", Pattern: messages + "/ack", Permissions: queuesWrite, handle: (*call).ackMessages},
		{Method: "POST", Pattern: messages + "/extend", Permissions: queuesWrite, handle: (*call).extendMessages},
		{Method: "POST", Pattern: messages + "/preview", Permissions: queuesRead, handle: (*call).previewMessages},
		{Method: "POST", Pattern: messages + "/preview/ack", Permissions: queuesWrite, handle: (*call).ackPreview},
		{Method: "POST", Pattern: messages + "/peek", Permissions: queuesWrite, handle: (*call).peekMessages},
		{Method: "POST", Pattern: messages + "/purge", Permissions: queuesWrite, handle: (*call).purgeMessages},
	}
}

// pushed is a message of the API: text, or with content_type json any JSON.
type pushed struct {
	Body        json.RawMessage `json:"body"`
	ContentType string          `json:"content_type"`
	Delay       *float64        `json:"delay_seconds"`
}

// message reads one; delay is for those without their own.
func (p pushed) message(delay *float64) (queue.Message, error) {
	m := queue.Message{Format: queue.JSON, Body: p.Body}
	switch p.ContentType {
	case "json":
		if len(p.Body) == 0 {
			return m, refuse(http.StatusBadRequest, queue.CodeSchema, "A message must have a `body`.")
		}
	case "text", "":
		m.Format = queue.Text
		var text *string
		if err := json.Unmarshal(p.Body, &text); err != nil || text == nil {
			return m, refuse(http.StatusBadRequest, queue.CodeSchema, "A message of content_type text must have a string as its `body`.")
		}
		m.Body = []byte(*text)
	default:
		return m, refuse(http.StatusBadRequest, queue.CodeSchema, "The content_type of a message is text or json, not %q.", p.ContentType)
	}
	if p.Delay != nil {
		delay = p.Delay
	}
	if delay != nil {
		d, err := queue.Seconds(*delay)
		if err != nil {
			return m, queueError(err)
		}
		m.Delay = &d
	}
	return m, nil
}

// queueError says in Cloudflare's terms what the queue refused.
func queueError(err error) error {
	if e := (*queue.Error)(nil); errors.As(err, &e) {
		return refuse(e.Status(), e.Code, "%s", e.Message)
	}
	return err
}

func (c *call) pushMessage() (any, error) {
	var in pushed
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.push([]pushed{in}, nil)
}

func (c *call) pushMessages() (any, error) {
	var in struct {
		Messages []pushed `json:"messages"`
		Delay    *float64 `json:"delay_seconds"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.push(in.Messages, in.Delay)
}

func (c *call) push(in []pushed, delay *float64) (any, error) {
	var all []queue.Message
	for _, one := range in {
		m, err := one.message(delay)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	q, err := c.findQueue()
	if err != nil {
		return nil, err
	}
	if err := c.queues.Send(q, all...); err != nil {
		return nil, queueError(err)
	}
	return c.withMetrics(q, map[string]any{})
}

func (c *call) withMetrics(q queue.Queue, result map[string]any) (any, error) {
	m, err := c.queues.Metrics(q)
	result["metadata"] = map[string]any{"metrics": metricsJSON(m)}
	return result, err
}

// pulled is the queue of the path, if messages may be pulled from it.
func (c *call) pulled() (queue.Queue, error) {
	q, err := c.findQueue()
	if err != nil {
		return q, err
	}
	if !slices.ContainsFunc(q.Consumers, func(one queue.Consumer) bool { return one.Type == queue.HTTPPull }) {
		return q, refuse(http.StatusBadRequest, 10213, "Queue '%s' has no http_pull consumer.", q.Name)
	}
	return q, nil
}

// visible reads a visibility timeout in milliseconds; 0 leaves it to the consumer.
func visible(ms float64) (time.Duration, error) {
	if !(ms >= 0 && ms <= float64(queue.MaxVisible/time.Millisecond)) {
		return 0, refuse(http.StatusBadRequest, queue.CodeSchema, "visibility_timeout_ms must be from 0 to %d.", queue.MaxVisible/time.Millisecond)
	}
	return time.Duration(ms * float64(time.Millisecond)), nil
}

func (c *call) pullMessages() (any, error) {
	var in struct {
		BatchSize int     `json:"batch_size"`
		Visible   float64 `json:"visibility_timeout_ms"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	timeout, err := visible(in.Visible)
	if err != nil {
		return nil, err
	}
	if in.BatchSize < 0 || in.BatchSize > queue.MaxBatch {
		return nil, refuse(http.StatusBadRequest, queue.CodeSchema, "batch_size must be from 1 to %d.", queue.MaxBatch)
	}
	q, err := c.pulled()
	if err != nil {
		return nil, err
	}
	if q.Settings.Paused {
		return c.withMetrics(q, map[string]any{"messages": []any{}, "message_backlog_count": 0})
	}
	taken, err := c.queues.Pull(q, in.BatchSize, timeout)
	if err != nil {
		return nil, err
	}
	m, err := c.queues.Metrics(q)
	if err != nil {
		return nil, err
	}
	return c.withMetrics(q, map[string]any{"messages": messagesJSON(taken), "message_backlog_count": m.Count})
}

// messagesJSON shows messages. Bytes and serialized values are in base64.
func messagesJSON(all []queue.Delivered) []map[string]any {
	listed := []map[string]any{}
	for _, m := range all {
		body := string(m.Body)
		if m.Format != queue.Text {
			body = base64.StdEncoding.EncodeToString(m.Body)
		}
		one := map[string]any{
			"id": m.ID, "body": body, "timestamp_ms": m.Sent.UnixMilli(), "attempts": m.Attempts, "ref": m.ID,
			"metadata": map[string]any{"CF-Content-Type": m.Format, "CF-sourceMessageSource": "local"},
		}
		if m.Lease != "" {
			one["lease_id"] = m.Lease
		}
		listed = append(listed, one)
	}
	return listed
}

type leaseInput struct {
	Lease string   `json:"lease_id"`
	Delay *float64 `json:"delay_seconds"`
}

// looked is the queue of the path and how many of its messages the body asks to see.
func (c *call) looked() (q queue.Queue, size int, err error) {
	var in struct {
		BatchSize int `json:"batch_size"`
	}
	if err := c.decode(&in); err != nil {
		return q, 0, err
	}
	q, err = c.findQueue()
	return q, min(max(in.BatchSize, 1), queue.MaxBatch), err
}

// previewMessages is what the dashboard does to show messages: they are taken, and hidden
// from consumers meanwhile, without a consumer that pulls.
func (c *call) previewMessages() (any, error) {
	q, size, err := c.looked()
	if err != nil {
		return nil, err
	}
	taken, err := c.queues.Pull(q, size, 0)
	return map[string]any{"messages": messagesJSON(taken)}, err
}

func (c *call) ackMessages() (any, error) { return c.settleMessages((*call).pulled) }
func (c *call) ackPreview() (any, error)  { return c.settleMessages((*call).findQueue) }

// settleMessages ends the leases of messages of the queue that find finds.
func (c *call) settleMessages(find func(*call) (queue.Queue, error)) (any, error) {
	var in struct {
		Acks    []leaseInput `json:"acks"`
		Retries []leaseInput `json:"retries"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var all []queue.Settled
	for _, one := range in.Acks {
		all = append(all, queue.Settled{Lease: one.Lease})
	}
	for _, one := range in.Retries {
		delay := -time.Second // the consumer's own
		if one.Delay != nil {
			d, err := queue.Seconds(*one.Delay)
			if err != nil {
				return nil, queueError(err)
			}
			delay = d
		}
		all = append(all, queue.Settled{Lease: one.Lease, Retry: true, Delay: delay})
	}
	q, err := find(c)
	if err != nil {
		return nil, err
	}
	late, err := c.queues.Settle(q, all)
	if err != nil {
		return nil, err
	}
	acked, retried, warnings := len(in.Acks), len(in.Retries), map[string]string{}
	for _, i := range late {
		warnings[all[i].Lease] = "the lease has expired or is unknown"
		if all[i].Retry {
			retried--
		} else {
			acked--
		}
	}
	return map[string]any{"ackCount": acked, "retryCount": retried, "warnings": warnings}, nil
}

func (c *call) extendMessages() (any, error) {
	var in struct {
		Extend  []leaseInput `json:"extend"`
		Visible float64      `json:"visibility_timeout_ms"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	timeout, err := visible(in.Visible)
	if err != nil {
		return nil, err
	}
	q, err := c.pulled()
	if err != nil {
		return nil, err
	}
	var leases []string
	for _, one := range in.Extend {
		leases = append(leases, one.Lease)
	}
	n, err := c.queues.Extend(q, timeout, leases)
	return map[string]any{"extendCount": n, "warnings": map[string]string{}}, err
}

func (c *call) peekMessages() (any, error) {
	q, size, err := c.looked()
	if err != nil {
		return nil, err
	}
	all, err := c.queues.Peek(q, size)
	return map[string]any{"messages": messagesJSON(all)}, err
}

// purgeMessages deletes single messages, by the refs that peek gave.
func (c *call) purgeMessages() (any, error) {
	var in struct {
		Refs []struct {
			Ref string `json:"ref"`
		} `json:"refs"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	q, err := c.findQueue()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, one := range in.Refs {
		ids = append(ids, one.Ref)
	}
	if len(ids) == 0 {
		return nil, refuse(http.StatusBadRequest, queue.CodeSchema, "The body must have `refs`.")
	}
	return map[string]any{"errors": []any{}, "warnings": map[string]string{}}, c.queues.Purge(q.ID, ids...)
}
