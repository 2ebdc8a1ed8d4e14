package cloudflare

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	firstWait = 500 * time.Millisecond // before the second attempt; doubles from there
	limitWait = time.Second            // least wait after a 429 that names none
	mostWait  = time.Minute            // a longer Retry-After is left to the caller
)

// repeat sends r to target until it succeeds, until repeating could do harm or no good, or
// until the attempts are used up.
func (c *Client) repeat(ctx context.Context, r request, path, target string) (*answer, error) {
	unknown := false // an earlier attempt may have taken effect
	for attempt := 1; ; attempt++ {
		a, e := c.watched(ctx, r, attempt, target)
		if e == nil {
			return a, nil
		}
		if unknown && r.method == http.MethodDelete && e.Status == http.StatusNotFound {
			return &answer{status: http.StatusNoContent, header: http.Header{}}, nil // the earlier attempt removed it
		}
		unknown = unknown || e.Unknown
		e.Method, e.Path, e.Attempts, e.Unknown = r.method, path, attempt, unknown
		if attempt >= c.opts.Attempts || ctx.Err() != nil || !mayRepeat(r, e) {
			return nil, e
		}
		if err := sleep(ctx, wait(attempt, e)); err != nil {
			e.Err = errors.Join(err, e.Err)
			return nil, e
		}
	}
}

// watched is one attempt with Options.Before and Options.Observe around it.
func (c *Client) watched(ctx context.Context, r request, attempt int, target string) (*answer, *Error) {
	info := Call{Method: r.method, Template: r.path, Attempt: attempt}
	if err := ctx.Err(); err != nil {
		return nil, &Error{Err: err}
	}
	if c.opts.Before != nil {
		if err := c.opts.Before(ctx, info); err != nil {
			return nil, &Error{Err: unsent{err}}
		}
	}
	begun := time.Now()
	a, e := c.attempt(ctx, r, target)
	if c.opts.Observe != nil {
		info.Duration = time.Since(begun)
		if e != nil {
			info.Status, info.RequestID, info.Err = e.Status, e.RequestID, e
		} else {
			info.Status, info.RequestID = a.status, a.header.Get("Cf-Ray")
		}
		c.opts.Observe(info)
	}
	return a, e
}

// unsent marks an attempt that never left: Options.Before refused it, or it cannot be
// written as a request.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// mayRepeat reports whether sending r again after e is harmless and may help.
func mayRepeat(r request, e *Error) bool {
	switch {
	case errors.As(e.Err, new(unsent)), errors.Is(e.Err, ErrWrongCloud), errors.Is(e.Err, errTooLarge):
		return false
	case e.Status == http.StatusTooManyRequests:
		// In the API's own words, or with the time to wait, a 429 comes from the limiter
		// and nothing was carried out. Any other may come from behind it.
		return e.RetryAfter <= mostWait && (r.effect != creates || len(e.Details) > 0 || e.RetryAfter > 0)
	case e.Status == 0 && !e.Unknown && neverSent(e.Err):
		return !hopeless(e.Err)
	case r.effect == creates:
		return false
	case e.Status == 0:
		return true
	case e.Status >= 500:
		return e.Status != http.StatusNotImplemented && e.RetryAfter <= mostWait
	}
	return errors.Is(e, CodeConcurrentModification)
}

// hopeless reports whether connecting again would end the same way: nobody listens
// there, or the name does not exist.
func hopeless(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || (errors.As(err, &dns) && dns.IsNotFound)
}

// wait is how long to wait after the given attempt, with jitter so that many clients
// that were refused together do not come back together.
func wait(attempt int, e *Error) time.Duration {
	d := firstWait << (attempt - 1)
	if e.Status == http.StatusTooManyRequests {
		d = max(d, limitWait)
	}
	if e.RetryAfter > 0 {
		d = e.RetryAfter
	}
	return d + rand.N(d/4+1)
}

// retryAfter reads the header in both its forms, seconds and a date; 0 when absent,
// unreadable or past.
func retryAfter(h string, now time.Time) time.Duration {
	h = strings.TrimSpace(h)
	if s, err := strconv.ParseUint(h, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(h); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
