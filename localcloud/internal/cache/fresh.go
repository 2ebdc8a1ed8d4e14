package cache

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// usually is how long Cloudflare keeps an answer that does not say so itself, by status;
// 0 is not at all.
func usually(status int) time.Duration {
	switch status {
	case http.StatusOK, http.StatusPartialContent, http.StatusMovedPermanently:
		return 120 * time.Minute
	case http.StatusFound, http.StatusSeeOther:
		return 20 * time.Minute
	case http.StatusNotFound, http.StatusGone:
		return 3 * time.Minute
	}
	return 0
}

// verdict is what an answer says about being kept.
type verdict struct {
	refused bool          // by its own words; what is kept already stays
	fresh   time.Duration // how long; what is not fresh now takes the place of what is kept all the same
	without []string      // the fields that may not be kept
}

// judge reads an answer's Cache-Control, Expires and Age. An authorized answer is one to
// a request with Authorization, which is kept only if it says that it may be.
func judge(status int, h http.Header, authorized bool, now time.Time) verdict {
	d := directives(h.Values("Cache-Control"))
	var v verdict
	for _, name := range []string{"private", "no-cache"} {
		fields, ok := d[name]
		if ok && fields == "" {
			v.refused = true
		}
		for field := range strings.SplitSeq(fields, ",") {
			if field = strings.TrimSpace(field); field != "" {
				v.without = append(v.without, field)
			}
		}
	}
	if _, no := d["no-store"]; no || authorized && !d.allow("public", "s-maxage", "must-revalidate") {
		v.refused = true
	}
	if h.Get("Set-Cookie") != "" && !containsFold(v.without, "Set-Cookie") {
		v.refused = true
	}
	v.fresh = lifetime(status, h, d, now) - age(h)
	return v
}

// lifetime is how long an answer is fresh after it was made.
func lifetime(status int, h http.Header, d directiveSet, now time.Time) time.Duration {
	for _, name := range []string{"s-maxage", "max-age"} {
		if text, ok := d[name]; ok {
			return seconds(text)
		}
	}
	expires, said := h["Expires"]
	if !said {
		return usually(status)
	}
	at, err := http.ParseTime(expires[0])
	if err != nil {
		return 0 // as "0" and "-1", which mean the past
	}
	if made, err := http.ParseTime(h.Get("Date")); err == nil {
		now = made
	}
	return max(at.Sub(now), 0) // a time such as the year 1 is further in the past than an age can be added to
}

// age is how old an answer says that it is.
func age(h http.Header) time.Duration { return seconds(h.Get("Age")) }

// seconds is a number of them as HTTP writes it: what is none is 0, and what is too large
// is very long.
func seconds(text string) time.Duration {
	const longest = math.MaxInt32
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err == nil || n == math.MaxUint64:
		return time.Duration(min(n, longest)) * time.Second
	default:
		return 0
	}
}

// directiveSet are the directives of a Cache-Control with their values, in lower case.
type directiveSet map[string]string

func (d directiveSet) allow(names ...string) bool {
	for _, name := range names {
		if _, ok := d[name]; ok {
			return true
		}
	}
	return false
}

// directives reads Cache-Control. Of one that is there twice the first counts.
func directives(values []string) directiveSet {
	d := directiveSet{}
	for rest := strings.ToLower(strings.Join(values, ",")); rest != ""; {
		var one string
		one, rest = cutDirective(rest)
		name, value, _ := strings.Cut(one, "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
		if _, twice := d[name]; !twice && name != "" {
			d[name] = value
		}
	}
	return d
}

// cutDirective cuts at the first comma that is not in quotes.
func cutDirective(text string) (one, rest string) {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

func containsFold(all []string, one string) bool {
	for _, s := range all {
		if strings.EqualFold(s, one) {
			return true
		}
	}
	return false
}
