package feature

import "errors"

var errPercentage = errors.New("a percentage is from 0 to 100")

// Reason says why a flag has its value.
type Reason string

// Reasons, strongest first.
const (
	ReasonOverride           Reason = "override"  // [Override]
	ReasonRequires           Reason = "requires"  // a flag that it requires is off
	ReasonConflicts          Reason = "conflicts" // a flag that it conflicts with is on
	ReasonRuntimeDomain      Reason = "runtime-domain"
	ReasonRuntimeCustomer    Reason = "runtime-customer"
	ReasonRuntimeEnvironment Reason = "runtime-environment"
	ReasonDomain             Reason = "domain"
	ReasonCustomer           Reason = "customer"
	ReasonEnvironment        Reason = "environment"
	ReasonRule               Reason = "rule"
	ReasonDefault            Reason = "default"
)

// Context is for whom flags are evaluated. The zero value is nobody in particular.
type Context struct {
	Domain     string            // hostname in lower case, without a port
	Customer   string            // "": decided by the document and Domain
	Subject    string            // who gets their share of a percentage, such as a user's id; "": nobody
	Attributes map[string]string // what rules ask for
}

// Evaluation is the flags of one request. It stays the same for as long as it is used,
// whatever changes meanwhile, and is safe for concurrent use.
type Evaluation struct {
	set        *set
	subject    string
	attributes []string // as definitions.attributes lists them
}

func (s *set) evaluation(subject string, attributes map[string]string) *Evaluation {
	e := &Evaluation{set: s, subject: subject}
	if names := s.defs.attributes; len(names) > 0 && len(attributes) > 0 {
		e.attributes = make([]string, len(names))
		for i, name := range names {
			e.attributes[i] = attributes[name]
		}
	}
	return e
}

// With is the flags of the same domain and customer, for another subject.
func (e *Evaluation) With(subject string, attributes map[string]string) *Evaluation {
	return e.set.evaluation(subject, attributes)
}

// Detail is what a flag is, and why.
type Detail struct {
	Value  any // a bool, string, int64 or float64
	Reason Reason
	Split  bool // the subject is in the share that gets it
}

// Detail is the flag with this name; ok is false when it is not declared.
func (e *Evaluation) Detail(name string) (d Detail, ok bool) {
	i, ok := e.set.defs.index[name]
	if !ok {
		return d, false
	}
	if e.set.states[i] != open {
		return Detail{Value: e.set.values[i], Reason: e.set.reasons[i]}, true
	}
	return e.decide(i), true
}

// Names are the names of all flags, sorted.
func (e *Evaluation) Names() []string { return e.set.defs.names }

// Enabled are the names of the boolean flags that are on, sorted.
func (e *Evaluation) Enabled() []string {
	names := []string{}
	for i, name := range e.set.defs.names {
		if e.on(i) {
			names = append(names, name)
		}
	}
	return names
}

// on reports whether flag i is a boolean that is true.
func (e *Evaluation) on(i int) bool {
	if s := e.set.states[i]; s != open {
		return s == fixedOn
	}
	return e.decide(i).Value == true
}

// value is flag i.
func (e *Evaluation) value(i int) any {
	if e.set.states[i] != open {
		return e.set.values[i]
	}
	return e.decide(i).Value
}

// decide is flag i, which depends on the subject or its attributes.
func (e *Evaluation) decide(i int) Detail {
	f := &e.set.defs.flags[i]
	for _, to := range f.requires {
		if !e.on(to) {
			return Detail{Value: f.off(), Reason: ReasonRequires}
		}
	}
	for _, to := range f.conflicts {
		if e.on(to) {
			return Detail{Value: f.off(), Reason: ReasonConflicts}
		}
	}
	const unknown = everybody // no bucket is that high
	at := uint32(unknown)
	steps := e.set.steps[i]
	for n := range steps {
		s := &steps[n]
		if len(s.when) > 0 && !e.all(s.when) {
			continue
		}
		if s.below != everybody {
			if e.subject == "" {
				continue
			}
			if at == unknown {
				at = bucket(f.seed, e.subject)
			}
			if at >= s.below {
				continue
			}
		}
		return Detail{s.value, s.reason, s.below != everybody}
	}
	return Detail{Value: f.Default, Reason: ReasonDefault}
}

func (e *Evaluation) all(when []condition) bool {
	if e.attributes == nil {
		return len(when) == 0
	}
	for n := range when {
		if v := e.attributes[when[n].at]; v == "" || !when[n].holds(v) {
			return false
		}
	}
	return true
}

// Evaluate is the flags of a document after changes, in a context, for those who have
// all three at hand; a service has [Flags].
func Evaluate(d Document, c Changes, in Context) (*Evaluation, error) {
	defs, err := define(d)
	if err != nil {
		return nil, err
	}
	set := defs.resolve(in.Domain, defs.customerOf(in), defs.changes(c), nil)
	return set.evaluation(in.Subject, in.Attributes), nil
}

// Step is one thing that may decide a flag.
type Step struct {
	Value      any
	When       []Condition // that the service decides at each request
	Percentage float64     // of subjects; 100: all
	Reason     Reason
}

// Steps are what decides a flag, in order, in the domain and for the customer of e: what
// cannot apply there is left out, and the last one is for everybody else. A flag with
// one step does not depend on subject and attributes, unless one that it requires or
// conflicts with does: see Fixed.
func (e *Evaluation) Steps(name string) []Step {
	i, ok := e.set.defs.index[name]
	switch {
	case !ok:
		return nil
	case e.set.states[i] != open:
		return []Step{{Value: e.set.values[i], Percentage: 100, Reason: e.set.reasons[i]}}
	}
	var steps []Step
	for _, r := range e.set.steps[i] {
		s := Step{Value: r.value, Percentage: 100, Reason: r.reason}
		if r.below != everybody {
			s.Percentage = float64(r.below) / 100
		}
		for _, c := range r.when {
			s.When = append(s.When, c.Condition)
		}
		steps = append(steps, s)
	}
	return steps
}

// Fixed reports whether a flag is the same for all subjects and attributes, in the
// domain and for the customer of e.
func (e *Evaluation) Fixed(name string) bool {
	i, ok := e.set.defs.index[name]
	return ok && e.set.states[i] != open
}
