package runtime

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// many are the components of n Workers that nothing connects.
func many(prefix string, n int) []component {
	var all []component
	for i := range n {
		all = append(all, component{{Account: "acc", Script: fmt.Sprintf("%s%03d", prefix, i)}})
	}
	return all
}

// one is a component of scripts.
func one(scripts ...string) component {
	var c component
	for _, s := range scripts {
		c = append(c, &Worker{Account: "acc", Script: s})
	}
	return c
}

// homes turns shards into what the next assignment knows.
func homes(shards map[string][]*Worker) map[string]string {
	before := map[string]string{}
	for name, members := range shards {
		for _, w := range members {
			before[workerKey(w.Account, w.Script)] = name
		}
	}
	return before
}

func sizes(shards map[string][]*Worker) []int {
	var all []int
	for _, members := range shards {
		all = append(all, len(members))
	}
	slices.Sort(all)
	return all
}

func TestAWorkerThatLeavesAHomeLeavesItsShard(t *testing.T) {
	t.Parallel()
	before := homes(assign("acc/a", []component{one("a", "b")}, nil)) // connected by a binding
	for _, script := range []string{"a", "b"} {                       // and no longer
		home := "acc/" + script
		for name := range assign(home, []component{one(script)}, before) {
			if name != home+"#1" {
				t.Errorf("%s is in %s", script, name)
			}
		}
	}
}

func TestWorkersThatAreBoundToOneWithWebAssemblyAreAtItsHome(t *testing.T) {
	t.Parallel()
	compiled := &Worker{Account: "acc", Script: "go", Versions: []Share{{Version: &Version{Modules: []Module{{Name: "app.wasm", ContentType: "application/wasm"}}}}}}
	for want, c := range map[string]component{
		"acc":    one("a", "z"),
		"acc/go": {one("a")[0], compiled, one("z")[0]},
	} {
		if got := c.home(); got != want {
			t.Errorf("the home is %s, want %s", got, want)
		}
	}
}

func TestWorkersKeepTheirShard(t *testing.T) {
	t.Parallel()
	all := many("w", 2*shardSize+3)
	first := homes(assign("acc", all, nil))
	if got, want := sizes(assign("acc", all, nil)), []int{3, shardSize, shardSize}; !slices.Equal(got, want) {
		t.Fatalf("the first assignment has shards of %v, want %v", got, want)
	}
	for name, test := range map[string]struct {
		components []component
		moved      []string // scripts whose shard is another one
	}{
		"nothing changes":                        {all, nil},
		"a new Worker comes first by its name":   {append(many("a", 1), all...), nil},
		"most are deleted":                       {all[shardSize-1:], nil},
		"two of one shard get bound":             {append(slices.Clone(all[2:]), one("w000", "w001")), nil},
		"two of two shards get bound":            {append(slices.Clone(all[1:2*shardSize+2]), one("w000", fmt.Sprintf("w%03d", 2*shardSize+2))), []string{"w000"}},
		"a component grows out of a full shard":  {append(slices.Clone(all[1:]), one("new", "w000")), []string{"w000"}},
		"the components come in another order":   {reversed(all), nil},
		"one is bound with more than fit at all": {append(slices.Clone(all[1:]), append(one("w000"), slices.Concat(many("x", 2*shardSize)...)...)), []string{"w000"}},
	} {
		t.Run(name, func(t *testing.T) {
			now := assign("acc", test.components, first)
			var moved []string
			for key, shard := range homes(now) {
				if before := first[key]; before != "" && before != shard {
					moved = append(moved, strings.TrimPrefix(key, "acc/"))
				}
			}
			slices.Sort(moved)
			if diff := cmp.Diff(test.moved, moved); diff != "" {
				t.Errorf("these moved (-want +got):\n%s", diff)
			}
			together := homes(now)
			for _, c := range test.components {
				for _, w := range c {
					if together[workerKey("acc", w.Script)] != together[workerKey("acc", c[0].Script)] {
						t.Errorf("%s and %s are bound and apart", w.Script, c[0].Script)
					}
				}
			}
		})
	}
}

func reversed(all []component) []component {
	out := slices.Clone(all)
	slices.Reverse(out)
	return out
}

func TestNewWorkersFillTheEmptiestShard(t *testing.T) {
	t.Parallel()
	all := many("w", 3*shardSize)
	before := homes(assign("acc", all, nil))
	left := slices.Concat(all[:shardSize-1], all[shardSize:shardSize+2], all[2*shardSize:])
	now := assign("acc", append(left, one("new")), before)
	if got, want := sizes(now), []int{3, shardSize - 1, shardSize}; !slices.Equal(got, want) {
		t.Errorf("shards of %v, want %v", got, want)
	}
}

// processes are the ids of the running processes by the name of their group.
func (c *cloud) processes() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]int{}
	for name, g := range c.running {
		g.mu.Lock()
		if g.process != nil {
			all[name] = g.process.PID()
		}
		g.mu.Unlock()
	}
	return all
}

func TestARedeployRestartsOneProcessOfMany(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	var workers []Worker
	for i := range 60 {
		workers = append(workers, worker(fmt.Sprintf("w%02d", i), c.version(named(fmt.Sprint("first ", i)))))
	}
	c.apply(workers...)
	if got := c.processes(); len(got) != 0 {
		t.Errorf("nobody asked, and these processes run: %v", got)
	}
	for i := range workers {
		c.want(fmt.Sprintf("http://w%02d.localhost/", i), 200, fmt.Sprint("first ", i))
	}
	before := c.processes()
	if len(before) != 3 {
		t.Errorf("60 Workers run in %d processes, want 3", len(before))
	}
	workers[30] = worker("w30", c.version(named("second")))
	c.apply(workers...)
	c.want("http://w30.localhost/", 200, "second")
	var restarted []string
	for name, pid := range c.processes() {
		if before[name] != pid {
			restarted = append(restarted, name)
		}
	}
	if len(restarted) != 1 {
		t.Errorf("a redeploy restarted %v, want one process", restarted)
	}
	for i := range workers {
		if i != 30 {
			c.want(fmt.Sprintf("http://w%02d.localhost/", i), 200, fmt.Sprint("first ", i))
		}
	}
}

// A request of its own wakes each process once, however many come at the same time.
func TestManyFirstRequestsWakeOneProcess(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`let n = 0; export default { fetch() { return new Response(String(++n)) } }`)))
	const clients = 20
	answers := make(chan string, clients)
	for range clients {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.server.URL, nil)
			if err != nil {
				answers <- err.Error()
				return
			}
			req.Host = "w.localhost"
			res, err := c.server.Client().Do(req)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer func() { _ = res.Body.Close() }()
			body, _ := io.ReadAll(res.Body)
			answers <- string(body)
		}()
	}
	var got, want []string
	for i := range clients {
		got = append(got, <-answers)
		want = append(want, fmt.Sprint(i+1))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the requests did not all reach one process (-want +got):\n%s", diff)
	}
}

func TestAProcessWithNothingToDoEndsUntilTheNextRequest(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	class := Class{Name: "A", Key: "k"}
	c.apply(worker("w", c.version(named("w"))), worker("o", c.version(`import { DurableObject } from "cloudflare:workers"; export class A extends DurableObject {}; `+named("o")), class))
	c.want("http://w.localhost/", 200, "w")
	before := c.processes()
	c.mu.Lock()
	for _, g := range c.running {
		g.mu.Lock()
		g.used = g.used.Add(-dozeAfter)
		g.mu.Unlock()
	}
	c.mu.Unlock()
	c.until("the end of the process", func() bool { return len(c.processes()) < len(before) })
	if left := c.processes(); len(left) != 1 || left["acc/o"] != before["acc/o"] {
		t.Errorf("these processes are left: %v, want that of the objects, whose alarms need it", left)
	}
	c.want("http://w.localhost/", 200, "w")
	if now := c.processes(); now["acc#1"] == before["acc#1"] {
		t.Errorf("the process did not end: %v", now)
	}
}
