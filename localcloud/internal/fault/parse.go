package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const effects = "what happens is latency=TIME, a status such as 429 or 503, reset, lost or partial"

// Parse reads a rule as a person writes it:
//
//	MATCH: EFFECT[, OPTION]…
//
// The effect is latency=TIME, a status from 400 to 599, reset, lost or partial. The
// options are p=PROBABILITY, count=N, after=N, latency=TIME, jitter=TIME and
// retry-after=TIME. Whether it can be is checked as well.
func Parse(text string) (Rule, error) {
	r, err := parse(text)
	if err == nil {
		_, err = r.check()
	}
	if err != nil {
		return Rule{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return r, nil
}

func parse(text string) (Rule, error) {
	colon := strings.LastIndex(text, ":")
	if colon < 0 {
		return Rule{}, errors.New(`there is no colon between which requests and what happens; write it as "POST /zones: lost"`)
	}
	r := Rule{Match: strings.Join(strings.Fields(text[:colon]), " ")}
	given := map[string]bool{}
	for part := range strings.SplitSeq(text[colon+1:], ",") {
		name, value, hasValue := strings.Cut(strings.TrimSpace(part), "=")
		name = strings.TrimSpace(name)
		if given[name] {
			return r, fmt.Errorf("%s is said twice", name)
		}
		given[name] = true
		var err error
		if hasValue {
			err = r.option(name, strings.TrimSpace(value))
		} else {
			err = r.effect(name)
		}
		if err != nil {
			return r, err
		}
	}
	if r.Kind == "" && given["latency"] {
		r.Kind = Latency
	}
	if r.Kind == "" {
		return r, fmt.Errorf("it does not say what happens; %s", effects)
	}
	return r, nil
}

func (r *Rule) effect(name string) error {
	if r.Kind != "" {
		return fmt.Errorf("both %s and %s cannot happen; write two faults", r.Kind, name)
	}
	if status, err := strconv.Atoi(name); err == nil {
		r.Kind, r.Status = Status, status
		return nil
	}
	switch k := Kind(name); k {
	case Reset, Lost, Partial:
		r.Kind = k
		return nil
	case Latency:
		return errors.New("latency needs a time, such as latency=200ms")
	}
	return fmt.Errorf("%q is not known; %s", name, effects)
}

func (r *Rule) option(name, value string) (err error) {
	switch name {
	case "p":
		r.Probability, err = strconv.ParseFloat(value, 64)
		if err != nil || !(r.Probability > 0 && r.Probability <= 1) {
			err = fmt.Errorf("p is a probability above 0 and at most 1, not %q", value)
		}
	case "count":
		r.Count, err = parseNumber(name, value)
		if err == nil && r.Count == 0 {
			err = errors.New("a fault that strikes 0 times is none; leave count out for no end")
		}
	case "after":
		r.After, err = parseNumber(name, value)
	case "latency":
		r.Latency, err = parseWait(value)
	case "jitter":
		r.Jitter, err = parseWait(value)
	case "retry-after":
		r.RetryAfter, err = parseWait(value)
	default:
		err = fmt.Errorf("there is no option %q; options are p, count, after, latency, jitter and retry-after", name)
	}
	return err
}

func parseNumber(name, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is a number of requests, not %q", name, value)
	}
	return n, nil
}

// parseWait reads a time; a bare number is seconds.
func parseWait(value string) (time.Duration, error) {
	if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= int(maxWait/time.Second) {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > maxWait {
		return 0, fmt.Errorf("%q is not a time from 0 to %v, such as 200ms or 5s", value, maxWait)
	}
	return d, nil
}

// String is the rule as Parse reads it.
func (r Rule) String() string {
	effect := string(r.Kind)
	if r.Kind == Status {
		effect = strconv.Itoa(r.Status)
	}
	var options []string
	if r.Kind != Latency {
		options = append(options, effect)
	}
	for _, o := range []struct {
		name string
		wait time.Duration
	}{{"latency", r.Latency}, {"jitter", r.Jitter}, {"retry-after", r.RetryAfter}} {
		if o.wait != 0 || o.name == string(r.Kind) {
			options = append(options, o.name+"="+o.wait.String())
		}
	}
	if r.Probability != 0 {
		options = append(options, "p="+strconv.FormatFloat(r.Probability, 'g', -1, 64))
	}
	for _, o := range []struct {
		name string
		n    int
	}{{"count", r.Count}, {"after", r.After}} {
		if o.n != 0 {
			options = append(options, o.name+"="+strconv.Itoa(o.n))
		}
	}
	return r.Match + ": " + strings.Join(options, ", ")
}
