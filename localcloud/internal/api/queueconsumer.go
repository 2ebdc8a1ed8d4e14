package api

import (
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func consumerEndpoints() []Endpoint {
	const consumer = queuePath + "/consumers/{consumer_id}"
	return []Endpoint{
		{Method: "GET", Pattern: queuePath + "/consumers", Permissions: queuesRead, handle: (*call).listConsumers},
		{Method: "POST", Pattern: queuePath + "/consumers", Permissions: queuesWrite, handle: (*call).addConsumer},
		{Method: "GET", Pattern: consumer, Permissions: queuesRead, handle: (*call).consumerDetails},
		{Method: "PUT", Pattern: consumer, Permissions: queuesWrite, handle: (*call).replaceConsumer},
		{Method: "DELETE", Pattern: consumer, Permissions: queuesWrite, handle: (*call).deleteConsumer},
	}
}

func consumerJSON(q queue.Queue, c queue.Consumer) map[string]any {
	settings := map[string]any{"batch_size": c.BatchSize, "max_retries": c.MaxRetries, "retry_delay": c.RetryDelay}
	m := map[string]any{"consumer_id": c.ID, "created_on": stamp(c.CreatedOn), "type": c.Type, "queue_name": q.Name, "settings": settings}
	if c.DeadLetter != "" {
		m["dead_letter_queue"] = c.DeadLetter
	}
	if c.Type == queue.HTTPPull {
		settings["visibility_timeout_ms"] = c.Visibility
		return m
	}
	settings["max_wait_time_ms"] = c.WaitMS
	if c.Concurrency > 0 {
		settings["max_concurrency"] = c.Concurrency
	}
	m["script_name"], m["script"] = c.Script, c.Script // wrangler reads the older name
	return m
}

// consumerInput is what a client says of a consumer; nil fields have their defaults.
type consumerInput struct {
	Type       string `json:"type"`
	Script     string `json:"script_name"`
	DeadLetter string `json:"dead_letter_queue"`
	Settings   struct {
		BatchSize   *int `json:"batch_size"`
		MaxRetries  *int `json:"max_retries"`
		RetryDelay  *int `json:"retry_delay"`
		WaitMS      *int `json:"max_wait_time_ms"`
		Concurrency *int `json:"max_concurrency"`
		Visibility  *int `json:"visibility_timeout_ms"`
	} `json:"settings"`
}

// consumer checks the input against what exists.
func (c *call) consumer(tx *store.Tx, q queue.Queue, in consumerInput) (queue.Consumer, error) {
	if in.Type == "" {
		in.Type = queue.Worker
	}
	if in.Type != queue.Worker && in.Type != queue.HTTPPull {
		return queue.Consumer{}, refuse(http.StatusBadRequest, codeConsumerSetting, "A consumer has the type worker or http_pull, not %q.", in.Type)
	}
	out := queue.DefaultConsumer(in.Type)
	out.DeadLetter = in.DeadLetter
	s := in.Settings
	for _, set := range []struct {
		to   *int
		from *int
	}{
		{&out.BatchSize, s.BatchSize},
		{&out.MaxRetries, s.MaxRetries},
		{&out.RetryDelay, s.RetryDelay},
		{&out.WaitMS, s.WaitMS},
		{&out.Concurrency, s.Concurrency},
		{&out.Visibility, s.Visibility},
	} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	if err := out.Check(); err != nil {
		return out, refuse(http.StatusBadRequest, codeConsumerSetting, "The settings of the consumer are invalid: %s.", err)
	}
	if in.Type == queue.Worker {
		out.Script = in.Script
		if err := c.checkQueueHandler(tx, in.Script); err != nil {
			return out, err
		}
	}
	if out.DeadLetter == q.Name {
		return out, refuse(http.StatusBadRequest, codeConsumerSetting, "Queue '%s' cannot be its own dead letter queue.", q.Name)
	}
	if out.DeadLetter != "" {
		if _, err := tx.QueueNamed(c.account.ID, out.DeadLetter); err != nil {
			return out, missing(err, codeNoQueue, "The dead letter queue '%s' does not exist.", out.DeadLetter)
		}
	}
	return out, nil
}

// checkQueueHandler refuses a Worker that could not take messages.
func (c *call) checkQueueHandler(tx *store.Tx, script string) error {
	s, err := tx.Script(c.account.ID, script)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(http.StatusNotFound, 10007, "The Worker %q of the consumer does not exist on your account.", script)
	}
	if err != nil {
		return err
	}
	v, err := latestOf(tx, s)
	if err != nil {
		return err
	}
	if v == nil || !slices.Contains(v.Handlers, "queue") {
		return noQueueHandler(script)
	}
	return nil
}

func noQueueHandler(script string) error {
	return refuse(http.StatusBadRequest, codeNoQueueHandler, "Queue handler is missing: the Worker %q consumes a queue and exports no queue().", script)
}

// consumes reports whether a Worker is the consumer of a queue.
func consumes(tx *store.Tx, account, script string) (bool, error) {
	all, err := tx.Queues(account)
	return slices.ContainsFunc(all, func(q queue.Queue) bool {
		return slices.ContainsFunc(q.Consumers, func(c queue.Consumer) bool { return c.Type == queue.Worker && c.Script == script })
	}), err
}

// dropConsumers takes a Worker that is going away off all queues.
func dropConsumers(tx *store.Tx, s store.Script) error {
	all, err := tx.Queues(s.Account)
	if err != nil {
		return err
	}
	for _, q := range all {
		kept := slices.DeleteFunc(slices.Clone(q.Consumers), func(c queue.Consumer) bool { return c.Type == queue.Worker && c.Script == s.Name })
		if len(kept) == len(q.Consumers) {
			continue
		}
		q.Consumers = kept
		if err := tx.PutQueue(q); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) listConsumers() (any, error) {
	q, err := c.findQueue()
	if err != nil {
		return nil, err
	}
	return c.queueJSON(q, nil)["consumers"], nil
}

func (c *call) addConsumer() (any, error) {
	var in consumerInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.changeConsumers(func(tx *store.Tx, q *queue.Queue) (queue.Consumer, error) {
		if len(q.Consumers) > 0 {
			return queue.Consumer{}, refuse(http.StatusConflict, codeConsumerExists, "Queue '%s' has a consumer already: a queue has one.", q.Name)
		}
		consumer, err := c.consumer(tx, *q, in)
		if err != nil {
			return consumer, err
		}
		consumer.ID, consumer.CreatedOn = newID(), c.now()
		q.Consumers = append(q.Consumers, consumer)
		return consumer, nil
	})
}

// changeConsumers edits the consumers of the path's queue and answers the one that was
// edited.
func (c *call) changeConsumers(edit func(*store.Tx, *queue.Queue) (queue.Consumer, error)) (any, error) {
	var result any
	err := c.queuesChange(func(tx *store.Tx) error {
		q, err := c.queue(tx)
		if err != nil {
			return err
		}
		consumer, err := edit(tx, &q)
		if err != nil {
			return err
		}
		q.ModifiedOn = c.now()
		result = consumerJSON(q, consumer)
		return tx.PutQueue(q)
	})
	return result, err
}

// consumerOf is where the consumer of the path stands in q.
func (c *call) consumerOf(q queue.Queue) (int, error) {
	i := slices.IndexFunc(q.Consumers, func(one queue.Consumer) bool { return one.ID == c.vars["consumer_id"] })
	if i < 0 {
		return 0, refuse(http.StatusNotFound, codeNoConsumer, "Queue '%s' has no consumer %s.", q.Name, c.vars["consumer_id"])
	}
	return i, nil
}

func (c *call) consumerDetails() (any, error) {
	q, err := c.findQueue()
	if err != nil {
		return nil, err
	}
	i, err := c.consumerOf(q)
	if err != nil {
		return nil, err
	}
	return consumerJSON(q, q.Consumers[i]), nil
}

func (c *call) replaceConsumer() (any, error) {
	var in consumerInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.changeConsumers(func(tx *store.Tx, q *queue.Queue) (queue.Consumer, error) {
		i, err := c.consumerOf(*q)
		if err != nil {
			return queue.Consumer{}, err
		}
		before := q.Consumers[i]
		if in.Type == "" {
			in.Type = before.Type
		}
		if in.Script == "" {
			in.Script = before.Script
		}
		after, err := c.consumer(tx, *q, in)
		if err != nil {
			return after, err
		}
		after.ID, after.CreatedOn = before.ID, before.CreatedOn
		q.Consumers = slices.Clone(q.Consumers)
		q.Consumers[i] = after
		return after, nil
	})
}

func (c *call) deleteConsumer() (any, error) {
	_, err := c.changeConsumers(func(_ *store.Tx, q *queue.Queue) (queue.Consumer, error) {
		i, err := c.consumerOf(*q)
		if err != nil {
			return queue.Consumer{}, err
		}
		gone := q.Consumers[i]
		q.Consumers = slices.Delete(slices.Clone(q.Consumers), i, i+1)
		return gone, nil
	})
	return nil, err
}
