package runtime

import (
	"cmp"
	"fmt"
	"slices"
)

// groups decides which Workers share a process. Bindings by RPC and to durable
// objects work within a process only, so Workers that bindings connect are together.
// A durable object's files may have one process at a time, which makes replacing it
// slower; so Workers that have nothing to do with any are kept apart, all those of
// an account in one process.
func (r *Runtime) groups(workers []*Worker) ([]*group, error) {
	parent := map[*Worker]*Worker{}
	byKey := map[string]*Worker{}
	for _, w := range workers {
		parent[w] = w
		byKey[workerKey(w.Account, w.Script)] = w
	}
	root := func(w *Worker) *Worker {
		for parent[w] != w {
			w = parent[w]
		}
		return w
	}
	for _, w := range workers {
		for _, s := range w.Versions {
			bindings, err := decodeBindings(s.Version)
			if err != nil {
				return nil, err
			}
			for _, name := range append(targets(w.Script, bindings), w.TailConsumers...) {
				if target := byKey[workerKey(w.Account, name)]; target != nil {
					parent[root(w)] = root(target)
				}
			}
		}
	}
	withObjects := map[*Worker]string{} // the first script with objects of each component
	for _, w := range workers {
		for _, c := range w.Classes {
			if !validKey(c.Key) {
				return nil, fmt.Errorf("durable object class %q of %q has the key %q, which is no name of a folder", c.Name, w.Script, c.Key)
			}
		}
		if name := withObjects[root(w)]; w.hasObjects() && (name == "" || w.Script < name) {
			withObjects[root(w)] = w.Script
		}
	}
	byName := map[string]*group{}
	for _, w := range workers {
		name, objects := w.home(), false
		if first := withObjects[root(w)]; first != "" {
			name, objects = w.Account+"/"+first, true
		}
		if byName[name] == nil {
			byName[name] = &group{name: name, objects: objects}
		}
		byName[name].workers = append(byName[name].workers, w)
	}
	var all []*group
	for _, g := range byName {
		slices.SortFunc(g.workers, func(a, b *Worker) int { return cmp.Compare(a.Script, b.Script) })
		if err := r.configure(g); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// covers reports that gen serves g as well, and only runs versions besides that no
// longer get traffic. Then it stays: moving the traffic to a version that was at 0 %
// costs no start of a process. The next change leaves the old versions out.
func (r *Runtime) covers(gen *generation, g *group) bool {
	if len(gen.workers) != len(g.workers) {
		return false
	}
	more := &group{name: g.name, objects: g.objects}
	for i, old := range gen.workers { // both are sorted
		now := *g.workers[i]
		if now.Account != old.Account || now.Script != old.Script {
			return false
		}
		wanted := now.Versions
		now.Versions = nil
		kept := 0
		for _, s := range old.Versions {
			s.Percentage = 0
			if j := slices.IndexFunc(wanted, func(w Share) bool { return w.Version.ID == s.Version.ID }); j >= 0 {
				s = wanted[j]
				kept++
			}
			now.Versions = append(now.Versions, s)
		}
		if kept != len(wanted) {
			return false
		}
		more.workers = append(more.workers, &now)
	}
	return r.configure(more) == nil && gen.usable(more.digest)
}
