package telemetry

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

// Calculation is a figure over the events of a group.
type Calculation struct {
	Operator string `json:"operator"`
	Key      string `json:"key,omitempty"`
	KeyType  string `json:"keyType,omitempty"`
	Alias    string `json:"alias,omitempty"`
}

// GroupBy is a key whose values make the groups.
type GroupBy struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Having leaves out groups by a calculation.
type Having struct {
	Key       string  `json:"key"`
	Operation string  `json:"operation"`
	Value     float64 `json:"value"`
}

// OrderBy sorts the groups by a calculation.
type OrderBy struct {
	Value string `json:"value"`
	Order string `json:"order,omitempty"`
}

// percentiles are the operators that are quantiles.
var percentiles = map[string]float64{
	"median": 0.5, "p001": 0.001, "p01": 0.01, "p05": 0.05, "p10": 0.1, "p25": 0.25, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p50": 0.5,
}

const (
	maxCalculations = 20
	maxGroups       = 2000
	maxBuckets      = 2000
)

func (c Calculation) operator() string {
	if c.Operator == "COUNT_DISTINCT" {
		return "uniq"
	}
	return strings.ToLower(c.Operator)
}

func (c Calculation) name() string { return cmp.Or(c.Alias, c.operator()) }

func (c Calculation) check() error {
	switch operator := c.operator(); operator {
	case "count":
		return nil
	case "uniq", "max", "min", "sum", "avg", "stddev", "variance":
	default:
		if _, ok := percentiles[operator]; !ok {
			return bad("unknown operator %q", c.Operator)
		}
	}
	if c.Key == "" {
		return bad("the calculation %s needs a key", c.Operator)
	}
	return nil
}

// of is the figure, or false when no event has the key.
func (c Calculation) of(all []event) (float64, bool) {
	operator := c.operator()
	if operator == "count" {
		return float64(len(all)), true
	}
	if operator == "uniq" {
		different := map[string]bool{}
		for _, e := range all {
			if v := e.fields[c.Key]; v != nil {
				different[text(v)] = true
			}
		}
		return float64(len(different)), true
	}
	var values []float64
	sum := 0.0
	for _, e := range all {
		if n, ok := number(e.fields[c.Key]); ok && !math.IsNaN(n) && !math.IsInf(n, 0) {
			values = append(values, n)
			sum += n
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	mean := sum / float64(len(values))
	switch operator {
	case "sum":
		return sum, true
	case "avg":
		return mean, true
	case "min":
		return slices.Min(values), true
	case "max":
		return slices.Max(values), true
	case "variance", "stddev":
		squares := 0.0
		for _, v := range values {
			squares += (v - mean) * (v - mean)
		}
		if variance := squares / float64(len(values)); operator == "variance" {
			return variance, true
		}
		return math.Sqrt(squares / float64(len(values))), true
	}
	slices.Sort(values)
	i := int(math.Ceil(percentiles[operator]*float64(len(values)))) - 1
	return values[max(0, i)], true
}

// group are the events with the same values.
type group struct {
	values []groupValue
	events []event
}

type groupValue struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// granularity is the width of a series' buckets: what is asked for, or a thirtieth.
func (q Query) granularity() float64 {
	span := q.Timeframe.To - q.Timeframe.From
	return max(1, q.Granularity, math.Ceil(span/30), math.Ceil(span/maxBuckets))
}

func (s Source) calculated(ctx context.Context, q Query, want selection, result map[string]any) (statistics, error) {
	p := q.Parameters
	if len(p.Calculations) == 0 {
		p.Calculations = []Calculation{{Operator: "count"}}
	}
	if len(p.Calculations) > maxCalculations || len(p.GroupBys) > maxCalculations {
		return statistics{}, bad("a query can have %d calculations and groupBys", maxCalculations)
	}
	for _, c := range p.Calculations {
		if err := c.check(); err != nil {
			return statistics{}, err
		}
	}
	byKey := map[string]*group{}
	var groups []*group
	stats, err := s.each(ctx, want, func(e event) {
		values, key := []groupValue{}, ""
		for _, by := range p.GroupBys {
			v := e.fields[by.Value]
			if v == nil {
				return // it belongs to no group
			}
			values = append(values, groupValue{by.Value, v})
			key += typeOf(v) + text(v) + "\x00"
		}
		g := byKey[key]
		if g == nil {
			g = &group{values: values}
			byKey[key] = g
			groups = append(groups, g)
		}
		slim := event{time: e.time, fields: map[string]any{}} // all that is needed of it
		for _, c := range p.Calculations {
			if v := e.fields[c.Key]; v != nil {
				slim.fields[c.Key] = v
			}
		}
		g.events = append(g.events, slim)
	})
	if err != nil {
		return stats, err
	}
	if groups, err = p.arranged(groups); err != nil {
		return stats, err
	}
	answers := []map[string]any{}
	for _, c := range p.Calculations {
		aggregates := []map[string]any{}
		for _, g := range groups {
			if v, ok := c.of(g.events); ok {
				aggregates = append(aggregates, aggregate(g, len(g.events), v, q.Timeframe.To-q.Timeframe.From))
			}
		}
		answer := map[string]any{"calculation": c.Operator, "aggregates": aggregates, "series": []any{}}
		if c.Alias != "" {
			answer["alias"] = c.Alias
		}
		if !q.IgnoreSeries {
			answer["series"] = q.series(c, groups)
		}
		answers = append(answers, answer)
	}
	result["calculations"] = answers
	return stats, nil
}

func aggregate(g *group, count int, value, interval float64) map[string]any {
	return map[string]any{"groups": g.values, "count": count, "value": value, "interval": interval, "sampleInterval": 1}
}

// arranged leaves out groups and sorts the rest; usually by their size.
func (p Parameters) arranged(groups []*group) ([]*group, error) {
	find := func(name string) (Calculation, error) {
		for _, c := range p.Calculations {
			if name == c.name() || name == c.Alias || name == c.Operator || name == c.operator() {
				return c, nil
			}
		}
		return Calculation{}, bad("there is no calculation %q", name)
	}
	for _, h := range p.Havings {
		c, err := find(h.Key)
		if err != nil {
			return nil, err
		}
		if !slices.Contains([]string{"eq", "neq", "gt", "gte", "lt", "lte"}, h.Operation) {
			return nil, bad("unknown operation %q of having", h.Operation)
		}
		groups = slices.DeleteFunc(groups, func(g *group) bool {
			v, ok := c.of(g.events)
			return !ok || !compare(h.Operation, v, h.Value)
		})
	}
	by, order := Calculation{Operator: "count"}, OrderBy{Order: "desc"}
	if p.OrderBy != nil {
		var err error
		if by, err = find(p.OrderBy.Value); err != nil {
			return nil, err
		}
		order = *p.OrderBy
	}
	figures := map[*group]float64{}
	for _, g := range groups {
		figures[g], _ = by.of(g.events)
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		n := cmp.Compare(figures[a], figures[b])
		if order.Order != "asc" {
			n = -n
		}
		return cmp.Or(n, slices.CompareFunc(a.values, b.values, func(a, b groupValue) int { return cmp.Compare(text(a.Value), text(b.Value)) }))
	})
	if p.Limit < 0 {
		return nil, bad("limit must not be negative")
	}
	return groups[:min(len(groups), cmp.Or(p.Limit, maxGroups))], nil
}

// series is a calculation over time. Buckets without events are left out.
func (q Query) series(c Calculation, groups []*group) []map[string]any {
	width := q.granularity()
	buckets := map[int64][]map[string]any{}
	for _, g := range groups {
		inBucket := map[int64][]event{}
		for _, e := range g.events {
			at := int64(math.Floor(float64(e.time)/width) * width)
			inBucket[at] = append(inBucket[at], e)
		}
		for at, events := range inBucket {
			if v, ok := c.of(events); ok {
				buckets[at] = append(buckets[at], aggregate(g, len(events), v, width))
			}
		}
	}
	series := []map[string]any{}
	for at, data := range buckets {
		series = append(series, map[string]any{"time": time.UnixMilli(at).UTC().Format(time.RFC3339Nano), "data": data})
	}
	slices.SortFunc(series, func(a, b map[string]any) int { return cmp.Compare(a["time"].(string), b["time"].(string)) })
	return series
}
