package feature_test

import (
	"testing"

	"github.com/tamylaa/clodo/feature"
)

const benched = `{"v":1,"environment":"production","flags":{
	"a":{"default":false},"b":{"default":true},"fixed":{"default":true,"requires":["b"]},
	"number":{"type":"integer","default":3},
	"share":{"default":false,"rules":[{"percentage":50,"value":true}]},
	"rule":{"default":false,"rules":[{"when":[{"attribute":"plan","equals":"pro"}],"percentage":50,"value":true}]}
}}`

// checks are ways to read a flag, by name.
func checks(t testing.TB) map[string]func() bool {
	f, err := feature.Open(feature.Options{Document: benched})
	if err != nil {
		t.Fatal(err)
	}
	e := f.Evaluate(t.Context(), feature.Context{Domain: "shop.example.com", Subject: "user-12345", Attributes: map[string]string{"plan": "pro"}})
	ctx := feature.NewContext(t.Context(), e)
	fixed, share, rule, number := feature.Bool("fixed"), feature.Bool("share"), feature.Bool("rule"), feature.Integer("number")
	return map[string]func() bool{
		"on or off":                 func() bool { return fixed.In(e) },
		"on or off, from a context": func() bool { return fixed.Enabled(ctx) },
		"a number":                  func() bool { return number.In(e) == 3 },
		"a share":                   func() bool { return share.In(e) || true },
		"a rule with a share":       func() bool { return rule.In(e) || true },
	}
}

func BenchmarkFlag(b *testing.B) {
	for name, check := range checks(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !check() {
					b.Fatal("it is off")
				}
			}
		})
	}
}

func TestReadingAFlagAllocatesNothing(t *testing.T) {
	for name, check := range checks(t) {
		check() // finds the flag by its name
		if n := testing.AllocsPerRun(100, func() { check() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	f, err := feature.Open(feature.Options{Document: benched})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Evaluate(b.Context(), feature.Context{Domain: "shop.example.com"})
	}
}
