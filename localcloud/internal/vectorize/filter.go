package vectorize

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// filter is conditions on indexed metadata, all of which have to hold.
type filter []condition

// condition is one operator on one property.
type condition struct {
	property Property
	operator string
	operand  any // string, float64, bool, nil or, for $in and $nin, a list of them
}

// parseFilter reads {"property": value} and {"property": {"$operator": operand, …}}.
func parseFilter(i *Index, raw json.RawMessage) (filter, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	bad := func(format string, args ...any) (filter, error) {
		return nil, refuse(http.StatusBadRequest, 40024, "invalid filter: "+format, args...)
	}
	if len(raw) > MaxFilter {
		return bad("it has %d bytes, more than %d", len(raw), MaxFilter)
	}
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return bad("it is not an object")
	}
	f := filter{}
	for name, value := range fields {
		p, ok := i.property(name)
		if !ok {
			return bad("there is no metadata index of the property %q", name)
		}
		operators, ok := value.(map[string]any)
		if !ok {
			operators = map[string]any{"$eq": value}
		}
		for operator, operand := range operators {
			if !possible(operator, operand) {
				return bad("the property %q cannot be compared by %q with that value", name, operator)
			}
			f = append(f, condition{p, operator, operand})
		}
	}
	return f, nil
}

// possible reports whether an operator takes the operand.
func possible(operator string, operand any) bool {
	switch operator {
	case "$eq", "$ne":
		return isScalar(operand)
	case "$in", "$nin":
		list, ok := operand.([]any)
		return ok && !slices.ContainsFunc(list, func(v any) bool { return !isScalar(v) })
	case "$lt", "$lte", "$gt", "$gte":
		return isScalar(operand) && operand != nil
	}
	return false
}

func isScalar(v any) bool {
	switch v.(type) {
	case string, float64, bool, nil:
		return true
	}
	return false
}

// matches reports whether a vector's metadata fulfils all conditions.
func (f filter) matches(metadata string, change int64) bool {
	fields := map[string]any{}
	if metadata != "" && json.Unmarshal([]byte(metadata), &fields) != nil {
		return false
	}
	for _, c := range f {
		if !c.holds(fields, change) {
			return false
		}
	}
	return true
}

func (c condition) holds(metadata map[string]any, change int64) bool {
	value, known := c.property.value(metadata, change)
	if !known {
		value = nil
	}
	equals := func(operand any) bool {
		if s, ok := operand.(string); ok {
			operand = truncate(s)
		}
		return value == operand
	}
	switch c.operator {
	case "$eq":
		return equals(c.operand)
	case "$ne":
		return !equals(c.operand)
	case "$in":
		return slices.ContainsFunc(c.operand.([]any), equals)
	case "$nin":
		return !slices.ContainsFunc(c.operand.([]any), equals)
	}
	order, ok := compare(value, c.operand)
	if !ok {
		return false
	}
	switch c.operator {
	case "$lt":
		return order < 0
	case "$lte":
		return order <= 0
	case "$gt":
		return order > 0
	}
	return order >= 0
}

// compare orders two values of one type.
func compare(a, b any) (order int, ok bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return cmp.Compare(x, y), ok
	case float64:
		y, ok := b.(float64)
		return cmp.Compare(x, y), ok
	}
	return 0, false
}

// lookup follows a property's name, in which dots lead into objects.
func lookup(metadata map[string]any, name string) (any, bool) {
	first, rest, deeper := strings.Cut(name, ".")
	value, ok := metadata[first]
	if !deeper || !ok {
		return value, ok
	}
	inner, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookup(inner, rest)
}
