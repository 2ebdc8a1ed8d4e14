package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/source"
)

// flagName is what a program can say, in any language.
var flagName = lazyregexp.New(`^[A-Za-z]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$`)

// features checks everything about feature flags that the schema cannot.
func (c *referenceChecker) features() {
	before := len(c.found)
	hosts := c.allHosts()
	for _, f := range c.p.tree.Get("features").Map() {
		if !flagName.MatchString(f.Key) {
			c.add("C014", f.Pos, fmt.Sprintf("the name %q in features is not in the right form", f.Key), "programs and commands call flags by name", "write at most 64 letters, digits, - and _, beginning with a letter")
		}
		c.ref("service", c.p.tree.Get("services").Keys(), f.Value.Get("owner"))
		c.flag(f)
		for _, d := range f.Value.Get("domains").Map() {
			c.name("hostname", hosts, d.Key, d.Pos)
			c.fits("features."+f.Key+".domains."+d.Key, f.Key, d.Value)
		}
	}
	for _, e := range c.p.tree.Get("environments").Map() {
		c.flagValues("environments."+e.Key, e.Value.Get("features"))
	}
	c.circle("features", "features depend on each other in a circle", "requires", func(v *source.Value) []*source.Value {
		return slices.Concat(v.Get("requires").List(), v.Get("conflicts").List())
	})
	if len(c.found) == before {
		c.conflicts()
	}
}

// allHosts are the hostnames of the portfolio, in every environment.
func (c *referenceChecker) allHosts() []string {
	var all []string
	for _, e := range c.p.Environments {
		for _, cust := range append([]*Customer{nil}, c.p.Customers...) {
			for host := range c.p.hostsOf(e, cust) {
				if !slices.Contains(all, host) {
					all = append(all, host)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// flag checks one declaration.
func (c *referenceChecker) flag(f source.Pair) {
	where := "features." + f.Key
	v := f.Value
	enum := v.Get("type").Str() == string(feature.TypeEnum)
	switch values := v.Pair("values"); {
	case enum && values == nil:
		c.add("C011", f.Pos, where+" needs values", "an enum is one of them", "add: values: [one, another]")
		return
	case !enum && values != nil:
		c.add("C010", values.Pos, where+" cannot have values", "only an enum has them", "write type: enum, or remove the values")
	}
	if boolean := v.Get("type") == nil || v.Get("type").Str() == string(feature.TypeBoolean); !boolean && v.Has("rollout") {
		c.add("C010", v.Pair("rollout").Pos, where+" cannot have a rollout", "it says for how many a boolean is on", "write a rule with a value and a percentage")
	}
	c.fits(where+".default", f.Key, v.Get("default"))
	for i, r := range v.Get("rules").List() {
		at := fmt.Sprintf("%s.rules.%d", where, i)
		c.fits(at+".value", f.Key, r.Get("value"))
		for _, condition := range r.Get("when").List() {
			ways := 0
			for _, way := range []string{"equals", "in", "prefix"} {
				if w := condition.Get(way); w != nil && (w.Kind == source.List || w.Str() != "") {
					ways++
				}
			}
			if condition.Kind == source.Map && ways != 1 {
				c.add("C011", condition.Pos, at+": a condition compares in one way", "", "write one of equals, in and prefix")
			}
		}
	}
	flags := c.p.tree.Get("features")
	for _, dependency := range []struct{ key, words string }{{"requires", "requires"}, {"conflicts", "conflicts with"}} {
		for _, other := range v.Get(dependency.key).List() {
			c.ref("feature", flags.Keys(), other)
			if t := flags.Get(other.Str(), "type"); t != nil && t.Str() != string(feature.TypeBoolean) {
				c.add("C028", other.Pos, fmt.Sprintf("%s %s %q, which is neither on nor off", where, dependency.words, other.Text), "its type is "+t.Str(), "name a boolean")
			}
		}
	}
}

// flagValues checks the values of flags in an environment or for a customer.
func (c *referenceChecker) flagValues(where string, values *source.Value) {
	for _, v := range values.Map() {
		c.name("feature", c.p.tree.Get("features").Keys(), v.Key, v.Pos)
		c.fits(where+".features."+v.Key, v.Key, v.Value)
	}
}

// fits reports a value that its flag cannot have.
func (c *referenceChecker) fits(where, flag string, v *source.Value) {
	f := c.p.featureNamed(flag)
	if f == nil || v == nil || v.Kind == source.Null || v.Kind == source.Map || v.Kind == source.List {
		return // reported as a name or by the schema
	}
	if _, err := f.declaration().Conform(v.Any()); err != nil {
		fix := ""
		switch {
		case f.Type == feature.TypeEnum:
			if near := diag.Nearest(v.Text, f.Values); near != "" {
				fix = fmt.Sprintf("did you mean %q?", near)
			}
		case f.Type == feature.TypeBoolean:
			fix = "write true or false"
		case f.Type == feature.TypeString:
			fix = fmt.Sprintf("put quotes around it: %q", v.Text)
		}
		c.add("C028", v.Pos, fmt.Sprintf("%s: %v", where, err), "", fix)
	}
}

// conflicts reports flags that are both on somewhere and must not be.
func (c *referenceChecker) conflicts() {
	told := map[string]bool{}
	for _, e := range c.p.Environments {
		for _, cust := range append([]*Customer{nil}, c.p.Customers...) {
			if cust != nil && (cust.Isolation == "shared" || !cust.RunsIn(e.Name)) {
				continue
			}
			owner := ""
			if cust != nil {
				owner = cust.Name
			}
			for _, clash := range FlagClashes(c.p.Flags(e.Name, owner), feature.Changes{}) {
				a := c.p.FlagOrigin(clash.Flag, e.Name, clash.Customer, clash.Domain, clash.Why)
				b := c.p.FlagOrigin(clash.Other, e.Name, clash.Customer, clash.Domain, clash.OtherWhy)
				if told[a.String()+b.String()] {
					continue
				}
				told[a.String()+b.String()] = true
				c.add("C029", a, fmt.Sprintf("%s and %s are both on %s", clash.Flag, clash.Other, clash.For(e.Name)),
					fmt.Sprintf("%s conflicts with %s, which is on by %s", clash.Flag, clash.Other, b), "turn one of the two off there")
			}
		}
	}
}

// Clash is two flags that conflict and are both on, without a subject or attributes.
type Clash struct {
	Flag, Other      string
	Why, OtherWhy    feature.Reason
	Customer, Domain string // for whom; both empty: for everybody
}

// For says for whom.
func (c Clash) For(environment string) string {
	var parts []string
	if c.Domain != "" {
		parts = append(parts, "for "+c.Domain)
	} else if c.Customer != "" {
		parts = append(parts, "for customer "+c.Customer)
	}
	if environment != "" {
		parts = append(parts, "in "+environment)
	}
	if len(parts) == 0 {
		return "at once"
	}
	return strings.Join(parts, " ")
}

// FlagClashes finds them, after changes. Services would turn the flag off that declares
// the conflict; who configures them should know.
func FlagClashes(d feature.Document, c feature.Changes) []Clash {
	free := d
	free.Flags = map[string]feature.Declaration{}
	for name, f := range d.Flags {
		f.Conflicts = nil
		free.Flags[name] = f
	}
	var all []Clash
	for _, in := range FlagContexts(d, c) {
		e, err := feature.Evaluate(free, c, in)
		if err != nil {
			return nil // something else is wrong with it
		}
		customer := in.Customer
		if customer == "" {
			customer = d.Customer
		}
		for _, name := range e.Names() {
			mine, _ := e.Detail(name)
			for _, other := range d.Flags[name].Conflicts {
				if theirs, _ := e.Detail(other); mine.Value == true && theirs.Value == true {
					all = append(all, Clash{name, other, mine.Reason, theirs.Reason, customer, in.Domain})
				}
			}
		}
	}
	return all
}

// FlagContexts are everybody, and then the customers and hostnames for which some flag
// has a value of its own.
func FlagContexts(d feature.Document, c feature.Changes) []feature.Context {
	customers, domains := map[string]bool{}, map[string]bool{}
	note := func(l feature.Levels) {
		for name := range l.Customers {
			customers[name] = true
		}
		for name := range l.Domains {
			domains[name] = true
		}
	}
	for name, f := range d.Flags {
		note(f.Levels)
		if f.Runtime {
			note(c.Flags[name])
		}
	}
	all := []feature.Context{{}}
	for _, name := range sortedKeys(customers) {
		if name != d.Customer {
			all = append(all, feature.Context{Customer: name})
		}
	}
	for _, name := range sortedKeys(domains) {
		all = append(all, feature.Context{Domain: name, Customer: d.Hosts[name]})
	}
	return all
}

func sortedKeys(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
