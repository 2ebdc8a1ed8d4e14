package runtime

import (
	"context"
	"slices"
	"time"
)

// preparedFor is how long a process that was prepared waits for its deployment, once its
// version has been taken.
const preparedFor = 3 * time.Second

// prepare starts, in the background, the process that a deployment of v would need.
// Whether there will be one is not known, so nothing depends on it. checked tells what
// became of the version: a process for one that is refused ends, unless it is in use.
func (r *Runtime) prepare(account, script string, v *Version, classes []Class) (checked func(error)) {
	ctx, cancel := context.WithCancel(context.Background())
	taken := make(chan struct{})
	r.tasks.Go(func() {
		defer cancel()
		g, started := r.preparation(account, script, v, classes)
		if g == nil {
			return
		}
		go func() {
			select {
			case <-r.closed:
				cancel()
			case <-ctx.Done():
			}
		}()
		started <- g.launch(ctx, strict)
		select {
		case <-ctx.Done():
		case <-taken:
			select {
			case <-ctx.Done():
			case <-time.After(preparedFor):
			}
		}
		r.forget(g)
	})
	return func(err error) {
		if err != nil {
			cancel()
		} else {
			close(taken)
		}
	}
}

// preparation is the generation that would serve v beside all that is served now, and
// how its start is told. It is nil where the process before has to end first, because of
// durable objects, and where nobody has asked for it lately.
func (r *Runtime) preparation(account, script string, v *Version, classes []Class) (*generation, chan<- error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if isClosed(r.closed) || !isClosed(r.applied) {
		return nil, nil
	}
	next := &Worker{Account: account, Script: script}
	var all []*Worker
	for _, w := range r.state.Workers {
		if w.Account == account && w.Script == script {
			*next = w
			continue
		}
		all = append(all, &w)
	}
	share := Share{Version: v}
	if len(next.Versions) == 0 {
		share.Percentage = 100
	}
	next.Versions, next.Classes = append(slices.Clone(next.Versions), share), classes
	groups, err := r.groups(append(all, next))
	if err != nil {
		return nil, nil // Check says what is wrong
	}
	i := slices.IndexFunc(groups, func(g *group) bool { return slices.Contains(g.workers, next) })
	if before := r.running[groups[i].name]; groups[i].objects || before != nil && (before.objects || !before.awake()) {
		return nil, nil
	}
	g, started := r.newGeneration(groups[i]), make(chan error, 1)
	g.preparing = started
	if old := r.prepared[g.name]; old != nil {
		r.tasks.Go(func() {
			old.retire()
			old.discard()
		})
	}
	r.prepared[g.name] = g
	return g, started
}

// takePrepared is the generation that was prepared for g, nil when there is none.
// The caller holds r.mu.
func (r *Runtime) takePrepared(g *group) *generation {
	p := r.prepared[g.name]
	if p == nil || !p.usable(g.digest) && !r.covers(p, g) {
		return nil
	}
	delete(r.prepared, g.name)
	return p
}

// forget ends a generation that was prepared and that nobody has taken.
func (r *Runtime) forget(g *generation) {
	r.mu.Lock()
	unused := r.prepared[g.name] == g
	if unused {
		delete(r.prepared, g.name)
	}
	r.mu.Unlock()
	if unused {
		g.retire()
		g.discard()
	}
}
