package api

import (
	"encoding/json"
	"net/http"
	"time"
)

// What a version and its Worker carry along as JSON is read once, so that it has the
// types that whoever asks for it again expects.

// maxCPU is the highest limit of processor time that Cloudflare takes.
const maxCPU = 5 * time.Minute

type limitsJSON struct {
	CPU         *int64 `json:"cpu_ms"`
	Subrequests *int64 `json:"subrequests"`
}

type placementJSON struct {
	Mode     string `json:"mode"`
	Region   string `json:"region"`
	Hostname string `json:"hostname"`
	Host     string `json:"host"`
}

// observabilityJSON is observability, and what it says about its logs and its traces.
type observabilityJSON struct {
	Enabled        *bool              `json:"enabled"`
	SamplingRate   *float64           `json:"head_sampling_rate"`
	InvocationLogs *bool              `json:"invocation_logs"`
	Persist        *bool              `json:"persist"`
	Destinations   []string           `json:"destinations"`
	Logs           *observabilityJSON `json:"logs"`
	Traces         *observabilityJSON `json:"traces"`
}

// checkRules refuses limits, placement and observability that are not what they should
// be. Absent ones are fine.
func checkRules(limits, placement, observability json.RawMessage) error {
	if _, err := readLimits(limits); err != nil {
		return err
	}
	var where placementJSON
	if err := readRule("placement", placement, &where); err != nil {
		return err
	}
	if mode := where.Mode; mode != "" && mode != "off" && mode != "smart" && mode != "targeted" {
		return refuse(http.StatusBadRequest, 10021, "The placement has the mode %q; it is smart or targeted.", mode)
	}
	var o observabilityJSON
	if err := readRule("observability", observability, &o); err != nil {
		return err
	}
	for _, s := range []*observabilityJSON{&o, o.Logs, o.Traces} {
		if s != nil && s.SamplingRate != nil && !(*s.SamplingRate >= 0 && *s.SamplingRate <= 1) {
			return refuse(http.StatusBadRequest, 100308, "A sampling rate is from 0 to 1, not %v.", *s.SamplingRate)
		}
	}
	return nil
}

// readLimits reads what a version may use. Zeros are Cloudflare's own limits.
func readLimits(raw json.RawMessage) (cpu time.Duration, err error) {
	var l limitsJSON
	if err := readRule("limits", raw, &l); err != nil {
		return 0, err
	}
	if l.Subrequests != nil && *l.Subrequests < 1 {
		return 0, refuse(http.StatusBadRequest, 10021, "limits.subrequests is at least 1, not %d.", *l.Subrequests)
	}
	if l.CPU == nil {
		return 0, nil
	}
	if *l.CPU < 1 || *l.CPU > maxCPU.Milliseconds() {
		return 0, refuse(http.StatusBadRequest, 10205, "limits.cpu_ms is from 1 to %d, not %d.", maxCPU.Milliseconds(), *l.CPU)
	}
	return time.Duration(*l.CPU) * time.Millisecond, nil
}

// cpuLimit is how much processor time a version may use, by limits that were checked
// when they were taken; 0 is Cloudflare's default.
func cpuLimit(limits json.RawMessage) time.Duration {
	cpu, err := readLimits(limits)
	if err != nil {
		return 0 // of a state folder that an older clodo wrote
	}
	return cpu
}

func readRule(name string, raw json.RawMessage, into any) error {
	if !given(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return refuse(http.StatusBadRequest, 10026, "The field %q is not the JSON that was expected: %s.", name, NotJSON(err))
	}
	return nil
}
