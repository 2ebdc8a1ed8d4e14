package r2

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrLocked refuses a change of an object that a bucket lock protects.
var ErrLocked = &Error{http.StatusForbidden, 10069, "The object is locked by the bucket policy."}

// Rules are what a bucket does by itself and what it does not allow.
type Rules struct {
	Lifecycle []LifecycleRule `json:"lifecycle,omitempty"`
	Lock      []LockRule      `json:"lock,omitempty"`
}

// LifecycleRule changes objects and uploads as they get older. Its JSON is
// Cloudflare's.
type LifecycleRule struct {
	ID         string `json:"id"`
	Enabled    bool   `json:"enabled"`
	Conditions struct {
		Prefix string `json:"prefix"`
	} `json:"conditions"`
	Delete  *Transition       `json:"deleteObjectsTransition,omitempty"`
	Classes []ClassTransition `json:"storageClassTransitions,omitempty"`
	Abort   *Transition       `json:"abortMultipartUploadsTransition,omitempty"`
}

// Transition happens when its condition is met.
type Transition struct {
	Condition Due `json:"condition"`
}

// ClassTransition moves objects to another storage class.
type ClassTransition struct {
	Condition Due    `json:"condition"`
	Class     string `json:"storageClass"`
}

// LockRule keeps objects from being replaced or deleted until its condition is met.
// Its JSON is Cloudflare's.
type LockRule struct {
	ID        string `json:"id"`
	Enabled   bool   `json:"enabled"`
	Prefix    string `json:"prefix"`
	Condition Due    `json:"condition"`
}

// Due is a moment in the life of an object: so many seconds after it was put (Age), at
// a Date, or never (Indefinite). Lifecycles call the seconds MaxAge, locks
// MaxAgeSeconds.
type Due struct {
	Type          string     `json:"type"`
	MaxAge        *int64     `json:"maxAge,omitempty"`
	MaxAgeSeconds *int64     `json:"maxAgeSeconds,omitempty"`
	Date          *time.Time `json:"date,omitempty"`
}

// age is the seconds of an Age.
func (d Due) age() *int64 {
	if d.MaxAge != nil {
		return d.MaxAge
	}
	return d.MaxAgeSeconds
}

// before is the latest moment at which an object that has met the condition by now
// was put; ok is false when none has.
func (d Due) before(now time.Time) (put time.Time, ok bool) {
	switch d.Type {
	case "Age":
		return now.Add(-time.Duration(*d.age()) * time.Second), true
	case "Date":
		return now, !now.Before(*d.Date)
	}
	return time.Time{}, false
}

func (d Due) met(put, now time.Time) bool {
	before, ok := d.before(now)
	return ok && !put.After(before)
}

// Check refuses rules that cannot be followed.
func (r Rules) Check() error {
	seen := map[string]bool{}
	id := func(kind, id string) error {
		if id == "" || seen[kind+id] {
			return invalid("Each %s rule needs an id of its own, not %q.", kind, id)
		}
		seen[kind+id] = true
		return nil
	}
	for _, rule := range r.Lifecycle {
		if err := id("lifecycle", rule.ID); err != nil {
			return err
		}
		if rule.Delete == nil && rule.Abort == nil && len(rule.Classes) == 0 {
			return invalid("The lifecycle rule %q does nothing.", rule.ID)
		}
		if rule.Delete != nil {
			if err := rule.Delete.Condition.check(rule.ID, "Age", "Date"); err != nil {
				return err
			}
		}
		if rule.Abort != nil {
			if err := rule.Abort.Condition.check(rule.ID, "Age"); err != nil {
				return err
			}
		}
		for _, c := range rule.Classes {
			if c.Class != InfrequentAccess {
				return invalid("The lifecycle rule %q moves objects to %s only, not to %q.", rule.ID, InfrequentAccess, c.Class)
			}
			if err := c.Condition.check(rule.ID, "Age", "Date"); err != nil {
				return err
			}
		}
	}
	for _, rule := range r.Lock {
		if err := id("lock", rule.ID); err != nil {
			return err
		}
		if err := rule.Condition.check(rule.ID, "Age", "Date", "Indefinite"); err != nil {
			return err
		}
	}
	return nil
}

// maxAge is a hundred years in seconds.
const maxAge = 100 * 365 * 24 * 3600

func (d Due) check(rule string, allowed ...string) error {
	for _, kind := range allowed {
		if d.Type != kind {
			continue
		}
		if age := d.age(); kind == "Age" && (age == nil || *age < 0 || *age > maxAge) {
			return invalid("The condition of the rule %q needs an age in seconds.", rule)
		}
		if kind == "Date" && d.Date == nil {
			return invalid("The condition of the rule %q needs a date.", rule)
		}
		return nil
	}
	return invalid("The condition of the rule %q is one of %s, not %q.", rule, strings.Join(allowed, ", "), d.Type)
}

// defaultRules are those of a new bucket: uploads that nobody completes go after a
// week.
func defaultRules() Rules {
	week := int64(7 * 24 * 3600)
	return Rules{Lifecycle: []LifecycleRule{{
		ID: "Default Multipart Abort Rule", Enabled: true, Abort: &Transition{Due{Type: "Age", MaxAge: &week}},
	}}}
}

// locked refuses to change an object that a lock protects.
func (r Rules) locked(o Object, now time.Time) error {
	for _, rule := range r.Lock {
		if rule.Enabled && strings.HasPrefix(o.Key, rule.Prefix) && !rule.Condition.met(o.Uploaded, now) {
			return &Error{ErrLocked.Status, ErrLocked.Code, fmt.Sprintf("The object is locked by the bucket policy: the rule %q protects it.", rule.ID)}
		}
	}
	return nil
}

// aborts reports whether an upload has been given up by now.
func (r Rules) aborts(key string, started, now time.Time) bool {
	for _, rule := range r.Lifecycle {
		if rule.Enabled && rule.Abort != nil && strings.HasPrefix(key, rule.Conditions.Prefix) && rule.Abort.Condition.met(started, now) {
			return true
		}
	}
	return false
}
