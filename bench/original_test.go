package main

import "testing"

func TestACallOfARouteSeesAWrongAnswer(t *testing.T) {
	t.Parallel()
	for _, set := range routeSets() {
		t.Run(set.name, func(t *testing.T) {
			t.Parallel()
			asks := set.asks()
			call := set.served(asks, true)
			for i := range asks {
				if !call(i) {
					t.Fatalf("%s %s has a wrong answer", asks[i].Method, asks[i].Path)
				}
			}
			for i, a := range asks {
				other := i + 1
				asks[i].Route = &other
				if call(i) {
					t.Errorf("the answer of %s is taken for that of another route", set.patterns[i])
				}
				asks[i] = a
				if len(a.Values) == 0 {
					continue
				}
				asks[i].Values = append([]string{"other"}, a.Values[1:]...)
				if call(i) {
					t.Errorf("other values of %s are not seen", set.patterns[i])
				}
				asks[i] = a
			}
			asks[0].Path, asks[0].Route = "/nothing", nil
			if missing := set.served(asks[:1], false); !missing(0) {
				t.Error("what is not there has another status than 404")
			}
		})
	}
}

func TestWhyAPeerDoesNotWorkIsOneCell(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"it throws":                     "it throws",
		"a: it's missing; b: it is not": "a: it's missing",
		"one | two\nthree":              "one / two three",
	} {
		if got := inAFewWords(message); got != want {
			t.Errorf("%q is %q, want %q", message, got, want)
		}
	}
}
