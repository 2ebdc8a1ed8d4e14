package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

func withConsumer(queue string, change ...func(*project.QueueConsumer)) func(*project.Target) {
	c := project.QueueConsumer{Queue: queue}
	for _, f := range change {
		f(&c)
	}
	return func(t *project.Target) { t.Worker.QueueConsumers = append(t.Worker.QueueConsumers, c) }
}

func batches(n int) func(*project.QueueConsumer) {
	return func(c *project.QueueConsumer) { c.BatchSize = &n }
}

func deadLetters(queue string) func(*project.QueueConsumer) {
	return func(c *project.QueueConsumer) { c.DeadLetterQueue = queue }
}

// lines are the changes of the only target of a plan that are about queues.
func queueLines(p deploy.Plan) []string {
	var all []string
	for _, c := range p.Targets[0].Changes {
		if strings.HasPrefix(c.Kind, "queue") {
			all = append(all, string(c.Action)+" "+c.Kind+" "+c.Name)
		}
	}
	return all
}

func TestAWorkerReadsFromTheQueuesOfItsConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, step := range []struct {
		name   string
		target project.Target
		lines  []string
		want   []deploy.Consumer
	}{
		{
			"queues that are not there are made, and the Worker is attached with Cloudflare's defaults",
			target("api", withConsumer("jobs", deadLetters("dead"))),
			[]string{"create queue jobs", "create queue dead", "attach queue consumer jobs"},
			[]deploy.Consumer{{Queue: "jobs", Script: "api", DeadLetter: "dead", BatchSize: 10, WaitMS: 5000, Retries: 3}},
		},
		{
			"what is so already is no change", target("api", withConsumer("jobs", deadLetters("dead"))), nil,
			[]deploy.Consumer{{Queue: "jobs", Script: "api", DeadLetter: "dead", BatchSize: 10, WaitMS: 5000, Retries: 3}},
		},
		{
			"a setting is changed in place", target("api", withConsumer("jobs", batches(5))),
			[]string{"update queue consumer jobs"},
			[]deploy.Consumer{{Queue: "jobs", Script: "api", BatchSize: 5, WaitMS: 5000, Retries: 3}},
		},
		{
			"another queue is attached before the one that is no longer named is left",
			target("api", withConsumer("more")),
			[]string{"create queue more", "attach queue consumer more", "detach queue consumer jobs"},
			[]deploy.Consumer{{Queue: "more", Script: "api", BatchSize: 10, WaitMS: 5000, Retries: 3}},
		},
		{
			"a configuration that names no queue leaves them alone", target("api"), nil,
			[]deploy.Consumer{{Queue: "more", Script: "api", BatchSize: 10, WaitMS: 5000, Retries: 3}},
		},
	} {
		plan := w.plan(step.target)
		if d := cmp.Diff(step.lines, queueLines(plan.Plan)); d != "" {
			t.Errorf("%s: lines (-want +got):\n%s", step.name, d)
		}
		w.deploy(step.target)
		if d := cmp.Diff(step.want, w.account.State.Consumers); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, d)
		}
	}
	if n := len(w.account.State.Workers["api"].Versions); n != 1 {
		t.Errorf("%d versions were uploaded, and the code never changed", n)
	}
}

func TestAQueueIsNotTakenFromAnotherWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.State.Queues = []deploy.Resource{{Name: "jobs", ID: "jobs"}}
	w.account.State.Consumers = []deploy.Consumer{deploy.DefaultConsumer("jobs", "other")}
	err := w.plan(target("api", withConsumer("jobs"))).Err()
	if err == nil || !strings.Contains(err.Error(), `Worker "other" already reads from the queue "jobs"`) {
		t.Errorf("got %v", err)
	}
}

func TestARollbackReadsFromTheQueuesOfBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(target("api", withConsumer("one", batches(7))))
	w.source.Code["api"] = "v2"
	after := target("api", withConsumer("two"))
	w.deploy(after)
	c, err := w.deployer().PlanRollback(t.Context(), []project.Target{after}, []deploy.Wave{{Targets: []project.TargetID{after.TargetID}}}, "")
	if err != nil || c.Err() != nil {
		t.Fatal(err, c.Err())
	}
	if _, err := w.deployer().Deploy(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := []deploy.Consumer{{Queue: "one", Script: "api", BatchSize: 7, WaitMS: 5000, Retries: 3}}
	if !slices.Equal(want, w.account.State.Consumers) {
		t.Errorf("got %+v, want %+v", w.account.State.Consumers, want)
	}
}
