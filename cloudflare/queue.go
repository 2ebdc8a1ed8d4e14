package cloudflare

import (
	"context"
	"iter"
	"net/http"
)

// Queue is a message queue with the Workers that send to it and read from it.
type Queue struct {
	ID        string          `json:"queue_id"`
	Name      string          `json:"queue_name"`
	CreatedOn string          `json:"created_on"` // RFC 3339
	Producers []QueueProducer `json:"producers"`
	Consumers []QueueConsumer `json:"consumers"`
}

// QueueProducer sends to a queue.
type QueueProducer struct {
	Type   string `json:"type"` // worker or r2_bucket
	Script string `json:"script"`
}

// QueueConsumer reads from a queue.
type QueueConsumer struct {
	ID              string           `json:"consumer_id,omitempty"`
	Type            string           `json:"type"` // worker or http_pull
	Script          string           `json:"script_name,omitempty"`
	DeadLetterQueue string           `json:"dead_letter_queue,omitempty"`
	Settings        ConsumerSettings `json:"settings,omitzero"`
}

// ConsumerSettings say how a consumer is given messages; nil is Cloudflare's default.
type ConsumerSettings struct {
	BatchSize      *int `json:"batch_size,omitempty"`
	MaxRetries     *int `json:"max_retries,omitempty"`
	MaxWaitMS      *int `json:"max_wait_time_ms,omitempty"`
	MaxConcurrency *int `json:"max_concurrency,omitempty"`
	RetryDelay     *int `json:"retry_delay,omitempty"` // seconds
}

const (
	queuesPath    = "/accounts/{account_id}/queues"
	queuePath     = queuesPath + "/{queue_id}"
	consumersPath = queuePath + "/consumers"
)

// Queues lists the queues of an account.
func (c *Client) Queues(ctx context.Context, account string) iter.Seq2[Queue, error] {
	return pages(ctx, c, request{method: http.MethodGet, path: queuesPath, args: []string{account}, effect: reads}, 100, itself[Queue])
}

// CreateQueue makes a queue.
func (c *Client) CreateQueue(ctx context.Context, account, name string) (Queue, error) {
	body := struct {
		Name string `json:"queue_name"`
	}{name}
	return call[Queue](ctx, c, request{method: http.MethodPost, path: queuesPath, args: []string{account}, effect: creates}.withJSON(body))
}

// Queue reads one queue.
func (c *Client) Queue(ctx context.Context, account, id string) (Queue, error) {
	return call[Queue](ctx, c, request{method: http.MethodGet, path: queuePath, args: []string{account, id}, effect: reads})
}

// DeleteQueue removes a queue with its messages.
func (c *Client) DeleteQueue(ctx context.Context, account, id string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: queuePath, args: []string{account, id}, effect: names})
}

// QueueConsumers lists what reads from a queue; Cloudflare gives them in one piece.
func (c *Client) QueueConsumers(ctx context.Context, account, queue string) ([]QueueConsumer, error) {
	return call[[]QueueConsumer](ctx, c, request{method: http.MethodGet, path: consumersPath, args: []string{account, queue}, effect: reads})
}

// CreateQueueConsumer lets a Worker read from a queue.
func (c *Client) CreateQueueConsumer(ctx context.Context, account, queue string, consumer QueueConsumer) (QueueConsumer, error) {
	consumer.ID = ""
	return call[QueueConsumer](ctx, c, request{method: http.MethodPost, path: consumersPath, args: []string{account, queue}, effect: creates}.withJSON(consumer))
}

// UpdateQueueConsumer replaces how the consumer id is given messages.
func (c *Client) UpdateQueueConsumer(ctx context.Context, account, queue, id string, consumer QueueConsumer) (QueueConsumer, error) {
	consumer.ID = ""
	return call[QueueConsumer](ctx, c, request{method: http.MethodPut, path: consumersPath + "/{consumer_id}", args: []string{account, queue, id}, effect: names}.withJSON(consumer))
}

// DeleteQueueConsumer stops the consumer id from reading.
func (c *Client) DeleteQueueConsumer(ctx context.Context, account, queue, id string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: consumersPath + "/{consumer_id}", args: []string{account, queue, id}, effect: names})
}
