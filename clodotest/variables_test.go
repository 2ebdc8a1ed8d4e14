package clodotest

import (
	"os"
	"testing"
)

func TestVariablesAreTakenBackWhenNobodyNeedsThem(t *testing.T) {
	t.Setenv("CLODOTEST_BEFORE", "old")
	v := &variables{held: map[string]*held{}}
	one := map[string]string{"CLODOTEST_BEFORE": "new", "NOT_SET_BEFORE": "1"}
	first, err := v.hold(one)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.hold(one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.hold(map[string]string{"NOT_SET_BEFORE": "2"}); err == nil {
		t.Error("a variable has two values")
	}
	look := func() [2]string {
		after, set := os.LookupEnv("NOT_SET_BEFORE")
		if !set {
			after = "unset"
		}
		return [2]string{os.Getenv("CLODOTEST_BEFORE"), after}
	}
	for _, step := range []struct {
		release func() error
		want    [2]string
	}{
		{func() error { return nil }, [2]string{"new", "1"}},
		{first, [2]string{"new", "1"}},
		{second, [2]string{"old", "unset"}},
	} {
		if err := step.release(); err != nil {
			t.Error(err)
		}
		if got := look(); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
	third, err := v.hold(map[string]string{"NOT_SET_BEFORE": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := third(); err != nil {
		t.Error(err)
	}
}

func TestVariablesThatCannotBeSetAreNotHeld(t *testing.T) {
	v := &variables{held: map[string]*held{}}
	if _, err := v.hold(map[string]string{"CLODOTEST_GOOD": "1", "CLODOTEST_BAD": "a\x00b"}); err == nil {
		t.Error("a variable has a zero byte")
	}
	if value, set := os.LookupEnv("CLODOTEST_GOOD"); set || len(v.held) > 0 {
		t.Errorf("CLODOTEST_GOOD is %q, and held are %v", value, v.held)
	}
}
