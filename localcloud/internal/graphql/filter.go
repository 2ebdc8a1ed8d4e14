package graphql

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// condition is a filter that was read. bounds are what it says about the time; zero
// is no bound.
type condition interface {
	match(r Row) bool
	bounds() (from, to time.Time)
}

type everything struct{}

func (everything) match(Row) bool               { return true }
func (everything) bounds() (from, to time.Time) { return from, to }

// all and either join conditions.
type (
	all    []condition
	either []condition
)

func (c all) match(r Row) bool {
	return !slices.ContainsFunc(c, func(one condition) bool { return !one.match(r) })
}

func (c all) bounds() (from, to time.Time) {
	for _, one := range c {
		f, t := one.bounds()
		if f.After(from) {
			from = f
		}
		if !t.IsZero() && (to.IsZero() || t.Before(to)) {
			to = t
		}
	}
	return from, to
}

func (c either) match(r Row) bool {
	return slices.ContainsFunc(c, func(one condition) bool { return one.match(r) })
}

func (either) bounds() (from, to time.Time) { return from, to }

// comparison is one member of a filter.
type comparison struct {
	dimension string
	test      func(value string) bool
	from, to  time.Time
}

func (c comparison) match(r Row) bool             { return c.test(r.dimension(c.dimension)) }
func (c comparison) bounds() (from, to time.Time) { return c.from, c.to }

// condition reads a filter: an object whose members all have to hold, or a list of
// such objects of which all have to.
func (d Dataset) condition(path []string, v any, depth int) (condition, error) {
	if depth > maxDepth {
		return nil, fail(path, "filters are nested too deep")
	}
	var conditions all
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			c, err := d.condition(path, one, depth+1)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, c)
		}
		return conditions, nil
	case map[string]any:
		for name, value := range v {
			var c condition
			var err error
			switch name {
			case "AND":
				c, err = d.condition(path, value, depth+1)
			case "OR":
				c, err = d.condition(path, value, depth+1)
				if list, isList := c.(all); isList && err == nil {
					c = either(list)
				}
			default:
				c, err = d.comparison(path, name, value)
			}
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, c)
		}
		return conditions, nil
	}
	return nil, fail(path, "a filter must be an object, not %v", v)
}

// operators are the ends of the names of a filter's members; no end is equality.
var operators = []string{"_geq", "_gt", "_leq", "_lt", "_neq", "_notin", "_in", "_notlike", "_like"}

func (d Dataset) comparison(path []string, name string, value any) (condition, error) {
	dimension, operator := name, ""
	if !d.has(name) {
		for _, end := range operators {
			if base, ok := strings.CutSuffix(name, end); ok && d.has(base) {
				dimension, operator = base, end
			}
		}
		if operator == "" {
			return nil, fail(path, "unknown filter %q of %s", name, d.Name)
		}
	}
	_, ofTime := steps[dimension]
	text := func(v any) (string, error) {
		s, ok := v.(string)
		if !ok {
			return "", fail(path, "filter %s needs a text, not %v", name, v)
		}
		if !ofTime {
			return s, nil
		}
		t, err := instant(s)
		if err != nil {
			return "", fail(path, "filter %s: %s", name, err)
		}
		if dimension == "date" {
			return t.Format(time.DateOnly), nil
		}
		return t.Format(time.RFC3339), nil // truncated to seconds, as dimensions are
	}
	c := comparison{dimension: dimension}
	if operator == "_in" || operator == "_notin" {
		list, ok := value.([]any)
		if !ok {
			return nil, fail(path, "filter %s needs a list", name)
		}
		var texts []string
		for _, v := range list {
			s, err := text(v)
			if err != nil {
				return nil, err
			}
			texts = append(texts, s)
		}
		c.test = func(s string) bool { return slices.Contains(texts, s) == (operator == "_in") }
		return c, nil
	}
	want, err := text(value)
	if err != nil {
		return nil, err
	}
	switch operator {
	case "":
		c.test = func(s string) bool { return s == want }
	case "_neq":
		c.test = func(s string) bool { return s != want }
	case "_gt":
		c.test = func(s string) bool { return s > want }
	case "_geq":
		c.test = func(s string) bool { return s >= want }
	case "_lt":
		c.test = func(s string) bool { return s < want }
	case "_leq":
		c.test = func(s string) bool { return s <= want }
	case "_like", "_notlike":
		pattern, err := like(want)
		if err != nil {
			return nil, fail(path, "filter %s: %s", name, err)
		}
		c.test = func(s string) bool { return pattern.MatchString(s) == (operator == "_like") }
	}
	if ofTime {
		c.bound(operator, value.(string), steps[dimension])
	}
	return c, nil
}

// bound narrows what has to be read, with room for what a dimension rounds away.
func (c *comparison) bound(operator, value string, step time.Duration) {
	t, err := instant(value)
	if err != nil {
		return
	}
	switch operator {
	case "_gt", "_geq":
		c.from = t.Add(-step)
	case "_lt", "_leq":
		c.to = t.Add(2 * step)
	case "":
		c.from, c.to = t.Add(-step), t.Add(2*step)
	}
}

// instant reads a time or a date.
func instant(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time like 2026-11-28T12:00:00Z", s)
}

// like is a pattern of SQL, with % for anything and _ for one character.
func like(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > 1000 {
		return nil, errors.New("a pattern can have 1000 characters")
	}
	quoted := regexp.QuoteMeta(pattern)
	return regexp.Compile("(?s)^" + strings.NewReplacer("%", ".*", "_", ".").Replace(quoted) + "$")
}
