// Package tail lets clients watch the invocations of a Worker live, as `wrangler
// tail` does: filters, the tails that clients made, and the WebSocket on which the
// events come.
package tail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// Filters say which invocations a tail wants: those that all of them let through.
type Filters []filter

// filter is one of Cloudflare's; exactly the fields that are given count.
type filter struct {
	SamplingRate *float64 `json:"sampling_rate,omitempty"`
	Outcome      []string `json:"outcome,omitempty"`
	Method       []string `json:"method,omitempty"`
	Header       *header  `json:"header,omitempty"`
	ClientIP     []string `json:"client_ip,omitempty"`
	Query        string   `json:"query,omitempty"`
	Version      string   `json:"scriptVersion,omitempty"`
}

// header lets requests through that have it, and Query somewhere in its value.
type header struct {
	Key   string `json:"key"`
	Query string `json:"query,omitempty"`
}

// maxFilters is how many a tail may have.
const maxFilters = 50

// Parse reads the body of a request that makes a tail: empty, or an object with
// filters. self is the address that the filter "self" stands for.
func Parse(body []byte, self string) (Filters, error) {
	var in struct {
		Filters []json.RawMessage `json:"filters"`
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("the body is not an object with filters: %w", err)
	}
	if len(in.Filters) > maxFilters {
		return nil, fmt.Errorf("%d filters are more than %d", len(in.Filters), maxFilters)
	}
	var all Filters
	for i, raw := range in.Filters {
		var f filter
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields() // a filter that is not applied would show too much
		if err := d.Decode(&f); err != nil {
			return nil, fmt.Errorf("filter %d: %w", i, err)
		}
		if f.SamplingRate != nil && !(*f.SamplingRate > 0 && *f.SamplingRate <= 1) {
			return nil, fmt.Errorf("filter %d: the sampling rate %v is not between 0 and 1", i, *f.SamplingRate)
		}
		if f.Header != nil && f.Header.Key == "" {
			return nil, fmt.Errorf("filter %d: the header has no key", i)
		}
		for j, ip := range f.ClientIP {
			if ip == "self" {
				f.ClientIP[j] = self
			}
		}
		all = append(all, f)
	}
	return all, nil
}

// Match reports whether a tail with these filters shows r. Header values that are
// redacted are not found.
func (all Filters) Match(r traffic.Record) bool {
	for _, f := range all {
		if !f.match(r) {
			return false
		}
	}
	return true
}

func (f filter) match(r traffic.Record) bool {
	switch {
	case f.Version != "" && f.Version != r.Version,
		len(f.Outcome) > 0 && !slices.Contains(f.Outcome, r.Outcome),
		len(f.Method) > 0 && !slices.ContainsFunc(f.Method, func(m string) bool { return strings.EqualFold(m, r.Method) }),
		len(f.ClientIP) > 0 && !slices.Contains(f.ClientIP, r.Detail.ClientIP),
		f.Header != nil && !f.Header.match(r),
		f.Query != "" && !logged(r, f.Query):
		return false
	}
	return f.SamplingRate == nil || rand.Float64() < *f.SamplingRate
}

func (h *header) match(r traffic.Record) bool {
	for name, value := range r.Headers() {
		if strings.EqualFold(name, h.Key) && strings.Contains(value, h.Query) {
			return true
		}
	}
	return false
}

// logged reports whether text stands in something that was logged.
func logged(r traffic.Record, text string) bool {
	for _, l := range r.Detail.Logs {
		if strings.Contains(l.Text(), text) {
			return true
		}
	}
	return false
}
