package graphql

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Dataset is a list below an account. Its rows are grouped by the dimensions that are
// asked for; each aggregation names the figures of a row that it works on.
type Dataset struct {
	Name   string
	Labels []string // dimensions and filters, besides those of time
	Count  bool     // whether a group has a count
	Sum    []string
	Avg    []string
	Max    []string
	// Quantiles are the figures that have fields such as cpuTimeP50.
	Quantiles []string
	// Scan hands the rows of an account to yield; from and to bound them if they are
	// not zero, and rows outside of them may come as well.
	Scan func(ctx context.Context, account string, from, to time.Time, yield func(Row) error) error
}

// Row is one thing that happened. A figure that is not in Figures is not known.
type Row struct {
	Time    time.Time
	Labels  map[string]string
	Figures map[string]float64
}

// steps are the dimensions of time and what they round down to.
var steps = map[string]time.Duration{
	"datetime": time.Second, "datetimeMinute": time.Minute, "datetimeFiveMinutes": 5 * time.Minute,
	"datetimeFifteenMinutes": 15 * time.Minute, "datetimeHour": time.Hour, "date": 24 * time.Hour,
}

// percentiles are the ends of the names of quantiles.
var percentiles = map[string]float64{"P25": 0.25, "P50": 0.5, "P75": 0.75, "P90": 0.9, "P95": 0.95, "P99": 0.99, "P999": 0.999}

// dimension is a row's value of a dimension, "" when there is none.
func (r Row) dimension(name string) string {
	step, ofTime := steps[name]
	switch {
	case !ofTime:
		return r.Labels[name]
	case name == "date":
		return r.Time.UTC().Format(time.DateOnly)
	}
	return r.Time.UTC().Truncate(step).Format(time.RFC3339)
}

func (d Dataset) has(dimension string) bool {
	_, ofTime := steps[dimension]
	return ofTime || slices.Contains(d.Labels, dimension)
}

// group is the rows of the same dimensions.
type group struct {
	key     []string
	count   int
	figures map[string][]float64
}

func (g *group) sum(name string) (float64, bool) {
	total := 0.0
	for _, v := range g.figures[name] {
		total += v
	}
	return total, len(g.figures[name]) > 0
}

// value is an aggregated figure, or nil when nothing is known.
func (g *group) value(aggregation, name string) any {
	values := g.figures[name]
	if aggregation == "avg" && name == "sampleInterval" {
		return 1 // nothing is sampled
	}
	if aggregation == "quantiles" {
		figure, p := percentile(name)
		if values = g.figures[figure]; len(values) == 0 {
			return nil
		}
		return quantile(values, p)
	}
	if len(values) == 0 {
		return nil
	}
	switch aggregation {
	case "sum":
		total, _ := g.sum(name)
		return total
	case "avg":
		total, _ := g.sum(name)
		return total / float64(len(values))
	}
	return slices.Max(values)
}

// percentile takes the name of a quantile apart.
func percentile(name string) (figure string, p float64) {
	if i := strings.LastIndexByte(name, 'P'); i > 0 {
		if p, ok := percentiles[name[i:]]; ok {
			return name[:i], p
		}
	}
	return "", 0
}

// quantile is the smallest value that is not below a share p of all: exact, since
// nothing is sampled.
func quantile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[max(0, i)]
}

// knows reports whether a part of a group has a field.
func (d Dataset) knows(part, name string) bool {
	switch part {
	case "sum":
		return slices.Contains(d.Sum, name)
	case "avg":
		return slices.Contains(d.Avg, name)
	case "max":
		return slices.Contains(d.Max, name)
	case "quantiles":
		figure, _ := percentile(name)
		return slices.Contains(d.Quantiles, figure)
	case "dimensions":
		return d.has(name)
	}
	return false
}

// dataset answers one selected dataset.
func (q *query) dataset(path []string, f field, account string, d Dataset) (any, error) {
	if q.datasets++; q.datasets > maxDatasets {
		return nil, fail(path, "a query can have %d datasets at most", maxDatasets)
	}
	if err := f.only(path, "filter", "limit", "orderBy"); err != nil {
		return nil, err
	}
	limit, err := limitOf(path, f.arguments["limit"])
	if err != nil {
		return nil, err
	}
	var wanted condition = everything{}
	if f.arguments["filter"] != nil {
		if wanted, err = d.condition(path, f.arguments["filter"], 0); err != nil {
			return nil, err
		}
	}
	dimensions, err := q.dimensions(path, f, d)
	if err != nil {
		return nil, err
	}
	order, err := d.order(path, f.arguments["orderBy"], dimensions)
	if err != nil {
		return nil, err
	}
	groups, err := q.groups(account, d, wanted, dimensions)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(groups, order)
	rows := []any{}
	for _, g := range groups[:min(limit, len(groups))] {
		row, err := q.row(path, f, d, g, dimensions)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 { // what is wrong with the selection is told even then
		_, err = q.row(path, f, d, &group{key: make([]string, len(dimensions))}, dimensions)
	}
	return rows, err
}

func limitOf(path []string, v any) (int, error) {
	if v == nil {
		return maxRows, nil
	}
	n, ok := v.(float64)
	if !ok || n != math.Trunc(n) || n < 1 || n > maxRows {
		return 0, fail(path, "limit must be a number from 1 to %d, not %v", maxRows, v)
	}
	return int(n), nil
}

// dimensions are those that a selection asks for, in a fixed order.
func (q *query) dimensions(path []string, f field, d Dataset) ([]string, error) {
	var names []string
	parts, err := q.collect(path, f.selection, 0)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		if part.name != "dimensions" {
			continue
		}
		fields, err := q.collect(path, part.selection, 0)
		if err != nil {
			return nil, err
		}
		for _, one := range fields {
			if one.name != "__typename" && !slices.Contains(names, one.name) && d.has(one.name) {
				names = append(names, one.name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func (q *query) groups(account string, d Dataset, wanted condition, dimensions []string) ([]*group, error) {
	byKey := map[string]*group{}
	all := []*group{}
	from, to := wanted.bounds()
	err := d.Scan(q.ctx, account, from, to, func(r Row) error {
		if !wanted.match(r) {
			return nil
		}
		key := make([]string, len(dimensions))
		for i, name := range dimensions {
			key[i] = r.dimension(name)
		}
		joined := strings.Join(key, "\x00")
		g := byKey[joined]
		if g == nil {
			g = &group{key: key, figures: map[string][]float64{}}
			byKey[joined] = g
			all = append(all, g)
		}
		g.count++
		for name, v := range r.Figures {
			g.figures[name] = append(g.figures[name], v)
		}
		return nil
	})
	return all, err
}

// row is one group as it was asked for.
func (q *query) row(path []string, f field, d Dataset, g *group, dimensions []string) (any, error) {
	fields := map[string]resolver{}
	if d.Count {
		fields["count"] = func([]string, field) (any, error) { return g.count, nil }
	}
	for _, part := range []string{"dimensions", "sum", "avg", "max", "quantiles"} {
		fields[part] = func(path []string, f field) (any, error) { return q.part(path, f, d, g, dimensions) }
	}
	return q.object(path, f.selection, d.Name, fields)
}

// part is one of a group's objects of figures, or its dimensions.
func (q *query) part(path []string, f field, d Dataset, g *group, dimensions []string) (any, error) {
	selected, err := q.collect(path, f.selection, 0)
	if err != nil {
		return nil, err
	}
	if len(selected) == 0 {
		return nil, fail(path, "%s needs a selection of fields", f.name)
	}
	out := object{}
	for _, one := range selected {
		var value any
		switch {
		case one.name == "__typename":
			value = d.Name + "_" + f.name
		case !d.knows(f.name, one.name):
			return nil, fail(append(path, one.key), "unknown field %q in %s of %s", one.name, f.name, d.Name)
		case len(one.selection) > 0:
			return nil, fail(append(path, one.key), "field %q has no fields of its own", one.name)
		case f.name == "dimensions":
			value = g.key[slices.Index(dimensions, one.name)]
		default:
			value = g.value(f.name, one.name)
		}
		out = append(out, member{one.key, value})
	}
	return out, nil
}

// order reads orderBy: names such as datetime_ASC or sum_requests_DESC, one or a list.
// Groups without an order are sorted by their dimensions.
func (d Dataset) order(path []string, v any, dimensions []string) (func(a, b *group) int, error) {
	var comparisons []func(a, b *group) int
	list, isList := v.([]any)
	if !isList && v != nil {
		list = []any{v}
	}
	for _, one := range list {
		text := fmt.Sprint(one)
		name, descending := strings.CutSuffix(text, "_DESC")
		if !descending {
			var ascending bool
			if name, ascending = strings.CutSuffix(text, "_ASC"); !ascending {
				return nil, fail(path, "orderBy %q ends neither in _ASC nor in _DESC", text)
			}
		}
		compare, err := d.compare(path, name, dimensions)
		if err != nil {
			return nil, err
		}
		comparisons = append(comparisons, func(a, b *group) int {
			if descending {
				a, b = b, a
			}
			return compare(a, b)
		})
	}
	comparisons = append(comparisons, func(a, b *group) int { return slices.Compare(a.key, b.key) })
	return func(a, b *group) int {
		for _, compare := range comparisons {
			if n := compare(a, b); n != 0 {
				return n
			}
		}
		return 0
	}, nil
}

func (d Dataset) compare(path []string, name string, dimensions []string) (func(a, b *group) int, error) {
	if i := slices.Index(dimensions, name); i >= 0 {
		return func(a, b *group) int { return strings.Compare(a.key[i], b.key[i]) }, nil
	}
	if d.has(name) {
		return nil, fail(path, "orderBy %q needs %s among the dimensions", name, name)
	}
	if name == "count" && d.Count {
		return func(a, b *group) int { return cmp.Compare(a.count, b.count) }, nil
	}
	part, figure, _ := strings.Cut(name, "_")
	if part == "dimensions" || !d.knows(part, figure) {
		return nil, fail(path, "unknown orderBy %q of %s", name, d.Name)
	}
	number := func(g *group) float64 {
		switch v := g.value(part, figure).(type) {
		case float64:
			return v
		case int:
			return float64(v)
		}
		return math.Inf(-1) // not known
	}
	return func(a, b *group) int { return cmp.Compare(number(a), number(b)) }, nil
}
