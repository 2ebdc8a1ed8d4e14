package clodo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Check is one thing that a service needs. Run returns nil when it is there.
type Check struct {
	Name    string
	Run     func(context.Context) error
	Timeout time.Duration // default: 5 seconds
}

// CheckResult is what a check found.
type CheckResult struct {
	Name     string  `json:"name"`
	OK       bool    `json:"ok"`
	Error    string  `json:"error,omitempty"`
	Duration float64 `json:"duration_ms"`
}

// Health answers whether the service can do its work: 200 when all checks pass, 503
// when one does not, with what each of them found. The checks run side by side. Their
// errors are shown as they are: do not put secrets into them.
func Health(checks ...Check) http.Handler {
	checks = slices.Clone(checks)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		results := make([]CheckResult, len(checks))
		var running sync.WaitGroup
		for i, c := range checks {
			running.Go(func() { results[i] = c.result(r.Context()) })
		}
		running.Wait()
		status, word := http.StatusOK, "ok"
		if slices.ContainsFunc(results, func(c CheckResult) bool { return !c.OK }) {
			status, word = http.StatusServiceUnavailable, "failing"
		}
		body, err := json.Marshal(struct {
			Status string        `json:"status"`
			Checks []CheckResult `json:"checks"`
		}{word, results})
		if err != nil {
			WriteError(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client may be gone
	})
}

func (c Check) result(ctx context.Context) CheckResult {
	limit := c.Timeout
	if limit == 0 {
		limit = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	err := c.run(ctx)
	if err == nil {
		err = ctx.Err() // it took too long, whatever it says
	}
	found := CheckResult{Name: c.Name, OK: err == nil, Duration: float64(time.Since(began).Microseconds()) / 1000}
	if err != nil {
		found.Error = err.Error()
	}
	return found
}

// run is Run with a panic as an error: nobody else could catch it.
func (c Check) run(ctx context.Context) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the check panicked: %v", caught)
		}
	}()
	return c.Run(ctx)
}
