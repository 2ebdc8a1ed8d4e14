package feature

import (
	"cmp"
	"math"
	"slices"
)

// definitions are the flags of a document, checked, in the order of their names. They
// do not change.
type definitions struct {
	Document
	names      []string
	index      map[string]int
	flags      []definition
	attributes []string // that rules ask the program for
}

// definition is one flag; values in it are conformed.
type definition struct {
	Declaration
	name      string
	seed      uint32
	levels    levels
	rules     []rule
	requires  []int
	conflicts []int
}

// levels are Levels with conformed values.
type levels struct {
	environment        *step
	customers, domains map[string]step
}

// step is an assignment or rule, ready to be tried.
type step struct {
	value  any
	below  uint32 // buckets below it; everybody when it is [everybody]
	reason Reason
}

// everybody is the share of all, including those without a subject.
const everybody = math.MaxUint32

type rule struct {
	step
	when []condition
}

// condition is a Condition that knows where its attribute is: in definitions.attributes,
// or, below zero, in the context itself.
type condition struct {
	Condition
	at int
}

const (
	ofEnvironment = -1 - iota
	ofCustomer
	ofDomain
)

// attribute is where the attribute with this name is.
func (defs *definitions) attribute(name string) int {
	switch name {
	case "environment":
		return ofEnvironment
	case "customer":
		return ofCustomer
	case "domain":
		return ofDomain
	}
	if i := slices.Index(defs.attributes, name); i >= 0 {
		return i
	}
	defs.attributes = append(defs.attributes, name)
	return len(defs.attributes) - 1
}

// define checks a document. Everything that is wrong is in the error.
func define(d Document) (*definitions, error) {
	defs := &definitions{Document: d, names: sorted(d.Flags), index: map[string]int{}}
	for i, name := range defs.names {
		defs.index[name] = i
	}
	var wrong problems
	for _, name := range defs.names {
		defs.flags = append(defs.flags, defs.flag(name, d.Flags[name], &wrong))
	}
	if len(wrong) == 0 {
		defs.circles(&wrong)
	}
	return defs, wrong.err()
}

func (defs *definitions) flag(name string, d Declaration, wrong *problems) definition {
	f := definition{Declaration: d, name: name, seed: murmur3(name, 0)}
	if name == "" {
		wrong.addf("a flag has no name")
	}
	if d.kind() == TypeEnum && len(d.Values) == 0 {
		wrong.addf("flag %q has no values", name)
	}
	var err error
	if f.Default, err = d.Conform(d.Default); err != nil {
		wrong.addf("the default of flag %q: %w", name, err)
	}
	f.levels = f.conformed(d.Levels, declared, func(where string, err error) { wrong.addf("the value of flag %q for %s: %w", name, where, err) })
	for i, r := range d.Rules {
		s, err := f.step(Assignment{r.Value, r.Percentage}, ReasonRule)
		if err != nil {
			wrong.addf("rule %d of flag %q: %w", i+1, name, err)
		}
		ready := rule{step: s}
		for _, c := range r.When {
			if c.Attribute == "" || c.ways() != 1 {
				wrong.addf("rule %d of flag %q: a condition needs an attribute and one of equals, in and prefix", i+1, name)
			}
			ready.when = append(ready.when, condition{c, defs.attribute(c.Attribute)})
		}
		f.rules = append(f.rules, ready)
	}
	f.requires = defs.references(name, "requires", d.Requires, wrong)
	f.conflicts = defs.references(name, "conflicts with", d.Conflicts, wrong)
	return f
}

func (c Condition) ways() int {
	n := 0
	for _, there := range []bool{c.Equals != "", c.In != nil, c.Prefix != ""} {
		if there {
			n++
		}
	}
	return n
}

func (defs *definitions) references(name, how string, to []string, wrong *problems) []int {
	var list []int
	for _, other := range to {
		i, ok := defs.index[other]
		switch {
		case !ok:
			wrong.addf("flag %q %s %q, which is not declared", name, how, other)
		case defs.Flags[other].kind() != TypeBoolean:
			wrong.addf("flag %q %s %q, which is neither on nor off: its type is %s", name, how, other, defs.Flags[other].kind())
		default:
			list = append(list, i)
		}
	}
	return list
}

// mostNeeded bounds how many flags are asked for one, along all ways that lead to them.
const mostNeeded = 1000

// circles finds flags that depend on themselves, or on too much.
func (defs *definitions) circles(wrong *problems) {
	const onTheWay = -1
	asked := make([]int, len(defs.flags)) // 0: not looked at
	var visit func(int) bool
	visit = func(i int) bool {
		if asked[i] != 0 {
			return asked[i] != onTheWay
		}
		asked[i] = onTheWay
		n := 1
		for _, to := range defs.flags[i].needs() {
			if !visit(to) {
				return false
			}
			n = min(n+asked[to], mostNeeded+1)
		}
		asked[i] = n
		return true
	}
	for i, name := range defs.names {
		if !visit(i) {
			wrong.addf("flag %q depends on itself by requires and conflicts", name)
			return
		}
		if asked[i] > mostNeeded {
			wrong.addf("flag %q depends on others in more than %d ways", name, mostNeeded)
			return
		}
	}
}

// needs are the flags that decide over this one.
func (f *definition) needs() []int { return slices.Concat(f.requires, f.conflicts) }

// origin says which reasons the levels of one document have.
type origin struct{ domain, customer, environment Reason }

var (
	declared = origin{ReasonDomain, ReasonCustomer, ReasonEnvironment}
	changed  = origin{ReasonRuntimeDomain, ReasonRuntimeCustomer, ReasonRuntimeEnvironment}
)

// conformed is l with values of the flag's type. What is none is told and left out.
func (f *definition) conformed(l Levels, from origin, tell func(where string, err error)) levels {
	var out levels
	if l.Environment != nil {
		s, err := f.step(*l.Environment, from.environment)
		if err != nil {
			tell("the environment", err)
		} else {
			out.environment = &s
		}
	}
	each := func(what string, all map[string]Assignment, reason Reason) map[string]step {
		var steps map[string]step
		for _, name := range sorted(all) {
			s, err := f.step(all[name], reason)
			if err != nil {
				tell(what+" "+name, err)
				continue
			}
			if steps == nil {
				steps = map[string]step{}
			}
			steps[name] = s
		}
		return steps
	}
	out.customers = each("customer", l.Customers, from.customer)
	out.domains = each("domain", l.Domains, from.domain)
	return out
}

func (f *definition) step(a Assignment, reason Reason) (step, error) {
	v, err := f.Conform(a.Value)
	s := step{value: v, below: everybody, reason: reason}
	if p := a.Percentage; err == nil && p != nil {
		if !(*p >= 0 && *p <= 100) {
			return s, errPercentage
		}
		if *p < 100 {
			s.below = uint32(math.Ceil(*p * 100))
		}
	}
	return s, err
}

// changes are conformed Changes, by index of the flag.
type changes map[int]levels

func (defs *definitions) changes(c Changes) changes {
	out := changes{}
	for name, l := range c.Flags {
		i, ok := defs.index[name]
		if !ok || !defs.flags[i].Runtime {
			continue
		}
		conformed := defs.flags[i].conformed(l, changed, func(string, error) {})
		if conformed.environment != nil || conformed.customers != nil || conformed.domains != nil {
			out[i] = conformed
		}
	}
	return out
}

// customerOf is the customer of a context.
func (defs *definitions) customerOf(c Context) string {
	return cmp.Or(c.Customer, defs.Customer, defs.Hosts[c.Domain])
}
