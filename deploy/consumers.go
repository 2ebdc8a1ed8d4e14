package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/project"
)

// DefaultConsumer is a consumer with Cloudflare's defaults, of
// https://developers.cloudflare.com/queues/configuration/configure-queues/.
func DefaultConsumer(queue, script string) Consumer {
	return Consumer{Queue: queue, Script: script, BatchSize: 10, WaitMS: 5000, Retries: 3}
}

// consumers is how the Worker of t is to read from queues, sorted by their names.
func (b *planBuilder) consumers(t project.Target, account LiveAccount) []Consumer {
	var list []Consumer
	for _, c := range t.Worker.QueueConsumers {
		i := slices.IndexFunc(account.Consumers, func(x Consumer) bool { return x.Queue == c.Queue && x.Script != t.Worker.Name })
		if i >= 0 {
			b.errorf("D213", c.Pos, "one Worker reads from a queue", "take the other one off the queue first: wrangler queues consumer remove "+c.Queue+" "+account.Consumers[i].Script,
				"Worker %q already reads from the queue %q", account.Consumers[i].Script, c.Queue)
			continue
		}
		want := DefaultConsumer(c.Queue, t.Worker.Name)
		want.DeadLetter = c.DeadLetterQueue
		for _, set := range []struct{ to, from *int }{
			{&want.BatchSize, c.BatchSize},
			{&want.WaitMS, c.MaxWaitMS},
			{&want.Retries, c.MaxRetries},
			{&want.RetryDelay, c.RetryDelay},
			{&want.Concurrent, c.MaxConcurrency},
		} {
			if set.from != nil {
				*set.to = *set.from
			}
		}
		list = append(list, want)
	}
	slices.SortFunc(list, func(a, b Consumer) int { return strings.Compare(a.Queue, b.Queue) })
	return list
}

// consumed is the queues that t reads from, or whose messages end there, and does not
// bind: they have to exist before it can.
func consumed(t project.Target, account LiveAccount, bound []ResourcePlan) []ResourcePlan {
	var list []ResourcePlan
	for _, c := range t.Worker.QueueConsumers {
		for _, name := range []string{c.Queue, c.DeadLetterQueue} {
			known := func(r ResourcePlan) bool { return r.Kind == KindQueue && r.Name == name }
			if name == "" || slices.ContainsFunc(bound, known) || slices.ContainsFunc(list, known) {
				continue
			}
			r := ResourcePlan{Kind: KindQueue, Name: name, Pos: c.Pos}
			if slices.ContainsFunc(account.Queues, func(x Resource) bool { return x.Name == name }) {
				r.ID = name
			}
			list = append(list, r)
		}
	}
	return list
}

// use says what a Worker does with the resource.
func (r ResourcePlan) use() string {
	if r.Binding == "" {
		return "for the Worker to read from"
	}
	return "bound as " + r.Binding
}

// consumerChanges are the calls that turn before into after, each with the one that
// takes it back: those that attach or update, and those that detach.
func consumerChanges(before, after []Consumer) (attach, detach [][2]TriggerChange) {
	change := func(a Action, c Consumer) TriggerChange {
		return TriggerChange{Action: a, Kind: TriggerConsumer, Consumer: &c}
	}
	of := func(list []Consumer, queue string) int {
		return slices.IndexFunc(list, func(c Consumer) bool { return c.Queue == queue })
	}
	for _, c := range after {
		switch i := of(before, c.Queue); {
		case i < 0:
			attach = append(attach, [2]TriggerChange{change(Attach, c), change(Detach, c)})
		case before[i] != c:
			attach = append(attach, [2]TriggerChange{change(Update, c), change(Update, before[i])})
		}
	}
	for _, c := range before {
		if of(after, c.Queue) < 0 {
			detach = append(detach, [2]TriggerChange{change(Detach, c), change(Attach, c)})
		}
	}
	return attach, detach
}

// consumerDone reports whether a already is as c, which is about a consumer, makes it.
func (c TriggerChange) consumerDone(a Attached) bool {
	i := slices.IndexFunc(a.Consumers, func(x Consumer) bool { return x.Queue == c.Consumer.Queue })
	if c.Action == Detach {
		return i < 0
	}
	return i >= 0 && a.Consumers[i] == *c.Consumer
}

// consumerWords is c, which is about a consumer, in a plan.
func (c TriggerChange) consumerWords(back TriggerChange) (before, after, undo string) {
	switch c.Action {
	case Attach:
		return "", c.Consumer.words(), "take it off again"
	case Detach:
		return c.Consumer.words(), "", "attach it again"
	}
	return back.Consumer.words(), c.Consumer.words(), "put the old settings back"
}

func (c Consumer) words() string {
	text := fmt.Sprintf("batches of %d or after %g s, %d retries", c.BatchSize, float64(c.WaitMS)/1000, c.Retries)
	if c.RetryDelay > 0 {
		text += fmt.Sprintf(" after %d s", c.RetryDelay)
	}
	if c.Concurrent > 0 {
		text += fmt.Sprintf(", at most %d at a time", c.Concurrent)
	}
	if c.DeadLetter != "" {
		text += ", then to " + c.DeadLetter
	}
	return text
}
