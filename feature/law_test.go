package feature

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// plainly evaluates by the words of the documentation, one flag at a time.
func plainly(d Document, c Changes, in Context, name string) Detail {
	f := d.Flags[name]
	def, _ := f.Conform(f.Default)
	off := def
	if f.kind() == TypeBoolean {
		off = false
	}
	for _, to := range f.Requires {
		if plainly(d, c, in, to).Value != true {
			return Detail{Value: off, Reason: ReasonRequires}
		}
	}
	for _, to := range f.Conflicts {
		if plainly(d, c, in, to).Value == true {
			return Detail{Value: off, Reason: ReasonConflicts}
		}
	}
	customer := in.Customer
	if customer == "" {
		customer = d.Customer
	}
	if customer == "" {
		customer = d.Hosts[in.Domain]
	}
	applies := func(percentage *float64) bool {
		return percentage == nil || *percentage == 100 || in.Subject != "" && float64(Bucket(name, in.Subject)) < *percentage*100
	}
	split := func(percentage *float64) bool { return percentage != nil && *percentage < 100 }
	try := func(l Levels, reasons [3]Reason) (Detail, bool) {
		var all [3]*Assignment
		if a, ok := l.Domains[in.Domain]; ok && in.Domain != "" {
			all[0] = &a
		}
		if a, ok := l.Customers[customer]; ok && customer != "" {
			all[1] = &a
		}
		all[2] = l.Environment
		for i, a := range all {
			if a == nil || a.Percentage != nil && (*a.Percentage < 0 || *a.Percentage > 100) {
				continue
			}
			if v, err := f.Conform(a.Value); err == nil && applies(a.Percentage) {
				return Detail{v, reasons[i], split(a.Percentage)}, true
			}
		}
		return Detail{}, false
	}
	if f.Runtime {
		if got, ok := try(c.Flags[name], [3]Reason{ReasonRuntimeDomain, ReasonRuntimeCustomer, ReasonRuntimeEnvironment}); ok {
			return got
		}
	}
	if got, ok := try(f.Levels, [3]Reason{ReasonDomain, ReasonCustomer, ReasonEnvironment}); ok {
		return got
	}
	own := map[string]string{"environment": d.Environment, "customer": customer, "domain": in.Domain}
	for _, r := range f.Rules {
		all := applies(r.Percentage)
		for _, c := range r.When {
			v, mine := own[c.Attribute]
			if !mine {
				v = in.Attributes[c.Attribute]
			}
			all = all && v != "" && c.holds(v)
		}
		if all {
			v, _ := f.Conform(r.Value)
			return Detail{v, ReasonRule, split(r.Percentage)}
		}
	}
	return Detail{Value: def, Reason: ReasonDefault}
}

// What is worked out beforehand for a domain and customer changes nothing.
func TestFlagsAreWhatTheDocumentationSays(t *testing.T) {
	t.Parallel()
	texts := rapid.SampledFrom([]string{"", "a", "b", "ab", "production"})
	share := rapid.Custom(func(t *rapid.T) *float64 {
		return rapid.SampledFrom([]*float64{nil, nil, new(0.0), new(0.01), new(33.3), new(50.0), new(100.0)}).Draw(t, "percentage")
	})
	rapid.Check(t, func(t *rapid.T) {
		d := Document{Version: 1, Environment: texts.Draw(t, "environment"), Customer: rapid.SampledFrom([]string{"", "", "a"}).Draw(t, "customer"), Hosts: map[string]string{"b": "b"}, Flags: map[string]Declaration{}}
		c := Changes{Version: 1, Flags: map[string]Levels{}}
		n := rapid.IntRange(1, 6).Draw(t, "flags")
		for i := range n {
			name := fmt.Sprint("f", i)
			f := Declaration{Runtime: rapid.Bool().Draw(t, "runtime")}
			values := rapid.SampledFrom([]any{false, true})
			if i == n-1 { // nothing depends on the last one
				f.Type, values = TypeInteger, rapid.SampledFrom([]any{1.0, 2.0, -3.0})
			}
			f.Default = values.Draw(t, "default")
			assignment := rapid.Custom(func(t *rapid.T) Assignment {
				return Assignment{values.Draw(t, "value"), share.Draw(t, "share")}
			})
			levels := rapid.Custom(func(t *rapid.T) Levels {
				var l Levels
				if rapid.Bool().Draw(t, "everybody") {
					l.Environment = new(assignment.Draw(t, "environment"))
				}
				l.Customers = rapid.MapOfN(texts, assignment, 0, 2).Draw(t, "customers")
				l.Domains = rapid.MapOfN(texts, assignment, 0, 2).Draw(t, "domains")
				return l
			})
			f.Levels, c.Flags[name] = levels.Draw(t, "declared"), levels.Draw(t, "changed")
			for range rapid.IntRange(0, 2).Draw(t, "rules") {
				r := Rule{Value: values.Draw(t, "value"), Percentage: share.Draw(t, "share")}
				for range rapid.IntRange(0, 2).Draw(t, "conditions") {
					condition := Condition{Attribute: rapid.SampledFrom([]string{"environment", "customer", "domain", "plan"}).Draw(t, "attribute")}
					switch rapid.IntRange(0, 2).Draw(t, "way") {
					case 0:
						condition.Equals = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "equals")
					case 1:
						condition.In = []string{texts.Draw(t, "in"), texts.Draw(t, "in")}
					case 2:
						condition.Prefix = "a"
					}
					r.When = append(r.When, condition)
				}
				f.Rules = append(f.Rules, r)
			}
			if i > 0 && n > 1 {
				for _, to := range []*[]string{&f.Requires, &f.Conflicts} {
					if rapid.Bool().Draw(t, "depends") {
						*to = append(*to, fmt.Sprint("f", rapid.IntRange(0, i-1).Draw(t, "on")))
					}
				}
			}
			d.Flags[name] = f
		}
		in := Context{Domain: texts.Draw(t, "domain"), Customer: rapid.SampledFrom([]string{"", "", "a", "c"}).Draw(t, "customer"), Subject: rapid.SampledFrom([]string{"", "u1", "u2", "u3", "u4"}).Draw(t, "subject"), Attributes: map[string]string{"plan": texts.Draw(t, "plan"), "customer": "a"}}
		defs, err := define(d)
		if err != nil {
			t.Fatal(err)
		}
		f := newFlags(defs, Options{})
		f.o.Source = nil // what is changed is given below
		f.current = newSnapshot(defs, c, f.current.read)
		e := f.Evaluate(t.Context(), in)
		on := []string{}
		for _, name := range e.Names() {
			got, _ := e.Detail(name)
			if diff := cmp.Diff(plainly(d, c, in, name), got); diff != "" {
				text, _ := json.Marshal(d)
				t.Fatalf("%s of %s in %+v (-want +got):\n%s", name, text, in, diff)
			}
			if got.Value == true {
				on = append(on, name)
			}
		}
		if diff := cmp.Diff(on, e.Enabled()); diff != "" {
			t.Fatalf("enabled (-want +got):\n%s", diff)
		}
	})
}

// A share that grows keeps whom it had, and is about as large as it says.
func TestSharesGrowAndAreFair(t *testing.T) {
	t.Parallel()
	const subjects = 20_000
	for _, p := range []float64{1, 10, 25, 50, 90} {
		count := 0
		for i := range subjects {
			if float64(Bucket("checkout", fmt.Sprint("user-", i))) < p*100 {
				count++
			}
		}
		if got := 100 * float64(count) / subjects; got < p*0.9-0.5 || got > p*1.1+0.5 {
			t.Errorf("%g%% of subjects are %.2f%%", p, got)
		}
	}
	// Two flags do not choose the same subjects: half of one half is a quarter.
	both := 0
	for i := range subjects {
		if s := fmt.Sprint("user-", i); Bucket("checkout", s) < 5000 && Bucket("premium", s) < 5000 {
			both++
		}
	}
	if got := 100 * float64(both) / subjects; got < 23 || got > 27 {
		t.Errorf("two halves share %.2f%%", got)
	}
}

func FuzzDocument(f *testing.F) {
	v := readVectors(f)
	for _, d := range v.Documents {
		f.Add(string(d), "")
	}
	for _, r := range v.Refused {
		f.Add(string(r.Document), "")
	}
	for _, e := range v.Evaluations {
		f.Add(string(v.Documents[e.Document]), string(e.Changes))
	}
	f.Fuzz(func(t *testing.T, document, changed string) {
		c, err := ParseChanges([]byte(changed))
		d, derr := ParseDocument(document)
		if derr != nil || err != nil {
			return
		}
		e, err := Evaluate(d, c, Context{Domain: "a", Subject: "s", Attributes: map[string]string{"plan": "pro"}})
		if err != nil {
			t.Fatalf("what was read cannot be evaluated: %v", err)
		}
		for _, name := range e.Names() {
			got, ok := e.Detail(name)
			if _, err := d.Flags[name].Conform(got.Value); !ok || err != nil {
				t.Errorf("%s is %v: %v", name, got.Value, err)
			}
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := ParseDocument(string(text)); err != nil {
			t.Errorf("what was written cannot be read: %v\n%s", err, text)
		}
	})
}
