// Package fault makes the local cloud misbehave on demand: slow answers, refusals,
// broken connections, and answers that get lost after their change was made. What
// strikes and when is decided by rules and a seed, so that it can be repeated.
package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// Kind is what a fault does to a request.
type Kind string

// The kinds of faults.
const (
	Latency Kind = "latency" // the request waits, then it is answered as usual
	Status  Kind = "status"  // it is refused with Rule.Status; nothing is done
	Reset   Kind = "reset"   // the connection breaks before anything is done
	Lost    Kind = "lost"    // it is done, then the connection breaks without an answer
	Partial Kind = "partial" // it is done, then the connection breaks amid the answer
)

// Rule says which requests are struck, by what, and how often.
type Rule struct {
	// Match is which requests: "[data] [METHOD[|METHOD]] PATTERN". A pattern is "*" for
	// all, or a path such as /accounts/*/d1/** below /client/v4; on the data port, where
	// Workers answer, it may begin with a host. A star stands for any text without a
	// slash, two for any text. Required.
	Match string
	Kind  Kind // required
	// Status is what Kind Status answers, 400 to 599.
	Status int
	// RetryAfter is sent with the status in whole seconds; default: one second with 429,
	// else nothing.
	RetryAfter time.Duration
	// Latency is how long the request waits, and Jitter up to how much longer: before
	// anything is done, or after it with Lost and Partial. It is the cloud's time.
	Latency, Jitter time.Duration
	// Probability is that of a matching request to be struck, above 0 to 1; default: 1.
	Probability float64
	Count       int // strike so many requests, then no more; 0: no end
	After       int // let so many matching requests through first
}

const (
	maxMatch = 512
	maxWait  = 24 * time.Hour
)

// check says what is wrong with a rule, and answers how its requests are recognised.
func (r Rule) check() (matcher, error) {
	m, err := parseMatch(r.Match)
	if err != nil {
		return m, err
	}
	switch r.Kind {
	case Status:
		if r.Status < 400 || r.Status > 599 {
			return m, fmt.Errorf("a refusal has a status from 400 to 599, not %d", r.Status)
		}
	case Latency:
		if r.Latency == 0 && r.Jitter == 0 {
			return m, errors.New("latency needs a time, such as latency=200ms")
		}
	case Reset, Lost, Partial:
	default:
		return m, fmt.Errorf("there is no fault %q; %s", r.Kind, effects)
	}
	if r.Kind != Status && (r.Status != 0 || r.RetryAfter != 0) {
		return m, fmt.Errorf("a status and a time to retry go with a refusal, not with %s", r.Kind)
	}
	for _, d := range []time.Duration{r.Latency, r.Jitter, r.RetryAfter} {
		if d < 0 || d > maxWait {
			return m, fmt.Errorf("times are from 0 to %v, not %v", maxWait, d)
		}
	}
	switch {
	case !(r.Probability >= 0 && r.Probability <= 1): // not a number is refused too
		return m, fmt.Errorf("a probability is above 0 and at most 1, not %v", r.Probability)
	case r.Count < 0 || r.After < 0:
		return m, fmt.Errorf("count and after are not negative: %d, %d", r.Count, r.After)
	}
	return m, nil
}

// ruleJSON is a rule in JSON: durations are written out.
type ruleJSON struct {
	Match       string  `json:"match"`
	Kind        Kind    `json:"kind"`
	Status      int     `json:"status,omitempty"`
	RetryAfter  string  `json:"retry_after,omitempty"`
	Latency     string  `json:"latency,omitempty"`
	Jitter      string  `json:"jitter,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Count       int     `json:"count,omitempty"`
	After       int     `json:"after,omitempty"`
}

// MarshalJSON writes a rule as an object.
func (r Rule) MarshalJSON() ([]byte, error) {
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return json.Marshal(ruleJSON{
		Match: r.Match, Kind: r.Kind, Status: r.Status, RetryAfter: text(r.RetryAfter), Latency: text(r.Latency),
		Jitter: text(r.Jitter), Probability: r.Probability, Count: r.Count, After: r.After,
	})
}

// UnmarshalJSON reads a rule: an object, or a text as Parse does.
func (r *Rule) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		parsed, err := Parse(text)
		*r = parsed
		return err
	}
	var in ruleJSON
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return fmt.Errorf("a fault is a text or an object: %w", err)
	}
	*r = Rule{Match: in.Match, Kind: in.Kind, Status: in.Status, Probability: in.Probability, Count: in.Count, After: in.After}
	for _, f := range []struct {
		name, text string
		into       *time.Duration
	}{{"retry_after", in.RetryAfter, &r.RetryAfter}, {"latency", in.Latency, &r.Latency}, {"jitter", in.Jitter, &r.Jitter}} {
		if f.text == "" {
			continue
		}
		var err error
		if *f.into, err = parseWait(f.text); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	_, err := r.check()
	return err
}

// matcher recognises the requests of a rule.
type matcher struct {
	data    bool
	methods []string       // none: all
	host    *regexp.Regexp // nil: all
	path    *regexp.Regexp // nil: all
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func parseMatch(text string) (matcher, error) {
	var m matcher
	if len(text) > maxMatch {
		return m, fmt.Errorf("what is matched is longer than %d bytes", maxMatch)
	}
	if !utf8.ValidString(text) {
		return m, fmt.Errorf("what is matched is not UTF-8: %q", text)
	}
	words := strings.Fields(text)
	if len(words) > 0 && (words[0] == "data" || words[0] == "api") {
		m.data, words = words[0] == "data", words[1:]
	}
	if len(words) == 2 {
		if words[0] != "*" {
			m.methods = strings.Split(strings.ToUpper(words[0]), "|")
		}
		for _, method := range m.methods {
			if !slices.Contains(methods, method) {
				return m, fmt.Errorf("%q is no method; methods are %s, joined by |, or * for all", method, strings.Join(methods, ", "))
			}
		}
		words = words[1:]
	}
	if len(words) != 1 {
		return m, fmt.Errorf("%q names no requests; write METHOD and PATH such as \"POST /zones\", or * for all", text)
	}
	pattern := words[0]
	if pattern == "*" {
		return m, nil
	}
	host, path, hasPath := strings.Cut(pattern, "/")
	if host != "" && !m.data {
		return m, fmt.Errorf("%q is no path: it begins with a slash, such as /accounts/*/d1/**; hosts are matched on the data port: \"data %s\"", pattern, pattern)
	}
	if host != "" && host != "*" && host != "**" {
		m.host = glob(strings.ToLower(host))
	}
	if hasPath {
		m.path = glob("/" + path)
	}
	return m, nil
}

var stars = lazyregexp.New(`\*+`)

// glob makes an expression of a pattern: one star is any text without a slash, more
// of them any text.
func glob(pattern string) *regexp.Regexp {
	quoted := ""
	for rest := pattern; rest != ""; {
		at := stars.FindStringIndex(rest)
		if at == nil {
			quoted += regexp.QuoteMeta(rest)
			break
		}
		quoted += regexp.QuoteMeta(rest[:at[0]])
		if at[1]-at[0] == 1 {
			quoted += "[^/]*"
		} else {
			quoted += "(?s:.*)"
		}
		rest = rest[at[1]:]
	}
	return regexp.MustCompile("^" + quoted + "$") // it is quoted: always an expression
}

func (m matcher) matches(data bool, method, host, path string) bool {
	return m.data == data && (len(m.methods) == 0 || slices.Contains(m.methods, method)) &&
		(m.host == nil || m.host.MatchString(strings.ToLower(host))) && (m.path == nil || m.path.MatchString(path))
}
