package services

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxRetryAfter is the longest that a service may ask to wait: after that its answer is
// the answer.
const maxRetryAfter = 30 * time.Second

// idempotencyKey is the header that makes any request safe to repeat.
const idempotencyKey = "Idempotency-Key"

// repeatable reports that a request may be sent again without knowing what became of it
// the first time, and can be.
func repeatable(r *http.Request) bool {
	safe := slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete}, r.Method)
	replayable := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	return (safe || r.Header.Get(idempotencyKey) != "") && replayable
}

// passing reports a status that may be another one soon.
func passing(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// pause is how long to wait before attempt n, the first repetition being 1: twice as long
// each time, and half of it at random, so that callers who failed together do not come
// back together.
func pause(backoff time.Duration, n int) time.Duration {
	d := min(backoff<<(n-1), maxRetryAfter)
	return d/2 + rand.N(d/2+1)
}

// retryAfter is what an answer says about when to come back; ok is false when it says
// nothing.
func retryAfter(h http.Header, now time.Time) (d time.Duration, ok bool) {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 1<<30)) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
