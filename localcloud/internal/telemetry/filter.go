package telemetry

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// test says whether an event is wanted.
type test func(event) bool

const (
	maxDepth   = 20
	maxPattern = 1000
)

// Filter is a condition on a key, or a group of filters.
type Filter struct {
	Kind        string   `json:"kind,omitempty"`
	Combination string   `json:"filterCombination,omitempty"`
	Filters     []Filter `json:"filters,omitempty"`
	Key         string   `json:"key,omitempty"`
	Operation   string   `json:"operation,omitempty"`
	Type        string   `json:"type,omitempty"`
	Value       any      `json:"value,omitempty"`
}

// Needle is a text that stands anywhere in an event.
type Needle struct {
	Value     any  `json:"value"`
	IsRegex   bool `json:"isRegex,omitempty"`
	MatchCase bool `json:"matchCase,omitempty"`
}

// operations are the names of one operation by its other names.
var operations = map[string]string{
	"=": "eq", "!=": "neq", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "INCLUDES": "includes", "DOES_NOT_INCLUDE": "not_includes",
	"MATCH_REGEX": "regex", "EXISTS": "exists", "DOES_NOT_EXIST": "is_null", "IN": "in", "NOT_IN": "not_in", "STARTS_WITH": "starts_with", "ENDS_WITH": "ends_with",
}

// combined joins filters by "and", which is the default, or "or".
func combined(combination string, filters []Filter, depth int) (test, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("filters are nested deeper than %d", maxDepth)
	}
	either := strings.EqualFold(combination, "or")
	if !either && combination != "" && !strings.EqualFold(combination, "and") {
		return nil, fmt.Errorf("unknown filterCombination %q", combination)
	}
	var tests []test
	for _, f := range filters {
		var one test
		var err error
		if f.Kind == "group" {
			one, err = combined(f.Combination, f.Filters, depth+1)
		} else {
			one, err = f.test()
		}
		if err != nil {
			return nil, err
		}
		tests = append(tests, one)
	}
	return func(e event) bool {
		if either {
			return len(tests) == 0 || slices.ContainsFunc(tests, func(t test) bool { return t(e) })
		}
		return !slices.ContainsFunc(tests, func(t test) bool { return !t(e) })
	}, nil
}

func (f Filter) test() (test, error) {
	operation := f.Operation
	if other := operations[operation]; other != "" {
		operation = other
	}
	if f.Key == "" {
		return nil, fmt.Errorf("a filter has no key")
	}
	if f.Type != "string" && f.Type != "number" && f.Type != "boolean" {
		return nil, fmt.Errorf("filter %s has the type %q, not string, number or boolean", f.Key, f.Type)
	}
	switch operation {
	case "exists":
		return func(e event) bool { return e.fields[f.Key] != nil }, nil
	case "is_null":
		return func(e event) bool { return e.fields[f.Key] == nil }, nil
	}
	switch f.Value.(type) {
	case string, float64, bool:
	default:
		return nil, fmt.Errorf("filter %s needs a value that is a string, a number or a boolean", f.Key)
	}
	want := text(f.Value)
	negated := func(t func(string) bool) test { // what is not there does not include anything
		return func(e event) bool { return e.fields[f.Key] == nil || !t(text(e.fields[f.Key])) }
	}
	found := func(t func(string) bool) test {
		return func(e event) bool { return e.fields[f.Key] != nil && t(text(e.fields[f.Key])) }
	}
	list := func(s string) bool {
		return slices.ContainsFunc(strings.Split(want, ","), func(one string) bool { return strings.TrimSpace(one) == s })
	}
	switch operation {
	case "eq":
		return found(func(s string) bool { return s == want }), nil
	case "neq":
		return negated(func(s string) bool { return s == want }), nil
	case "includes":
		return found(func(s string) bool { return strings.Contains(s, want) }), nil
	case "not_includes":
		return negated(func(s string) bool { return strings.Contains(s, want) }), nil
	case "starts_with":
		return found(func(s string) bool { return strings.HasPrefix(s, want) }), nil
	case "ends_with":
		return found(func(s string) bool { return strings.HasSuffix(s, want) }), nil
	case "in":
		return found(list), nil
	case "not_in":
		return negated(list), nil
	case "regex":
		pattern, err := compile(want, true)
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", f.Key, err)
		}
		return found(pattern.MatchString), nil
	case "gt", "gte", "lt", "lte":
		limit, ok := number(f.Value)
		if !ok {
			return nil, fmt.Errorf("filter %s compares with %q, which is no number", f.Key, want)
		}
		return func(e event) bool {
			n, ok := number(e.fields[f.Key])
			return ok && compare(operation, n, limit)
		}, nil
	}
	return nil, fmt.Errorf("filter %s has the unknown operation %q", f.Key, f.Operation)
}

func compare(operation string, a, b float64) bool {
	switch operation {
	case "eq":
		return a == b
	case "neq":
		return a != b
	case "gt":
		return a > b
	case "gte":
		return a >= b
	case "lt":
		return a < b
	}
	return a <= b
}

// compile reads a pattern of Go's, which needs linear time whatever it is.
func compile(pattern string, matchCase bool) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a pattern can have %d characters", maxPattern)
	}
	if !matchCase {
		pattern = "(?i)" + pattern
	}
	p, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read (RE2): %w", err)
	}
	return p, nil
}

func (n *Needle) test() (test, error) {
	if n == nil {
		return func(event) bool { return true }, nil
	}
	want := text(n.Value)
	if n.IsRegex {
		p, err := compile(want, n.MatchCase)
		if err != nil {
			return nil, fmt.Errorf("needle: %w", err)
		}
		return func(e event) bool { return p.MatchString(e.all()) }, nil
	}
	if n.MatchCase {
		return func(e event) bool { return strings.Contains(e.all(), want) }, nil
	}
	want = strings.ToLower(want)
	return func(e event) bool { return strings.Contains(strings.ToLower(e.all()), want) }, nil
}

// all is everything that an event says.
func (e event) all() string {
	b, err := json.Marshal(e.body)
	if err != nil {
		return "" // it was decoded from JSON
	}
	return string(b)
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}

func typeOf(v any) string {
	switch v.(type) {
	case float64:
		return "number"
	case bool:
		return "boolean"
	}
	return "string"
}
