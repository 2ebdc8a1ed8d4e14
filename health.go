package clodo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// Check is one thing that a service needs. Run returns nil when it is there.
type Check struct {
	Name    string
	Run     func(context.Context) error
	Timeout time.Duration // default: 5 seconds
	// Optional is for what the service can do without: when only such checks fail, it is
	// degraded and still answers 200.
	Optional bool
}

// CheckResult is what a check found.
type CheckResult struct {
	Name     string  `json:"name"`
	OK       bool    `json:"ok"`
	Optional bool    `json:"optional,omitempty"`
	Error    string  `json:"error,omitempty"`
	Duration float64 `json:"duration_ms"`
}

// Health answers whether the service can do its work, with what each check found: 200 and
// "ok" when all pass, 200 and "degraded" when only optional ones fail, else 503 and
// "failing". The checks run side by side. Their
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
		for _, c := range results {
			switch {
			case c.OK:
			case !c.Optional:
				status, word = http.StatusServiceUnavailable, "failing"
			case status == http.StatusOK:
				word = "degraded"
			}
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
	found := CheckResult{Name: c.Name, OK: err == nil, Optional: c.Optional, Duration: float64(time.Since(began).Microseconds()) / 1000}
	if err != nil {
		found.Error = err.Error()
	}
	return found
}

// run is Run with a panic as an error, which is logged with its stack: nobody else could
// catch it.
func (c Check) run(ctx context.Context) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			slog.ErrorContext(ctx, "a check panicked", "check", c.Name, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
			host.Spoil(ctx)
			err = fmt.Errorf("the check panicked: %v", caught)
		}
	}()
	return c.Run(ctx)
}
