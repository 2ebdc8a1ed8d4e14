package runtime

import (
	"cmp"
	"fmt"
	"slices"
)

// groups decides which Workers share a process. Bindings by RPC and to durable
// objects work within a process only, so Workers that bindings connect are together.
// A durable object's files may have one process at a time, which makes replacing it
// slower; so Workers that have nothing to do with any are kept apart, in shards.
func (r *Runtime) groups(workers []*Worker) ([]*group, error) {
	components, err := connected(workers)
	if err != nil {
		return nil, err
	}
	byName := map[string]*group{}
	plain := map[string][]component{} // by home
	for _, c := range components {
		if name, err := c.objects(); err != nil {
			return nil, err
		} else if name != "" {
			name = c[0].Account + "/" + name
			byName[name] = &group{name: name, workers: c, objects: true}
			continue
		}
		if name := r.apart(c); name != "" {
			byName[name] = &group{name: name, workers: c}
			continue
		}
		plain[c.home()] = append(plain[c.home()], c)
	}
	before := r.shards()
	for home, all := range plain {
		for name, members := range assign(home, all, before) {
			byName[name] = &group{name: name, workers: members}
		}
	}
	var all []*group
	for _, g := range byName {
		slices.SortFunc(g.workers, byScript)
		if err := r.configure(g, r.tolerance()); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// shards says in which process each plain Worker is now, by its key.
func (r *Runtime) shards() map[string]string {
	now := map[string]string{}
	for name, g := range r.running {
		if g.objects || g.apart() {
			continue
		}
		for _, w := range g.workers {
			now[w.key()] = name
		}
	}
	return now
}

// component is Workers of one account that bindings connect, sorted by script.
type component []*Worker

// home is that of a member with WebAssembly, wherever it stands: to start such a process
// is what the others of the account are to be spared.
func (c component) home() string {
	if i := slices.IndexFunc(c, (*Worker).compiles); i >= 0 {
		return c[i].home()
	}
	return c[0].home()
}

func byScript(a, b *Worker) int { return cmp.Compare(a.Script, b.Script) }

// objects is the first script that has durable objects, or "".
func (c component) objects() (string, error) {
	first := ""
	for _, w := range c {
		for _, class := range w.Classes {
			if !validKey(class.Key) {
				return "", fmt.Errorf("durable object class %q of %q has the key %q, which is no name of a folder", class.Name, w.Script, class.Key)
			}
		}
		if first == "" && w.hasObjects() {
			first = w.Script
		}
	}
	return first, nil
}

// connected takes workers apart, by their bindings. The components are sorted by
// their first scripts.
func connected(workers []*Worker) ([]component, error) {
	parent := map[*Worker]*Worker{}
	byKey := map[string]*Worker{}
	for _, w := range workers {
		parent[w] = w
		byKey[workerKey(w.Account, w.Script)] = w
	}
	root := func(w *Worker) *Worker {
		for parent[w] != w {
			parent[w] = parent[parent[w]]
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
	index := map[*Worker]int{}
	var all []component
	for _, w := range slices.SortedFunc(slices.Values(workers), byScript) {
		i, known := index[root(w)]
		if !known {
			i = len(all)
			index[root(w)] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], w)
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
	return r.configure(more, strict) == nil && gen.usable(more.digest)
}
