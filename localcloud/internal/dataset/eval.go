package dataset

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// units are those of intervals, in seconds.
var units = map[string]float64{"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 7 * 86400}

// interval is a span of time, in seconds.
type interval float64

// scope is what an expression can see: a row, and for aggregates its group.
type scope struct {
	now     time.Time
	row     row
	group   []row // nil outside of groups
	aliases map[string]expr
	depth   int
}

// aggregates are the functions over the rows of a group.
var aggregates = []string{"count", "sum", "avg", "min", "max", "uniq", "quantile", "quantileexact", "quantileweighted", "quantileexactweighted"}

func (e expr) aggregated(aliases map[string]expr, depth int) bool {
	if depth > maxDepth {
		return false
	}
	if !e.call {
		inner, ok := aliases[e.name]
		return ok && inner.text != e.text && inner.aggregated(aliases, depth+1)
	}
	return slices.Contains(aggregates, strings.ToLower(e.name)) || slices.ContainsFunc(e.args, func(a expr) bool { return a.aggregated(aliases, depth+1) })
}

func (s scope) eval(e expr) (any, error) {
	if s.depth++; s.depth > maxDepth {
		return nil, errors.New("an expression is nested too deep, or names itself")
	}
	switch {
	case e.unit != "":
		return interval(e.value.(float64) * units[e.unit]), nil
	case !e.call && e.name == "":
		return e.value, nil
	case !e.call:
		if v, ok := s.row.column(e.name); ok {
			return v, nil
		}
		if inner, ok := s.aliases[e.name]; ok {
			return s.eval(inner)
		}
		return nil, fmt.Errorf("unable to find the column %q", e.name)
	}
	name := strings.ToLower(e.name)
	if slices.Contains(aggregates, name) {
		return s.aggregate(name, e)
	}
	if name == "and" || name == "or" {
		left, err := s.eval(e.args[0])
		if err != nil || truth(left) == (name == "or") {
			return flag(truth(left)), err
		}
		right, err := s.eval(e.args[1])
		return flag(truth(right)), err
	}
	args := make([]any, len(e.args))
	for i, a := range e.args {
		v, err := s.eval(a)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	f, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("unknown function %q", e.name)
	}
	if len(args) < f.least || len(args) > f.most {
		return nil, fmt.Errorf("function %s got %d arguments", e.name, len(args))
	}
	v, err := f.call(s, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	return v, nil
}

// aggregate is a figure over the group's rows.
func (s scope) aggregate(name string, e expr) (any, error) {
	if s.group == nil {
		return nil, fmt.Errorf("%s is not possible here", e.name)
	}
	if name == "count" && (len(e.args) == 0 || e.args[0].name == "*") {
		return float64(len(s.group)), nil
	}
	if len(e.args) == 0 {
		return nil, fmt.Errorf("function %s needs an argument", e.name)
	}
	p := 0.5
	if len(e.params) > 0 {
		v, ok := e.params[0].value.(float64)
		if !ok || v < 0 || v > 1 {
			return nil, fmt.Errorf("%s needs a number from 0 to 1", e.name)
		}
		p = v
	}
	var values []weighted
	for _, r := range s.group {
		inner := scope{now: s.now, row: r, aliases: s.aliases, depth: s.depth}
		v, err := inner.eval(e.args[0])
		if err != nil {
			return nil, err
		}
		one := weighted{v, 1}
		if len(e.args) > 1 && strings.HasSuffix(name, "weighted") {
			w, err := inner.eval(e.args[1])
			if err != nil {
				return nil, err
			}
			if one.weight, err = numeric(w); err != nil {
				return nil, err
			}
		}
		values = append(values, one)
	}
	return figure(name, p, values)
}

type weighted struct {
	value  any
	weight float64
}

func figure(name string, p float64, values []weighted) (any, error) {
	switch name {
	case "count":
		return float64(len(values)), nil
	case "uniq":
		different := map[string]bool{}
		for _, v := range values {
			different[show(v.value)] = true
		}
		return float64(len(different)), nil
	case "min", "max":
		if len(values) == 0 {
			return nil, nil
		}
		pick := slices.MinFunc[[]weighted]
		if name == "max" {
			pick = slices.MaxFunc[[]weighted]
		}
		return pick(values, func(a, b weighted) int { return compare(a.value, b.value) }).value, nil
	}
	total, weight := 0.0, 0.0
	for _, v := range values {
		n, err := numeric(v.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		total, weight = total+n, weight+v.weight
	}
	switch name {
	case "sum":
		return total, nil
	}
	if len(values) == 0 {
		return nil, nil
	}
	switch name {
	case "avg":
		return total / float64(len(values)), nil
	}
	slices.SortStableFunc(values, func(a, b weighted) int { return compare(a.value, b.value) })
	passed := 0.0
	for _, v := range values {
		if passed += v.weight; passed >= p*weight {
			return v.value, nil
		}
	}
	return values[len(values)-1].value, nil
}

type function struct {
	least, most int
	call        func(s scope, args []any) (any, error)
}

func comparison(holds func(n int) bool) function {
	return function{2, 2, func(_ scope, a []any) (any, error) {
		left, right := alike(a[0], a[1])
		return flag(holds(compare(left, right))), nil
	}}
}

func arithmetic(do func(a, b float64) float64) function {
	return function{2, 2, func(_ scope, a []any) (any, error) {
		x, err := numeric(a[0])
		if err != nil {
			return nil, err
		}
		y, err := numeric(a[1])
		return do(x, y), err
	}}
}

func rounding(do func(float64) float64) function {
	return function{1, 1, func(_ scope, a []any) (any, error) {
		x, err := numeric(a[0])
		return do(x), err
	}}
}

func ofText(do func(string) any) function {
	return function{1, 1, func(_ scope, a []any) (any, error) { return do(show(a[0])), nil }}
}

func startOf(unit string) function {
	return function{1, 1, func(_ scope, a []any) (any, error) {
		t, err := moment(a[0])
		return t.Truncate(time.Duration(units[unit]) * time.Second), err
	}}
}

// shifted adds or takes away an interval.
func shifted(sign float64) function {
	plain := arithmetic(func(a, b float64) float64 { return a + sign*b })
	return function{2, 2, func(s scope, a []any) (any, error) {
		span, ok := a[1].(interval)
		if !ok {
			return plain.call(s, a)
		}
		t, err := moment(a[0])
		return t.Add(time.Duration(sign * float64(span) * float64(time.Second))), err
	}}
}

// functions are all that are known, besides aggregates, and, and or.
var functions = map[string]function{
	"=": comparison(func(n int) bool { return n == 0 }), "!=": comparison(func(n int) bool { return n != 0 }),
	"<": comparison(func(n int) bool { return n < 0 }), "<=": comparison(func(n int) bool { return n <= 0 }),
	">": comparison(func(n int) bool { return n > 0 }), ">=": comparison(func(n int) bool { return n >= 0 }),
	"+": shifted(1), "-": shifted(-1),
	"*":      arithmetic(func(a, b float64) float64 { return a * b }),
	"/":      arithmetic(func(a, b float64) float64 { return a / b }),
	"%":      arithmetic(math.Mod),
	"intdiv": arithmetic(func(a, b float64) float64 { return math.Trunc(a / b) }),
	"not":    {1, 1, func(_ scope, a []any) (any, error) { return flag(!truth(a[0])), nil }},
	"if": {3, 3, func(_ scope, a []any) (any, error) {
		if truth(a[0]) {
			return a[1], nil
		}
		return a[2], nil
	}},
	"in": {1, 10_000, func(_ scope, a []any) (any, error) {
		return flag(slices.ContainsFunc(a[1:], func(v any) bool { left, right := alike(a[0], v); return compare(left, right) == 0 })), nil
	}},
	"between": {3, 3, func(_ scope, a []any) (any, error) {
		value, low := alike(a[0], a[1])
		again, high := alike(a[0], a[2])
		return flag(compare(value, low) >= 0 && compare(again, high) <= 0), nil
	}},
	"like": {2, 2, func(_ scope, a []any) (any, error) {
		pattern := regexp.QuoteMeta(show(a[1]))
		if len(pattern) > 1000 {
			return nil, errors.New("the pattern is too long")
		}
		p, err := regexp.Compile("(?s)^" + strings.NewReplacer("%", ".*", "_", ".").Replace(pattern) + "$")
		if err != nil {
			return nil, err
		}
		return flag(p.MatchString(show(a[0]))), nil
	}},
	"now":             {0, 0, func(s scope, _ []any) (any, error) { return s.now, nil }},
	"todatetime":      {1, 1, func(_ scope, a []any) (any, error) { return moment(a[0]) }},
	"tounixtimestamp": {1, 1, func(_ scope, a []any) (any, error) { t, err := moment(a[0]); return float64(t.Unix()), err }},
	"touint32":        {1, 1, func(_ scope, a []any) (any, error) { return number(a[0]) }},
	"tostartofinterval": {2, 2, func(_ scope, a []any) (any, error) {
		t, err := moment(a[0])
		span, ok := a[1].(interval)
		if !ok || span < 1 {
			return nil, errors.New("needs a time and an INTERVAL")
		}
		return t.Truncate(time.Duration(span) * time.Second), err
	}},
	"tostartofminute": startOf("MINUTE"), "tostartofhour": startOf("HOUR"), "tostartofday": startOf("DAY"),
	"floor": rounding(math.Floor), "ceil": rounding(math.Ceil), "round": rounding(math.Round), "abs": rounding(math.Abs),
	"lower":    ofText(func(s string) any { return strings.ToLower(s) }),
	"upper":    ofText(func(s string) any { return strings.ToUpper(s) }),
	"length":   ofText(func(s string) any { return float64(len(s)) }),
	"empty":    ofText(func(s string) any { return flag(s == "") }),
	"notempty": ofText(func(s string) any { return flag(s != "") }),
}

func flag(b bool) any {
	if b {
		return 1.0
	}
	return 0.0
}

func truth(v any) bool {
	n, ok := v.(float64)
	return ok && n != 0
}

// numeric is a number; a text is none.
func numeric(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case time.Time:
		return float64(v.Unix()), nil
	}
	return 0, fmt.Errorf("%s is no number", show(v))
}

// number also reads texts.
func number(v any) (any, error) {
	if s, ok := v.(string); ok {
		n, err := strconv.ParseFloat(s, 64)
		return n, err
	}
	return numeric(v)
}

const dateTime = "2006-01-02 15:04:05"

func moment(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v, nil
	case float64:
		return time.Unix(int64(v), 0).UTC(), nil
	case string:
		for _, layout := range []string{dateTime, time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", show(v))
}

// alike makes a text a time where it is compared with one.
func alike(a, b any) (left, right any) {
	if _, ok := a.(time.Time); ok {
		if t, err := moment(b); err == nil {
			return a, t
		}
	}
	if _, ok := b.(time.Time); ok {
		if t, err := moment(a); err == nil {
			return t, b
		}
	}
	return a, b
}

// compare orders values; those of different types by their texts.
func compare(a, b any) int {
	switch x := a.(type) {
	case float64:
		if y, ok := b.(float64); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	}
	return strings.Compare(show(a), show(b))
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format(dateTime)
	case interval:
		return strconv.FormatFloat(float64(v), 'f', -1, 64) + " seconds"
	}
	return ""
}
