package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// The limits of an answer.
const (
	usualLimit = 50
	maxLimit   = 2000
	maxOffset  = 10_000
)

// Query is the body of a question.
type Query struct {
	ID        string `json:"queryId"`
	Timeframe struct {
		From float64 `json:"from"`
		To   float64 `json:"to"`
	} `json:"timeframe"`
	View            string     `json:"view"`
	Limit           int        `json:"limit"`
	Offset          string     `json:"offset"` // the id of an event: older ones are wanted
	OffsetBy        int        `json:"offsetBy"`
	OffsetDirection string     `json:"offsetDirection"`
	Granularity     float64    `json:"granularity"` // of series, in milliseconds
	IgnoreSeries    bool       `json:"ignoreSeries"`
	Dry             bool       `json:"dry"`
	Compare         bool       `json:"compare"`
	Parameters      Parameters `json:"parameters"`
}

// Parameters say which events are looked at and what is made of them.
type Parameters struct {
	Datasets     []string      `json:"datasets,omitempty"`
	Combination  string        `json:"filterCombination,omitempty"`
	Filters      []Filter      `json:"filters,omitempty"`
	Needle       *Needle       `json:"needle,omitempty"`
	Calculations []Calculation `json:"calculations,omitempty"`
	GroupBys     []GroupBy     `json:"groupBys,omitempty"`
	Havings      []Having      `json:"havings,omitempty"`
	OrderBy      *OrderBy      `json:"orderBy,omitempty"`
	Limit        int           `json:"limit,omitempty"` // of groups
}

// BadQuery is a question that cannot be answered as it is.
type BadQuery struct{ Reason string }

func (e *BadQuery) Error() string { return e.Reason }

func bad(format string, args ...any) error { return &BadQuery{fmt.Sprintf(format, args...)} }

// Source is what questions are asked about.
type Source struct {
	Store   *traffic.Store
	Account string
	Now     func() time.Time
}

// statistics are what an answer cost.
type statistics struct {
	Bytes   int     `json:"bytes_read"`
	Elapsed float64 `json:"elapsed"` // seconds
	Rows    int     `json:"rows_read"`
}

// selection is which events are wanted.
type selection struct {
	from, to float64
	tests    []test
}

func selected(from, to float64, datasets []string, combination string, filters []Filter, needle *Needle) (selection, error) {
	if !(from >= 0 && to >= from && to < 1e15) {
		return selection{}, bad("the timeframe must have from and to, in milliseconds since 1970, and from must not be later")
	}
	wanted := func(name string) bool { return name == dataset }
	if len(datasets) > 0 && !slices.ContainsFunc(datasets, wanted) {
		return selection{}, bad("the only dataset is %s, not %v", dataset, datasets)
	}
	filter, err := combined(combination, filters, 0)
	if err != nil {
		return selection{}, bad("%s", err)
	}
	find, err := needle.test()
	if err != nil {
		return selection{}, bad("%s", err)
	}
	return selection{from: from, to: to, tests: []test{filter, find}}, nil
}

// each hands the wanted events to fn, the newest invocations first.
func (s Source) each(ctx context.Context, want selection, fn func(event)) (statistics, error) {
	began, stats := time.Now(), statistics{}
	// Logs may come long after their invocation began.
	from := time.UnixMilli(int64(want.from)).Add(-time.Hour)
	filter := traffic.Filter{Account: s.Account, From: from, To: time.UnixMilli(int64(want.to) + 1), Code: true}
	err := s.Store.Each(ctx, filter, func(r traffic.Record) error {
		all := events(r)
		for i := len(all) - 1; i >= 0; i-- {
			e := all[i]
			stats.Rows++
			if float64(e.time) < want.from || float64(e.time) > want.to {
				continue
			}
			if !slices.ContainsFunc(want.tests, func(t test) bool { return !t(e) }) {
				fn(e)
			}
		}
		return nil
	})
	stats.Elapsed = time.Since(began).Seconds()
	return stats, err
}

// Run answers a question. A *BadQuery is one that makes no sense.
func (s Source) Run(ctx context.Context, q Query) (map[string]any, error) {
	p := q.Parameters
	want, err := selected(q.Timeframe.From, q.Timeframe.To, p.Datasets, p.Combination, p.Filters, p.Needle)
	if err != nil {
		return nil, err
	}
	if q.Limit < 0 || q.Limit > maxLimit || q.OffsetBy < 0 || q.OffsetBy > maxOffset {
		return nil, bad("limit must be from 1 to %d, and offsetBy from 0 to %d", maxLimit, maxOffset)
	}
	if q.Compare || q.OffsetDirection != "" && q.OffsetDirection != "next" {
		return nil, bad("the local cloud has no compare, and offsetDirection can only be next")
	}
	result := map[string]any{}
	var stats statistics
	if !q.Dry {
		switch q.View {
		case "events", "invocations", "":
			stats, err = s.listed(ctx, q, want, result)
		case "calculations":
			stats, err = s.calculated(ctx, q, want, result)
		default:
			return nil, bad("the local cloud has the views events, invocations and calculations, not %q", q.View)
		}
		if err != nil {
			return nil, err
		}
	}
	at := s.Now().UTC().Format(time.RFC3339)
	result["statistics"] = stats
	result["run"] = map[string]any{
		"id": q.ID, "accountId": s.Account, "userId": "local", "dry": q.Dry, "granularity": q.granularity(), "status": "COMPLETED", "statistics": stats,
		"timeframe": map[string]any{"from": q.Timeframe.From, "to": q.Timeframe.To},
		"query": map[string]any{
			"id": q.ID, "name": q.ID, "description": nil, "adhoc": true, "created": at, "createdBy": "local", "updated": at, "updatedBy": "local", "parameters": p,
		},
	}
	return result, nil
}

// listed answers with events, the newest first.
func (s Source) listed(ctx context.Context, q Query, want selection, result map[string]any) (statistics, error) {
	var all []event
	kinds, count := map[string]string{}, 0
	needed := q.OffsetBy + cmp.Or(q.Limit, usualLimit)
	newest := func() {
		slices.SortFunc(all, func(a, b event) int { return cmp.Compare(b.id, a.id) })
		all = all[:min(len(all), needed)]
	}
	stats, err := s.each(ctx, want, func(e event) {
		count++
		for key, value := range e.fields {
			kinds[key] = typeOf(value)
		}
		if q.Offset != "" && e.id >= q.Offset {
			return
		}
		if all = append(all, e); len(all) >= 2*needed { // memory is for what is shown
			newest()
		}
	})
	if err != nil {
		return stats, err
	}
	newest()
	all = all[min(len(all), q.OffsetBy):]
	if q.View == "invocations" {
		byRequest := map[string][]event{}
		for _, e := range all {
			id := text(e.fields["$metadata.requestId"])
			byRequest[id] = append(byRequest[id], e)
		}
		result["invocations"] = byRequest
		return stats, nil
	}
	fields := []map[string]string{}
	for key, kind := range kinds {
		fields = append(fields, map[string]string{"key": key, "type": kind})
	}
	slices.SortFunc(fields, func(a, b map[string]string) int { return cmp.Compare(a["key"], b["key"]) })
	result["events"] = map[string]any{"count": count, "events": append([]event{}, all...), "fields": fields}
	return stats, nil
}

// Keys is a question for the keys that events have, or the values of one.
type Keys struct {
	Datasets  []string `json:"datasets"`
	Filters   []Filter `json:"filters"`
	Needle    *Needle  `json:"needle"`
	KeyNeedle *Needle  `json:"keyNeedle"`
	From      *float64 `json:"from"`
	To        *float64 `json:"to"`
	Limit     int      `json:"limit"`
	Timeframe *struct {
		From float64 `json:"from"`
		To   float64 `json:"to"`
	} `json:"timeframe"`
	Key  string `json:"key"`
	Type string `json:"type"`
}

func (s Source) selection(k Keys) (selection, error) {
	from, to := float64(0), float64(s.Now().Add(24*time.Hour).UnixMilli())
	switch {
	case k.Timeframe != nil:
		from, to = k.Timeframe.From, k.Timeframe.To
	default:
		if k.From != nil {
			from = *k.From
		}
		if k.To != nil {
			to = *k.To
		}
	}
	if k.Limit < 0 {
		return selection{}, bad("limit must not be negative")
	}
	return selected(from, to, k.Datasets, "", k.Filters, k.Needle)
}

// Keys lists the keys that the wanted events have.
func (s Source) Keys(ctx context.Context, k Keys) ([]map[string]any, error) {
	want, err := s.selection(k)
	if err != nil {
		return nil, err
	}
	type seen struct {
		kind string
		last int64
	}
	keys := map[string]seen{}
	if _, err := s.each(ctx, want, func(e event) {
		for key, value := range e.fields {
			keys[key] = seen{typeOf(value), max(keys[key].last, e.time)}
		}
	}); err != nil {
		return nil, err
	}
	name := func(string) bool { return true }
	if k.KeyNeedle != nil {
		pattern := text(k.KeyNeedle.Value)
		if !k.KeyNeedle.IsRegex {
			pattern = regexp.QuoteMeta(pattern)
		}
		p, err := compile(pattern, k.KeyNeedle.MatchCase)
		if err != nil {
			return nil, bad("keyNeedle: %s", err)
		}
		name = p.MatchString
	}
	listed := []map[string]any{}
	for key, one := range keys {
		if name(key) {
			listed = append(listed, map[string]any{"key": key, "type": one.kind, "lastSeenAt": one.last})
		}
	}
	slices.SortFunc(listed, func(a, b map[string]any) int { return cmp.Compare(a["key"].(string), b["key"].(string)) })
	return listed[:min(len(listed), cmp.Or(k.Limit, 1000))], nil
}

// Values lists the different values of one key.
func (s Source) Values(ctx context.Context, k Keys) ([]map[string]any, error) {
	if k.Key == "" || k.Timeframe == nil {
		return nil, bad("values need a key and a timeframe")
	}
	want, err := s.selection(k)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if _, err := s.each(ctx, want, func(e event) {
		if v := e.fields[k.Key]; v != nil && (k.Type == "" || typeOf(v) == k.Type) {
			values[text(v)] = v
		}
	}); err != nil {
		return nil, err
	}
	listed := []map[string]any{}
	for _, v := range values {
		listed = append(listed, map[string]any{"dataset": dataset, "key": k.Key, "type": typeOf(v), "value": v})
	}
	slices.SortFunc(listed, func(a, b map[string]any) int { return cmp.Compare(text(a["value"]), text(b["value"])) })
	return listed[:min(len(listed), cmp.Or(k.Limit, 50))], nil
}

// IsBad says why a question makes no sense, if that is what err is.
func IsBad(err error) (reason string, ok bool) {
	var q *BadQuery
	if errors.As(err, &q) {
		return q.Reason, true
	}
	return "", false
}
