package feature

import (
	"slices"
	"strings"
)

// set is what all flags are for one domain and customer, as far as that can be said
// without the subject and its attributes: the values of flags that are decided, and for
// others the steps that are left. It does not change, and many requests share it.
type set struct {
	defs             *definitions
	domain, customer string
	changes          changes
	states           []state  // by index, and after the last flag that of nothing, which is off
	values           []any    // of fixed flags; nil of nothing
	reasons          []Reason // of fixed flags
	steps            [][]rule // of open flags: what is left to be tried; the last one always applies
}

// state is what is known of a flag.
type state uint8

const (
	open    state = iota // it depends on the request
	fixed                // it has a value, which is not true
	fixedOn              // it is true
)

// resolve makes the set of a domain and customer; some flags have the values that
// overrides say, by index.
func (defs *definitions) resolve(domain, customer string, c changes, overrides map[int]any) *set {
	n := len(defs.flags)
	s := &set{
		defs: defs, domain: domain, customer: customer, changes: c,
		states: make([]state, n+1), values: make([]any, n+1), reasons: make([]Reason, n), steps: make([][]rule, n),
	}
	s.states[n] = fixed
	done := make([]bool, n)
	var visit func(i int)
	visit = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for _, to := range defs.flags[i].needs() {
			visit(to)
		}
		if v, ok := overrides[i]; ok {
			s.fix(i, v, ReasonOverride)
			return
		}
		s.decide(i, c[i])
	}
	for i := range defs.flags {
		visit(i)
	}
	return s
}

// decide fixes flag i when it can be. The flags that it needs are decided.
func (s *set) decide(i int, c levels) {
	f := &s.defs.flags[i]
	steps := s.tried(f, c)
	if v, reason, ok := s.forced(f); ok {
		s.fix(i, v, reason)
		return
	}
	needsFixed := !slices.ContainsFunc(f.needs(), func(to int) bool { return s.states[to] == open })
	if first := steps[0]; len(steps) == 1 && needsFixed {
		s.fix(i, first.value, first.reason)
		return
	}
	s.steps[i] = steps
}

// forced is what a flag is, whatever its own values, when a fixed flag turns it off. A
// requirement that is open comes before conflicts: it may be the reason.
func (s *set) forced(f *definition) (any, Reason, bool) {
	for _, to := range f.requires {
		if s.states[to] == fixed {
			return f.off(), ReasonRequires, true
		}
	}
	if slices.ContainsFunc(f.requires, func(to int) bool { return s.states[to] == open }) {
		return nil, "", false
	}
	for _, to := range f.conflicts {
		if s.states[to] == fixedOn {
			return f.off(), ReasonConflicts, true
		}
	}
	return nil, "", false
}

func (f *definition) off() any {
	if f.kind() == TypeBoolean {
		return false
	}
	return f.Default
}

func (s *set) fix(i int, v any, reason Reason) {
	s.states[i], s.values[i], s.reasons[i] = fixed, v, reason
	if v == true {
		s.states[i] = fixedOn
	}
}

// tried is what is to be tried, in order, without what cannot apply; it ends with one
// that always does.
func (s *set) tried(f *definition, c levels) []rule {
	var out []rule
	add := func(r rule) bool { // false: nothing after it counts
		if r.below > 0 {
			out = append(out, r)
		}
		return r.below != everybody || len(r.when) > 0
	}
	for _, l := range []levels{c, f.levels} {
		if step, ok := l.domains[s.domain]; ok && s.domain != "" && !add(rule{step: step}) {
			return out
		}
		if step, ok := l.customers[s.customer]; ok && s.customer != "" && !add(rule{step: step}) {
			return out
		}
		if l.environment != nil && !add(rule{step: *l.environment}) {
			return out
		}
	}
	for _, r := range f.rules {
		left, possible := s.left(r.when)
		if possible && !add(rule{r.step, left}) {
			return out
		}
	}
	add(rule{step: step{value: f.Default, below: everybody, reason: ReasonDefault}})
	return out
}

// left are the conditions that depend on the request; possible is false when another
// one fails.
func (s *set) left(when []condition) (left []condition, possible bool) {
	for _, c := range when {
		var value string
		switch c.at {
		case ofEnvironment:
			value = s.defs.Environment
		case ofCustomer:
			value = s.customer
		case ofDomain:
			value = s.domain
		default:
			left = append(left, c)
			continue
		}
		if value == "" || !c.holds(value) {
			return nil, false
		}
	}
	return left, true
}

// holds compares a value that is there.
func (c *Condition) holds(value string) bool {
	switch {
	case c.Equals != "":
		return value == c.Equals
	case c.Prefix != "":
		return strings.HasPrefix(value, c.Prefix)
	}
	return slices.Contains(c.In, value)
}
