package r2

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func days(n int64) *int64 {
	n *= 24 * 3600
	return &n
}

// lifecycle is a rule for keys that begin with prefix.
func lifecycle(prefix string, rule LifecycleRule) Rules {
	rule.ID, rule.Enabled = "rule", true
	rule.Conditions.Prefix = prefix
	return Rules{Lifecycle: []LifecycleRule{rule}}
}

func setRules(t *testing.T, s *Store, r Rules) {
	t.Helper()
	check(t, s.SetRules(t.Context(), "b", func(into *Rules) { *into = r }))
}

// eventually waits for the rules to have been followed.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func TestALifecycleDeletesObjectsThatAreOld(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	s := newStore(t, c)
	setRules(t, s, lifecycle("logs/", LifecycleRule{Delete: &Transition{Due{Type: "Age", MaxAge: days(1)}}}))
	for i := range 3 {
		put(t, s, "logs/"+strings.Repeat("x", i), large, PutOptions{})
	}
	put(t, s, "kept", "x", PutOptions{})
	check(t, c.Advance(20*time.Hour))
	put(t, s, "logs/new", "x", PutOptions{})
	check(t, s.follow(t.Context()))
	if u, err := s.Usage(t.Context(), "b"); err != nil || u.Objects != 5 {
		t.Errorf("before the day is over there are %+v, %v", u, err)
	}
	check(t, c.Advance(5*time.Hour))
	eventually(t, "the deletion", func() bool {
		u, err := s.Usage(t.Context(), "b")
		return err == nil && u.Objects == 2
	})
	if got := read(t, s, "kept", GetOptions{}) + read(t, s, "logs/new", GetOptions{}); got != "xx" {
		t.Errorf("what is not old is %q", got)
	}
	eventually(t, "the removal of the files", func() bool { return s.countPieces(t) == 0 })
}

func TestALifecycleMovesObjectsToAnotherClass(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	s := newStore(t, c)
	at := c.Now().Add(48 * time.Hour)
	setRules(t, s, lifecycle("", LifecycleRule{Classes: []ClassTransition{{Due{Type: "Date", Date: &at}, InfrequentAccess}}}))
	put(t, s, "k", "x", PutOptions{})
	class := func() string {
		o, err := s.Head(t.Context(), "b", "k")
		check(t, err)
		return o.Class
	}
	if got := class(); got != Standard {
		t.Errorf("before the date it is %s", got)
	}
	check(t, c.Advance(49*time.Hour))
	eventually(t, "the move", func() bool { return class() == InfrequentAccess })
}

func TestALifecycleGivesUpUploads(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	s := newStore(t, c)
	id, err := s.CreateUpload(t.Context(), "b", "k", Settings{})
	check(t, err)
	_, err = s.PutPart(t.Context(), "b", "k", id, 1, strings.NewReader("x"), nil)
	check(t, err)
	setRules(t, s, lifecycle("", LifecycleRule{Abort: &Transition{Due{Type: "Age", MaxAge: days(1)}}}))
	check(t, c.Advance(25*time.Hour))
	if _, err := s.PutPart(t.Context(), "b", "k", id, 2, strings.NewReader("x"), nil); !errors.Is(err, ErrNoSuchUpload) {
		t.Errorf("a day later: %v", err)
	}
	eventually(t, "the removal of its part", func() bool { return s.countPieces(t) == 0 })
}

func TestALockKeepsObjects(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	s := newStore(t, c)
	put(t, s, "safe/k", "first", PutOptions{})
	put(t, s, "other", "first", PutOptions{})
	lock := LockRule{ID: "keep", Enabled: true, Prefix: "safe/", Condition: Due{Type: "Age", MaxAgeSeconds: days(1)}}
	r := lifecycle("", LifecycleRule{Delete: &Transition{Due{Type: "Age", MaxAge: days(0)}}})
	r.Lock = []LockRule{lock}
	setRules(t, s, r)
	change := func(key string) error {
		_, err := s.Put(t.Context(), "b", key, strings.NewReader("second"), PutOptions{})
		return err
	}
	for what, err := range map[string]error{
		"a put": change("safe/k"), "a delete": s.Delete(t.Context(), "b", "safe/k"), "a delete of many": s.Delete(t.Context(), "b", "other", "safe/k"),
	} {
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), `"keep"`) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check(t, s.follow(t.Context()))
	if got := read(t, s, "safe/k", GetOptions{}); got != "first" {
		t.Errorf("the locked object is %q", got)
	}
	if got := read(t, s, "other", GetOptions{}); got != ErrNoSuchKey.Error() {
		t.Errorf("the object that is not locked is %q, and its life was over", got)
	}
	check(t, change("safe/new"))
	check(t, c.Advance(25*time.Hour))
	if err := change("safe/k"); err != nil {
		t.Errorf("after a day: %v", err)
	}
	r.Lock[0].Condition = Due{Type: "Indefinite"}
	setRules(t, s, Rules{Lock: r.Lock})
	if err := change("safe/k"); !errors.Is(err, ErrLocked) {
		t.Errorf("locked for ever: %v", err)
	}
	r.Lock[0].Enabled = false
	setRules(t, s, Rules{Lock: r.Lock})
	check(t, change("safe/k"))
}

func TestRulesOutliveTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, &clock.Clock{})
	check(t, err)
	check(t, s.CreateBucket(t.Context(), "b"))
	put(t, s, "k", "x", PutOptions{})
	setRules(t, s, Rules{Lock: []LockRule{{ID: "keep", Enabled: true, Condition: Due{Type: "Indefinite"}}}})
	check(t, s.Close())
	s = openStore(t, dir, &clock.Clock{})
	if err := s.Delete(t.Context(), "b", "k"); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v", err)
	}
}

func TestRulesThatCannotBeFollowedAreRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	negative := int64(-1)
	age := Transition{Due{Type: "Age", MaxAge: days(1)}}
	for name, r := range map[string]Rules{
		"no id":                  {Lifecycle: []LifecycleRule{{Delete: &age}}},
		"an id twice":            {Lifecycle: []LifecycleRule{{ID: "a", Delete: &age}, {ID: "a", Delete: &age}}},
		"nothing to do":          lifecycle("", LifecycleRule{}),
		"no condition":           lifecycle("", LifecycleRule{Delete: &Transition{}}),
		"an age of none":         lifecycle("", LifecycleRule{Delete: &Transition{Due{Type: "Age"}}}),
		"a negative age":         lifecycle("", LifecycleRule{Delete: &Transition{Due{Type: "Age", MaxAge: &negative}}}),
		"an age that overflows":  lifecycle("", LifecycleRule{Delete: &Transition{Due{Type: "Age", MaxAge: days(1 << 40)}}}),
		"a date of none":         lifecycle("", LifecycleRule{Delete: &Transition{Due{Type: "Date"}}}),
		"uploads by date":        lifecycle("", LifecycleRule{Abort: &Transition{Due{Type: "Date", Date: new(time.Time)}}}),
		"an expiry that is none": lifecycle("", LifecycleRule{Delete: &Transition{Due{Type: "Indefinite"}}}),
		"a class that is none":   lifecycle("", LifecycleRule{Classes: []ClassTransition{{Due{Type: "Age", MaxAge: days(1)}, Standard}}}),
		"a lock without an id":   {Lock: []LockRule{{Condition: Due{Type: "Indefinite"}}}},
		"a lock of no kind":      {Lock: []LockRule{{ID: "a", Condition: Due{Type: "Sometimes"}}}},
	} {
		if err := s.SetRules(context.Background(), "b", func(into *Rules) { *into = r }); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := s.Rules("b"); err != nil || len(r.Lifecycle) != 1 || r.Lifecycle[0].ID != defaultRules().Lifecycle[0].ID {
		t.Errorf("the rules are now %+v, %v", r, err)
	}
}
