// Package portfolio puts many targets in order: what needs what, and what may go at
// the same time.
package portfolio

import (
	"cmp"
	"slices"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// Order is the waves in which targets are released: every target comes after those
// that it needs, of the same environment and customer. Targets that need each other
// are one wave, marked as a circle. Needs outside targets do not count. The order
// inside a wave is that of targets.
func Order(targets []project.Target) []deploy.Wave {
	g := graph{targets: targets, index: map[project.TargetID]int{}}
	for i, t := range targets {
		g.index[t.TargetID] = i
	}
	groups := g.components()
	depth := make([]int, len(groups))
	in := make([]int, len(targets))
	deepest := 0
	for n, group := range groups { // needs come before those that need them
		for _, i := range group {
			in[i] = n
		}
		for _, i := range group {
			for _, j := range g.needs(i) {
				if in[j] != n {
					depth[n] = max(depth[n], depth[in[j]]+1)
				}
			}
		}
		deepest = max(deepest, depth[n])
	}
	var waves []deploy.Wave
	for d := range deepest + 1 {
		var flat []int
		for n, group := range groups {
			if depth[n] != d {
				continue
			}
			if len(group) == 1 {
				flat = append(flat, group[0])
				continue
			}
			waves = append(waves, wave(targets, group, true))
		}
		if len(flat) > 0 {
			waves = append(waves, wave(targets, flat, false))
		}
	}
	return waves
}

func wave(targets []project.Target, members []int, circle bool) deploy.Wave {
	slices.Sort(members)
	w := deploy.Wave{Circle: circle}
	for _, i := range members {
		w.Targets = append(w.Targets, targets[i].TargetID)
	}
	return w
}

// graph is targets and what they need.
type graph struct {
	targets []project.Target
	index   map[project.TargetID]int
}

// needs is the targets that i needs.
func (g graph) needs(i int) []int {
	t := g.targets[i]
	var list []int
	for _, service := range t.Needs {
		id := t.TargetID
		id.Service = service
		if j, ok := g.index[id]; ok && j != i {
			list = append(list, j)
		}
	}
	return list
}

// components is the groups of targets that need each other (Tarjan's algorithm), each
// after those that it needs.
func (g graph) components() [][]int {
	n := len(g.targets)
	number := make([]int, n) // 0: not seen
	low := make([]int, n)
	onStack := make([]bool, n)
	var stack []int
	var groups [][]int
	next := 0
	var visit func(int)
	visit = func(i int) {
		next++
		number[i], low[i] = next, next
		stack = append(stack, i)
		onStack[i] = true
		for _, j := range g.needs(i) {
			if number[j] == 0 {
				visit(j)
				low[i] = min(low[i], low[j])
			} else if onStack[j] {
				low[i] = min(low[i], number[j])
			}
		}
		if low[i] != number[i] {
			return
		}
		at := slices.Index(stack, i)
		group := slices.Clone(stack[at:])
		for _, j := range group {
			onStack[j] = false
		}
		stack = stack[:at]
		slices.SortFunc(group, cmp.Compare[int])
		groups = append(groups, group)
	}
	for i := range g.targets {
		if number[i] == 0 {
			visit(i)
		}
	}
	return groups
}
