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
			for _, name := range targets(w.Script, bindings) {
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
		name, objects := w.Account, false
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
