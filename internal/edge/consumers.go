package edge

import (
	"context"
	"fmt"
	"slices"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
)

// workerConsumer is the type of a consumer that is a Worker.
const workerConsumer = "worker"

// consumers are the Workers that read from a queue.
func consumers(q cloudflare.Queue) []deploy.Consumer {
	var list []deploy.Consumer
	for _, c := range q.Consumers {
		if c.Type != workerConsumer {
			continue
		}
		found := deploy.DefaultConsumer(q.Name, c.Script)
		found.DeadLetter = c.DeadLetterQueue
		for _, set := range []struct{ to, from *int }{
			{&found.BatchSize, c.Settings.BatchSize},
			{&found.WaitMS, c.Settings.MaxWaitMS},
			{&found.Retries, c.Settings.MaxRetries},
			{&found.RetryDelay, c.Settings.RetryDelay},
			{&found.Concurrent, c.Settings.MaxConcurrency},
		} {
			if set.from != nil {
				*set.to = *set.from
			}
		}
		list = append(list, found)
	}
	return list
}

// setConsumer lets a Worker read from a queue, or takes it off.
func (a *Account) setConsumer(ctx context.Context, c deploy.TriggerChange) error {
	want := *c.Consumer
	op := fmt.Sprintf("%s the consumer of queue %s", c.Action, want.Queue)
	all, err := cloudflare.Collect(a.Client.Queues(ctx, a.ID))
	if err != nil {
		return a.translate(err, deploy.PermQueues, op)
	}
	i := slices.IndexFunc(all, func(q cloudflare.Queue) bool { return q.Name == want.Queue })
	if i < 0 {
		if c.Action == deploy.Detach {
			return nil
		}
		return fmt.Errorf("%s: there is no such queue: %w", op, deploy.ErrNotFound)
	}
	queue, there := all[i], ""
	for _, x := range queue.Consumers {
		switch {
		case x.Type != workerConsumer:
		case x.Script == want.Script:
			there = x.ID
		case c.Action != deploy.Detach:
			return fmt.Errorf("%s: Worker %q reads from it: %w", op, x.Script, deploy.ErrConflict)
		}
	}
	switch {
	case c.Action == deploy.Detach && there == "":
		return nil
	case c.Action == deploy.Detach:
		if err = a.Client.DeleteQueueConsumer(ctx, a.ID, queue.ID, there); cloudflare.IsNotFound(err) {
			return nil
		}
	case there == "":
		_, err = a.Client.CreateQueueConsumer(ctx, a.ID, queue.ID, wire(want))
	default:
		_, err = a.Client.UpdateQueueConsumer(ctx, a.ID, queue.ID, there, wire(want))
	}
	return a.translate(err, deploy.PermQueues, op)
}

// wire is a consumer as Cloudflare takes it.
func wire(c deploy.Consumer) cloudflare.QueueConsumer {
	s := cloudflare.ConsumerSettings{BatchSize: &c.BatchSize, MaxWaitMS: &c.WaitMS, MaxRetries: &c.Retries, RetryDelay: &c.RetryDelay}
	if c.Concurrent > 0 {
		s.MaxConcurrency = &c.Concurrent
	}
	return cloudflare.QueueConsumer{Type: workerConsumer, Script: c.Script, DeadLetterQueue: c.DeadLetter, Settings: s}
}
