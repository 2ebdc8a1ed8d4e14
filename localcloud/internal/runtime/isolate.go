package runtime

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Isolation is a Worker that runs apart from the others of its account, because it
// disturbed them. It ends when another version of it is deployed.
type Isolation struct {
	Account  string    `json:"account"`
	Script   string    `json:"script"`
	Versions []string  `json:"versions"`
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
}

// isolation is an Isolation, and what led to it.
type isolation struct {
	Isolation
	incident *incident
}

// incident is one disturbance, for which several Workers may be isolated though one of
// them is guilty.
type incident struct {
	acquitted map[string]bool // by key of the Worker; Runtime.learnt guards it
}

func newIncident() *incident { return &incident{acquitted: map[string]bool{}} }

// acquits reports that it is known that it was not this Worker.
func (r *Runtime) acquits(i *incident, w *Worker) bool {
	r.learnt.Lock()
	defer r.learnt.Unlock()
	return i.acquitted[w.key()]
}

// versionsOf are the ids of a Worker's versions, sorted.
func versionsOf(w *Worker) []string {
	var ids []string
	for _, s := range w.Versions {
		ids = append(ids, s.Version.ID)
	}
	slices.Sort(ids)
	return ids
}

// Isolated are the Workers that are isolated now, sorted by script and account.
func (r *Runtime) Isolated() []Isolation {
	r.learnt.Lock()
	defer r.learnt.Unlock()
	all := make([]Isolation, 0, len(r.isolated))
	for _, i := range r.isolated {
		all = append(all, i.Isolation)
	}
	slices.SortFunc(all, func(a, b Isolation) int {
		return cmp.Or(strings.Compare(a.Script, b.Script), strings.Compare(a.Account, b.Account))
	})
	return all
}

// isolated stands in the names of groups of isolated Workers.
const isolated = "!"

// apart reports that the group is that of an isolated Worker.
func (g *group) apart() bool { return strings.Contains(g.name, isolated) }

// apart is the name of the process of a component with an isolated Worker, or "".
func (r *Runtime) apart(c component) string {
	r.learnt.Lock()
	defer r.learnt.Unlock()
	for _, w := range c {
		if i, ok := r.isolated[w.key()]; ok && slices.Equal(i.Versions, versionsOf(w)) {
			return c.home() + isolated + w.Script
		}
	}
	return ""
}

// forgive ends the isolation of Workers that have other versions now, or are gone. The
// caller holds r.mu.
func (r *Runtime) forgive() {
	served := map[string][]string{}
	for _, w := range r.state.Workers {
		served[w.key()] = versionsOf(&w)
	}
	r.learnt.Lock()
	defer r.learnt.Unlock()
	for key, i := range r.isolated {
		if !slices.Equal(i.Versions, served[key]) {
			delete(r.isolated, key)
		}
	}
}

// isolate gives guilty Workers of g a process of their own, if g has others too, and
// calls then when everybody has a new one. If g is such a process itself, it is certain
// who it was, and those that were isolated by the same incident are not any more. It
// does not wait.
func (r *Runtime) isolate(g *generation, i *incident, guilty []*Worker, reason string, then func()) {
	if g.objects || len(guilty) == 0 {
		return // nobody else is there, or nobody knows who it was
	}
	r.tasks.Go(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.running[g.name] != g || isClosed(r.closed) {
			return // replaced meanwhile, by somebody else
		}
		if g.apart() {
			if !r.pardon(guilty) {
				return
			}
		} else {
			r.accuse(i, guilty, reason)
		}
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if _, err := r.apply(ctx, r.state); err != nil {
			r.log.Error("a Worker that disturbs others could not be isolated", "scripts", scripts(guilty), "error", err)
			return
		}
		then()
	})
}

// accuse isolates Workers from the next Apply on.
func (r *Runtime) accuse(i *incident, guilty []*Worker, reason string) {
	r.learnt.Lock()
	defer r.learnt.Unlock()
	now := time.Now().UTC()
	for _, w := range guilty {
		r.isolated[w.key()] = isolation{Isolation{Account: w.Account, Script: w.Script, Versions: versionsOf(w), Since: now, Reason: reason}, i}
	}
	r.log.Warn("Workers are isolated: they run in processes of their own until another version of them is deployed", "scripts", scripts(guilty), "why", reason)
}

// pardon ends, from the next Apply on, the isolation of those that were isolated
// together with guilty ones. It reports whether there are any.
func (r *Runtime) pardon(guilty []*Worker) bool {
	r.learnt.Lock()
	defer r.learnt.Unlock()
	certain, incidents := map[string]bool{}, map[*incident]bool{}
	for _, w := range guilty {
		certain[w.key()] = true
		if i, ok := r.isolated[w.key()]; ok {
			incidents[i.incident] = true
		}
	}
	var innocent []string
	for key, i := range r.isolated {
		if incidents[i.incident] && !certain[key] {
			innocent = append(innocent, i.Script)
			i.incident.acquitted[key] = true
			delete(r.isolated, key)
		}
	}
	if len(innocent) > 0 {
		r.log.Info("Workers share a process with others again", "scripts", strings.Join(innocent, ", "), "because it was", scripts(guilty))
	}
	return len(innocent) > 0
}

// deadly is how often within deadlySpan a process may die under requests to a Worker
// before that is isolated.
const (
	deadly     = 2
	deadlySpan = time.Minute
)

// noticing is how much earlier than its death a process's broken connections may be
// noticed.
const noticing = 2 * time.Second

// blame notes who had requests under way when the process died; g.mu is held.
func (g *generation) blame() {
	present := map[string]*Worker{}
	for x := range g.exchanges {
		present[x.worker.key()] = x.worker
	}
	for key, last := range g.left {
		if last.failed && time.Since(last.at) < noticing {
			present[key] = last.worker
		}
	}
	var guilty []*Worker
	g.r.learnt.Lock()
	for key, w := range present {
		recent := slices.DeleteFunc(g.r.deaths[key], func(at time.Time) bool { return time.Since(at) > deadlySpan })
		g.r.deaths[key] = append(recent, time.Now())
		if len(g.r.deaths[key]) >= deadly {
			guilty = append(guilty, w)
			delete(g.r.deaths, key)
		}
	}
	g.r.learnt.Unlock()
	g.r.isolate(g, newIncident(), guilty, "the process that it shared with others died under its requests", func() {})
}
