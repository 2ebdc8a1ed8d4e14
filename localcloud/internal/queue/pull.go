package queue

import (
	"slices"
	"time"
)

// Send puts messages into a queue; when it returns nil they are on disk.
func (b *Broker) Send(q Queue, all ...Message) error {
	return b.store.Send(q.ID, time.Duration(q.Settings.Delay)*time.Second, all...)
}

// puller is the consumer that pulls from q, or what counts without one.
func puller(q Queue) Consumer {
	if i := slices.IndexFunc(q.Consumers, func(c Consumer) bool { return c.Type == HTTPPull }); i >= 0 {
		return q.Consumers[i]
	}
	return DefaultConsumer(HTTPPull)
}

// Pull takes at most limit messages for visible; 0 leaves both to the consumer.
func (b *Broker) Pull(q Queue, limit int, visible time.Duration) ([]Delivered, error) {
	c := puller(q)
	if limit == 0 {
		limit = c.BatchSize
	}
	if visible == 0 {
		visible = time.Duration(c.Visibility) * time.Millisecond
	}
	taken, fate, err := b.store.Lease(q.ID, limit, max(visible, time.Millisecond), b.terms(q, c))
	b.tell(q, c, fate)
	return taken, err
}

// Settle ends the leases of pulled messages, and answers the places in all of those that
// were over already. A negative delay leaves it to the consumer.
func (b *Broker) Settle(q Queue, all []Settled) (late []int, err error) {
	c := puller(q)
	for i := range all {
		if all[i].Delay < 0 {
			all[i].Delay = time.Duration(c.RetryDelay) * time.Second
		}
	}
	late, fate, err := b.store.Settle(q.ID, b.terms(q, c), all...)
	b.tell(q, c, fate)
	return late, err
}

// Extend makes leases of pulled messages last for visible from now on, and counts them.
func (b *Broker) Extend(q Queue, visible time.Duration, leases []string) (int, error) {
	if visible == 0 {
		visible = time.Duration(puller(q).Visibility) * time.Millisecond
	}
	return b.store.Extend(q.ID, visible, leases...)
}

// Peek shows the next messages, at most limit, without taking them.
func (b *Broker) Peek(q Queue, limit int) ([]Delivered, error) {
	if err := b.expire(q); err != nil {
		return nil, err
	}
	return b.store.Peek(q.ID, limit)
}

// Metrics counts what a queue holds.
func (b *Broker) Metrics(q Queue) (Metrics, error) {
	if err := b.expire(q); err != nil {
		return Metrics{}, err
	}
	return b.store.Metrics(q.ID)
}

// Purge deletes all messages of a queue, or those with ids if there are some.
func (b *Broker) Purge(queue string, ids ...string) error { return b.store.Purge(queue, ids...) }

func (b *Broker) expire(q Queue) error {
	n, err := b.store.Expire(q.ID, time.Duration(q.Settings.Retention)*time.Second)
	b.tell(q, Consumer{}, Fate{Expired: n})
	return err
}
