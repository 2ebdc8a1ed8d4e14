package runtime

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Previewed is asked for the version of a Worker that a preview URL means: name is the 8
// digits with which its id begins, or an alias. It is nil when there is none.
type Previewed func(ctx context.Context, account, script, name string) (*Version, error)

// preview is a version that is not deployed, at an address of its own: alone in a process
// with the Workers that it calls, as they are deployed. The process starts with the first
// request, ends as those of other Workers do, and is another after each Apply.
type preview struct {
	worker     *Worker // with this version only
	generation *generation
}

// longestHostname is as long as one can be. Longer ones may have so many hyphens that to try
// them all takes seconds.
const longestHostname = 253

// previewed is the Worker and the version that a hostname means which no Worker that is
// served has: NAME-SCRIPT before .localhost, and on workers.dev where the Worker has
// preview URLs.
func (r *Runtime) previewed(ctx context.Context, t *table, host string) (match, error) {
	if host = Hostname(host); len(host) > longestHostname {
		return match{}, nil
	}
	scripts, dev := t.previews, true
	if name, ok := strings.CutSuffix(host, ".localhost"); ok {
		host, scripts, dev = name, t.scripts, false
	}
	if r.options.Previewed == nil {
		return match{}, nil
	}
	for name, rest, found := strings.Cut(host, "-"); found; {
		if w := scripts[rest]; w != nil && name != "" {
			v, err := r.options.Previewed(ctx, w.Account, w.Script, name)
			if err != nil || v != nil {
				return match{worker: w, version: v, dev: dev, preview: true}, err
			}
		}
		var more string // the names of Workers and aliases may have hyphens
		more, rest, found = strings.Cut(rest, "-")
		name += "-" + more
	}
	return match{}, nil
}

// orPreviewed is what was found for a host, or else what it means as a preview URL.
func (r *Runtime) orPreviewed(ctx context.Context, t *table, m match, host string) (match, error) {
	if m.worker != nil || m.excluded != "" {
		return m, nil
	}
	found, err := r.previewed(ctx, t, host)
	if found.worker == nil {
		return m, err
	}
	return found, err
}

// noPreview is why a version is not run: a Worker with durable objects would be reached,
// whose files are those of the process that serves it.
type noPreview struct{ script string }

func (e *noPreview) Error() string {
	return "a version that is not deployed has no preview URL when Durable Objects can be reached from it, as those of Worker \"" + e.script + "\" can: deploy it at 0 % and use a version override"
}

func (e *noPreview) write(w http.ResponseWriter) {
	http.Error(w, e.Error(), http.StatusNotImplemented)
}

// runner is the generation that runs what was found, and the Worker as it is there.
func (r *Runtime) runner(t *table, m match) (*generation, *Worker, error) {
	if !m.preview {
		return t.generations[m.worker], m.worker, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if isClosed(r.closed) || r.table.Load() != t { // another state is served: what was found is of the one before
		return nil, nil, errRetired
	}
	p := r.previews[m.version.ID]
	if p == nil {
		w := *m.worker
		w.Versions = []Share{{Version: m.version, Percentage: 100}}
		g := &group{name: w.Account + "/preview of " + w.Script + "@" + m.version.ID}
		var err error
		if g.workers, err = r.reached(&w); err == nil {
			err = r.configure(g, tolerant)
		}
		if err != nil {
			return nil, nil, err
		}
		p = &preview{worker: &w, generation: r.newGeneration(g)}
		p.generation.sleep()
		r.previews[m.version.ID] = p
	}
	return p.generation, p.worker, nil
}

// reached are w and the Workers that its bindings lead to, and theirs. The caller holds
// r.mu.
func (r *Runtime) reached(w *Worker) ([]*Worker, error) {
	served := map[string]*Worker{}
	for _, one := range r.state.Workers {
		served[one.key()] = &one
	}
	all := []*Worker{w}
	for i := 0; i < len(all); i++ {
		one := all[i]
		if one.hasObjects() {
			return nil, &noPreview{one.Script}
		}
		names := slices.Clone(one.TailConsumers)
		for _, s := range one.Versions {
			bindings, err := decodeBindings(s.Version)
			if err != nil {
				return nil, err
			}
			names = append(names, targets(one.Script, bindings)...)
		}
		for _, name := range names {
			key := workerKey(w.Account, name)
			if target := served[key]; target != nil && !slices.ContainsFunc(all, func(w *Worker) bool { return w.key() == key }) {
				all = append(all, target)
			}
		}
	}
	slices.SortFunc(all, byScript)
	return all, nil
}

// dropPreviews lets the previews end: what they call may be another now. The caller holds
// r.mu.
func (r *Runtime) dropPreviews() {
	for p := range maps.Values(r.previews) {
		p.generation.retire()
		r.drains.Go(func() { p.generation.drain(r.closed) })
	}
	clear(r.previews)
}
