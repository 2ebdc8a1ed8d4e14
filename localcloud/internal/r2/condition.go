package r2

import "time"

// ETag is one entity tag of a condition. Any stands for every object.
type ETag struct {
	Value string
	Weak  bool
	Any   bool
}

// Condition says for which state of an object a get or put is meant, as the
// conditional headers of HTTP do. Nil lists and zero times are no condition.
type Condition struct {
	Match          []ETag    // If-Match
	NoneMatch      []ETag    // If-None-Match
	UploadedBefore time.Time // If-Unmodified-Since
	UploadedAfter  time.Time // If-Modified-Since
	Seconds        bool      // times are compared in whole seconds
}

// holds reports whether the condition is met by an object, which is nil when there
// is none. Entity tags win over times, as RFC 9110 wants it.
func (c *Condition) holds(o *Object) bool {
	if c == nil {
		return true
	}
	if o == nil {
		return c.Match == nil && c.UploadedAfter.IsZero()
	}
	cut := func(t time.Time) time.Time {
		if c.Seconds {
			return t.Truncate(time.Second)
		}
		return t
	}
	match := c.Match == nil || has(c.Match, o.ETag, false)
	noneMatch := c.NoneMatch == nil || !has(c.NoneMatch, o.ETag, true)
	uploaded := cut(o.Uploaded)
	after := c.UploadedAfter.IsZero() || c.NoneMatch != nil && noneMatch || uploaded.After(cut(c.UploadedAfter))
	before := c.UploadedBefore.IsZero() || c.Match != nil && match || uploaded.Before(cut(c.UploadedBefore))
	return match && noneMatch && after && before
}

// has reports whether one of tags is etag; weak tags count only when weak is true.
func has(tags []ETag, etag string, weak bool) bool {
	for _, t := range tags {
		if t.Any || t.Value == etag && (weak || !t.Weak) {
			return true
		}
	}
	return false
}
