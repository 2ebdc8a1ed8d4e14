package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func queueEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/queues", Permissions: queuesRead, handle: (*call).listQueues},
		{Method: "POST", Pattern: accountPath + "/queues", Permissions: queuesWrite, handle: (*call).addQueue},
		{Method: "GET", Pattern: queuePath, Permissions: queuesRead, handle: (*call).queueDetails},
		{Method: "PUT", Pattern: queuePath, Permissions: queuesWrite, handle: (*call).replaceQueue},
		{Method: "PATCH", Pattern: queuePath, Permissions: queuesWrite, handle: (*call).editQueue},
		{Method: "DELETE", Pattern: queuePath, Permissions: queuesWrite, handle: (*call).deleteQueue},
		{Method: "GET", Pattern: queuePath + "/metrics", Permissions: queuesRead, handle: (*call).queueMetrics},
		{Method: "GET", Pattern: queuePath + "/purge", Permissions: queuesRead, handle: (*call).purgeStatus},
		{Method: "POST", Pattern: queuePath + "/purge", Permissions: queuesWrite, handle: (*call).purgeQueue},
	}
}

// Cloudflare's codes for queues.
const (
	codeNoQueue         = 11000
	codeNoQueueHandler  = 11001
	codeConsumerExists  = 11004
	codeQueueInUse      = 11005
	codeQueueExists     = 11009
	codeNoConsumer      = 11010
	codeQueueName       = 11011
	codeConsumerSetting = 100127
	codeQueueSettings   = 100128
)

func (c *call) queueJSON(q queue.Queue, producers []string) map[string]any {
	listed := []map[string]string{}
	for _, script := range producers {
		listed = append(listed, map[string]string{"type": "worker", "script": script})
	}
	consumers := []map[string]any{}
	for _, consumer := range q.Consumers {
		consumers = append(consumers, consumerJSON(q, consumer))
	}
	return map[string]any{
		"queue_id": q.ID, "queue_name": q.Name, "created_on": stamp(q.CreatedOn), "modified_on": stamp(q.ModifiedOn),
		"producers": listed, "producers_total_count": len(listed), "consumers": consumers, "consumers_total_count": len(consumers),
		"settings": map[string]any{"delivery_delay": q.Settings.Delay, "delivery_paused": q.Settings.Paused, "message_retention_period": q.Settings.Retention},
	}
}

// producers are the Workers that are bound to each queue of the account, by its name.
func (c *call) producers(tx *store.Tx) (map[string][]string, error) {
	found := map[string][]string{}
	err := newestBindings(tx, c.account.ID, func(s store.Script, b binding) {
		if b.Type == "queue" && !slices.Contains(found[b.QueueName], s.Name) {
			found[b.QueueName] = append(found[b.QueueName], s.Name)
		}
	})
	return found, err
}

func (c *call) listQueues() (any, error) {
	listed := []map[string]any{}
	names := c.query["name"]
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		producers, err := c.producers(tx)
		if err != nil {
			return err
		}
		all, err := tx.Queues(c.account.ID)
		for _, q := range all {
			if len(names) == 0 || slices.Contains(names, q.Name) {
				listed = append(listed, c.queueJSON(q, producers[q.Name]))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cut(pages{1, 100, 1000}, c.query, listed)
}

// queueInput is what a client says of a queue; nil fields stay, or have their defaults.
type queueInput struct {
	Name     *string `json:"queue_name"`
	Settings *struct {
		Delay     *int  `json:"delivery_delay"`
		Paused    *bool `json:"delivery_paused"`
		Retention *int  `json:"message_retention_period"`
	} `json:"settings"`
}

func (in queueInput) onto(q *queue.Queue) error {
	if in.Name != nil {
		if !queue.ValidName(*in.Name) {
			return refuse(http.StatusBadRequest, codeQueueName, "Queue name %q must be lower-case letters, digits and hyphens between them, up to 63.", *in.Name)
		}
		q.Name = *in.Name
	}
	if s := in.Settings; s != nil {
		if s.Delay != nil {
			q.Settings.Delay = *s.Delay
		}
		if s.Paused != nil {
			q.Settings.Paused = *s.Paused
		}
		if s.Retention != nil {
			q.Settings.Retention = *s.Retention
		}
	}
	if err := q.Settings.Check(); err != nil {
		return refuse(http.StatusBadRequest, codeQueueSettings, "The settings of queue %q are invalid: %s.", q.Name, err)
	}
	return nil
}

func (c *call) addQueue() (any, error) {
	var in queueInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	q := queue.Queue{ID: newID(), Account: c.account.ID, CreatedOn: c.now(), Settings: queue.DefaultSettings()}
	if in.Name == nil {
		return nil, refuse(http.StatusBadRequest, codeQueueName, "The body must have a `queue_name`.")
	}
	if err := in.onto(&q); err != nil {
		return nil, err
	}
	return c.putQueue(q)
}

// putQueue keeps a queue and makes the broker work by it.
func (c *call) putQueue(q queue.Queue) (result any, err error) {
	err = c.queuesChange(func(tx *store.Tx) error {
		q.ModifiedOn = c.now()
		if err := tx.PutQueue(q); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusConflict, codeQueueExists, "Queue name '%s' is already taken.", q.Name)
		} else if err != nil {
			return err
		}
		producers, err := c.producers(tx)
		result = c.queueJSON(q, producers[q.Name])
		return err
	})
	return result, err
}

// queuesChange is a change that the broker has to hear of.
func (c *call) queuesChange(change func(*store.Tx) error) error {
	if err := c.store.Write(c.ctx, change); err != nil {
		return err
	}
	return c.configureQueues(context.WithoutCancel(c.ctx))
}

// configureQueues tells the broker which queues there are.
func (a *API) configureQueues(ctx context.Context) error {
	a.queueing.Lock()
	defer a.queueing.Unlock()
	return a.store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.AllQueues()
		if err == nil {
			a.queues.Configure(all)
		}
		return err
	})
}

// queue is the one of the path.
func (c *call) queue(tx *store.Tx) (queue.Queue, error) {
	q, err := tx.Queue(c.account.ID, c.vars["queue_id"])
	if errors.Is(err, store.ErrNotFound) {
		err = refuse(http.StatusNotFound, codeNoQueue, "Queue %s does not exist.", c.vars["queue_id"])
	}
	return q, err
}

func (c *call) findQueue() (q queue.Queue, err error) {
	err = c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		q, err = c.queue(tx)
		return err
	})
	return q, err
}

func (c *call) queueDetails() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		q, err := c.queue(tx)
		if err != nil {
			return err
		}
		producers, err := c.producers(tx)
		result = c.queueJSON(q, producers[q.Name])
		return err
	})
	return result, err
}

func (c *call) replaceQueue() (any, error) { return c.changeQueue(true) }
func (c *call) editQueue() (any, error)    { return c.changeQueue(false) }

// changeQueue sets what the body says; when it replaces, the rest has its defaults.
func (c *call) changeQueue(replace bool) (any, error) {
	var in queueInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var result any
	err := c.queuesChange(func(tx *store.Tx) error {
		q, err := c.queue(tx)
		if err != nil {
			return err
		}
		producers, err := c.producers(tx)
		if err != nil {
			return err
		}
		if in.Name != nil && *in.Name != q.Name && len(producers[q.Name]) > 0 {
			return queueInUse(q, producers[q.Name])
		}
		if replace {
			q.Settings = queue.DefaultSettings()
		}
		if err := in.onto(&q); err != nil {
			return err
		}
		q.ModifiedOn = c.now()
		if err := tx.PutQueue(q); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusConflict, codeQueueExists, "Queue name '%s' is already taken.", q.Name)
		} else if err != nil {
			return err
		}
		result = c.queueJSON(q, producers[q.Name])
		return nil
	})
	return result, err
}

func queueInUse(q queue.Queue, by []string) error {
	return refuse(http.StatusBadRequest, codeQueueInUse, "Queue '%s' is still referenced by the binding of Worker '%s'.", q.Name, by[0])
}

// deleteQueue takes the queue with its messages, but not from under a Worker that is
// bound to it or consumes it.
func (c *call) deleteQueue() (any, error) {
	var gone queue.Queue
	err := c.queuesChange(func(tx *store.Tx) (err error) {
		if gone, err = c.queue(tx); err != nil {
			return err
		}
		producers, err := c.producers(tx)
		if err != nil {
			return err
		}
		if by := producers[gone.Name]; len(by) > 0 {
			return queueInUse(gone, by)
		}
		for _, consumer := range gone.Consumers {
			if consumer.Type == queue.Worker {
				return refuse(http.StatusBadRequest, codeQueueInUse, "Queue '%s' is still consumed by Worker '%s'.", gone.Name, consumer.Script)
			}
		}
		return tx.DeleteQueue(gone.ID)
	})
	if err != nil {
		return nil, err
	}
	return nil, c.queues.Purge(gone.ID)
}

func (c *call) queueMetrics() (any, error) {
	q, err := c.findQueue()
	if err != nil {
		return nil, err
	}
	m, err := c.queues.Metrics(q)
	return metricsJSON(m), err
}

func metricsJSON(m queue.Metrics) map[string]int64 {
	return map[string]int64{"backlog_count": m.Count, "backlog_bytes": m.Bytes, "oldest_message_timestamp_ms": m.Oldest}
}

// purgeQueue deletes the messages. A client has to say that it means it.
func (c *call) purgeQueue() (any, error) {
	var in struct {
		Sure bool `json:"delete_messages_permanently"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !in.Sure {
		return nil, refuse(http.StatusBadRequest, queue.CodeSchema, "Purging deletes all messages: the body must have `delete_messages_permanently` set to true.")
	}
	q, err := c.findQueue()
	if err != nil {
		return nil, err
	}
	if err := c.queues.Purge(q.ID); err != nil {
		return nil, err
	}
	err = c.store.Write(c.ctx, func(tx *store.Tx) error { return tx.PutSetting("purged/"+q.ID, c.now()) })
	if err != nil {
		return nil, err
	}
	return c.queueDetails()
}

// purgeStatus tells of the last purge. It is over as soon as it was asked for.
func (c *call) purgeStatus() (any, error) {
	at := time.Time{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		q, err := c.queue(tx)
		if err != nil {
			return err
		}
		if err := tx.Setting("purged/"+q.ID, &at); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		return map[string]string{"completed": "", "started_at": ""}, nil
	}
	return map[string]string{"completed": stamp(at), "started_at": stamp(at)}, nil
}
